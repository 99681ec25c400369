//! `stipend fsck`: looks at everything, and changes nothing.

use crate::config::Settings;
use crate::failure::Failure;
use crate::{say, serve, tell};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::Path;
use stipend_engine::fsck::{Audit, verify};
use stipend_engine::series::verify_rolls;
use stipend_store::{Reader, StoreError};
use stipend_store_sqlite::{Looked, SqliteRolls};

const LOCKED: &str = "stop the server first, or make a copy beside it with `stipend backup`, which \
                      verifies what it has copied";

pub(crate) fn run(settings: Settings) -> Result<(), Failure> {
    let config = settings.resolve()?;
    serve::start_logging("warn")?;
    let shown = config.data_dir.display();
    if !config.data_dir.join("stipend.db").exists() {
        return Err(Failure::Configuration(format!("there is no data in {shown}")));
    }
    let damaged = |why: &str| {
        Failure::Damaged(format!(
            "damaged data: {why}. Nothing was changed: keep a copy of {shown} as it is, then put a \
             backup back with `stipend restore FILE`"
        ))
    };
    let wrong = |error: StoreError| match error {
        StoreError::Damaged(why) => damaged(&why),
        StoreError::Locked => Failure::locked(LOCKED),
        other => other.into(),
    };
    let looked = Looked::directory(&config.data_dir).map_err(wrong)?;
    let audit = if looked.empty {
        Audit::default()
    } else {
        audit(looked.reader().as_ref(), "rows").map_err(wrong)?
    };
    if let Some(flaw) = &looked.flaw {
        let batch = looked.batch;
        return Err(damaged(&format!(
            "{flaw}; what can be read is sound, and ends with batch {batch}"
        )));
    }
    if let Some(offset) = looked.torn_tail {
        tell(&format!(
            "stipend.db-wal at offset {offset}: a commit that was never finished; nobody was told that \
             it had been, and the next start drops it\n"
        ));
    }
    let rolls = rolls(&config.data_dir, looked.reader().as_ref())?;
    say(&format!(
        "clean: {}; every hash, pointer, sum and invariant holds, and the images and {rolls} roll-ups \
         equal the journal\n",
        summary(&audit)
    ))
}

/// Verifies a journal, and shows how far that is.
pub(crate) fn audit(reader: &dyn Reader, what: &str) -> Result<Audit, StoreError> {
    let bar = progress(reader.last()?, what);
    let audit = verify(reader, |audit| bar.set_position(audit.rows));
    bar.finish_and_clear();
    audit
}

/// How far something is, shown to people.
pub(crate) fn progress(of: u64, what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(of), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(&format!("{{bar:40}} {{pos}}/{{len}} {what}"));
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What was verified.
pub(crate) fn summary(audit: &Audit) -> String {
    let head: String = audit.head[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{} rows in {} batches (the last has the hash {head}…), {} customers with {} pools",
        audit.rows, audit.batches, audit.customers, audit.pools
    )
}

/// How many roll-ups equal the journal.
fn rolls(data_dir: &Path, reader: &dyn Reader) -> Result<usize, Failure> {
    match SqliteRolls::look(data_dir) {
        Ok(None) => Ok(0),
        Ok(Some(rolls)) => verify_rolls(reader, &rolls).map_err(|error| match error {
            StoreError::Damaged(why) => {
                Failure::Damaged(format!("damaged data: {why}; nothing was changed"))
            }
            other => other.into(),
        }),
        Err(StoreError::Damaged(why)) => {
            tell(&format!(
                "series.db cannot be read ({why}); nothing is lost by it, and the next start makes it \
                 anew\n"
            ));
            Ok(0)
        }
        Err(other) => Err(other.into()),
    }
}
