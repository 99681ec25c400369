//! `stipend environment`: environments of a stopped server.

use crate::config::Settings;
use crate::failure::Failure;
use crate::{say, serve, start};
use clap::{Args, Subcommand};
use std::path::Path;
use stipend_engine::{
    ApiKey, Command, Engine, Environment, EnvironmentClock, EnvironmentKind, PRODUCTION,
};
use stipend_server::ids::{SystemRandom, secret_key};
use stipend_store::StoreError;

/// What to do with environments.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Action {
    /// Make an environment, and print its secret API key once.
    Create(Create),
    /// List all environments.
    List(Settings),
}

/// The environment to make.
#[derive(Clone, Debug, Args)]
pub(crate) struct Create {
    /// Its name.
    name: String,
    /// Make a sandbox: its clock can be frozen and advanced.
    #[arg(long)]
    sandbox: bool,
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Create(create) => make(create),
        Action::List(settings) => list(settings),
    }
}

fn make(create: Create) -> Result<(), Failure> {
    let Create { name, sandbox, settings } = create;
    let engine = open(settings)?;
    // Environments are numbered from production on, so it has to be there before others.
    let first = start::ensure_key(&engine, None)?;
    let secret = secret_key(&SystemRandom);
    let kind = if sandbox { EnvironmentKind::Sandbox } else { EnvironmentKind::Production };
    let command = Command::CreateEnvironment { name, kind, key: ApiKey::new(&secret) };
    let made = engine.submitter().run(PRODUCTION, command);
    let printed = first
        .map_or(Ok(()), |first| say(&format!("API key of production (shown once): {first}\n")));
    made.map_err(|refusal| Failure::failed("the environment was not made", &refusal))?;
    printed?;
    let environments = engine.environments();
    say(&environments.last().map(line).unwrap_or_default())?;
    say(&format!("API key (shown once): {secret}\n"))
}

fn list(settings: Settings) -> Result<(), Failure> {
    let engine = open(settings)?;
    engine.environments().iter().try_for_each(|environment| say(&line(environment)))
}

fn line(environment: &Environment) -> String {
    let Environment { name, created_at, .. } = environment;
    let kind = match environment.kind {
        EnvironmentKind::Production => "production",
        EnvironmentKind::Sandbox => "sandbox",
    };
    let clock = match environment.clock() {
        EnvironmentClock::Wall => "wall clock".to_owned(),
        EnvironmentClock::Frozen(at) => format!("clock frozen at {at}"),
    };
    format!("{name}  {kind}  {clock}  made {created_at}\n")
}

fn open(settings: Settings) -> Result<Engine, Failure> {
    let config = settings.resolve()?;
    serve::start_logging("warn")?;
    let store = open_store(&config.data_dir)?;
    start::start_engine(store, &config.engine)
}

fn open_store(data_dir: &Path) -> Result<stipend_store_sqlite::SqliteStore, Failure> {
    if !data_dir.join("stipend.db").exists() {
        let message = format!("there is no data in {}; start the server once", data_dir.display());
        return Err(Failure::Configuration(message));
    }
    let locked = StoreError::Locked.to_string();
    start::open_store(data_dir).map_err(|failure| match failure {
        Failure::Configuration(why) if why == locked => Failure::Configuration(format!(
            "{why}; where that is a server, use GET and POST /api/v1/environments"
        )),
        other => other,
    })
}
