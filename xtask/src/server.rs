//! A server process under test: start it, wait until it listens, end it softly or by force.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How long a start may take before we give up on it. The allowed time is checked elsewhere.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// What is needed to start the same server again and again.
#[derive(Clone, Debug)]
pub(crate) struct Launcher {
    pub(crate) binary: PathBuf,
    pub(crate) data_dir: PathBuf,
    /// Collects what all starts write to standard error.
    pub(crate) log: PathBuf,
    pub(crate) api_key: String,
    /// The key of a sandbox environment, where there is to be one.
    pub(crate) sandbox_key: Option<String>,
    /// What else stands in the environment of the server.
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

/// What became of a start.
pub(crate) enum Started {
    Listening(Server),
    /// The process ended before it listened.
    Ended(ExitStatus),
}

/// A running server. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// The lines of standard output; they end with the process.
    lines: Receiver<String>,
    pub(crate) base_url: String,
    /// From the start of the process to the line that says it listens.
    pub(crate) start_took: Duration,
}

impl Launcher {
    /// Starts the server and waits until it listens.
    pub(crate) fn start(&self) -> Result<Server> {
        match self.try_start()? {
            Started::Listening(server) => Ok(server),
            Started::Ended(status) => {
                bail!(
                    "the server ended with {status} before it listened, see {}",
                    self.log.display()
                )
            }
        }
    }

    /// Starts the server and waits until it listens, or has ended.
    pub(crate) fn try_start(&self) -> Result<Started> {
        let began = now();
        let mut child = self.spawn()?;
        let lines = follow_output(&mut child)?;
        let mut server =
            Server { child, lines, base_url: String::new(), start_took: began.elapsed() };
        // On an error the process is killed when `server` is dropped.
        match server.lines.recv_timeout(START_DEADLINE) {
            Ok(line) => {
                let url = parse_listening_line(&line);
                let said = || format!("the first line is not `listening on http://…` but `{line}`");
                server.base_url = url.with_context(said)?.to_owned();
                server.start_took = began.elapsed();
                Ok(Started::Listening(server))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Ok(Started::Ended(server.child.wait().context("cannot wait for the server")?))
            }
            Err(RecvTimeoutError::Timeout) => {
                bail!("no line from {} serve, see {}", self.binary.display(), self.log.display())
            }
        }
    }

    /// Starts the process without waiting for anything: it may be killed while it recovers.
    pub(crate) fn spawn(&self) -> Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("cannot open {}", self.log.display()))?;
        let mut command = Command::new(&self.binary);
        if let Some(key) = &self.sandbox_key {
            command.env("STIPEND_BOOTSTRAP_SANDBOX_API_KEY", key);
        }
        command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .arg("serve")
            .arg("--data-dir")
            .arg(&self.data_dir)
            .args(["--listen", "127.0.0.1:0"])
            .env("STIPEND_BOOTSTRAP_API_KEY", &self.api_key)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))
    }

    /// Checks the data directory of a stopped server.
    pub(crate) fn fsck(&self) -> Result<()> {
        self.run(Command::new(&self.binary).arg("fsck"))
    }

    /// Copies the data, of a running server too.
    pub(crate) fn back_up(&self, file: &Path) -> Result<()> {
        self.run(Command::new(&self.binary).arg("backup").arg(file))
    }

    fn run(&self, command: &mut Command) -> Result<()> {
        let output = command.arg("--data-dir").arg(&self.data_dir).output();
        let output = output.with_context(|| format!("cannot run {command:?}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let wrong = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{command:?}: {}:\n{said}{wrong}", output.status);
        Ok(())
    }
}

/// The lines of standard output. They are read on until the process ends, so that the server never
/// writes to a closed pipe.
fn follow_output(child: &mut Child) -> Result<Receiver<String>> {
    let stdout = child.stdout.take().context("standard output is piped")?;
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                continue;
            }
        }
    });
    Ok(lines)
}

impl Server {
    /// SIGKILL: the process has no chance to do anything.
    ///
    /// A server that ended by itself before is an error: nobody asked it to.
    pub(crate) fn kill(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait().context("cannot ask for the server")? {
            bail!("the server ended by itself with {status}");
        }
        self.child.kill().context("cannot kill the server")?;
        self.child.wait().context("cannot wait for the killed server")?;
        Ok(())
    }

    /// SIGTERM: the server drains and must exit with 0.
    pub(crate) fn terminate(self) -> Result<()> {
        let status = self.ask_to_end()?;
        ensure!(status.success(), "the server ended with {status} after SIGTERM");
        Ok(())
    }

    /// SIGTERM; answers how the process ended.
    pub(crate) fn ask_to_end(mut self) -> Result<ExitStatus> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.context("a process has an id")?, Signal::TERM).context("SIGTERM")?;
        self.child.wait().context("cannot wait for the server")
    }

    /// How the process ended, where it does so by itself within that time.
    pub(crate) fn ended_within(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let deadline = now() + patience;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => {
                    return self.child.wait().context("cannot wait for the server").map(Some);
                }
            }
        }
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process is still there.
    pub(crate) fn is_alive(&mut self) -> Result<bool> {
        Ok(self.child.try_wait().context("cannot ask for the server")?.is_none())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended in the ordinary case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs something in a temporary folder, in which the server logs to `server.log`. On a failure the
/// folder stays, and the server's last words are printed.
pub(crate) fn in_folder(prefix: &str, run: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir()?;
    run(folder.path()).map_err(|error| {
        let kept = folder.keep();
        println!("the server's last words:\n{}", tail(&kept.join("server.log"), 20));
        error.context(format!("data and logs are kept in {}", kept.display()))
    })
}

/// The last lines that the server wrote to standard error.
pub(crate) fn tail(log: &Path, lines: usize) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn parse_listening_line(line: &str) -> Option<&str> {
    let url = line.trim().strip_prefix("listening on ")?;
    url.starts_with("http://").then_some(url)
}

/// The one clock of the harness: it measures, it decides nothing.
#[expect(clippy::disallowed_methods, reason = "measures how long restarts and renewals take")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listening_line_gives_the_address() {
        let line = "listening on http://127.0.0.1:4010";
        assert_eq!(parse_listening_line(line), Some("http://127.0.0.1:4010"));
        assert_eq!(parse_listening_line("ready"), None);
    }

    #[test]
    fn the_tail_of_a_log_is_its_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(&log, "a\nb\nc\n").unwrap();
        assert_eq!(tail(&log, 2), "b\nc");
        assert_eq!(tail(&folder.path().join("none"), 2), "");
    }
}
