//! `stipend key`: the API keys of a stopped server.

use crate::config::Settings;
use crate::failure::Failure;
use crate::{say, start, tell};
use clap::{Args, Subcommand};
use stipend_core::EnvId;
use stipend_engine::{Actor, ApiKey, Command, Engine, Environment, KeyNo, Rights, Scope};
use stipend_server::ids::{SystemRandom, secret_key};

const LOCKED: &str = "where that is a server, stop it first, or use API keys in its dashboard";

/// What to do with API keys.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Action {
    /// List all keys, without their secrets: number, environment, scope, name and last characters.
    List(List),
    /// Make a key, and print its secret once.
    Create(Create),
    /// Revoke a key: from then on it opens nothing. It stays in the list.
    Revoke(Revoke),
}

/// The keys to list.
#[derive(Clone, Debug, Args)]
pub(crate) struct List {
    /// Only those of this environment.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

/// The key to make.
#[derive(Clone, Debug, Args)]
pub(crate) struct Create {
    /// What people call it, such as where it is used.
    #[arg(default_value = "")]
    name: String,
    /// What it may do: everything (`full`), reads and checks (`read`), or checks, reservations and
    /// the reporting of usage (`usage`).
    #[arg(long, default_value = "full", value_parser = parse_scope)]
    scope: Scope,
    /// The environment that it opens.
    #[arg(long, value_name = "NAME", default_value = "production")]
    environment: String,
    /// Let it list, make and change all environments too; for a full key of `production`.
    #[arg(long)]
    manages_environments: bool,
    #[command(flatten)]
    settings: Settings,
}

/// The key to revoke.
#[derive(Clone, Debug, Args)]
pub(crate) struct Revoke {
    /// Its number, as the list has it.
    number: u32,
    #[command(flatten)]
    settings: Settings,
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    let names = Scope::ALL.map(Scope::as_str).join(", ");
    Scope::parse(text).ok_or_else(|| format!("a scope is one of {names}"))
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::List(asked) => list(asked),
        Action::Create(asked) => create(asked),
        Action::Revoke(asked) => revoke(asked),
    }
}

fn list(asked: List) -> Result<(), Failure> {
    let engine = start::open_stopped(asked.settings, LOCKED)?;
    let environments = match asked.environment {
        Some(name) => vec![find_environment(&engine, &name)?],
        None => engine.environments(),
    };
    for environment in environments {
        for key in engine.api_keys(environment.id) {
            say(&line(&engine, &key))?;
        }
    }
    Ok(())
}

fn create(asked: Create) -> Result<(), Failure> {
    let Create { name, scope, environment, manages_environments, settings } = asked;
    let engine = start::open_stopped(settings, LOCKED)?;
    let env = find_environment(&engine, &environment)?.id;
    if manages_environments && env != stipend_engine::PRODUCTION {
        let message = "--manages-environments is for keys of production";
        return Err(Failure::Configuration(message.to_owned()));
    }
    let secret = secret_key(&SystemRandom);
    let rights = Rights { manages_environments };
    let name = name.trim().to_owned();
    let key = ApiKey { name, scope, rights, ..ApiKey::new(&secret) };
    let digest = key.digest;
    let made = engine.submitter().run(env, Command::CreateKey(key));
    made.map_err(|refusal| Failure::failed("the API key was not made", &refusal))?;
    let made = engine.api_keys(env).into_iter().find(|key| key.digest == digest);
    say(&made.map(|key| line(&engine, &key)).unwrap_or_default())?;
    say(&format!("API key (shown once): {secret}\n"))
}

fn revoke(asked: Revoke) -> Result<(), Failure> {
    let engine = start::open_stopped(asked.settings, LOCKED)?;
    let number = KeyNo(asked.number);
    let missing = || {
        let message = format!("there is no API key no. {}; `stipend key list` has them", number.0);
        Failure::Configuration(message)
    };
    let key = engine.find_key(number).ok_or_else(missing)?;
    if !key.is_live() {
        tell("it was revoked before; nothing was changed\n");
        return say(&line(&engine, &key));
    }
    let done = engine.submitter().run(key.env, Command::RevokeKey(number));
    done.map_err(|refusal| Failure::failed("the API key was not revoked", &refusal))?;
    say(&engine.find_key(number).map(|key| line(&engine, &key)).unwrap_or_default())?;
    if !engine.api_keys(key.env).iter().any(ApiKey::is_live) {
        let name = environment_name(&engine, key.env);
        tell(&format!("it was the last key of {name}: nothing can call the API there now\n"));
    }
    Ok(())
}

fn find_environment(engine: &Engine, name: &str) -> Result<Environment, Failure> {
    let all = engine.environments();
    let names: Vec<String> = all.iter().map(|environment| environment.name.clone()).collect();
    all.into_iter().find(|environment| environment.name == name).ok_or_else(|| {
        let names = names.join(", ");
        Failure::Configuration(format!("there is no environment {name:?}; there are: {names}"))
    })
}

fn environment_name(engine: &Engine, env: EnvId) -> String {
    engine.environment(env).map(|environment| environment.name).unwrap_or_default()
}

fn line(engine: &Engine, key: &ApiKey) -> String {
    let environment = environment_name(engine, key.env);
    let manages = if key.rights.manages_environments { " and environments" } else { "" };
    let name = if key.name.is_empty() { "(no name)" } else { &key.name };
    let by = |by: Option<&Actor>| by.map(|by| format!(" by {}", who(by))).unwrap_or_default();
    let made = by(key.created_by.as_ref());
    let revoked = key.revoked_at.map(|at| {
        let revoked = by(key.revoked_by.as_ref());
        format!("  revoked {at}{revoked}")
    });
    format!(
        "{}  {environment}  {}{manages}  {name}  …{}  made {}{made}{}\n",
        key.number.0,
        key.scope.as_str(),
        key.hint,
        key.created_at,
        revoked.unwrap_or_default(),
    )
}

fn who(by: &Actor) -> String {
    match by {
        Actor::System => "time".to_owned(),
        Actor::Key(number) => format!("key no. {}", number.0),
        Actor::Operator(name) => name.clone(),
        Actor::Host => "settings or command line".to_owned(),
    }
}
