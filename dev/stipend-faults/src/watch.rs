//! Which files are watched, and what is done about them: read once from the environment.

use std::ffi::{CStr, CString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

use crate::plan::{Op, Plan, Verdict};
use crate::trace::{Kind, Trace};

/// The longest path that is looked at.
const PATH_MAX: usize = 1_024;

/// What this process was told.
pub(crate) struct Watch {
    directory: Vec<u8>,
    plan: Option<Plan>,
    /// The plan holds only while this file exists.
    holds_while: Option<CString>,
    trace: Option<Trace>,
}

pub(crate) fn watch() -> &'static Watch {
    static WATCH: OnceLock<Watch> = OnceLock::new();
    WATCH.get_or_init(Watch::from_environment)
}

/// A watched file: its path below the directory, `.` for the directory itself.
pub(crate) struct Place {
    path: [u8; PATH_MAX],
    from: usize,
    to: usize,
}

impl Place {
    pub(crate) fn name(&self) -> &[u8] {
        if self.from >= self.to { b"." } else { &self.path[self.from..self.to] }
    }
}

impl Watch {
    fn from_environment() -> Self {
        let bytes = |name: &str| {
            let value = std::env::var_os(name)?;
            (!value.is_empty()).then(|| value.as_bytes().to_vec())
        };
        let plan = bytes("FAULTS_PLAN").map(|text| {
            // A plan that is not understood must not look like a run without failures.
            let text = String::from_utf8(text).unwrap_or_default();
            Plan::parse(&text).unwrap_or_else(|| std::process::abort())
        });
        let string = |name: &str| bytes(name).and_then(|bytes| CString::new(bytes).ok());
        Self {
            directory: bytes("FAULTS_DIR").unwrap_or_default(),
            plan,
            holds_while: string("FAULTS_WHILE"),
            trace: string("FAULTS_TRACE").map(|path| Trace::open(&path)),
        }
    }

    /// The watched file behind a descriptor.
    pub(crate) fn place(&self, fd: c_int) -> Option<Place> {
        if self.directory.is_empty() {
            return None;
        }
        let mut link = [0_u8; 32];
        let name = descriptor_link(fd, &mut link)?;
        let mut path = [0; PATH_MAX];
        // SAFETY: the name ends with zero, and the buffer has that many bytes.
        let length = unsafe { libc::readlink(name.as_ptr(), path.as_mut_ptr().cast(), path.len()) };
        self.below(path, usize::try_from(length).ok()?)
    }

    /// The watched file at a path.
    ///
    /// # Safety
    /// `path` is a string that ends with zero.
    pub(crate) unsafe fn place_of(&self, path: *const c_char) -> Option<Place> {
        if self.directory.is_empty() {
            return None;
        }
        // SAFETY: the caller promises it.
        let given = unsafe { CStr::from_ptr(path) }.to_bytes();
        let mut path = [0; PATH_MAX];
        path.get_mut(..given.len())?.copy_from_slice(given);
        self.below(path, given.len())
    }

    fn below(&self, path: [u8; PATH_MAX], length: usize) -> Option<Place> {
        let rest = path.get(..length)?.strip_prefix(self.directory.as_slice())?;
        let is_below = rest.is_empty() || rest[0] == b'/';
        is_below.then_some(Place { path, from: self.directory.len() + 1, to: length })
    }

    /// What becomes of a call.
    pub(crate) fn decide(&self, op: Op, name: &[u8]) -> Verdict {
        // SAFETY: asking for the thread's own id has no preconditions.
        let thread = u64::from(unsafe { libc::gettid() }.unsigned_abs());
        let Some(plan) = self.plan.as_ref().filter(|_| self.holds()) else {
            self.trace(Kind::of(op), name, thread, &[]);
            return Verdict::Pass;
        };
        let verdict = plan.decide(op, name);
        let kind = if let Verdict::Fail(_) = verdict { Kind::Failed } else { Kind::of(op) };
        self.trace(kind, name, thread, &[Kind::of(op).code()]);
        verdict
    }

    fn holds(&self) -> bool {
        // SAFETY: the path ends with zero.
        let exists = |path: &CString| unsafe { libc::access(path.as_ptr(), libc::F_OK) } == 0;
        self.holds_while.as_ref().is_none_or(exists)
    }

    pub(crate) fn trace(&self, kind: Kind, name: &[u8], offset: u64, data: &[u8]) {
        if let Some(trace) = &self.trace {
            trace.record(kind, name, offset, data);
        }
    }

    /// Traces the head of an answer of HTTP; other bytes that are sent do not matter.
    pub(crate) fn trace_answer(&self, sent: &[u8]) {
        if let Some(trace) = self.trace.as_ref().filter(|_| sent.starts_with(b"HTTP/1.")) {
            trace.record(Kind::Answer, b"", 0, &sent[..sent.len().min(1_024)]);
        }
    }
}

/// `/proc/self/fd/…`, ended with zero.
fn descriptor_link(fd: c_int, buffer: &mut [u8; 32]) -> Option<&CStr> {
    use std::io::Write as _;
    let mut rest = &mut buffer[..];
    write!(rest, "/proc/self/fd/{fd}\0").ok()?;
    CStr::from_bytes_until_nul(buffer).ok()
}
