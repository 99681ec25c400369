//! `stipend backup`: a copy of the data, also beside a running server.

use crate::config::Settings;
use crate::failure::Failure;
use crate::{fsck, say, serve};
use clap::Args;
use std::path::{Path, PathBuf};
use stipend_store::StoreError;
use stipend_store_sqlite::{Looked, back_up};

/// The copy to make.
#[derive(Clone, Debug, Args)]
pub(crate) struct Backup {
    /// The file to make. Nothing is ever written over a file that exists.
    file: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(asked: Backup) -> Result<(), Failure> {
    let Backup { file, settings } = asked;
    let config = settings.resolve()?;
    serve::start_logging("warn")?;
    if !config.data_dir.join("stipend.db").exists() {
        let message = format!("there is no data in {}", config.data_dir.display());
        return Err(Failure::Configuration(message));
    }
    let shown = file.display();
    let exists = || Failure::Configuration(format!("{shown} exists: a backup is a new file"));
    if file.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let failed = |error: std::io::Error| Failure::failed(&format!("cannot write {shown}"), &error);
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let name = file
        .file_name()
        .ok_or_else(|| Failure::Configuration(format!("{shown} is not the name of a file")))?;
    // Only its owner reads and writes a temporary file, and so the copy that it becomes.
    let made = tempfile::Builder::new().prefix(name).suffix(".partial").tempfile_in(parent);
    let made = made.map_err(failed)?;

    let bar = fsck::progress(0, "pages copied");
    let copied = back_up(&config.data_dir, made.path(), |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let refused = |what: &str, error: StoreError| match error {
        StoreError::Damaged(why) => Failure::Damaged(format!("{what}: {why}; no backup was made")),
        other => other.into(),
    };
    copied.map_err(|error| refused("damaged data", error))?;
    let looked = Looked::file(made.path()).map_err(|error| refused("damaged copy", error))?;
    let audit = fsck::audit(looked.reader().as_ref(), "rows verified");
    let audit = audit.map_err(|error| refused("damaged copy", error))?;
    drop(looked);

    made.persist_noclobber(&file).map_err(|refused| match refused.error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(),
        _ => failed(refused.error),
    })?;
    let sync = || std::fs::File::open(parent)?.sync_all();
    sync().map_err(failed)?;
    say(&format!("{shown}: {}; verified\n", fsck::summary(&audit)))
}
