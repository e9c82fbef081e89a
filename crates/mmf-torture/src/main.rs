//! Programs that kill processes at the worst moment and look at what is left.
//!
//! `mmf-torture step [OPERATION...]` executes operations instruction by instruction; see the
//! module `step`.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod step;

use std::process::ExitCode;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
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

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() -> ExitCode {
    eprintln!("stepping needs Linux on x86-64");
    ExitCode::FAILURE
}
