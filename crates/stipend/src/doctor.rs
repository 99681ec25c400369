//! `stipend doctor`: what a server needs here, looked at before it is started.

use crate::config::{Config, Settings, unknown_variables};
use crate::failure::Failure;
use crate::{say, start};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use stipend_engine::{Clock, SystemClock};
use stipend_store::Store as _;

/// Syncs that are timed.
const SYNCS: usize = 50;

pub(crate) fn run(settings: Settings) -> Result<(), Failure> {
    let config = settings.resolve()?;
    let mut wrong = 0;
    let checks: [(&str, Result<String, String>); 4] = [
        ("data directory", data_directory(&config)),
        ("disk", disk(&config.data_dir)),
        ("address", address(&config)),
        ("environment", Ok(environment())),
    ];
    for (name, result) in checks {
        let (word, text) = match result {
            Ok(text) => ("ok   ", text),
            Err(text) => {
                wrong += 1;
                ("WRONG", text)
            }
        };
        say(&format!("{word}  {name}: {text}\n"))?;
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Failure::Failed("one thing is wrong".to_owned())),
        several => Err(Failure::Failed(format!("{several} things are wrong"))),
    }
}

fn data_directory(config: &Config) -> Result<String, String> {
    let shown = config.data_dir.display();
    let store =
        start::open_store(&config.data_dir).map_err(|failure| format!("{shown}: {failure}"))?;
    let last = store.reader().last().map_err(|error| format!("{shown}: {error}"))?;
    Ok(format!("{shown} can be opened and holds {last} rows"))
}

/// Times what every acknowledgement waits for.
fn disk(data_dir: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot write there: {error}");
    let mut file = tempfile::tempfile_in(data_dir).map_err(failed)?;
    let mut micros = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun = SystemClock.now();
        file.write_all(&[0; 512]).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        micros.push(SystemClock.now().micros() - begun.micros());
    }
    micros.sort_unstable();
    let at = |place: usize| micros.get(place).copied().unwrap_or(0);
    Ok(format!(
        "a sync takes {} µs in the median and {} µs at worst, of {SYNCS}; every answer to a write \
         waits for one, many share it",
        at(SYNCS / 2),
        at(SYNCS - 1)
    ))
}

fn address(config: &Config) -> Result<String, String> {
    match TcpListener::bind(config.listen) {
        Ok(_) => Ok(format!("{} is free", config.listen)),
        Err(error) => Err(format!("{}: {error}", config.listen)),
    }
}

fn environment() -> String {
    let unknown = unknown_variables();
    if unknown.is_empty() {
        "every STIPEND_ variable is known".to_owned()
    } else {
        // A server starts all the same, with a warning.
        format!("these variables mean nothing to this version: {}", unknown.join(", "))
    }
}
