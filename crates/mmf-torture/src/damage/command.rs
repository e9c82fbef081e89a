//! The command line: seeds shared out to workers, and what they came to.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mmf::ErrorKind;

use super::supervisor::{Finding, Supervisor};
use super::tally::Tally;
use super::worker::kept;
use crate::Result;
use crate::crew::processors;
use crate::place::work_directory;

/// Findings after which a run ends.
const ENOUGH: usize = 20;
/// Processes that are at work in the live form while another changes the file.
const AT_WORK: usize = 2;

/// Damages files at rest and in use, and does everything with them.
#[derive(Debug, clap::Args)]
pub(crate) struct Damage {
    /// How many damaged files are opened.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    files: u64,
    /// How many files are damaged while processes are at work on them.
    #[arg(long, value_name = "N", default_value_t = 200)]
    live: u64,
    /// The first file's seed; the next ones follow.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Begins no further file after so many seconds, in each of the two forms.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    seconds: u64,
    /// Private memory that a worker may have, in MiB; 0 is without a limit.
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    memory: u64,
    /// Opens a file that an earlier run has kept, and nothing else.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
}

/// What all workers have come to.
#[derive(Default)]
struct Outcome {
    tally: Tally,
    findings: usize,
    files: u64,
    live: u64,
}

impl Damage {
    /// Prints a table of what the operations came to.
    pub(crate) fn run(&self) -> Result<()> {
        let started = Instant::now();
        let root = work_directory()?;
        let outcome = Mutex::new(Outcome::default());
        match &self.replay {
            Some(path) => self.replay(root.path(), path, &outcome)?,
            None => {
                self.at_rest(root.path(), &outcome)?;
                self.in_use(root.path(), &outcome)?;
            }
        }
        let outcome = outcome.into_inner().unwrap_or_else(|poison| poison.into_inner());
        conclude(&outcome, started.elapsed())
    }

    fn replay(&self, root: &Path, path: &Path, outcome: &Mutex<Outcome>) -> Result<()> {
        let path = path.canonicalize()?;
        let mut worker = Supervisor::new(root.join("0"), 0, self.memory)?;
        let answer = worker.ask(&format!("replay {}", path.display()))?;
        lock(outcome).files = 1;
        note(outcome, Trial::Kept, worker.place(), answer);
        Ok(())
    }

    /// Files that nobody is attached to, shared out to as many workers as there are processors.
    fn at_rest(&self, root: &Path, outcome: &Mutex<Outcome>) -> Result<()> {
        let processes = processors();
        let next = AtomicU64::new(0);
        let end = Instant::now() + Duration::from_secs(self.seconds);
        let work = |number: usize| -> Result<()> {
            let mut worker = Supervisor::new(root.join(number.to_string()), 0, self.memory)?;
            while Instant::now() < end && lock(outcome).findings < ENOUGH {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= self.files {
                    break;
                }
                let seed = self.seed.wrapping_add(index);
                let answer = worker.ask(&format!("file {seed}"))?;
                lock(outcome).files += 1;
                note(outcome, Trial::File(seed), worker.place(), answer);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..processes).map(|number| scope.spawn(move || work(number))).collect();
            threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a panic")?)
        })
    }

    /// Files that processes are at work on, one after another.
    fn in_use(&self, root: &Path, outcome: &Mutex<Outcome>) -> Result<()> {
        let place = root.join("live");
        let mut workers = Vec::new();
        for number in 0..=AT_WORK {
            workers.push(Supervisor::new(place.clone(), number, self.memory)?);
        }
        let end = Instant::now() + Duration::from_secs(self.seconds);
        for seed in (self.seed..).take(self.live as usize) {
            if Instant::now() >= end || lock(outcome).findings >= ENOUGH {
                break;
            }
            let trial = Trial::Live(seed);
            let prepared = workers[0].ask(&format!("prepare {seed}"))?;
            note(outcome, trial, &place, prepared);
            for (number, worker) in workers.iter_mut().enumerate() {
                let order = if number == 0 { "attack" } else { "work" };
                worker.order(&format!("{order} {seed}"))?;
            }
            for worker in &mut workers {
                let answer = worker.answer()?;
                note(outcome, trial, &place, answer);
            }
            let cleaned = workers[0].ask(&format!("clean {seed}"))?;
            note(outcome, trial, &place, cleaned);
            lock(outcome).live += 1;
        }
        Ok(())
    }
}

fn lock(outcome: &Mutex<Outcome>) -> std::sync::MutexGuard<'_, Outcome> {
    outcome.lock().unwrap_or_else(|poison| poison.into_inner())
}

/// What was damaged, and how: prints as the options that do it again.
#[derive(Clone, Copy)]
enum Trial {
    File(u64),
    Live(u64),
    Kept,
}

impl Trial {
    fn seed(self) -> u64 {
        match self {
            Self::File(seed) | Self::Live(seed) => seed,
            Self::Kept => 0,
        }
    }
}

impl std::fmt::Display for Trial {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(seed) => write!(out, "--files 1 --live 0 --seed {seed}"),
            Self::Live(seed) => write!(out, "--files 0 --live 1 --seed {seed}"),
            Self::Kept => write!(out, "--replay"),
        }
    }
}

/// Adds an answer; what is wrong with it is printed, with what reproduces it.
fn note(
    outcome: &Mutex<Outcome>,
    trial: Trial,
    place: &Path,
    answer: std::result::Result<Tally, Finding>,
) {
    let mut outcome = lock(outcome);
    match answer {
        Ok(mut tally) => {
            for complaint in std::mem::take(&mut tally.complaints) {
                outcome.findings += 1;
                println!("BAD  damage {trial}: {complaint}");
            }
            outcome.tally.add(tally, trial.seed());
        }
        Err(Finding { what, last_words }) => {
            outcome.findings += 1;
            println!("BAD  damage {trial}: {what}{}", keep(place, outcome.findings));
            println!("{last_words}");
        }
    }
}

/// Keeps the damaged file of a finding, and tells where.
fn keep(place: &Path, number: usize) -> String {
    let moved = [false, true].into_iter().find_map(|is_swapfile| {
        let from = kept(place, is_swapfile);
        let extension = from.extension()?.to_string_lossy().into_owned();
        let name = format!("mmf-damaged-{}-{number}.{extension}", std::process::id());
        let to = std::env::temp_dir().join(name);
        std::fs::copy(&from, &to).ok()?;
        std::fs::remove_file(&from).ok()?;
        Some(to)
    });
    moved.map_or_else(String::new, |path| format!("; --replay {}", path.display()))
}

fn conclude(outcome: &Outcome, took: Duration) -> Result<()> {
    outcome.tally.print();
    let operations = outcome.tally.count();
    println!(
        "{} damaged files, {} in use, {operations} operations, {} of them Damaged, {:.1} s",
        outcome.files,
        outcome.live,
        outcome.tally.errors(ErrorKind::Damaged),
        took.as_secs_f64()
    );
    if outcome.findings > 0 {
        return Err(format!("{} findings", outcome.findings).into());
    }
    if operations == 0 {
        return Err("nothing was done".into());
    }
    println!("every operation ended in a value or an error");
    Ok(())
}
