//! Programs that kill processes at the worst moment and look at what is left.
//!
//! `mmf-torture step [OPERATION...]` executes operations instruction by instruction; see the
//! module `step`. It single-steps with ptrace and reads x86-64 instructions, so it is for Linux on
//! x86-64 alone.

mod step;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match step::run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
