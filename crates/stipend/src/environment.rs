//! `stipend environment`: environments of a stopped server.

use crate::config::Settings;
use crate::failure::Failure;
use crate::{say, start};
use clap::{Args, Subcommand};
use stipend_core::Zone;
use stipend_core::catalog::{Alignment, CreditProration, Settings as Counting};
use stipend_engine::{ApiKey, Command, Environment, EnvironmentClock, EnvironmentKind, PRODUCTION};
use stipend_server::ids::{SystemRandom, secret_key};

const LOCKED: &str = "where that is a server, use GET and POST /api/v1/environments";

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
    /// The IANA time zone in whose wall time periods are counted; UTC where it is left out.
    #[arg(long, value_name = "ZONE", value_parser = Zone::parse)]
    time_zone: Option<Zone>,
    /// Begin periods with the calendar month, and not with the subscription.
    #[arg(long)]
    align_to_month: bool,
    /// Grant of a change in the middle of a period only the part for the rest of it.
    #[arg(long)]
    prorate: bool,
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
    let Create { name, sandbox, time_zone, align_to_month, prorate, settings } = create;
    let counting = Counting {
        zone: time_zone,
        alignment: if align_to_month { Alignment::StartOfMonth } else { Alignment::default() },
        proration: if prorate { CreditProration::Prorate } else { CreditProration::default() },
    };
    let engine = start::open_stopped(settings, LOCKED)?;
    // Environments are numbered from production on, so it has to be there before others.
    let first = start::ensure_key(&engine, None)?;
    let secret = secret_key(&SystemRandom);
    let kind = if sandbox { EnvironmentKind::Sandbox } else { EnvironmentKind::Production };
    let command =
        Command::CreateEnvironment { name, kind, settings: counting, key: ApiKey::new(&secret) };
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
    let engine = start::open_stopped(settings, LOCKED)?;
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
