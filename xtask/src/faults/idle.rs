//! The log cannot be carried over while nobody asks for anything: the server must not wait for the
//! next commit to find out.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::case::{self, END_PATIENCE, OPERATIONS, Place};
use super::script::{Client, Known, Outcome, operation};
use super::shim::{Errno, Mode, Op, Orders, Plan};
use super::{CARRIED_WAL_BYTES, Setting};

/// The first sync of the database is that of the first checkpoint.
const PLAN: Plan =
    Plan { op: Op::Sync, nth: 1, mode: Mode::Once, errno: Errno::Io, file: Some("stipend.db") };

/// Asks until the log is to be carried over, and for nothing after that.
pub(super) fn run(setting: &Setting, folder: &Path, grown: &Path) -> Result<()> {
    let folder = folder.join("idle");
    fs::create_dir_all(&folder).context("cannot make the folder of a case")?;
    let place = Place { setting, folder: &folder, template: Some(grown), clients: 1 };
    let data_dir = folder.join("data");
    case::copy(grown, &data_dir)?;
    let orders = Orders { plan: Some(PLAN), ..Orders::default() };
    let mut launcher = setting.launcher(&data_dir, &folder);
    launcher.environment = orders.environment(&setting.library, &data_dir);
    let mut server = launcher.start()?;
    let (client, wal) = (Client::new(&server.base_url), data_dir.join("stipend.db-wal"));
    let mut known = Known::default();
    for number in 0..OPERATIONS {
        let outcome = client.ask(&operation(number))?;
        let is_done = matches!(outcome, Outcome::Acknowledged(_));
        ensure!(is_done, "op-{number} was {outcome:?}");
        known.note(number, outcome)?;
        if wal.metadata().context("the WAL")?.len() < CARRIED_WAL_BYTES {
            continue;
        }
        let ended = server.ended_within(END_PATIENCE)?;
        let status = ended.context("the process goes on though its log cannot be carried over")?;
        ensure!(!status.success(), "the process ended by itself with {status}");
        case::recover(&place, known)?;
        return fs::remove_dir_all(&folder).context("cannot remove the folder of a case");
    }
    anyhow::bail!("the WAL stayed shorter than {CARRIED_WAL_BYTES} bytes");
}
