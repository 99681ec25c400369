//! The binary: `serve`, `demo`, `doctor`, `environment`, `key`, `operator`, `fsck`, `backup`,
//! `restore`, `openapi`.
//!
//! Exit codes: 0 fine, 1 failed, 2 usage or configuration, 3 damaged data.

mod backup;
mod config;
mod demo;
mod descriptors;
mod doctor;
mod environment;
mod failure;
mod fsck;
mod key;
mod operator;
mod restore;
mod serve;
mod start;
mod terminal;

use clap::{Parser, Subcommand};
use config::Settings;
use failure::Failure;
use std::io::Write as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Credit entitlements and usage credits, self-hosted.
#[derive(Debug, Parser)]
#[command(name = "stipend", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API on an embedded store.
    Serve(Settings),
    /// Serve an example on a fresh temporary data directory, and show what it does.
    Demo(demo::Arguments),
    /// Look at what a server needs here, and say what is wrong.
    Doctor(Settings),
    /// Make and list environments of a stopped server.
    #[command(subcommand)]
    Environment(environment::Action),
    /// Make, list and revoke API keys of a stopped server.
    #[command(subcommand)]
    Key(key::Action),
    /// List who signs in to the dashboard of a stopped server, and set a password that was lost.
    #[command(subcommand)]
    Operator(operator::Action),
    /// Verify the data of a stopped server: every row, every hash, every invariant.
    Fsck(Settings),
    /// Copy the data into one file, also beside a running server, and verify the copy.
    ///
    /// The copy holds everything that was acknowledged before the command began. Until it is whole,
    /// synced and verified it stands beside FILE under another name. Only its owner may read it: it
    /// holds the hashes of passwords and keys, and the secret that tokens are signed with.
    Backup(backup::Backup),
    /// Put a copy back, in the place of the data of a stopped server.
    ///
    /// The copy is verified first, and left as it is. The files that are there are not deleted: they
    /// go into a new folder `before-restore-…` in the data directory.
    Restore(restore::Arguments),
    /// Print the API's description (`OpenAPI`, JSON).
    Openapi,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Serve(settings) => serve::run(settings),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Doctor(settings) => doctor::run(settings),
        Command::Environment(action) => environment::run(action),
        Command::Key(action) => key::run(action),
        Command::Operator(action) => operator::run(action),
        Command::Fsck(settings) => fsck::run(settings),
        Command::Backup(asked) => backup::run(asked),
        Command::Restore(asked) => restore::run(asked),
        Command::Openapi => say(&stipend_server::openapi::document()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Where not even standard error can be written, nobody is left to be told.
            let _ = writeln!(std::io::stderr(), "stipend: {failure}");
            failure.exit_code()
        }
    }
}

/// Writes to standard output at once.
fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::failed("cannot write to standard output", &error))
}

/// Says something beside the output that programs read.
fn tell(text: &str) {
    // Who closed standard error does not want to know.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
