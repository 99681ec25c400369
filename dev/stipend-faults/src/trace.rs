//! The trace: a record for each call, in one order over all threads.

use std::ffi::{CStr, c_int, c_void};
use std::sync::{Mutex, PoisonError};

use libc::{mode_t, size_t, ssize_t};

use crate::plan::Op;
use crate::real::real;

/// What a record is about. Those of calls come before the call, with what it did behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An operation was asked for.
    Asked(Op),
    /// It was made to fail.
    Failed,
    /// Bytes were written.
    Write,
    /// A sync is on its way.
    SyncBegins,
    /// A sync succeeded.
    SyncEnds,
    /// A file has a new length.
    Truncate,
    /// A file has a new name.
    Rename,
    /// A file is gone.
    Unlink,
    /// An answer of HTTP is about to be sent.
    Answer,
}

impl Kind {
    pub(crate) fn of(op: Op) -> Self {
        Self::Asked(op)
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Asked(Op::Open) => b'o',
            Self::Asked(Op::Read) => b'r',
            Self::Asked(Op::Rename) => b'm',
            Self::Asked(Op::Sync) => b's',
            Self::Asked(Op::Truncate) => b't',
            Self::Asked(Op::Unlink) => b'u',
            Self::Asked(Op::Write) => b'w',
            Self::Failed => b'!',
            Self::Write => b'W',
            Self::SyncBegins => b'B',
            Self::SyncEnds => b'S',
            Self::Truncate => b'T',
            Self::Rename => b'M',
            Self::Unlink => b'U',
            Self::Answer => b'A',
        }
    }
}

/// The open file.
pub(crate) struct Trace {
    file: Mutex<c_int>,
}

impl Trace {
    pub(crate) fn open(path: &CStr) -> Self {
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
        // SAFETY: the path ends with zero.
        let fd = unsafe {
            real!(c"open64", fn(*const std::ffi::c_char, c_int, mode_t) -> c_int)(
                path.as_ptr(),
                flags,
                0o600,
            )
        };
        if fd < 0 {
            std::process::abort();
        }
        Self { file: Mutex::new(fd) }
    }

    /// A record is: kind (1 byte), lengths of name (2) and data (4), offset (8), name, data; the
    /// numbers are little endian. What was asked for or failed has the thread in place of the offset.
    pub(crate) fn record(&self, kind: Kind, name: &[u8], offset: u64, data: &[u8]) {
        let mut record = Vec::with_capacity(15 + name.len() + data.len());
        record.push(kind.code());
        record.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        record.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
        record.extend_from_slice(&offset.to_le_bytes());
        record.extend_from_slice(name);
        record.extend_from_slice(data);
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = record.as_slice();
        while !rest.is_empty() {
            // SAFETY: the buffer is readable for its length.
            let written = unsafe {
                real!(c"write", fn(c_int, *const c_void, size_t) -> ssize_t)(
                    *file,
                    rest.as_ptr().cast(),
                    rest.len(),
                )
            };
            match usize::try_from(written) {
                Ok(written) => rest = &rest[written..],
                // A trace with holes would prove nothing.
                Err(_) => std::process::abort(),
            }
        }
    }
}
