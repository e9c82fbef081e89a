//! The command line, and the table of what the faults came to.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use clap::ValueEnum;
use nix::errno::Errno;

use super::calls::{Count, Findings, Tally, Trials, errno_named};
use super::limits::Limit;
use super::past::Past;
use super::places::{self, Ground, Task};
use super::room::{Scarcity, applies};
use super::tracer::Plan;
use crate::Result;
use crate::crew::processors;
use crate::place::work_directory;
use crate::scenario::catalogue::{all, find};
use crate::scenario::{Scenario, Storage};

/// Operations that meet a dead process's lock, or recover from it when they attach.
const AFTER_A_DEATH: &[&str] = &[
    "attach",
    "set-new",
    "set-small-by-small",
    "delete-small",
    "add-new",
    "lock-variable-exclusive",
    "lock-variable-shared",
    "lock-missing-exclusive",
];

/// At most one of so many faults may come to nothing because an operation was over before.
const MET: u64 = 50;

/// Fails what operations ask of the operating system, one request at a time.
#[derive(Debug, clap::Args)]
pub(crate) struct Faults {
    /// What is to fail; everything unless set.
    part: Option<Part>,
    /// The operations; all of them if none is named.
    #[arg(value_name = "OPERATION")]
    names: Vec<String>,
    /// Tries every Nth fault only.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    every: NonZeroUsize,
    /// Where the namespaces lie; both places unless set.
    #[arg(long, value_enum)]
    storage: Option<Storage>,
    /// With `calls` and one operation: fails the call of this number alone.
    #[arg(long, value_name = "NUMBER", requires = "errno")]
    call: Option<usize>,
    /// With --call: the error, such as ENOSPC.
    #[arg(long, value_name = "ERROR", value_parser = errno_named)]
    errno: Option<Errno>,
    /// With --call: all later calls fail, too, that can report the error.
    #[arg(long)]
    lasting: bool,
    /// With --call: what has happened before the operation.
    #[arg(long, value_enum, default_value_t = Past::Calm)]
    past: Past,
    /// Tries so many operations at once; as many as there are processors unless set.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// What is to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Every system call in turn.
    Calls,
    /// Room in the namespace.
    Capacity,
    /// Room on its file system.
    FileSystem,
    /// What a process, a file system or a directory is limited to, and signals.
    Limits,
}

impl Faults {
    /// Prints a table of the faults and what they came to.
    pub(crate) fn run(&self) -> Result<()> {
        let root = work_directory()?;
        if let (Some(at), Some(errno)) = (self.call, self.errno) {
            return self.one_call(root.path(), at, errno);
        }
        let parts = self.part.map_or(Part::value_variants().to_vec(), |part| vec![part]);
        let mut bad = Vec::new();
        for (number, part) in parts.into_iter().enumerate() {
            if number > 0 {
                println!();
            }
            bad.extend(match part {
                Part::Calls => self.calls(root.path())?,
                Part::Capacity => self.room("capacity", Scarcity::Capacity, root.path())?,
                Part::FileSystem => self.room("file system", Scarcity::FileSystem, root.path())?,
                Part::Limits => self.limits(root.path())?,
            });
        }
        if bad.is_empty() {
            println!("whatever was refused, nothing was lost");
            return Ok(());
        }
        Err(format!("{}\n{} findings", bad.join("\n"), bad.len()).into())
    }

    fn jobs(&self) -> usize {
        self.jobs.map_or_else(processors, usize::from)
    }

    fn room(&self, title: &str, scarcity: Scarcity, root: &Path) -> Result<Vec<String>> {
        let ground = match scarcity {
            Scarcity::Capacity => Ground::Ample,
            Scarcity::FileSystem => Ground::Small,
        };
        let word = scarcity.to_possible_value().ok_or("a scarcity without a name")?;
        let scenarios = self.scenarios()?.into_iter();
        let tasks: Vec<_> = scenarios
            .filter(|(scenario, past)| *past == Past::Calm && applies(scenario, scarcity))
            .map(|(scenario, _)| Task {
                name: format!("{} in {}", scenario.name, scenario.storage_word()),
                words: ["fault-room", scenario.name, scenario.storage_word(), word.get_name()]
                    .map(str::to_owned)
                    .to_vec(),
                ground,
            })
            .collect();
        places::run(title, &tasks, self.jobs(), root)
    }

    fn limits(&self, root: &Path) -> Result<Vec<String>> {
        let mut tasks = Vec::new();
        for limit in Limit::value_variants() {
            let word = limit.to_possible_value().ok_or("a limit without a name")?;
            let ground = match limit {
                Limit::ReadOnlyFileSystem => Ground::Small,
                _ => Ground::Ample,
            };
            let words = vec!["fault-limit".to_owned(), word.get_name().to_owned()];
            tasks.push(Task { name: word.get_name().to_owned(), words, ground });
        }
        places::run("limits", &tasks, self.jobs(), root)
    }

    fn one_call(&self, root: &Path, at: usize, errno: Errno) -> Result<()> {
        let [name] = &self.names[..] else { return Err("name one operation".into()) };
        let scenario = find(name, self.storage.unwrap_or(Storage::Memory))?;
        let plan = if self.lasting { Plan::From(at, errno) } else { Plan::Once(at, errno) };
        println!("{}", Trials::new(&scenario, self.past, root)?.run_one(plan)?);
        Ok(())
    }

    fn scenarios(&self) -> Result<Vec<(Scenario, Past)>> {
        let storages = match self.storage {
            Some(storage) => vec![storage],
            None => vec![Storage::Memory, Storage::Swapfile],
        };
        let mut scenarios = Vec::new();
        for storage in storages {
            if self.names.is_empty() {
                // What is in the way of some operations is not there when nobody stands by; and a
                // file to mend is a past here.
                let applies = |scenario: &Scenario| scenario.held.is_none() && !scenario.is_unsound;
                let here = all(storage).into_iter().filter(applies);
                scenarios.extend(here.map(|scenario| (scenario, Past::Calm)));
                for name in AFTER_A_DEATH {
                    scenarios.push((find(name, storage)?, Past::Death));
                }
                if storage == Storage::Swapfile {
                    for past in [Past::Crash, Past::Damage] {
                        scenarios.push((find("attach-swapfile", storage)?, past));
                    }
                }
            }
            for name in &self.names {
                scenarios.push((find(name, storage)?, self.past));
            }
        }
        Ok(scenarios)
    }

    fn calls(&self, root: &Path) -> Result<Vec<String>> {
        let started = Instant::now();
        let scenarios = self.scenarios()?;
        let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..self.jobs() {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some((scenario, past)) = scenarios.get(number) else { return };
                        let done = Trials::new(scenario, *past, root)
                            .and_then(|trials| trials.run(self.every.get()));
                        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                        results.push((number, done));
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(number, _)| *number);
        let (mut tally, mut bad, mut calls) = (Tally::default(), Vec::new(), 0);
        for (number, done) in results {
            match done {
                Ok(findings) => {
                    let Findings { tally: one, calls: made, bad: found } = findings;
                    tally.merge(one);
                    calls += made;
                    bad.extend(found);
                }
                Err(error) => bad.push(format!("{}: {error}", scenarios[number].0.name)),
            }
        }
        print_table(&tally);
        let total = tally.total();
        let Count { times, survived, refused, missed } = total;
        println!(
            "{} operations, {calls} system calls, {times} faults: {survived} survived, {refused} \
             refused, {missed} not met, {} bad, {:.1} s",
            scenarios.len(),
            times - survived - refused - missed,
            started.elapsed().as_secs_f64()
        );
        if missed * MET > times {
            bad.push(format!("{missed} of {times} faults were not met"));
        }
        Ok(bad)
    }
}

fn print_table(tally: &Tally) {
    println!(
        "{:<18} {:<12} {:<14} {:>7} {:>9} {:>8}",
        "call", "error", "extent", "times", "survived", "refused"
    );
    for ((name, errno, extent), count) in &tally.0 {
        println!(
            "{name:<18} {errno:<12} {extent:<14} {:>7} {:>9} {:>8}",
            count.times, count.survived, count.refused
        );
    }
}
