//! What the tests of the dashboard need: a browser, Node.js and the packages of `tests/browser`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::debian::{install, may_install, quiet};

const TESTS: &str = "tests/browser";
const PACKAGES: &str = "target/browser";
const CACHE: &str = "target/npm-cache";
const SCREENS: &str = "screens.test.mjs";
const ILLUSTRATIONS: &str = "docs/dashboard";
const SCREENSHOTS: &str = "target/screenshots";
const LISTS: [&str; 2] = ["package.json", "package-lock.json"];
const STAMP: &str = "installed-packages.json";

/// What Chromium is called by those who ship it.
const BROWSERS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The first Node.js whose test runner the tests are written for.
const NODE_MIN: u32 = 20;

pub(super) enum Found {
    Tools(Tools),
    /// What cannot be had, and what to do about it.
    Missing(String),
}

pub(super) struct Tools {
    browser: PathBuf,
    packages: PathBuf,
}

/// Looks for everything, and installs what can be installed.
pub(super) fn tools(root: &Path) -> Result<Found> {
    if node_version().is_none_or(|version| version < NODE_MIN) {
        let advice = format!("Node.js {NODE_MIN} or later is missing: install it");
        return Ok(Found::Missing(advice));
    }
    let Some(browser) = find_browser().or_else(install_browser) else {
        let advice = "Chromium is missing: install it (on Debian: `apt-get install chromium`)";
        return Ok(Found::Missing(advice.to_owned()));
    };
    match packages(root)? {
        Some(packages) => Ok(Found::Tools(Tools { browser, packages })),
        None => Ok(Found::Missing(format!("npm could not install the packages of {TESTS}"))),
    }
}

impl Tools {
    /// The command that runs all tests.
    pub(super) fn tests(&self, root: &Path, binary: &Path) -> Result<Command> {
        let mut command = self.node(root, binary);
        command.args(test_files(&root.join(TESTS))?);
        Ok(command)
    }

    /// The command that looks at every screen and keeps all pictures, also those of the
    /// documentation.
    pub(super) fn pictures(&self, root: &Path, binary: &Path) -> Command {
        let mut command = self.node(root, binary);
        command
            .arg(root.join(TESTS).join(SCREENS))
            .env("BROWSER_PICTURES", "all")
            .env("BROWSER_DOCS", root.join(ILLUSTRATIONS));
        command
    }

    fn node(&self, root: &Path, binary: &Path) -> Command {
        let mut command = Command::new("node");
        command
            .args(["--test", "--test-reporter=spec", "--test-concurrency=2"])
            .current_dir(root)
            .env("NO_COLOR", "1")
            .env("E2E_BINARY", binary)
            .env("BROWSER", &self.browser)
            .env("BROWSER_PACKAGES", &self.packages)
            .env("BROWSER_SCREENSHOTS", root.join(SCREENSHOTS));
        command
    }
}

/// Node 20 does not search for tests by pattern.
fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).context(TESTS)? {
        let path = entry.context(TESTS)?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn node_version() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

/// The first number of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn find_browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut places = BROWSERS.iter().flat_map(|name| folders.iter().map(move |at| at.join(name)));
    // What is there may still not start: Ubuntu's is a hint to install another package.
    places.find(|place| place.is_file() && quiet(Command::new(place).arg("--version")))
}

fn install_browser() -> Option<PathBuf> {
    if !may_install() {
        return None;
    }
    println!("installing chromium");
    if let Err(error) = install(&["chromium", "fonts-dejavu-core"]) {
        println!("{error:#}");
    }
    find_browser()
}

/// The folder with the packages that the lock file names; none where npm cannot get them.
fn packages(root: &Path) -> Result<Option<PathBuf>> {
    let folder = root.join(PACKAGES);
    fs::create_dir_all(&folder).context(PACKAGES)?;
    let wanted = fs::read(root.join(TESTS).join(LISTS[1])).context(LISTS[1])?;
    let stamp = folder.join(STAMP);
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(Some(folder));
    }
    for list in LISTS {
        fs::copy(root.join(TESTS).join(list), folder.join(list)).context(list)?;
    }
    println!("installing the packages of {TESTS}");
    let installed = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache"])
        .arg(root.join(CACHE))
        .current_dir(&folder)
        .status();
    if !installed.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    fs::write(stamp, wanted).context("cannot write the stamp of the packages")?;
    Ok(Some(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("v8.1.0"), Some(8));
        assert_eq!(major("20.1.0"), None);
        assert_eq!(major(""), None);
    }
}
