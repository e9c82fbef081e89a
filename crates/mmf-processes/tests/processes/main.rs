//! What mmf promises to processes, shown with real ones.

mod changes;
mod deaths;
mod forks;
mod full;
mod lifetimes;
mod living;
mod locks;
mod openers;
mod permissions;
mod sharing;
mod storm;
mod waiting;

use mmf_processes::{Opening, Workshop};

/// Directories for one test's actors.
fn workshop() -> Workshop {
    Workshop::new(env!("CARGO_BIN_EXE_mmf-actor"))
}

/// Runs a test in system memory and with a swapfile.
fn each_place(test: impl Fn(&Workshop, &Opening)) {
    let workshop = workshop();
    for opening in workshop.openings() {
        eprintln!("in {}", opening.name);
        test(&workshop, &opening);
    }
}
