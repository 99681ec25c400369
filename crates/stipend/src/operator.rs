//! `stipend operator`: who signs in to the dashboard of a stopped server.

use crate::config::Settings;
use crate::failure::Failure;
use crate::{say, start, tell, terminal};
use clap::{Args, Subcommand};
use std::io::{BufRead, IsTerminal as _};
use stipend_core::Timestamp;
use stipend_engine::{Command, Engine, Operator, PRODUCTION};
use stipend_server::ids::SystemRandom;
use stipend_server::new_password;

/// The most bytes that are read of a password: more are refused in any case.
const PASSWORD_BYTES_MAX: u64 = 4_096;

const LOCKED: &str = "where that is a server, stop it first: a password that is known is changed in \
                      the dashboard, under Account";

/// What to do with those who sign in to the dashboard.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Action {
    /// List who signs in to the dashboard with a password.
    List(Settings),
    /// Set the password of somebody who has lost theirs.
    ///
    /// The new password is asked for on a terminal, and else read from standard input, where it is
    /// the only line. Sessions live in the server's memory, so nobody is signed in any more when
    /// it starts again.
    SetPassword(SetPassword),
}

/// Whose password to set.
#[derive(Clone, Debug, Args)]
pub(crate) struct SetPassword {
    /// The name with which they sign in; it may be left out where there is only one.
    name: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::List(settings) => {
            let engine = start::open_stopped(settings, LOCKED)?;
            engine.operators().iter().try_for_each(|operator| say(&line(operator)))
        }
        Action::SetPassword(asked) => set_password(asked),
    }
}

fn line(operator: &Operator) -> String {
    let Operator { name, created_at, changed_at, .. } = operator;
    format!("{name}  made {created_at}  password set {changed_at}\n")
}

fn set_password(asked: SetPassword) -> Result<(), Failure> {
    let engine = start::open_stopped(asked.settings, LOCKED)?;
    let name = find(&engine, asked.name)?;
    let typed = read_password(&name)?;
    let password = new_password(&SystemRandom, &name, &typed);
    let password = password.map_err(|why| Failure::Configuration(format!("password: {why}")))?;
    let (created_at, changed_at) = (Timestamp::EPOCH, Timestamp::EPOCH);
    let operator = Operator { name: name.clone(), password, created_at, changed_at };
    let done = engine.submitter().run(PRODUCTION, Command::SetPassword(operator));
    done.map_err(|refusal| Failure::failed("the password was not set", &refusal))?;
    say(&format!(
        "The password of {name} was set. Start the server and sign in; whoever was signed in before \
         no longer is.\n"
    ))
}

/// The name of the operator who is meant.
fn find(engine: &Engine, asked: Option<String>) -> Result<String, Failure> {
    let names: Vec<String> = engine.operators().into_iter().map(|operator| operator.name).collect();
    let wrong = |message: String| Err(Failure::Configuration(message));
    match (asked, names.as_slice()) {
        (_, []) => wrong(
            "nobody has set up the dashboard yet: start the server, and open the link that it prints"
                .to_owned(),
        ),
        (Some(asked), names) if names.contains(&asked) => Ok(asked),
        (Some(asked), names) => {
            wrong(format!("{asked:?} does not sign in here; who does: {}", names.join(", ")))
        }
        (None, [only]) => Ok(only.clone()),
        (None, names) => wrong(format!("say whose password to set: {}", names.join(", "))),
    }
}

fn read_password(name: &str) -> Result<String, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return read_line(stdin.lock());
    }
    let prompt = format!("New password of {name}: ");
    let (first, again) = terminal::without_echo(move || {
        let ask = |prompt: &str| {
            tell(prompt);
            let typed = read_line(std::io::stdin().lock());
            tell("\n");
            typed
        };
        Ok((ask(&prompt)?, ask("Again: ")?))
    })?;
    if first == again {
        return Ok(first);
    }
    Err(Failure::Configuration("the two passwords are not the same".to_owned()))
}

/// One line without its end.
fn read_line(input: impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    let read = input.take(PASSWORD_BYTES_MAX).read_line(&mut line);
    read.map_err(|error| Failure::failed("the password cannot be read", &error))?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        let message = "there is no password on standard input: it is the first line there";
        return Err(Failure::Configuration(message.to_owned()));
    }
    Ok(line.to_owned())
}
