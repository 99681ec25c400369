//! Replaces the file functions of C in a process that preloads this library.
//!
//! Only files below one directory are looked at. Each operation on them can be made to fail, and
//! everything that changes them is written to a trace, in its order, together with the heads of
//! the HTTP answers that the process sends: whoever reads the trace sees what was durable when
//! something was acknowledged. `cargo xtask faults` drives it.
//!
//! Environment: `FAULTS_DIR` is the directory, `FAULTS_TRACE` the file of the trace, `FAULTS_PLAN`
//! what fails (see `plan::Plan::parse`), and `FAULTS_WHILE` a file while which exists it does.
#![cfg(target_os = "linux")]

mod plan;
mod real;
mod trace;
mod watch;

use libc::{c_char, c_int, c_void, iovec, mode_t, off64_t, size_t, ssize_t};

use crate::plan::{Op, Verdict};
use crate::real::real;
use crate::trace::Kind;
use crate::watch::{Place, watch};

/// What a failed call returns.
const FAILED: c_int = -1;

fn fail(errno: c_int) {
    // SAFETY: the location of this thread's errno is always valid.
    unsafe { *libc::__errno_location() = errno };
}

/// The bytes behind a pointer that C promises to be readable.
///
/// # Safety
/// `pointer` is null or readable for `length` bytes while the result lives.
unsafe fn bytes<'a>(pointer: *const c_void, length: usize) -> &'a [u8] {
    if pointer.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: the caller promises it.
    unsafe { std::slice::from_raw_parts(pointer.cast(), length) }
}

/// A write at an offset, or where the descriptor stands.
///
/// # Safety
/// As `pwrite`.
unsafe fn written(
    place: &Place,
    offset: u64,
    (buffer, count): (*const c_void, size_t),
    call: impl Fn(size_t) -> ssize_t,
) -> ssize_t {
    let watch = watch();
    let count = match watch.decide(Op::Write, place.name()) {
        Verdict::Fail(errno) => {
            fail(errno);
            return FAILED as ssize_t;
        }
        Verdict::Torn => (count / 2).max(1),
        Verdict::Pass => count,
    };
    let written = call(count);
    if let Ok(length) = usize::try_from(written) {
        // SAFETY: the caller promises that `count` bytes are readable, and no more were written.
        let data = unsafe { bytes(buffer, length) };
        watch.trace(Kind::Write, place.name(), offset, data);
    }
    written
}

/// # Safety
/// As `pwrite64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    fd: c_int,
    buffer: *const c_void,
    count: size_t,
    offset: off64_t,
) -> ssize_t {
    // SAFETY: the arguments are passed on as they came; a smaller count is as well.
    let call = |count| unsafe {
        real!(c"pwrite64", fn(c_int, *const c_void, size_t, off64_t) -> ssize_t)(
            fd, buffer, count, offset,
        )
    };
    match watch().place(fd) {
        None => call(count),
        // SAFETY: the caller's promise.
        Some(place) => unsafe { written(&place, offset.unsigned_abs(), (buffer, count), call) },
    }
}

/// # Safety
/// As `write`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, buffer: *const c_void, count: size_t) -> ssize_t {
    // SAFETY: the arguments are passed on as they came.
    let call = |count| unsafe {
        real!(c"write", fn(c_int, *const c_void, size_t) -> ssize_t)(fd, buffer, count)
    };
    let Some(place) = watch().place(fd) else { return call(count) };
    // SAFETY: asking where a descriptor stands has no preconditions.
    let offset = unsafe { libc::lseek64(fd, 0, libc::SEEK_CUR) };
    // SAFETY: the caller's promise.
    unsafe { written(&place, offset.unsigned_abs(), (buffer, count), call) }
}

/// What reading answers.
fn read_from(fd: c_int, call: impl Fn() -> ssize_t) -> ssize_t {
    let watch = watch();
    let Some(place) = watch.place(fd) else { return call() };
    match watch.decide(Op::Read, place.name()) {
        Verdict::Fail(errno) => {
            fail(errno);
            FAILED as ssize_t
        }
        Verdict::Torn | Verdict::Pass => call(),
    }
}

/// # Safety
/// As `pread64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pread64(
    fd: c_int,
    buffer: *mut c_void,
    count: size_t,
    offset: off64_t,
) -> ssize_t {
    // SAFETY: the arguments are passed on as they came.
    read_from(fd, || unsafe {
        real!(c"pread64", fn(c_int, *mut c_void, size_t, off64_t) -> ssize_t)(
            fd, buffer, count, offset,
        )
    })
}

/// # Safety
/// As `read`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(fd: c_int, buffer: *mut c_void, count: size_t) -> ssize_t {
    // SAFETY: the arguments are passed on as they came.
    read_from(fd, || unsafe {
        real!(c"read", fn(c_int, *mut c_void, size_t) -> ssize_t)(fd, buffer, count)
    })
}

/// What syncing answers. Its beginning is traced before the call and its end after, since it
/// makes durable what was written before it began.
fn synced(fd: c_int, call: impl Fn() -> c_int) -> c_int {
    let watch = watch();
    let Some(place) = watch.place(fd) else { return call() };
    if let Verdict::Fail(errno) = watch.decide(Op::Sync, place.name()) {
        fail(errno);
        return FAILED;
    }
    watch.trace(Kind::SyncBegins, place.name(), 0, &[]);
    let result = call();
    if result == 0 {
        watch.trace(Kind::SyncEnds, place.name(), 0, &[]);
    }
    result
}

/// # Safety
/// As `fsync`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    // SAFETY: the argument is passed on as it came.
    synced(fd, || unsafe { real!(c"fsync", fn(c_int) -> c_int)(fd) })
}

/// # Safety
/// As `fdatasync`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    // SAFETY: the argument is passed on as it came.
    synced(fd, || unsafe { real!(c"fdatasync", fn(c_int) -> c_int)(fd) })
}

/// # Safety
/// As `ftruncate64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, length: off64_t) -> c_int {
    let watch = watch();
    // SAFETY: the arguments are passed on as they came.
    let call = || unsafe { real!(c"ftruncate64", fn(c_int, off64_t) -> c_int)(fd, length) };
    let Some(place) = watch.place(fd) else { return call() };
    if let Verdict::Fail(errno) = watch.decide(Op::Truncate, place.name()) {
        fail(errno);
        return FAILED;
    }
    let result = call();
    if result == 0 {
        watch.trace(Kind::Truncate, place.name(), length.unsigned_abs(), &[]);
    }
    result
}

/// A change of names: a file that goes, or one that takes another's place.
fn renamed(op: Op, kind: Kind, from: &Place, to: &[u8], call: impl Fn() -> c_int) -> c_int {
    let watch = watch();
    if let Verdict::Fail(errno) = watch.decide(op, from.name()) {
        fail(errno);
        return FAILED;
    }
    let result = call();
    if result == 0 {
        watch.trace(kind, from.name(), 0, to);
    }
    result
}

/// # Safety
/// As `unlink`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the argument is passed on as it came.
    let call = || unsafe { real!(c"unlink", fn(*const c_char) -> c_int)(path) };
    // SAFETY: the caller promises a string.
    match unsafe { watch().place_of(path) } {
        None => call(),
        Some(place) => renamed(Op::Unlink, Kind::Unlink, &place, &[], call),
    }
}

/// # Safety
/// As `rename`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the arguments are passed on as they came.
    let call = || unsafe { real!(c"rename", fn(*const c_char, *const c_char) -> c_int)(from, to) };
    // SAFETY: the caller promises strings.
    let (source, target) = unsafe { (watch().place_of(from), watch().place_of(to)) };
    match (source, target) {
        (Some(source), Some(target)) => {
            renamed(Op::Rename, Kind::Rename, &source, target.name(), call)
        }
        _ => call(),
    }
}

/// # Safety
/// `path` is a string.
unsafe fn opened(path: *const c_char, call: impl Fn() -> c_int) -> c_int {
    let watch = watch();
    // SAFETY: the caller promises a string.
    let Some(place) = (unsafe { watch.place_of(path) }) else { return call() };
    if let Verdict::Fail(errno) = watch.decide(Op::Open, place.name()) {
        fail(errno);
        return FAILED;
    }
    call()
}

/// C declares it with a variable number of arguments; on Linux a third one that is not there is
/// read from a register all the same, and means nothing.
///
/// # Safety
/// As `open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller promises a string, and the arguments are passed on as they came.
    unsafe {
        opened(path, || {
            real!(c"open", fn(*const c_char, c_int, mode_t) -> c_int)(path, flags, mode)
        })
    }
}

/// # Safety
/// As `open64`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller promises a string, and the arguments are passed on as they came.
    unsafe {
        opened(path, || {
            real!(c"open64", fn(*const c_char, c_int, mode_t) -> c_int)(path, flags, mode)
        })
    }
}

/// # Safety
/// As `send`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn send(
    fd: c_int,
    buffer: *const c_void,
    length: size_t,
    flags: c_int,
) -> ssize_t {
    // SAFETY: the caller promises that the buffer is readable.
    watch().trace_answer(unsafe { bytes(buffer, length) });
    // SAFETY: the arguments are passed on as they came.
    unsafe {
        real!(c"send", fn(c_int, *const c_void, size_t, c_int) -> ssize_t)(
            fd, buffer, length, flags,
        )
    }
}

/// # Safety
/// As `writev`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    if count > 0 {
        // SAFETY: the caller promises `count` readable parts; the head of an answer is in the
        // first.
        watch().trace_answer(unsafe { bytes((*parts).iov_base, (*parts).iov_len) });
    }
    // SAFETY: the arguments are passed on as they came.
    unsafe { real!(c"writev", fn(c_int, *const iovec, c_int) -> ssize_t)(fd, parts, count) }
}
