//! Programs that kill processes at the worst moment and look at what is left.
//!
//! `mmf-torture step [OPERATION...]` executes operations instruction by instruction; see the
//! module `step`. It single-steps with ptrace and reads x86-64 instructions, so it is for Linux on
//! x86-64 alone. `mmf-torture storm` kills workers at random moments. `mmf-torture all` runs every
//! program with the settings of a full run.

mod all;
mod byte_lock;
mod crash;
mod crew;
mod damage;
mod faults;
mod layout;
mod living;
mod place;
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
    Living(living::Living),
    Storm(storm::Storm),
    Faults(faults::Faults),
    #[command(hide = true)]
    FaultVictim(faults::Victim),
    #[command(hide = true)]
    FaultRoom(faults::Room),
    #[command(hide = true)]
    FaultLimit(faults::Limited),
    #[command(hide = true)]
    FaultHolder(faults::Holder),
    Damage(damage::Damage),
    #[command(flatten)]
    Role(roles::Role),
    #[command(hide = true, name = "damage-worker")]
    DamageWorker(damage::Worker),
    #[command(hide = true)]
    Judge(step::Judge),
    #[command(hide = true)]
    StandBy(step::StandBy),
    #[command(hide = true)]
    LookOn(living::LookOn),
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::All(command) => command.run(),
        Command::Step(command) => command.run(),
        Command::Crash(command) => command.run(),
        Command::Living(command) => command.run(),
        Command::Storm(command) => command.run(),
        Command::Faults(command) => command.run(),
        Command::FaultVictim(command) => command.run(),
        Command::FaultRoom(command) => command.run(),
        Command::FaultLimit(command) => command.run(),
        Command::FaultHolder(command) => command.run(),
        Command::Damage(command) => command.run(),
        Command::DamageWorker(worker) => worker.run(),
        Command::Role(role) => role.play(),
        Command::Judge(command) => command.run(),
        Command::StandBy(command) => command.run(),
        Command::LookOn(command) => command.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
