//! The command `mmf`: variables shared between processes, from the shell.
//!
//! [`arguments`] says what the command line may be, each file in [`verbs`] does one verb, and
//! [`failure`] says how errors end.

mod arguments;
mod child;
mod demo;
mod exchange;
mod failure;
mod format;
mod held;
mod hexadecimal;
mod input;
mod manual;
mod output;
mod platform;
mod reading;
mod rows;
mod session;
mod units;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

use arguments::CommandLine;
use failure::{Failure, Verdict};
use output::Output;

fn main() -> ExitCode {
    let code = match CommandLine::try_parse() {
        Ok(command_line) => run(&command_line),
        Err(error) => arguments::explain(&error),
    };
    ExitCode::from(code)
}

/// Does what was asked for; returns the exit code.
fn run(command_line: &CommandLine) -> u8 {
    let mut output = Output::new(command_line.session.form());
    let outcome = command_line.verb.run(&command_line.session, &mut output).and_then(|verdict| {
        output.flush().map(|()| verdict).or_else(|failure| failure.or(verdict))
    });
    match outcome {
        Ok(verdict) => verdict.exit_code(),
        Err(Failure::ClosedPipe) => Verdict::Done.exit_code(),
        Err(failure) => {
            output::complain(&failure.to_string());
            failure.exit_code()
        }
    }
}
