//! One failure: start, ask, see what happens, start again without it, and check.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::script::{Client, Known, Outcome, effects_in, operation};
use super::shim::{Op, Orders, Plan};
use super::trace::{self, Event, Head, Record};
use super::{Setting, power};
use crate::server::{Launcher, Server, Started};

/// Operations that are asked for.
pub(super) const OPERATIONS: u32 = 12;

/// An operation that is put off is asked for so often.
const ATTEMPTS: u32 = 3;

/// A process whose connections are gone ends by then.
pub(super) const END_PATIENCE: Duration = Duration::from_secs(10);

/// How the process with the failure ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// It never listened.
    AtStart,
    /// By itself.
    Stopped,
    /// Because it was asked to.
    Asked,
}

/// What a case saw.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) ending: Ending,
    pub(super) acknowledged: usize,
    pub(super) put_off: u32,
    pub(super) records: Vec<Record>,
}

/// Where the case runs, and on what.
pub(super) struct Place<'a> {
    pub(super) setting: &'a Setting,
    /// Of this case alone.
    pub(super) folder: &'a Path,
    /// The data that it starts with; none where it starts with nothing.
    pub(super) template: Option<&'a Path>,
    /// How many ask at the same time.
    pub(super) clients: u32,
}

impl Place<'_> {
    fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn trace(&self) -> PathBuf {
        self.folder.join("trace")
    }

    fn launcher(&self, orders: &Orders<'_>) -> Launcher {
        let mut launcher = self.setting.launcher(&self.data_dir(), self.folder);
        launcher.environment = orders.environment(&self.setting.library, &self.data_dir());
        launcher
    }
}

/// Runs with the plan, or without one to see what there is to fail.
pub(super) fn run(place: &Place<'_>, plan: Option<Plan>) -> Result<Seen> {
    let mut known = Known::default();
    if let Some(template) = place.template {
        copy(template, &place.data_dir())?;
    }
    let trace = place.trace();
    let orders = Orders { plan, trace: Some(&trace), ..Orders::default() };
    let (ending, put_off) = match place.launcher(&orders).try_start()? {
        Started::Ended(status) => {
            ensure!(!status.success(), "the server did not start and ended with {status}");
            (Ending::AtStart, 0)
        }
        Started::Listening(server) => drive(place, plan, server, &mut known)?,
    };
    let records = trace::read(&trace)?;
    // Of several clients one may be answered late what was durable before.
    if let Some(failed) = FailedSync::of(&records).filter(|_| place.clients == 1) {
        let answered = failed.answered_after(&records);
        ensure!(
            answered <= failed.answers_max(&records),
            "{answered} operations were acknowledged after a failed sync"
        );
    }
    let acknowledged = known.acknowledged();
    if ending != Ending::AtStart && FailedSync::of(&records).is_some() {
        recover_without_what_was_dropped(place, &records, known.clone())?;
    }
    recover(place, known)?;
    Ok(Seen { ending, acknowledged, put_off, records })
}

/// Asks for the operations, then asks the server to end.
fn drive(
    place: &Place<'_>,
    plan: Option<Plan>,
    mut server: Server,
    known: &mut Known,
) -> Result<(Ending, u32)> {
    let client = Client::new(&server.base_url);
    let made = if place.template.is_none() { set_up(&client, &mut server)? } else { SetUp::Made };
    let operations = match made {
        SetUp::Made => OPERATIONS,
        SetUp::Refused => 0,
        SetUp::Cut => return ended(&mut server, plan, 0),
    };
    let asked = ask_all(&server.base_url, place.clients, operations)?;
    let put_off = asked.put_off;
    known.absorb(asked.known);
    if asked.is_lost {
        return ended(&mut server, plan, put_off);
    }
    if !server.is_alive()? {
        return ended(&mut server, plan, put_off);
    }
    // Also where it was not a commit's, and nobody commits any more.
    if FailedSync::of(&trace::read(&place.trace())?).is_some() {
        return ended(&mut server, plan, put_off);
    }
    // What fails while it ends may fail: everything is durable.
    let _: ExitStatus = server.ask_to_end()?;
    Ok((Ending::Asked, put_off))
}

/// What became of some operations.
#[derive(Default)]
struct Asked {
    known: Known,
    put_off: u32,
    /// An answer did not come.
    is_lost: bool,
}

/// Asks for so many operations, by so many clients at the same time.
fn ask_all(url: &str, clients: u32, operations: u32) -> Result<Asked> {
    thread::scope(|scope| {
        let running: Vec<_> = (0..clients)
            .map(|first| scope.spawn(move || ask_some(url, first, clients, operations)))
            .collect();
        let mut together = Asked::default();
        for client in running {
            let one = client.join().map_err(|_| anyhow!("a client panicked"))??;
            together.known.absorb(one.known);
            together.put_off += one.put_off;
            together.is_lost |= one.is_lost;
        }
        Ok(together)
    })
}

/// Asks for the operations of one client, one after the other.
fn ask_some(url: &str, first: u32, clients: u32, operations: u32) -> Result<Asked> {
    let client = Client::new(url);
    let mut asked = Asked::default();
    for number in (first..operations).step_by(clients as usize) {
        for _ in 0..ATTEMPTS {
            let outcome = client.ask(&operation(number))?;
            asked.known.note(number, outcome.clone())?;
            match outcome {
                Outcome::Acknowledged(_) => break,
                Outcome::Failed => {}
                Outcome::Lost => return Ok(Asked { is_lost: true, ..asked }),
                Outcome::Later => {
                    asked.put_off += 1;
                    // Reads go on; an abort that is under way may have cut this one off.
                    let check = client.check();
                    ensure!(matches!(check, Some(200) | None), "a check was answered {check:?}");
                }
            }
        }
        let page = client.ledger();
        ensure!(matches!(page, Some(200 | 500 | 503) | None), "a ledger was answered {page:?}");
    }
    Ok(asked)
}

/// Makes what the operations need, as far as that can be.
fn set_up(client: &Client, server: &mut Server) -> Result<SetUp> {
    for _ in 0..ATTEMPTS {
        if client.set_up().is_ok() {
            return Ok(SetUp::Made);
        }
        if client.check().is_none() {
            return Ok(SetUp::Cut);
        }
    }
    Ok(if server.is_alive()? { SetUp::Refused } else { SetUp::Cut })
}

/// What became of what the operations need.
enum SetUp {
    Made,
    Refused,
    /// The server is gone, or about to go.
    Cut,
}

/// The failed sync after which nothing more may be acknowledged, by its place in the trace.
struct FailedSync(usize);

impl FailedSync {
    /// Those of the directory do not count: SQLite passes over them, since some file systems cannot do
    /// it, and whether names are durable in time is what the power failures show. Nor do those of
    /// the roll-ups and of the gathered keys, which are made anew from the journal.
    fn of(records: &[Record]) -> Option<Self> {
        let counts = |record: &Record| {
            let is_aside = ["series.db", "keys.db"].iter().any(|it| record.name.starts_with(it));
            record.is_failed_sync() && record.name != "." && !is_aside
        };
        records.iter().position(counts).map(Self)
    }

    /// How many operations may be acknowledged after it: none where it was a commit's. The thread
    /// that carries the WAL over works aside; a commit that is on its way meanwhile is durable, and
    /// the next one finds out.
    fn answers_max(&self, records: &[Record]) -> usize {
        let thread = records[self.0].offset;
        let is_commit = |record: &Record| {
            record.event == Event::Asked(Op::Write)
                && record.name == "MARK"
                && record.offset == thread
        };
        usize::from(!records[..self.0].iter().any(is_commit))
    }

    /// Operations are asked for one at a time, so an answer that is sent later was decided later.
    fn answered_after(&self, records: &[Record]) -> usize {
        let heads = records[self.0..].iter().filter_map(Record::head);
        let is_acknowledged =
            |head: &Head| (200..300).contains(&head.status) && head.request_id.starts_with("op-");
        heads.filter(is_acknowledged).count()
    }
}

/// The connection is gone: so must the process be, and not as if all were well.
fn ended(server: &mut Server, plan: Option<Plan>, put_off: u32) -> Result<(Ending, u32)> {
    let Some(status) = server.ended_within(END_PATIENCE)? else {
        bail!("an answer did not come or a sync failed, and the process goes on");
    };
    ensure!(!status.success(), "the process ended by itself with {status}");
    ensure!(plan.is_some(), "the process ended by itself without a failure");
    Ok((Ending::Stopped, put_off))
}

/// Starts on what was left, without a failure, and asks for everything again.
pub(super) fn recover(place: &Place<'_>, mut known: Known) -> Result<()> {
    let mut launcher = place.launcher(&Orders::default());
    launcher.environment = Vec::new();
    let server = launcher.start().context("the start without a failure")?;
    known.compare(&effects_in(&launcher.data_dir)?).context("after the recovery")?;
    let client = Client::new(&server.base_url);
    client.set_up().context("after the recovery")?;
    for number in 0..OPERATIONS {
        let outcome = client.ask(&operation(number))?;
        let is_done = matches!(outcome, Outcome::Acknowledged(_));
        ensure!(is_done, "after the recovery op-{number} was {outcome:?}");
        known.note(number, outcome)?;
    }
    known.compare(&effects_in(&launcher.data_dir)?).context("after the retries")?;
    server.terminate()?;
    launcher.fsck()?;
    known.compare(&effects_in(&launcher.data_dir)?).context("after the end")
}

/// After a failed sync the kernel may drop what it could not write, and say so only once.
fn recover_without_what_was_dropped(
    place: &Place<'_>,
    records: &[Record],
    known: Known,
) -> Result<()> {
    let folder = place.folder.join("dropped");
    let files = power::dropped(place, records)?;
    power::write(&files, &folder.join("data"))?;
    recover(&Place { folder: &folder, ..*place }, known).context("where the kernel dropped pages")
}

/// Copies the files of a data directory. Its lock is nobody's.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))
            .with_context(|| format!("cannot copy {}", entry.path().display()))?;
    }
    Ok(())
}
