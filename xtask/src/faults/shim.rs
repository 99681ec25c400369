//! The library that is preloaded into the server, and what it is told.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// An operation on files that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Op {
    Open,
    Read,
    Rename,
    Sync,
    Truncate,
    Unlink,
    Write,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// This one.
    Once,
    /// This one and all that follow.
    Ever,
    /// This one does half, and all that follow fail.
    Torn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Errno {
    Io,
    NoSpace,
    NoDescriptors,
}

/// The failure of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Plan {
    pub(super) op: Op,
    pub(super) nth: u64,
    pub(super) mode: Mode,
    pub(super) errno: Errno,
    /// Of which file only; of all where there is none.
    pub(super) file: Option<&'static str>,
}

const OPS: [(Op, &str); 7] = [
    (Op::Open, "open"),
    (Op::Read, "read"),
    (Op::Rename, "rename"),
    (Op::Sync, "sync"),
    (Op::Truncate, "truncate"),
    (Op::Unlink, "unlink"),
    (Op::Write, "write"),
];
const MODES: [(Mode, &str); 3] = [(Mode::Once, "once"), (Mode::Ever, "ever"), (Mode::Torn, "torn")];
const ERRNOS: [(Errno, &str); 3] =
    [(Errno::Io, "EIO"), (Errno::NoSpace, "ENOSPC"), (Errno::NoDescriptors, "EMFILE")];

fn name<T: PartialEq + Copy>(names: &[(T, &'static str)], of: T) -> &'static str {
    names.iter().find(|(it, _)| *it == of).map_or("?", |(_, name)| name)
}

fn named<T: Copy>(names: &[(T, &str)], text: &str) -> Result<T> {
    let found = names.iter().find(|(_, name)| *name == text);
    found.map(|(it, _)| *it).with_context(|| format!("`{text}` is no part of a plan"))
}

impl fmt::Display for Op {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(name(&OPS, *self))
    }
}

/// As the library reads it.
impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mode, errno) = (name(&MODES, self.mode), name(&ERRNOS, self.errno));
        write!(formatter, "{}:{}:{mode}:{errno}", self.op, self.nth)?;
        self.file.map_or(Ok(()), |file| write!(formatter, ":{file}"))
    }
}

impl FromStr for Plan {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let [op, nth, mode, errno] = parts[..] else {
            anyhow::bail!("a plan is operation:number:once|ever|torn:EIO|ENOSPC|EMFILE");
        };
        Ok(Self {
            op: named(&OPS, op)?,
            nth: nth.parse().with_context(|| format!("`{nth}` is no number"))?,
            mode: named(&MODES, mode)?,
            errno: named(&ERRNOS, errno)?,
            file: None,
        })
    }
}

/// Builds the library, and the server where none is named; answers where they are.
pub(super) fn build(named: Option<&Path>) -> Result<(PathBuf, PathBuf)> {
    ensure!(cfg!(target_os = "linux"), "file functions are replaced on Linux only");
    let root = workspace::root()?;
    let mut build = workspace::cargo(&root);
    build.args(["build", "--quiet", "--package", "stipend-faults"]);
    if named.is_none() {
        build.args(["--package", "stipend"]);
    }
    ensure!(build.status().context("cargo did not start")?.success(), "the build failed");
    let debug = workspace::debug_binary(&workspace::metadata(&root)?)?;
    let library = debug.with_file_name("libstipend_faults.so");
    ensure!(library.is_file(), "{} is missing", library.display());
    Ok((named.map_or(Ok(debug), |named| workspace::server_binary(Some(named)))?, library))
}

/// What one process is told.
#[derive(Debug, Default)]
pub(super) struct Orders<'a> {
    pub(super) plan: Option<Plan>,
    pub(super) trace: Option<&'a Path>,
    pub(super) holds_while: Option<&'a Path>,
}

impl Orders<'_> {
    /// The environment of a server on that directory.
    pub(super) fn environment(
        &self,
        library: &Path,
        data_dir: &Path,
    ) -> Vec<(&'static str, OsString)> {
        let mut environment: Vec<(&'static str, OsString)> =
            vec![("LD_PRELOAD", library.into()), ("FAULTS_DIR", data_dir.into())];
        let plan = self.plan.map(|plan| ("FAULTS_PLAN", plan.to_string().into()));
        environment.extend(plan);
        environment.extend(self.trace.map(|path| ("FAULTS_TRACE", path.into())));
        environment.extend(self.holds_while.map(|path| ("FAULTS_WHILE", path.into())));
        environment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_as_it_is_written() {
        for text in ["sync:3:once:EIO", "write:12:torn:ENOSPC", "open:1:ever:EMFILE"] {
            assert_eq!(text.parse::<Plan>().unwrap().to_string(), text);
        }
        for text in ["", "sync", "sync:x:once:EIO", "sync:1:twice:EIO", "walk:1:once:EIO"] {
            assert!(text.parse::<Plan>().is_err(), "{text}");
        }
    }
}
