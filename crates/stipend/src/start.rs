//! Opening the store and starting the engine over it.

use crate::config::Settings;
use crate::failure::Failure;
use crate::serve;
use std::path::Path;
use std::sync::Arc;
use stipend_engine::{
    ApiKey, Command, Engine, Options as EngineOptions, PRODUCTION, StartError, SystemClock,
};
use stipend_server::ids::{SystemRandom, secret_key};
use stipend_store::StoreError;
use stipend_store_sqlite::{Exposed, Options, SqliteStore, exposed};

/// Opens the store of a data directory, which comes to be where it is missing.
pub(crate) fn open_store(data_dir: &Path) -> Result<SqliteStore, Failure> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)
        .map_err(|error| Failure::Failed(format!("no random bytes: {error}")))?;
    let (store, opened) = SqliteStore::open(data_dir, &Options::new(secret))?;
    if let Some(offset) = opened.torn_tail {
        tracing::warn!(offset, "the write-ahead log ended in a commit that never completed");
    }
    if opened.mark_unreadable {
        tracing::warn!("the mark of the last acknowledged batch was unreadable and is made anew");
    }
    for exposed in exposed(data_dir)? {
        let text = exposure(&exposed);
        // Many a directory was made by hand before the first start.
        if exposed.is_harmless() { tracing::info!("{text}") } else { tracing::warn!("{text}") }
    }
    Ok(store)
}

/// What others than its owner may read, and what to do about it.
pub(crate) fn exposure(exposed: &Exposed) -> String {
    let Exposed { path, mode, wanted } = exposed;
    let shown = path.display();
    let what = if exposed.is_harmless() { "list the names in" } else { "read or write" };
    format!("others than its owner can {what} {shown} (mode {mode:04o}): chmod {wanted:o} {shown}")
}

/// Opens the data of a server that is stopped and has run before. `locked` says what to do where it
/// still runs.
pub(crate) fn open_stopped(settings: Settings, locked: &str) -> Result<Engine, Failure> {
    let config = settings.resolve()?;
    serve::start_logging("warn")?;
    if !config.data_dir.join("stipend.db").exists() {
        let shown = config.data_dir.display();
        let message = format!("there is no data in {shown}; start the server once");
        return Err(Failure::Configuration(message));
    }
    let is_locked = StoreError::Locked.to_string();
    let store = open_store(&config.data_dir).map_err(|failure| match failure {
        Failure::Configuration(why) if why == is_locked => {
            Failure::Configuration(format!("{why}; {locked}"))
        }
        other => other,
    })?;
    start_engine(store, &config.engine)
}

/// Starts an engine that aborts the process when its store fails: nothing may be acknowledged
/// after that, and a restart finds what is durable.
pub(crate) fn start_engine(store: SqliteStore, options: &EngineOptions) -> Result<Engine, Failure> {
    let clock = Arc::new(SystemClock);
    let fatal = Box::new(|error: &stipend_store::StoreError| {
        tracing::error!(%error, "stopping: the outcome of a write is unknown");
        std::process::abort();
    });
    Engine::start_with(Box::new(store), clock, fatal, options).map_err(|error| match error {
        StartError::Store(error) => error.into(),
        StartError::ClockJump { .. } => Failure::Configuration(format!(
            "{error}: leave --max-clock-jump out, or name a longer one"
        )),
    })
}

/// Makes sure that there is a key to the production environment. Answers the key where it was
/// made here.
pub(crate) fn ensure_key(engine: &Engine, wanted: Option<&str>) -> Result<Option<String>, Failure> {
    if wanted.is_none() && engine.has_keys() {
        return Ok(None);
    }
    let made = wanted.is_none().then(|| secret_key(&SystemRandom));
    let key = wanted.or(made.as_deref()).unwrap_or_default();
    store_key(engine, Command::OpenProduction(ApiKey::new(key)))?;
    Ok(made)
}

/// Makes sure that there is a sandbox environment with that key.
pub(crate) fn ensure_sandbox(engine: &Engine, key: &str) -> Result<(), Failure> {
    store_key(engine, Command::OpenSandbox(ApiKey::new(key)))
}

fn store_key(engine: &Engine, command: Command) -> Result<(), Failure> {
    let done = engine.submitter().run(PRODUCTION, command);
    done.map_err(|refusal| Failure::failed("the API key could not be stored", &refusal))?;
    Ok(())
}
