//! Every operation on files, its n-th call, once and for ever.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};

use super::case::{self, Ending, Place, Seen};
use super::crew::Crew;
use super::places::Places;
use super::shim::{Errno, Mode, Op, Plan};
use super::trace::{Event, Record};
use super::{Length, Setting};

/// What is made to fail, and how.
const KINDS: [(Op, Mode, Errno); 16] = [
    (Op::Sync, Mode::Once, Errno::Io),
    (Op::Sync, Mode::Ever, Errno::Io),
    (Op::Sync, Mode::Once, Errno::NoSpace),
    (Op::Write, Mode::Once, Errno::Io),
    (Op::Write, Mode::Ever, Errno::Io),
    (Op::Write, Mode::Once, Errno::NoSpace),
    (Op::Write, Mode::Ever, Errno::NoSpace),
    (Op::Write, Mode::Torn, Errno::NoSpace),
    (Op::Truncate, Mode::Once, Errno::Io),
    (Op::Truncate, Mode::Ever, Errno::Io),
    (Op::Unlink, Mode::Once, Errno::Io),
    (Op::Unlink, Mode::Ever, Errno::Io),
    (Op::Open, Mode::Once, Errno::NoDescriptors),
    (Op::Open, Mode::Ever, Errno::Io),
    (Op::Read, Mode::Once, Errno::Io),
    (Op::Read, Mode::Ever, Errno::Io),
];

/// Every operation that the server may ask for.
const OPS: [Op; 7] =
    [Op::Open, Op::Read, Op::Rename, Op::Sync, Op::Truncate, Op::Unlink, Op::Write];

/// So many calls are tried of each kind in the short form.
const SHORT_TRIED: usize = 2;

/// So many clients are a crowd.
const CROWD: u32 = 4;

/// Findings after which a run ends.
const FINDINGS_MAX: usize = 40;

/// What a run begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ground {
    /// An empty directory: everything comes to be.
    New,
    /// The same, with several clients at the same time, which share commits.
    Crowd,
    /// Data of a killed server, whose WAL is nearly long enough to be carried over.
    Grown,
}

impl Ground {
    const ALL: [Self; 3] = [Self::New, Self::Crowd, Self::Grown];

    fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Crowd => "crowd",
            Self::Grown => "grown",
        }
    }
}

/// The counts of a run.
#[derive(Debug, Default)]
pub(super) struct Report {
    cases: BTreeMap<Op, u32>,
    endings: BTreeMap<Ending, u32>,
    acknowledged: usize,
    put_off: u32,
}

impl Report {
    fn add(&mut self, op: Op, seen: &Seen) {
        *self.cases.entry(op).or_default() += 1;
        *self.endings.entry(seen.ending).or_default() += 1;
        self.acknowledged += seen.acknowledged;
        self.put_off += seen.put_off;
    }

    pub(super) fn print(&self) {
        let by_op: Vec<String> =
            self.cases.iter().map(|(op, count)| format!("{op} {count}")).collect();
        println!("{} failures: {}", self.cases.values().sum::<u32>(), by_op.join(", "));
        let count = |ending| self.endings.get(&ending).copied().unwrap_or_default();
        println!(
            "the server refused to start {} times, stopped by itself {} times, went on {} times",
            count(Ending::AtStart),
            count(Ending::Stopped),
            count(Ending::Asked)
        );
        println!(
            "{} operations acknowledged, none lost, none doubled; {} put off with 503",
            self.acknowledged, self.put_off
        );
    }
}

pub(super) struct Matrix<'a> {
    pub(super) setting: &'a Setting,
    pub(super) folder: &'a Path,
    /// The data of [`Ground::Grown`], once it was needed.
    pub(super) grown: OnceLock<PathBuf>,
}

impl Matrix<'_> {
    pub(super) fn all(&self, length: Length, jobs: usize) -> Result<Report> {
        let mut report = Report::default();
        let mut findings = Vec::new();
        for ground in Ground::ALL {
            let plans = self.plans(ground, length)?;
            let crew = Crew { jobs, title: format!("matrix {}", ground.name()) };
            crew.work(
                plans.into_iter(),
                |plan| self.one(ground, Some(*plan)),
                |plan, seen| match seen {
                    Ok(seen) => {
                        report.add(plan.op, &seen);
                        Ok(())
                    }
                    Err(error) => {
                        println!("{}:{plan}: {error:#}", ground.name());
                        findings.push(format!("{}:{plan}", ground.name()));
                        ensure!(findings.len() < FINDINGS_MAX, "too many findings");
                        Ok(())
                    }
                },
            )?;
        }
        ensure!(
            findings.is_empty(),
            "{} findings; repeat one with `cargo xtask faults --only {}`",
            findings.len(),
            findings[0]
        );
        Ok(report)
    }

    /// What is made to fail on that ground, one after the other.
    fn plans(&self, ground: Ground, length: Length) -> Result<Vec<Plan>> {
        let records = self.without_failure(ground)?;
        let places = Places::of(&records);
        let mut plans = Vec::new();
        for (op, mode, errno) in kinds(ground, length) {
            let calls = tried(op, &places, length);
            plans.extend(calls.into_iter().map(|nth| Plan { op, nth, mode, errno, file: None }));
        }
        if length.is_full() {
            let calls = OPS.iter().map(|op| {
                let (count, places) = (places.count(*op), places.representatives(*op).len());
                format!("{op} {count}, of which {places} differ")
            });
            let calls: Vec<String> = calls.collect();
            println!("{} calls: {}; {} cases", ground.name(), calls.join("; "), plans.len());
        }
        Ok(plans)
    }

    /// The one case that `ground:plan` names.
    pub(super) fn only(&self, text: &str) -> Result<()> {
        let (ground, plan) = text.split_once(':').context("a case is new:…, crowd:… or grown:…")?;
        let Some(ground) = Ground::ALL.into_iter().find(|it| it.name() == ground) else {
            bail!("a case is new:…, crowd:… or grown:…");
        };
        let seen = self.one(ground, Some(plan.parse()?))?;
        println!("{:?}, {} acknowledged, {} put off", seen.ending, seen.acknowledged, seen.put_off);
        Ok(())
    }

    /// What the server does where nothing fails.
    fn without_failure(&self, ground: Ground) -> Result<Vec<Record>> {
        let seen = self.one(ground, None)?;
        ensure!(seen.ending == Ending::Asked, "the server ended by itself");
        let answered = |record: &Record| record.event == Event::Answer;
        let carried = |record: &Record| record.event == Event::Write && record.name == "stipend.db";
        let first = seen.records.iter().position(answered).unwrap_or_default();
        let last = seen.records.iter().rposition(answered).unwrap_or_default();
        ensure!(
            ground != Ground::Grown || seen.records[first..last].iter().any(carried),
            "the WAL was not carried over between requests: its limit is another one now"
        );
        Ok(seen.records)
    }

    pub(super) fn grown(&self) -> Result<&Path> {
        if let Some(grown) = self.grown.get() {
            return Ok(grown);
        }
        let made = super::grow(self.setting, self.folder).context("the data to start with")?;
        Ok(self.grown.get_or_init(|| made))
    }

    fn one(&self, ground: Ground, plan: Option<Plan>) -> Result<Seen> {
        let name = plan.map_or_else(|| "none".to_owned(), |plan| plan.to_string());
        let folder = self.folder.join(format!("{}-{}", ground.name(), name.replace(':', "-")));
        std::fs::create_dir_all(&folder).context("cannot make the folder of a case")?;
        let template = match ground {
            Ground::New | Ground::Crowd => None,
            Ground::Grown => Some(self.grown()?),
        };
        let clients = if ground == Ground::Crowd { CROWD } else { 1 };
        let place = Place { setting: self.setting, folder: &folder, template, clients };
        let seen = case::run(&place, plan)?;
        // Only what failed is kept.
        std::fs::remove_dir_all(&folder).context("cannot remove the folder of a case")?;
        Ok(seen)
    }
}

/// What is tried on that ground. For a crowd only what concerns commits differs; the grown data is
/// large, so the short form tries there only what differs where the WAL is carried over.
fn kinds(ground: Ground, length: Length) -> Vec<(Op, Mode, Errno)> {
    let differs = |kind: &(Op, Mode, Errno)| {
        matches!(
            kind,
            (Op::Sync | Op::Write, Mode::Once, Errno::Io) | (Op::Write, Mode::Ever, Errno::NoSpace)
        )
    };
    let is_tried = |kind: &(Op, Mode, Errno)| match ground {
        Ground::New => true,
        Ground::Crowd => {
            matches!(kind.0, Op::Sync | Op::Write) && (length.is_full() || differs(kind))
        }
        Ground::Grown => length.is_full() || differs(kind),
    };
    KINDS.into_iter().filter(is_tried).collect()
}

/// Which calls of the operation are tried: every one that differs, or some that are spread over them.
fn tried(op: Op, places: &Places<'_>, length: Length) -> Vec<u64> {
    match length {
        Length::Short => spread((1..=places.count(op)).collect(), SHORT_TRIED),
        Length::Full { most } => spread(places.representatives(op), most),
    }
}

/// All of them, or the middles of `most` stretches.
fn spread(calls: Vec<u64>, most: usize) -> Vec<u64> {
    if calls.len() <= most {
        return calls;
    }
    (0..most).map(|part| calls[(2 * part + 1) * calls.len() / (2 * most)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_not_every_call_is_tried_some_are_that_are_spread_over_them() {
        assert_eq!(spread(vec![1, 2, 3], usize::MAX), [1, 2, 3]);
        assert_eq!(spread((1..=1_000).collect(), 10).len(), 10);
        assert_eq!(spread((1..=100).collect(), 2), [26, 76]);
        assert_eq!(spread(vec![1], 2), [1]);
        assert!(spread(Vec::new(), 2).is_empty());
    }
}
