//! What is typed without being shown.

use crate::failure::Failure;
use crate::tell;
use rustix::process::Signal;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::Stdin;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal as Arriving, SignalKind, signal};
use tokio::sync::oneshot;

/// What ends or stops a process: by default at once, and the terminal would stay silent.
const ENDING: [Signal; 5] = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::TSTP];

/// Puts the terminal back as it was, also where reading fails.
struct Restore {
    stdin: Stdin,
    before: Termios,
}

impl Drop for Restore {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing.
        let _ = tcsetattr(&self.stdin, OptionalActions::Flush, &self.before);
    }
}

impl Restore {
    /// The terminal shows nothing of what is typed until this is dropped.
    fn after_silence() -> Result<Self, Failure> {
        let failed = |error: rustix::io::Errno| {
            Failure::failed("the terminal cannot be told not to show what is typed", &error)
        };
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).map_err(failed)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        let restore = Self { stdin, before };
        tcsetattr(&restore.stdin, OptionalActions::Flush, &silent).map_err(failed)?;
        Ok(restore)
    }
}

/// Reads something of a terminal that does not show it. Nothing interrupts a read, so it has a thread
/// of its own, and ends with the process where a signal comes first. The process ends by no such
/// signal afterwards.
///
/// # Errors
/// Where the terminal cannot be told, or a signal asks the process to end: it shows again what is
/// typed then.
pub(crate) fn without_echo<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let failed = |error: std::io::Error| Failure::failed("signals cannot be received", &error);
    let runtime = Builder::new_current_thread().enable_io().build().map_err(failed)?;
    runtime.block_on(async {
        let kinds = ENDING.map(|ending| SignalKind::from_raw(ending.as_raw()));
        let arriving = kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>();
        let arriving = arriving.map_err(failed)?;
        let _restore = Restore::after_silence()?;
        let (done, reading) = oneshot::channel();
        std::thread::spawn(move || done.send(read()));
        let stopped = || Failure::Failed("it was stopped; nothing was changed".to_owned());
        tokio::select! {
            read = reading => read.unwrap_or_else(|_| Err(stopped())),
            () = first_of(arriving) => {
                // The question stands in that line.
                tell("\n");
                Err(stopped())
            }
        }
    })
}

/// Done when one of the signals arrives.
async fn first_of(mut arriving: Vec<Arriving>) {
    std::future::poll_fn(|context| {
        let is_there = arriving.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
        if is_there { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
