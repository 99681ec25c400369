//! The steps of the test run, in their order.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use super::browser;
use super::python;
use super::summary::{Runner, Tally};
use crate::{crash, faults, herd, workspace};

/// The crash run that is part of every test run; the long one is in CONTRIBUTING.md.
const SHORT_CRASH_ROUNDS: u32 = 8;

/// How many subscriptions fall due at once in every test run.
const SHORT_HERD_CUSTOMERS: u32 = 2_000;

pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) run: fn(&Path) -> Result<Tally>,
}

pub(super) fn all() -> Vec<Step> {
    vec![
        Step { title: "Formatting", run: formatting },
        Step { title: "Lints", run: lints },
        Step { title: "Documentation", run: documentation },
        Step { title: "Rust tests", run: rust_tests },
        Step { title: "Documentation examples", run: doc_tests },
        Step { title: "OpenAPI document is current", run: openapi },
        Step { title: "End-to-end tests with the official Python client", run: end_to_end },
        Step { title: "Tests of the dashboard in a browser", run: browser_tests },
        Step { title: "Short crash run", run: short_crash },
        Step { title: "Short herd run", run: short_herd },
        Step { title: "Short faults run", run: short_faults },
    ]
}

fn formatting(root: &Path) -> Result<Tally> {
    component(root, "fmt", "rustfmt", &["--all", "--check"])
}

fn lints(root: &Path) -> Result<Tally> {
    component(root, "clippy", "clippy", &["--workspace", "--all-targets", "--", "-D", "warnings"])
}

/// Runs a cargo command that is a component of the toolchain, and may be missing on a machine
/// that is not the CI.
fn component(root: &Path, name: &str, component: &str, arguments: &[&str]) -> Result<Tally> {
    let present = workspace::cargo(root)
        .args([name, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !present {
        let advice = format!("{component} is missing: `rustup component add {component}`");
        ensure!(!in_ci(), "{advice}");
        println!("skipped, {advice}");
        return Ok(Tally::default());
    }
    check_command(workspace::cargo(root).arg(name).args(arguments))
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

fn documentation(root: &Path) -> Result<Tally> {
    check_command(
        workspace::cargo(root)
            .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn rust_tests(root: &Path) -> Result<Tally> {
    if has_nextest(root) {
        let mut nextest = workspace::cargo(root);
        nextest.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
        return count_tests(Runner::Nextest, &mut nextest);
    }
    // Without nextest, documentation examples have a step of their own all the same.
    count_tests(
        Runner::CargoTest,
        workspace::cargo(root).args(["test", "--workspace", "--all-targets", "--no-fail-fast"]),
    )
}

fn doc_tests(root: &Path) -> Result<Tally> {
    count_tests(
        Runner::CargoTest,
        workspace::cargo(root).args(["test", "--workspace", "--doc", "--no-fail-fast"]),
    )
}

fn has_nextest(root: &Path) -> bool {
    workspace::cargo(root)
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn openapi(root: &Path) -> Result<Tally> {
    let output = workspace::cargo(root)
        .args(["run", "--quiet", "--package", "stipend", "--", "openapi"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo run did not start")?;
    ensure!(output.status.success(), "`stipend openapi` ended with {}", output.status);
    let committed = std::fs::read(root.join("openapi/v1.json")).context("openapi/v1.json")?;
    if committed != output.stdout {
        bail!(
            "openapi/v1.json is stale; make it anew with \
             `cargo run -p stipend -- openapi > openapi/v1.json`"
        );
    }
    println!("openapi/v1.json is what the server says");
    Ok(Tally::default())
}

fn end_to_end(root: &Path) -> Result<Tally> {
    let binary = build_product(root)?;
    let interpreter = python::environment(root)?;
    count_tests(
        Runner::Pytest,
        Command::new(interpreter)
            .args(["-m", "pytest", "-p", "no:cacheprovider", "--color=no", "-ra", "tests/e2e"])
            .current_dir(root)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("E2E_BINARY", binary),
    )
}

/// A machine that cannot have a browser runs the other tests all the same.
fn browser_tests(root: &Path) -> Result<Tally> {
    let tools = match browser::tools(root)? {
        browser::Found::Tools(tools) => tools,
        browser::Found::Missing(what) => {
            println!("skipped, the dashboard is not tested in a browser: {what}");
            return Ok(Tally::default());
        }
    };
    let binary = build_product(root)?;
    count_tests(Runner::Node, &mut tools.tests(root, &binary)?)
}

/// Keeps pictures of every screen; without a browser there are none.
pub(super) fn screenshots(root: &Path) -> Result<Tally> {
    match browser::tools(root)? {
        browser::Found::Tools(tools) => {
            let binary = build_product(root)?;
            count_tests(Runner::Node, &mut tools.pictures(root, &binary))
        }
        browser::Found::Missing(what) => bail!("there are no pictures: {what}"),
    }
}

fn short_crash(root: &Path) -> Result<Tally> {
    let binary = build_product(root)?;
    let options = crash::Options::short(SHORT_CRASH_ROUNDS, binary);
    crash::command(&options)?;
    Ok(Tally::one_passed())
}

fn short_herd(root: &Path) -> Result<Tally> {
    herd::command(&herd::Options::short(SHORT_HERD_CUSTOMERS, build_product(root)?))?;
    Ok(Tally::one_passed())
}

/// Files can be made to fail on Linux only.
fn short_faults(_: &Path) -> Result<Tally> {
    if !cfg!(target_os = "linux") {
        println!("skipped: files can be made to fail on Linux only");
        return Ok(Tally::default());
    }
    faults::command(&faults::Options::short())?;
    Ok(Tally::one_passed())
}

fn build_product(root: &Path) -> Result<std::path::PathBuf> {
    let status = workspace::cargo(root)
        .args(["build", "--quiet", "--package", "stipend"])
        .status()
        .context("cargo build did not start")?;
    ensure!(status.success(), "the product does not build");
    let binary = workspace::debug_binary(&workspace::metadata(root)?)?;
    ensure!(binary.is_file(), "cargo build left no {}", binary.display());
    Ok(binary)
}

/// A check that is right or wrong as a whole: it counts only when it is wrong.
fn check_command(command: &mut Command) -> Result<Tally> {
    let status = command.status().context("the check did not start")?;
    Ok(Tally::default().with_exit(status.success()))
}

/// Runs a test runner, shows its output as it comes, and counts its tests.
fn count_tests(runner: Runner, command: &mut Command) -> Result<Tally> {
    let mut child = command
        .env("CARGO_TERM_COLOR", "never")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("the test runner did not start")?;
    let output = Arc::new(Mutex::new(String::new()));
    let stdout = child.stdout.take().map(|it| follow(it, Arc::clone(&output)));
    let stderr = child.stderr.take().map(|it| follow(it, Arc::clone(&output)));
    for reader in [stdout, stderr].into_iter().flatten() {
        // A reader that panicked lost output, and with it the count: that must be seen.
        reader.join().map_err(|_| anyhow::anyhow!("reading the test runner's output failed"))?;
    }
    let status = child.wait().context("the test runner was lost")?;
    let output = output.lock().map_err(|_| anyhow::anyhow!("the output was lost"))?;
    Ok(Tally::parse(runner, &output).with_exit(status.success()))
}

fn follow(
    stream: impl Read + Send + 'static,
    output: Arc<Mutex<String>>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            if let Ok(mut output) = output.lock() {
                output.push_str(&line);
                output.push('\n');
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_is_shown_and_counted() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo '2 passed, 1 failed in 0.10s' >&2; exit 1"]);
        assert_eq!(
            count_tests(Runner::Pytest, &mut command).unwrap(),
            Tally { passed: 2, failed: 1 }
        );
    }

    #[test]
    fn a_failed_check_counts_once() {
        assert_eq!(check_command(&mut Command::new("false")).unwrap(), Tally::one_failed());
        assert_eq!(check_command(&mut Command::new("true")).unwrap(), Tally::default());
    }
}
