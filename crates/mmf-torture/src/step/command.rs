//! The command line.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Result;
use super::judge::{Manner, Outcome, judge};
use super::jury::Jury;
use super::scenario::Scenario;
use super::scenarios::{all, find};
use super::stepper::{Report, Stepper};
use super::victim;

const USAGE: &str = "\
usage: mmf-torture step [--depth 2 [--every N]] [--keep DIRECTORY] [OPERATION...]

Executes operations instruction by instruction and judges every state that a kill would leave.

  --depth 2         then step the recovery from each state of the operation
  --every N         with --depth 2: the recovery from every Nth state only
  --keep DIRECTORY  keep there what was found bad
  --list            name the operations";

/// What the user wants.
struct Request<'a> {
    names: Vec<&'a str>,
    is_deep: bool,
    every: usize,
    keep: Option<PathBuf>,
}

/// Runs the program with these words on its command line.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    match words {
        ["step", "--list"] => {
            for scenario in all() {
                println!("{}", scenario.name);
            }
            Ok(())
        }
        ["step", rest @ ..] => step(&parse(rest)?),
        ["prepare", name] => victim::prepare(&find(name)?),
        ["execute", name] => victim::execute(&find(name)?),
        ["recover", name] => victim::recover(&find(name)?),
        ["judge", name, "fresh"] => print_verdict(&find(name)?, Manner::Fresh),
        ["judge", name, "survivor"] => print_verdict(&find(name)?, Manner::Survivor),
        _ => Err(USAGE.into()),
    }
}

fn print_verdict(scenario: &Scenario, manner: Manner) -> Result<()> {
    let verdict = judge(scenario, manner)?;
    let outcome = match verdict.outcome {
        Outcome::Before => "before",
        Outcome::After => "after",
    };
    println!("{outcome} {}", verdict.recovery.as_micros());
    Ok(())
}

fn parse<'a>(words: &[&'a str]) -> Result<Request<'a>> {
    let mut request = Request { names: Vec::new(), is_deep: false, every: 1, keep: None };
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} lacks its value"));
        match word {
            "--depth" => request.is_deep = value()? == "2",
            "--every" => request.every = value()?.parse::<usize>()?.max(1),
            "--keep" => request.keep = Some(value()?.into()),
            option if option.starts_with('-') => return Err(USAGE.into()),
            name => request.names.push(name),
        }
    }
    Ok(request)
}

fn step(request: &Request<'_>) -> Result<()> {
    let scenarios = if request.names.is_empty() {
        all()
    } else {
        request.names.iter().map(|name| find(name)).collect::<Result<_>>()?
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
        let outcome = if request.is_deep {
            stepper.recoveries(scenario, request.every)
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
