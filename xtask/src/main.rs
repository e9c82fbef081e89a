//! The checks of this workspace: `cargo xtask test` runs all of them, `cargo xtask <step>` one.
//!
//! It has no dependencies, so that it builds in a second, and nothing here is known to the
//! continuous integration alone: `.ci/run` calls `cargo xtask test` and nothing else.

mod callgrind;
mod command;
mod finding;
mod hygiene;
mod instructions;
mod layers;
mod links;
mod mutate;
mod orderings;
mod paths;
mod runner;
mod rust_source;
mod setup;
mod steps;
mod workspace;

use std::env;
use std::process::ExitCode;

use steps::STEPS;
use workspace::Workspace;

/// Exit code of a command line that makes no sense, as opposed to a check that failed.
const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let wants_help = names.iter().any(|name| matches!(*name, "help" | "--help" | "-h"));
    if names.is_empty() || wants_help {
        print!("{}", runner::help());
        return ExitCode::SUCCESS;
    }
    let workspace = Workspace::of_this_build();
    match &names[..] {
        ["mutate", words @ ..] => return exit_code("mutate", mutate::run(&workspace, words)),
        ["instructions", "--record"] => {
            return exit_code("instructions", instructions::record(&workspace));
        }
        _ => {}
    }
    let selected = if names == ["test"] {
        STEPS.iter().collect()
    } else {
        match runner::select(&names) {
            Ok(selected) => selected,
            Err(unknown) => {
                eprintln!("xtask: no step is called `{unknown}`\n\n{}", runner::help());
                return ExitCode::from(USAGE_ERROR);
            }
        }
    };
    if runner::run(&workspace, &selected) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints why something that is no step failed.
fn exit_code(name: &str, result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            println!("{name}: FAILED: {reason}");
            ExitCode::FAILURE
        }
    }
}
