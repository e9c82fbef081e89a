//! The command line: one storm after the other, each in a process and a directory of its own.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::prctl::{set_pdeathsig, set_timerslack};
use nix::sys::signal::Signal;

use super::plan::{Plan, mix};
use super::scenario::Scenario;
use super::scenarios::ALL;
use super::supervisor::{Extent, Report, Supervisor};
use crate::Result;
use crate::place::work_directory;
use crate::scenario::Storage;

/// Kills when neither their number nor a time is given.
const KILLS: u64 = 16_000;

/// Kills workers at random moments, thousands of times, and verifies everything they have done.
#[derive(Debug, clap::Args)]
pub(crate) struct Storm {
    /// Names the scenarios and does nothing.
    #[arg(long)]
    list: bool,
    /// How many kills in all, shared out to the scenarios; 16000 when no time is given either.
    #[arg(long, value_name = "N")]
    kills: Option<NonZeroU64>,
    /// How long in all, shared out to the scenarios.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<NonZeroU64>,
    /// Decides what the workers do, who is killed, and after which time.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Workers that are killed; one more is not, nor is a reader.
    #[arg(long, value_name = "N", default_value = "4")]
    workers: NonZeroUsize,
    /// Where the namespaces lie; in both places, one after the other, unless set.
    #[arg(long, value_enum)]
    storage: Option<Storage>,
    /// Prints one line of JSON for each storm instead of a table.
    #[arg(long)]
    json: bool,
    /// Keeps there the namespace of a storm in which something was found.
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
    /// Works in this directory, as the supervisor of one storm.
    #[arg(long, hide = true, value_name = "DIRECTORY")]
    place: Option<PathBuf>,
    /// The scenarios; all of them if none is named.
    #[arg(value_name = "SCENARIO")]
    names: Vec<String>,
}

impl Storm {
    /// Prints a row for each storm.
    pub(crate) fn run(&self) -> Result<()> {
        if self.list {
            ALL.iter().for_each(|scenario| println!("{}", scenario.name()));
            return Ok(());
        }
        match &self.place {
            Some(place) => self.supervise(place),
            None => self.run_all(),
        }
    }

    fn scenarios(&self) -> Result<Vec<&'static dyn Scenario>> {
        if self.names.is_empty() {
            return Ok(ALL.to_vec());
        }
        let find = |name: &String| -> Result<&'static dyn Scenario> {
            let found = ALL.iter().find(|scenario| scenario.name() == name);
            Ok(*found.ok_or_else(|| format!("there is no scenario {name:?}; see --list"))?)
        };
        self.names.iter().map(find).collect()
    }

    /// As the supervisor of one storm.
    fn supervise(&self, place: &Path) -> Result<()> {
        set_pdeathsig(Signal::SIGKILL)?;
        // Short pauses are meant.
        set_timerslack(1)?;
        let scenario = *self.scenarios()?.first().ok_or("a supervisor needs a scenario")?;
        let storage = self.storage.ok_or("a supervisor needs to know the storage")?;
        let plan = Plan {
            seed: self.seed,
            storage,
            place: place.to_owned(),
            capacity: scenario.capacity(),
        };
        let kills = self.kills.map_or(u64::MAX, NonZeroU64::get);
        let time = self.seconds.map_or(Duration::MAX, |time| Duration::from_secs(time.get()));
        let supervisor = Supervisor::new(scenario, &plan, self.workers.get())?;
        let report = supervisor.run(Extent { kills, time })?;
        println!("{}", serde_json::to_string(&report)?);
        Ok(())
    }

    fn run_all(&self) -> Result<()> {
        let scenarios = self.scenarios()?;
        let storages = match self.storage {
            Some(storage) => vec![storage],
            None => vec![Storage::Memory, Storage::Swapfile],
        };
        let storms: Vec<_> = scenarios
            .iter()
            .flat_map(|scenario| storages.iter().map(move |storage| (*scenario, *storage)))
            .collect();
        let mut table = Table::new(self.json, self.seed);
        for (scenario, storage) in &storms {
            let share = |total: u64| (total / storms.len() as u64).max(1);
            let part = Share {
                kills: match (self.kills, self.seconds) {
                    (Some(kills), _) => Some(share(kills.get())),
                    (None, None) => Some(share(KILLS)),
                    (None, Some(_)) => None,
                },
                seconds: self.seconds.map(|time| share(time.get())),
                seed: seed_of(self.seed, scenario.name(), *storage),
            };
            let outcome = self.run_one(scenario.name(), *storage, &part);
            table.take(scenario.name(), *storage, outcome);
        }
        table.conclude()
    }

    /// Runs one storm in a process of its own, which nothing outside can disturb.
    fn run_one(&self, name: &str, storage: Storage, share: &Share) -> Result<Report> {
        let root = work_directory()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["storm", name, "--seed", &share.seed.to_string()]);
        command.args(["--workers", &self.workers.to_string(), "--storage", word_of(storage)]);
        if let Some(kills) = share.kills {
            command.args(["--kills", &kills.to_string()]);
        }
        if let Some(seconds) = share.seconds {
            command.args(["--seconds", &seconds.to_string()]);
        }
        command.arg("--place").arg(root.path()).env("MMF_DIR", root.path());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let output = child.wait_with_output()?;
        if output.status.success() {
            return Ok(serde_json::from_slice(&output.stdout)?);
        }
        let finding = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if let Some(keep) = &self.keep {
            keep_files(root.path(), &keep.join(format!("{name}-{}", word_of(storage))))?;
        }
        Err(format!("{finding}\nended with {}", output.status).into())
    }
}

/// A storm's part of the kills and the time.
struct Share {
    kills: Option<u64>,
    seconds: Option<u64>,
    seed: u64,
}

/// The same whichever other storms are run.
fn seed_of(seed: u64, name: &str, storage: Storage) -> u64 {
    mix(&[seed, xxhash_rust::xxh3::xxh3_64(name.as_bytes()), storage as u64])
}

fn word_of(storage: Storage) -> &'static str {
    match storage {
        Storage::Memory => "memory",
        Storage::Swapfile => "swapfile",
    }
}

fn keep_files(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for file in std::fs::read_dir(from)? {
        let file = file?;
        std::fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

/// What is printed of the storms.
struct Table {
    json: bool,
    seed: u64,
    begin: Instant,
    total: Report,
    bad: Vec<String>,
}

impl Table {
    fn new(json: bool, seed: u64) -> Self {
        if !json {
            println!(
                "{:<19} {:>8} {:>8} {:>11} {:>11} {:>10} {:>5} {:>9} {:<16} {:>8}",
                "scenario",
                "kills",
                "aimed",
                "operations",
                "verified",
                "recoveries",
                "rests",
                "worst",
                "of",
                "time"
            );
        }
        Self { json, seed, begin: Instant::now(), total: Report::default(), bad: Vec::new() }
    }

    fn take(&mut self, name: &str, storage: Storage, outcome: Result<Report>) {
        let (storage, seed) = (word_of(storage), self.seed);
        let title = format!("{name} {storage}");
        match outcome {
            Ok(report) => {
                if self.json {
                    let row = serde_json::json!({
                        "scenario": name, "storage": storage, "seed": seed, "report": report,
                    });
                    println!("{row}");
                } else {
                    print_row(&title, &report);
                }
                self.total.add(&report);
            }
            Err(error) => {
                let error = error.to_string();
                if self.json {
                    let row = serde_json::json!({
                        "scenario": name, "storage": storage, "seed": seed, "bad": error,
                    });
                    println!("{row}");
                } else {
                    let again = format!("storm {name} --storage {storage} --seed {seed}");
                    println!("{title:<19} BAD, as in `mmf-torture {again}`\n{error}");
                }
                self.bad.push(title);
            }
        }
    }

    fn conclude(mut self) -> Result<()> {
        self.total.seconds = self.begin.elapsed().as_secs_f64();
        let (seed, kills) = (self.seed, self.total.kills);
        if self.json {
            let row = serde_json::json!({ "seed": seed, "total": self.total, "bad": self.bad });
            println!("{row}");
        } else {
            print_row("all", &self.total);
        }
        if !self.bad.is_empty() {
            return Err(format!("with seed {seed}, bad: {}", self.bad.join(", ")).into());
        }
        if !self.json {
            println!("{kills} kills with seed {seed}: nothing found");
        }
        Ok(())
    }
}

fn print_row(title: &str, report: &Report) {
    println!(
        "{title:<19} {:>8} {:>8} {:>11} {:>11} {:>10} {:>5} {:>6.1} ms {:<16} {:>6.1} s",
        report.kills,
        report.aimed,
        report.operations,
        report.verified,
        report.recoveries,
        report.rests,
        report.worst as f64 / 1e6,
        report.worst_operation,
        report.seconds
    );
}
