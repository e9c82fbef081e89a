//! Programs that kill processes at the worst moment and look at what is left.
//!
//! `mmf-torture step [OPERATION...]` executes operations instruction by instruction; see the
//! module `step`. It single-steps with ptrace and reads x86-64 instructions, so it is for Linux on
//! x86-64 alone. `mmf-torture storm` kills workers at random moments. `mmf-torture all` runs every
//! program with the settings of a full run.

mod all;
mod byte_lock;
mod crash;
mod layout;
mod roles;
mod scenario;
mod step;
mod storm;
mod tracee;

use std::process::ExitCode;

use clap::Parser;

/// Whatever goes wrong is for people to read.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Kills processes at the worst moment and looks at what is left.
#[derive(Debug, Parser)]
#[command(name = "mmf-torture", version, arg_required_else_help = true, max_term_width = 100)]
#[command(disable_help_subcommand = true)]
enum Command {
    All(all::All),
    Step(step::Step),
    Crash(crash::Crash),
    Storm(storm::Storm),
    #[command(flatten)]
    Role(roles::Role),
    #[command(hide = true)]
    Judge(step::Judge),
    #[command(hide = true)]
    StandBy(step::StandBy),
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::All(command) => command.run(),
        Command::Step(command) => command.run(),
        Command::Crash(command) => command.run(),
        Command::Storm(command) => command.run(),
        Command::Role(role) => role.play(),
        Command::Judge(command) => command.run(),
        Command::StandBy(command) => command.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
