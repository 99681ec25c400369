//! A disk that is full for a while: changes are put off, reads go on, and when there is room again
//! the server goes on by itself.

use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::Setting;
use super::case::{self, OPERATIONS};
use super::script::{Client, Known, Outcome, effects_in, operation};
use super::shim::{Errno, Mode, Op, Orders, Plan};

/// While the disk is full, these are asked for.
const WHILE_FULL: Range<u32> = 4..8;

/// When there is room again, the first commits may still be refused with those before them.
const ATTEMPTS: u32 = 100;

/// What is full, and what that means for changes.
struct Case {
    name: &'static str,
    mode: Mode,
    file: Option<&'static str>,
    /// Begins with a WAL that is about to be carried over.
    is_grown: bool,
    /// Changes are put off, rather than done all the same.
    puts_off: bool,
}

const CASES: [Case; 4] = [
    Case { name: "full", mode: Mode::Ever, file: None, is_grown: false, puts_off: true },
    Case { name: "half-written", mode: Mode::Torn, file: None, is_grown: false, puts_off: true },
    // Where a file that is written over needs new room, as some file systems have it.
    Case { name: "mark", mode: Mode::Ever, file: Some("MARK"), is_grown: false, puts_off: false },
    // The WAL has room: it stays longer until the database has as well.
    Case {
        name: "database",
        mode: Mode::Ever,
        file: Some("stipend.db"),
        is_grown: true,
        puts_off: false,
    },
];

/// Runs all cases; answers how many.
pub(super) fn all(setting: &Setting, folder: &Path, grown: &Path) -> Result<usize> {
    for case in &CASES {
        let folder = folder.join(format!("space-{}", case.name));
        fs::create_dir_all(&folder).context("cannot make the folder of a case")?;
        one(setting, &folder, grown, case).with_context(|| format!("space {}", case.name))?;
        fs::remove_dir_all(&folder).context("cannot remove the folder of a case")?;
    }
    Ok(CASES.len())
}

fn one(setting: &Setting, folder: &Path, grown: &Path, case: &Case) -> Result<()> {
    let (data_dir, is_full) = (folder.join("data"), folder.join("full"));
    if case.is_grown {
        case::copy(grown, &data_dir)?;
    }
    let plan =
        Plan { op: Op::Write, nth: 1, mode: case.mode, errno: Errno::NoSpace, file: case.file };
    let orders = Orders { plan: Some(plan), holds_while: Some(&is_full), ..Orders::default() };
    let mut launcher = setting.launcher(&data_dir, folder);
    launcher.environment = orders.environment(&setting.library, &data_dir);
    let server = launcher.start()?;
    let client = Client::new(&server.base_url);
    client.set_up()?;
    let mut known = Known::default();
    if !case.is_grown {
        for number in 0..WHILE_FULL.start {
            known.note(number, insist(&client, number)?)?;
        }
    }
    File::create(&is_full).context("cannot fill the disk")?;
    let mut put_off = 0;
    // With a grown WAL all operations are asked for, so that it is to be carried over meanwhile.
    let numbers = if case.is_grown { 0..OPERATIONS } else { WHILE_FULL };
    for number in numbers {
        let outcome = client.ask(&operation(number))?;
        put_off += u32::from(matches!(outcome, Outcome::Later));
        known.note(number, outcome)?;
        ensure!(client.check() == Some(200), "a check was refused while the disk was full");
        ensure!(client.ledger() == Some(200), "a ledger was refused while the disk was full");
    }
    let expected = if case.puts_off { WHILE_FULL.end - WHILE_FULL.start } else { 0 };
    ensure!(put_off == expected, "{put_off} changes were put off, not {expected}");
    let readiness = if case.puts_off { 503 } else { 200 };
    ensure!(client.readiness() == Some(readiness), "readyz did not say {readiness}");

    fs::remove_file(&is_full).context("cannot free the disk")?;
    for number in 0..OPERATIONS {
        known.note(number, insist(&client, number)?)?;
    }
    ensure!(client.readiness() == Some(200), "readyz did not say that the disk has room again");
    server.terminate()?;
    launcher.fsck()?;
    known.compare(&effects_in(&data_dir)?)
}

/// Asks until it is done.
fn insist(client: &Client, number: u32) -> Result<Outcome> {
    for _ in 0..ATTEMPTS {
        match client.ask(&operation(number))? {
            Outcome::Later => {}
            done @ Outcome::Acknowledged(_) => return Ok(done),
            other => bail!("op-{number} was {other:?}"),
        }
    }
    bail!("op-{number} was put off {ATTEMPTS} times")
}
