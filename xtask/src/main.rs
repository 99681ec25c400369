//! Development tasks of the workspace: `cargo xtask tidy`, `cargo xtask test`, `cargo xtask crash`,
//! `cargo xtask herd`, `cargo xtask faults`, `cargo xtask overload`, `cargo xtask soak`, `cargo xtask screenshots`.
#![expect(clippy::print_stdout, reason = "a command-line tool reports to its terminal")]

mod crash;
mod faults;
mod herd;
mod http;
mod overload;
mod prng;
mod server;
mod soak;
mod test_run;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Development tasks of the Stipend workspace")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check the rules of the source tree that compilers and linters do not know.
    Tidy,
    /// Run every check and test of the project, as the CI does.
    Test,
    /// Take pictures of every screen of the dashboard, also those of `docs/dashboard.md`.
    Screenshots,
    /// Kill the server again and again under load, and check that nothing is lost or doubled.
    Crash(crash::Options),
    /// Let many subscriptions fall due at one instant, and check that they are renewed once.
    Herd(herd::Options),
    /// Let the server's file operations fail, and its disk lose what was not synced.
    Faults(faults::Options),
    /// Let many times as many clients come as may be under way at once.
    Overload(overload::Options),
    /// Load without a pause, with a reader that stays, a copy, and renewals all the while.
    Soak(soak::Options),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Tidy => tidy::command().map(|()| true),
        Task::Test => test_run::command(),
        Task::Screenshots => test_run::screenshots(),
        Task::Crash(options) => crash::command(&options).map(|()| true),
        Task::Herd(options) => herd::command(&options).map(|()| true),
        Task::Faults(options) => faults::command(&options).map(|()| true),
        Task::Overload(options) => overload::command(&options).map(|()| true),
        Task::Soak(options) => soak::command(&options).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
