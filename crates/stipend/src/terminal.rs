//! What is typed without being shown.

use crate::failure::Failure;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::Stdin;

/// Puts the terminal back as it was, also where reading fails.
struct Restore<'a> {
    stdin: &'a Stdin,
    before: Termios,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing.
        let _ = tcsetattr(self.stdin, OptionalActions::Flush, &self.before);
    }
}

/// Reads something of a terminal that does not show it.
///
/// # Errors
/// Where the terminal cannot be told.
pub(crate) fn without_echo<T>(stdin: &Stdin, read: impl FnOnce() -> T) -> Result<T, Failure> {
    let failed = |error: rustix::io::Errno| {
        Failure::failed("the terminal cannot be told not to show what is typed", &error)
    };
    let before = tcgetattr(stdin).map_err(failed)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    let _restore = Restore { stdin, before };
    tcsetattr(stdin, OptionalActions::Flush, &silent).map_err(failed)?;
    Ok(read())
}
