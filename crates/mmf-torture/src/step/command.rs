//! The command line.

use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::bystander::stand_by;
use super::judge::{Manner, judge};
use super::jury::Jury;
use super::stepper::{Extent, Report, Stepper};
use crate::Result;
use crate::crew::share_out;
use crate::place::work_directory;
use crate::roles::Part;
use crate::scenario::catalogue::{all, find};
use crate::scenario::{Scenario, Storage};
use crate::tracee::fix_addresses;

/// Executes operations instruction by instruction and judges every state that a kill would leave.
#[derive(Debug, clap::Args)]
pub(crate) struct Step {
    /// Names the operations and does nothing.
    #[arg(long)]
    list: bool,
    /// 1: the operation itself; 2: then the recovery from each of its states, too; 3: then the
    /// recovery from each state of that.
    #[arg(long, value_name = "LEVELS", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=5))]
    depth: u32,
    /// With --depth: the recovery from every Nth state of a level only.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    every: NonZeroUsize,
    /// Reproduces every Nth state by a kill beside a bystander; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 1)]
    kills: usize,
    /// Where the namespaces lie, for operations that leave it open.
    #[arg(long, value_enum, default_value_t = Storage::Memory)]
    storage: Storage,
    /// Steps so many operations at once; as many as there are processors unless set.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Prints one line of JSON for each operation instead of a table.
    #[arg(long)]
    json: bool,
    /// Keeps there what was found bad.
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
    /// Leaves an operation out; may be given several times.
    #[arg(long, value_name = "OPERATION")]
    without: Vec<String>,
    /// The operations; all of them if none is named.
    #[arg(value_name = "OPERATION")]
    names: Vec<String>,
}

impl Step {
    /// Prints a row for each operation.
    pub(crate) fn run(&self) -> Result<()> {
        if self.list {
            for scenario in all(self.storage) {
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
    #[command(flatten)]
    part: Part,
    manner: Manner,
    /// An exclusive lock may tell of a death.
    #[arg(long)]
    locks: bool,
}

impl Judge {
    pub(crate) fn run(&self) -> Result<()> {
        let mut scenario = self.part.scenario()?;
        scenario.locks |= self.locks;
        println!("{}", judge(&scenario, self.manner)?.to_line());
        Ok(())
    }
}

/// Is attached while others die: a process that the stepper starts.
#[derive(Debug, clap::Args)]
pub(crate) struct StandBy {
    #[command(flatten)]
    part: Part,
}

impl StandBy {
    pub(crate) fn run(&self) -> Result<()> {
        stand_by(&self.part.scenario()?)
    }
}

/// How one operation ended.
struct Ending {
    outcome: Result<Report>,
    time: Duration,
}

fn step(request: &Step) -> Result<()> {
    let scenarios = scenarios(request)?;
    let root = work_directory()?;
    fix_addresses()?;
    let started = Instant::now();
    let mut table = Table::new(request, &scenarios);
    let extent =
        Extent { depth: request.depth, every: request.every.get(), kill_every: request.kills };
    let step = |jury: &Jury, number: usize| {
        let started = Instant::now();
        let keep = request.keep.as_deref();
        let stepper = Stepper { root: root.path(), jury, keep, extent };
        let outcome = stepper.step(&scenarios[number]);
        Ending { outcome, time: started.elapsed() }
    };
    // The judges are started before their stepper stays on one processor, so they may be anywhere.
    let jury = || Jury::new(root.path(), 2);
    share_out(request.jobs, scenarios.len(), jury, step, |number, ending| {
        table.take(number, ending);
    });
    table.conclude(started.elapsed())
}

fn scenarios(request: &Step) -> Result<Vec<Scenario>> {
    let named = |names: &[String]| -> Result<Vec<_>> {
        names.iter().map(|name| find(name, request.storage)).collect()
    };
    let mut scenarios =
        if request.names.is_empty() { all(request.storage) } else { named(&request.names)? };
    for left_out in named(&request.without)? {
        scenarios.retain(|scenario| scenario.name != left_out.name);
    }
    Ok(scenarios)
}

/// Rows in the order of the scenarios, whatever the order in which they end.
struct Table<'a> {
    request: &'a Step,
    scenarios: &'a [Scenario],
    waiting: Vec<Option<Ending>>,
    printed: usize,
    total: Report,
    bad: Vec<&'static str>,
}

impl<'a> Table<'a> {
    fn new(request: &'a Step, scenarios: &'a [Scenario]) -> Self {
        if !request.json {
            println!(
                "{:<34} {:>12} {:>7} {:>7} {:>7} {:>7} {:>9} {:>8}",
                "operation",
                "instructions",
                "states",
                "before",
                "after",
                "kills",
                "recovery",
                "time"
            );
        }
        let waiting = scenarios.iter().map(|_| None).collect();
        let (total, bad) = (Report::default(), Vec::new());
        Self { request, scenarios, waiting, printed: 0, total, bad }
    }

    fn take(&mut self, number: usize, ending: Ending) {
        self.waiting[number] = Some(ending);
        let scenarios = self.scenarios;
        while let Some(ending) = self.waiting.get_mut(self.printed).and_then(Option::take) {
            let scenario = &scenarios[self.printed];
            self.printed += 1;
            self.print(scenario, ending);
        }
        if std::io::stderr().is_terminal() && self.printed < scenarios.len() {
            eprint!("{} of {}: {}\r", self.printed, scenarios.len(), scenarios[self.printed].name);
        }
        // Whoever reads along sees each row when it is there.
        let _ = std::io::stdout().flush();
    }

    fn print(&mut self, scenario: &Scenario, ending: Ending) {
        let seconds = ending.time.as_secs_f64();
        match ending.outcome {
            Ok(report) => {
                self.total.add(&report);
                self.print_row(scenario.name, &report, seconds);
            }
            Err(error) => {
                self.bad.push(scenario.name);
                if self.request.json {
                    let (name, error) = (scenario.name, error.to_string());
                    println!("{}", serde_json::json!({ "operation": name, "bad": error }));
                } else {
                    println!("{:<34} BAD\n{error}", scenario.name);
                }
            }
        }
    }

    fn print_row(&self, name: &str, report: &Report, seconds: f64) {
        if self.request.json {
            let storage = format!("{:?}", self.request.storage).to_lowercase();
            let row = serde_json::json!({
                "operation": name, "storage": storage, "report": report, "seconds": seconds,
            });
            println!("{row}");
            return;
        }
        println!(
            "{name:<34} {:>12} {:>7} {:>7} {:>7} {:>7} {:>6.1} ms {seconds:>6.1} s",
            report.instructions,
            report.states,
            report.before,
            report.after,
            report.kills,
            report.worst_recovery.as_secs_f64() * 1e3,
        );
    }

    fn conclude(self, time: Duration) -> Result<()> {
        if self.printed < self.scenarios.len() {
            return Err("not every operation was stepped".into());
        }
        let name = format!("all {}", self.scenarios.len());
        self.print_row(&name, &self.total, time.as_secs_f64());
        let bad = self.bad;
        if bad.is_empty() { Ok(()) } else { Err(format!("bad: {}", bad.join(", ")).into()) }
    }
}
