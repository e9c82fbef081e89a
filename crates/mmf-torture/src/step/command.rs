//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::judge::{Manner, Outcome, judge};
use super::jury::Jury;
use super::stepper::{Report, Stepper};
use crate::Result;
use crate::scenario::Scenario;
use crate::scenario::catalogue::{all, find};

/// Executes operations instruction by instruction and judges every state that a kill would leave.
#[derive(Debug, clap::Args)]
pub(crate) struct Step {
    /// Names the operations and does nothing.
    #[arg(long)]
    list: bool,
    /// 1: the operation itself; 2: then the recovery from each of its states, too.
    #[arg(long, value_name = "LEVELS", default_value = "1", value_parser = ["1", "2"])]
    depth: String,
    /// With --depth: the recovery from every Nth state only.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    every: NonZeroUsize,
    /// Keeps there what was found bad.
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
    /// The operations; all of them if none is named.
    #[arg(value_name = "OPERATION")]
    names: Vec<String>,
}

impl Step {
    /// Prints a row for each operation.
    pub(crate) fn run(&self) -> Result<()> {
        if self.list {
            for scenario in all() {
                println!("{}", scenario.name);
            }
            return Ok(());
        }
        step(self)
    }
}

/// Judges the namespace in `MMF_DIR`: a process that the stepper starts.
#[derive(Debug, clap::Args)]
pub(crate) struct Judge {
    name: String,
    manner: Manner,
}

impl Judge {
    pub(crate) fn run(&self) -> Result<()> {
        let verdict = judge(&find(&self.name)?, self.manner)?;
        let outcome = match verdict.outcome {
            Outcome::Before => "before",
            Outcome::After => "after",
        };
        println!("{outcome} {}", verdict.recovery.as_micros());
        Ok(())
    }
}

fn step(request: &Step) -> Result<()> {
    let scenarios = if request.names.is_empty() {
        all()
    } else {
        request.names.iter().map(|name| find(name)).collect::<Result<Vec<_>>>()?
    };
    // Memory, so that copies are quick; elsewhere the same, but slower.
    let mut place = tempfile::Builder::new();
    place.prefix("mmf-torture-");
    let root = place.tempdir_in("/dev/shm").or_else(|_| place.tempdir())?;
    let judges = std::thread::available_parallelism().map_or(2, usize::from) * 2;
    let jury = Jury::new(root.path(), judges);
    let keep = request.keep.as_deref();
    let stepper = Stepper { root: root.path(), jury: &jury, keep };
    println!(
        "{:<34} {:>12} {:>7} {:>7} {:>7} {:>9} {:>8}",
        "operation", "instructions", "states", "before", "after", "recovery", "time"
    );
    let mut bad = Vec::new();
    for scenario in &scenarios {
        let started = Instant::now();
        let outcome = if request.depth == "2" {
            stepper.recoveries(scenario, request.every.get())
        } else {
            stepper.operation(scenario)
        };
        match outcome {
            Ok(report) => print_row(scenario, &report, started.elapsed()),
            Err(error) => {
                println!("{:<34} BAD", scenario.name);
                println!("{error}");
                bad.push(scenario.name);
            }
        }
    }
    if bad.is_empty() { Ok(()) } else { Err(format!("bad: {}", bad.join(", ")).into()) }
}

fn print_row(scenario: &Scenario, report: &Report, time: Duration) {
    println!(
        "{:<34} {:>12} {:>7} {:>7} {:>7} {:>6.1} ms {:>6.1} s",
        scenario.name,
        report.instructions,
        report.states,
        report.before,
        report.after,
        report.worst_recovery.as_secs_f64() * 1e3,
        time.as_secs_f64()
    );
}
