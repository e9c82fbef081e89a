//! The command line.

use std::io::Write;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use super::stand::{Report, can_be_stood_in, stand_in};
use crate::Result;
use crate::crew::share_out;
use crate::place::work_directory;
use crate::scenario::catalogue::{all, find};
use crate::scenario::{Scenario, Storage};
use crate::tracee::fix_addresses;

/// Leaves processes standing, alive, at every state of every operation, and goes on beside them.
#[derive(Debug, clap::Args)]
pub(crate) struct Living {
    /// Names the operations and does nothing.
    #[arg(long)]
    list: bool,
    /// Stands in every Nth state only.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    every: NonZeroUsize,
    /// Where the namespaces lie, for operations that leave it open.
    #[arg(long, value_enum, default_value_t = Storage::Memory)]
    storage: Storage,
    /// Works on so many operations at once; as many as there are processors unless set.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Prints one line of JSON for each operation instead of a table.
    #[arg(long)]
    json: bool,
    /// The operations; all of them if none is named.
    #[arg(value_name = "OPERATION")]
    names: Vec<String>,
}

/// How one operation ended.
struct Ending {
    outcome: Result<Report>,
    time: Duration,
}

impl Living {
    /// Prints a row for each operation.
    pub(crate) fn run(&self) -> Result<()> {
        let scenarios = self.scenarios()?;
        if self.list {
            scenarios.iter().for_each(|scenario| println!("{}", scenario.name));
            return Ok(());
        }
        let root = work_directory()?;
        fix_addresses()?;
        let started = Instant::now();
        let mut table = Table::new(self, scenarios.len());
        let stand = |(): &(), number: usize| {
            let started = Instant::now();
            let outcome = stand_in(&scenarios[number], root.path(), self.every.get());
            Ending { outcome, time: started.elapsed() }
        };
        share_out(
            self.jobs,
            scenarios.len(),
            || (),
            stand,
            |number, ending| {
                table.take(scenarios[number].name, ending);
            },
        );
        table.conclude(started.elapsed())
    }

    fn scenarios(&self) -> Result<Vec<Scenario>> {
        if self.names.is_empty() {
            return Ok(all(self.storage).into_iter().filter(can_be_stood_in).collect());
        }
        let find = |name: &String| match find(name, self.storage)? {
            scenario if can_be_stood_in(&scenario) => Ok(scenario),
            _ => Err(format!("nobody can be attached beside {name}").into()),
        };
        self.names.iter().map(find).collect()
    }
}

/// Rows as the operations end.
struct Table<'a> {
    request: &'a Living,
    wanted: usize,
    printed: usize,
    total: Report,
    bad: Vec<&'static str>,
}

impl<'a> Table<'a> {
    fn new(request: &'a Living, wanted: usize) -> Self {
        if !request.json {
            println!(
                "{:<28} {:>7} {:>7} {:>9} {:>9} {:>11} {:>9} {:>9}",
                "operation",
                "states",
                "stands",
                "attempts",
                "in vain",
                "names right",
                "longest",
                "time"
            );
        }
        Self { request, wanted, printed: 0, total: Report::default(), bad: Vec::new() }
    }

    fn take(&mut self, name: &'static str, ending: Ending) {
        self.printed += 1;
        match ending.outcome {
            Ok(report) => {
                self.total.add(&report);
                self.print_row(name, &report, ending.time);
            }
            Err(error) => {
                self.bad.push(name);
                if self.request.json {
                    let error = error.to_string();
                    println!("{}", serde_json::json!({ "operation": name, "bad": error }));
                } else {
                    println!("{name:<28} BAD\n{error}");
                }
            }
        }
        // Whoever reads along sees each row when it is there.
        let _ = std::io::stdout().flush();
    }

    fn print_row(&self, name: &str, report: &Report, time: Duration) {
        let seconds = time.as_secs_f64();
        if self.request.json {
            let row =
                serde_json::json!({ "operation": name, "report": report, "seconds": seconds });
            println!("{row}");
            return;
        }
        // A timeout that names another process, or none, is a finding: all of them are right.
        println!(
            "{name:<28} {:>7} {:>7} {:>9} {:>9} {:>11} {:>6.1} ms {seconds:>7.1} s",
            report.states,
            report.stands,
            report.attempts,
            report.vain,
            report.vain,
            report.longest.as_secs_f64() * 1e3,
        );
    }

    fn conclude(self, time: Duration) -> Result<()> {
        if self.printed < self.wanted {
            return Err("not every operation was tried".into());
        }
        self.print_row(&format!("all {}", self.printed), &self.total, time);
        if self.bad.is_empty() {
            if !self.request.json {
                println!("nobody alive was robbed");
            }
            return Ok(());
        }
        let bad = self.bad.join(", ");
        let again = format!("mmf-torture living {}", self.bad.join(" "));
        Err(format!("bad: {bad}; again: `{again}`").into())
    }
}
