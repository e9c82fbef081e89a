//! Trials in a process and a directory of their own, some on a small file system of their own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::geteuid;

use crate::Result;

/// Bytes of the small file system.
const SMALL: u64 = 1 << 20;
/// When a process that hangs gives up.
const LONGEST_TRIAL: Duration = Duration::from_secs(120);

/// What the directory of namespaces is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// Memory, as much as there is.
    Ample,
    /// A file system in memory that this trial has for itself.
    Small,
}

/// One trial.
pub(super) struct Task {
    pub(super) name: String,
    /// The command line of the process, without the program.
    pub(super) words: Vec<String>,
    pub(super) ground: Ground,
}

/// Runs the trials, several at once, and prints what each came to. Returns those that were bad.
pub(super) fn run(title: &str, tasks: &[Task], jobs: usize, root: &Path) -> Result<Vec<String>> {
    println!("{title:<40} {:>8}  came to", "time");
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(number) else { return };
                    let started = Instant::now();
                    let directory = root.join(format!("place-{title}-{number}"));
                    let outcome = run_one(task, &directory);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push((number, outcome, started.elapsed()));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(number, ..)| *number);
    let mut bad = Vec::new();
    for (number, outcome, time) in results {
        let Task { name, words, .. } = &tasks[number];
        let said = outcome.as_ref().map_or("BAD", String::as_str);
        println!("{name:<40} {:>6.1} s  {said}", time.as_secs_f64());
        if let Err(error) = outcome {
            bad.push(format!("{name} ({}): {error}", words.join(" ")));
        }
    }
    Ok(bad)
}

/// Runs one trial; returns the last line it printed.
fn run_one(task: &Task, directory: &Path) -> Result<String> {
    std::fs::create_dir(directory)?;
    let program = std::env::current_exe()?;
    let mut command = match task.ground {
        Ground::Ample => Command::new(&program),
        Ground::Small => {
            let mount = format!(
                "mount -t tmpfs -o size={SMALL},mode=0755 tmpfs \"$MMF_DIR\" && exec \"$0\" \"$@\""
            );
            let mut command = Command::new("unshare");
            if !geteuid().is_root() {
                command.args(["--user", "--map-root-user"]);
            }
            command.args(["--mount", "sh", "-c", &mount]).arg(&program);
            command
        }
    };
    command.args(&task.words).env("MMF_DIR", directory).stdin(Stdio::null());
    let output = command.output()?;
    std::fs::remove_dir_all(directory)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    if output.status.success() {
        return Ok(last.to_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("{last}: {} ({})", complaint.trim_end(), output.status).into())
}

/// Ends this process if it takes much too long.
pub(super) fn give_up_in_time() {
    std::thread::spawn(|| {
        std::thread::sleep(LONGEST_TRIAL);
        eprintln!("it hangs");
        std::process::exit(3);
    });
}
