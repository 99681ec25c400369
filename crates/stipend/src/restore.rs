//! `stipend restore`: a copy of the data put back.

use crate::config::Settings;
use crate::failure::Failure;
use crate::{fsck, say, serve};
use clap::Args;
use std::path::{Path, PathBuf};
use stipend_engine::{Clock as _, SystemClock};
use stipend_store::StoreError;
use stipend_store_sqlite::{Restore, Restored};

const LOCKED: &str = "stop the server first";

/// The copy to put back.
#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// The copy, as `stipend backup` has made it.
    file: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(asked: Arguments) -> Result<(), Failure> {
    let Arguments { file, settings } = asked;
    let config = settings.resolve()?;
    serve::start_logging("warn")?;
    let (data_dir, shown) = (&config.data_dir, file.display());
    let there = file.canonicalize();
    let there = there.map_err(|error| Failure::Configuration(format!("{shown}: {error}")))?;
    if data_dir.join("stipend.db").canonicalize().is_ok_and(|own| own == there) {
        let message = format!("{shown} is the data itself, and no copy of it");
        return Err(Failure::Configuration(message));
    }
    let refused = |error: StoreError| match error {
        StoreError::Damaged(why) => {
            Failure::Damaged(format!("{shown} is damaged: {why}; nothing was changed"))
        }
        StoreError::Locked => Failure::locked(LOCKED),
        other => other.into(),
    };
    let restore = Restore::begin(data_dir).map_err(refused)?;
    let bar = fsck::progress(0, "pages copied");
    let brought = restore.bring(&file, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let brought = brought.map_err(refused)?;
    let batch = brought.batch;
    if batch == 0 {
        let message = format!("{shown} holds no data; nothing was changed");
        return Err(Failure::Configuration(message));
    }
    let audit = fsck::audit(brought.reader().as_ref(), "rows verified").map_err(refused)?;
    drop(brought);
    let instant = SystemClock.now().to_string().replace([':', '.'], "-");
    let restored = restore.finish(batch, &format!("before-restore-{instant}"));
    let restored =
        restored.map_err(|error| Failure::failed("the copy was not put back", &error))?;
    say(&format!(
        "{} now holds {shown}: {}; verified\n{}",
        data_dir.display(),
        fsck::summary(&audit),
        before(data_dir, batch, &restored)
    ))
}

/// What became of the data that were there, and how they come back.
fn before(data_dir: &Path, batch: u64, restored: &Restored) -> String {
    let Some(aside) = &restored.aside else { return String::new() };
    let lost = match restored.before {
        Some(before) if before > batch => format!(
            "They had acknowledged batch {before}; what was done after batch {batch} is not in the copy.\n"
        ),
        _ => String::new(),
    };
    let (data, aside) = (quoted(data_dir), quoted(aside));
    format!(
        "The files before are in {aside}.\n{lost}To undo it, while the server is stopped:\n  \
         rm -f {data}/stipend.db* {data}/series.db* {data}/MARK && mv {aside}/* {data}/\n"
    )
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.chars().all(|at| at.is_ascii_alphanumeric() || "/._-".contains(at)) {
        return text;
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
