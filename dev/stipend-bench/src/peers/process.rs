//! Processes and directories that do not outlive the benchmark, also where it is interrupted.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

/// What is ended when a signal arrives.
static RUNNING: Mutex<Vec<(Pid, Signal)>> = Mutex::new(Vec::new());
static DIRECTORIES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A server with its data; both are gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// How it is told to end at once.
    end: Signal,
    pub(crate) directory: TempDir,
}

impl Server {
    /// Starts it; what it says goes to the file `log` in its directory. `end` must be a signal that
    /// it does not ignore, also where it inherits that its parent ignored it.
    pub(crate) fn start(command: &mut Command, directory: TempDir, end: Signal) -> Result<Self> {
        let log = std::fs::File::create(directory.path().join("log"))?;
        remove_at_the_end(directory.path());
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("it does not start")?;
        let server = Self { child, end, directory };
        RUNNING.lock().expect("nobody panics with it").extend(server.pid().map(|pid| (pid, end)));
        Ok(server)
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last of what it said.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        log.lines().last().unwrap_or("it said nothing").to_owned()
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.pid();
        if let Some(pid) = pid {
            let _ = kill_process(pid, self.end);
        }
        let _ = self.child.wait();
        RUNNING.lock().expect("nobody panics with it").retain(|(running, _)| Some(*running) != pid);
    }
}

/// Notes a directory that is removed when a signal arrives.
pub(crate) fn remove_at_the_end(directory: &Path) {
    DIRECTORIES.lock().expect("nobody panics with it").push(directory.to_owned());
}

/// From now on, an interrupt ends the peers and removes the data before it ends this process.
pub(crate) fn clean_up_on_signals() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        clean_up();
        #[expect(clippy::exit, reason = "an interrupted run has nothing to return")]
        std::process::exit(130);
    };
    std::thread::Builder::new().name("bench-signals".to_owned()).spawn(wait)?;
    Ok(())
}

fn clean_up() {
    for (pid, end) in RUNNING.lock().expect("nobody panics with it").drain(..) {
        let _ = kill_process(pid, end);
    }
    for directory in DIRECTORIES.lock().expect("nobody panics with it").drain(..) {
        let _ = std::fs::remove_dir_all(directory);
    }
}
