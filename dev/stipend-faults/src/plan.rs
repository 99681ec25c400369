//! Which call fails, and how.

use std::sync::atomic::{AtomicU64, Ordering};

use libc::c_int;

/// An operation that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Open,
    Read,
    Rename,
    Sync,
    Truncate,
    Unlink,
    Write,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is made.
    Pass,
    /// Half of it is made.
    Torn,
    /// It is not made.
    Fail(c_int),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The one call fails.
    Once,
    /// That call and all that follow fail.
    Ever,
    /// The call writes half, and all that follow fail, as where a disk becomes full.
    Torn,
}

/// The failure of one run.
#[derive(Debug)]
pub(crate) struct Plan {
    op: Op,
    nth: u64,
    mode: Mode,
    errno: c_int,
    /// Only calls on the file of this name count; all files where it is empty.
    file: Vec<u8>,
    seen: AtomicU64,
}

impl Plan {
    /// Reads `operation:number:once|ever|torn:EIO|ENOSPC|EMFILE[:file]`, such as
    /// `sync:3:once:EIO:stipend.db-wal`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let op = match parts.next()? {
            "open" => Op::Open,
            "read" => Op::Read,
            "rename" => Op::Rename,
            "sync" => Op::Sync,
            "truncate" => Op::Truncate,
            "unlink" => Op::Unlink,
            "write" => Op::Write,
            _ => return None,
        };
        let nth = parts.next()?.parse().ok()?;
        let mode = match parts.next()? {
            "once" => Mode::Once,
            "ever" => Mode::Ever,
            "torn" if op == Op::Write => Mode::Torn,
            _ => return None,
        };
        let errno = match parts.next()? {
            "EIO" => libc::EIO,
            "ENOSPC" => libc::ENOSPC,
            "EMFILE" => libc::EMFILE,
            _ => return None,
        };
        let file = parts.next().unwrap_or_default().as_bytes().to_vec();
        Some(Self { op, nth, mode, errno, file, seen: AtomicU64::new(0) })
    }

    /// Counts the call where it is one that may fail, and says what becomes of it.
    pub(crate) fn decide(&self, op: Op, file: &[u8]) -> Verdict {
        if op != self.op || !self.file.is_empty() && self.file != file {
            return Verdict::Pass;
        }
        let number = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        match self.mode {
            Mode::Once if number == self.nth => Verdict::Fail(self.errno),
            Mode::Torn if number == self.nth => Verdict::Torn,
            Mode::Ever if number >= self.nth => Verdict::Fail(self.errno),
            Mode::Torn if number > self.nth => Verdict::Fail(self.errno),
            _ => Verdict::Pass,
        }
    }
}
