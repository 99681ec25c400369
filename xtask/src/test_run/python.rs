//! The Python environment of the end-to-end tests: made once, made anew when its list changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::debian::{install, may_install, quiet};

const REQUIREMENTS: &str = "tests/e2e/requirements.txt";
const ENVIRONMENT: &str = "target/e2e-venv";
const STAMP: &str = "installed-requirements.txt";

/// The interpreter of the environment, with the pinned packages installed.
pub(super) fn environment(root: &Path) -> Result<PathBuf> {
    let wanted = fs::read_to_string(root.join(REQUIREMENTS)).context(REQUIREMENTS)?;
    let folder = root.join(ENVIRONMENT);
    let interpreter = folder.join("bin").join("python");
    let stamp = folder.join(STAMP);
    if is_current(&interpreter, &stamp, &wanted) {
        return Ok(interpreter);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot remove the old Python environment")?;
    }
    create(&folder)?;
    println!("installing {REQUIREMENTS}");
    let status = Command::new(&interpreter)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(root.join(REQUIREMENTS))
        .status()
        .context("pip did not start")?;
    ensure!(status.success(), "pip could not install {REQUIREMENTS}");
    fs::write(stamp, wanted).context("cannot write the stamp of the Python environment")?;
    Ok(interpreter)
}

fn is_current(interpreter: &Path, stamp: &Path, wanted: &str) -> bool {
    let same = fs::read_to_string(stamp).is_ok_and(|installed| installed == wanted);
    // An upgrade of the system's Python leaves an environment that cannot start.
    same && quiet(Command::new(interpreter).args(["-c", "import stigg, pytest"]))
}

fn create(folder: &Path) -> Result<()> {
    println!("creating {ENVIRONMENT}");
    if make_environment(folder) {
        return Ok(());
    }
    ensure!(quiet(Command::new("python3").arg("--version")), "python3 is missing: install it");
    if !may_install() {
        bail!(
            "`python3 -m venv` failed: install the venv module \
             (on Debian and Ubuntu: `apt-get install python3-venv`)"
        );
    }
    println!("`python3 -m venv` failed: installing python3-venv");
    install(&["python3-venv"])?;
    ensure!(make_environment(folder), "`python3 -m venv` failed although python3-venv is there");
    Ok(())
}

fn make_environment(folder: &Path) -> bool {
    let made = Command::new("python3").args(["-m", "venv"]).arg(folder).status();
    // A failed attempt leaves a folder without pip behind.
    let complete = made.is_ok_and(|status| status.success());
    if !complete && folder.exists() && fs::remove_dir_all(folder).is_err() {
        println!("cannot remove {}", folder.display());
    }
    complete
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_without_a_stamp_is_not_current() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = folder.path().join(STAMP);
        assert!(!is_current(Path::new("true"), &stamp, "a==1\n"));
        fs::write(&stamp, "a==1\n").unwrap();
        assert!(is_current(Path::new("true"), &stamp, "a==1\n"));
        assert!(!is_current(Path::new("true"), &stamp, "a==2\n"));
        assert!(!is_current(Path::new("false"), &stamp, "a==1\n"));
    }
}
