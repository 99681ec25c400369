//! `stipend doctor`: what a server needs here, looked at before it is started.

use crate::config::{Config, Settings, unknown_variables};
use crate::failure::Failure;
use crate::{say, start};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use stipend_engine::{Clock, SystemClock};
use stipend_store::StoreError;
use stipend_store_sqlite::{Exposed, Looked, exposed};

/// Syncs that are timed.
const SYNCS: usize = 50;

pub(crate) fn run(settings: Settings) -> Result<(), Failure> {
    let config = settings.resolve()?;
    let mut wrong = 0;
    let checks: [(&str, Result<String, String>); 6] = [
        ("data directory", data_directory(&config.data_dir)),
        ("permissions", permissions(&config.data_dir)),
        ("disk", disk(nearest(&config.data_dir))),
        ("address", address(config.listen)),
        ("metrics", metrics(&config)),
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

/// Looks at the data and makes nothing: a name that is mistyped must not become a database.
fn data_directory(data_dir: &Path) -> Result<String, String> {
    let shown = data_dir.display();
    let writable = nearest(data_dir);
    tempfile::tempfile_in(writable)
        .map_err(|error| format!("{} cannot be written: {error}", writable.display()))?;
    if writable != data_dir {
        return Ok(format!(
            "{shown} does not exist; a server would make it and begin without data"
        ));
    }
    if !data_dir.join("stipend.db").exists() {
        return Ok(format!("{shown} holds no data; a server would begin without"));
    }
    let wrong = |error: StoreError| format!("{shown}: {}", Failure::from(error));
    let looked = Looked::directory(data_dir).map_err(wrong)?;
    if let Some(flaw) = looked.flaw {
        return Err(wrong(StoreError::Damaged(flaw)));
    }
    let last = if looked.empty { 0 } else { looked.reader().last().map_err(wrong)? };
    Ok(format!("{shown} can be read and written, and holds {last} rows"))
}

/// The directory, or the nearest one above it that exists.
fn nearest(data_dir: &Path) -> &Path {
    let there = data_dir.ancestors().find(|path| path.exists());
    there.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn permissions(data_dir: &Path) -> Result<String, String> {
    let found = exposed(data_dir).map_err(|error| Failure::from(error).to_string())?;
    let (harmless, harmful): (Vec<Exposed>, Vec<Exposed>) =
        found.into_iter().partition(Exposed::is_harmless);
    let lines =
        |found: &[Exposed]| found.iter().map(start::exposure).collect::<Vec<_>>().join("; ");
    match (harmful.as_slice(), harmless.as_slice()) {
        ([], []) => Ok("only the owner can read the data".to_owned()),
        ([], harmless) => Ok(format!("only the owner can read the data; {}", lines(harmless))),
        (harmful, _) => Err(lines(harmful)),
    }
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

fn address(listen: SocketAddr) -> Result<String, String> {
    match TcpListener::bind(listen) {
        Ok(_) => Ok(format!("{listen} is free")),
        Err(error) => Err(format!("{listen}: {error}")),
    }
}

/// They need no key, so it matters who can ask.
fn metrics(config: &Config) -> Result<String, String> {
    let Some(listen) = config.metrics_listen else {
        return Ok(
            "served with the API, without a key; --metrics-listen 127.0.0.1:9464 serves them \
                   apart"
                .to_owned(),
        );
    };
    let api = config.listen;
    let is_same_host =
        listen.ip() == api.ip() || listen.ip().is_unspecified() || api.ip().is_unspecified();
    if is_same_host && listen.port() == api.port() && listen.port() != 0 {
        return Err(format!("{listen} is where the API is; give them another port"));
    }
    let free = address(listen)?;
    if listen.ip().is_loopback() {
        Ok(free)
    } else {
        Ok(format!("{free}; they need no key, so let only your own machines reach it"))
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
