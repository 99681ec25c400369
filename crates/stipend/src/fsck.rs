//! `stipend fsck`.

use crate::config::Settings;
use crate::failure::Failure;
use crate::{say, serve, start};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use stipend_engine::fsck::verify;
use stipend_engine::series::verify_rolls;
use stipend_store::Store as _;
use stipend_store_sqlite::SqliteRolls;

pub(crate) fn run(settings: Settings) -> Result<(), Failure> {
    let config = settings.resolve()?;
    serve::start_logging("warn")?;
    let database = config.data_dir.join("stipend.db");
    if !database.exists() {
        let message = format!("there is no data in {}", config.data_dir.display());
        return Err(Failure::Configuration(message));
    }
    let store = start::open_store(&config.data_dir)?;
    let reader = store.reader();
    let progress =
        ProgressBar::with_draw_target(Some(reader.last()?), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rows");
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let audit = verify(reader.as_ref(), |audit| progress.set_position(audit.rows))?;
    progress.finish_and_clear();
    let rolls = verify_rolls(reader.as_ref(), &SqliteRolls::open(&config.data_dir)?)?;
    say(&format!(
        "clean: {} rows in {} batches, {} customers with {} pools; every hash, pointer, sum and \
         invariant holds, and the images and {rolls} roll-ups equal the journal\n",
        audit.rows, audit.batches, audit.customers, audit.pools
    ))
}
