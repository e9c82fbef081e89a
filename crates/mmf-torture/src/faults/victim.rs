//! The process whose operation meets a fault, and what it looks at afterwards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use mmf::Namespace;
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};

use super::errors::fits;
use super::past::Past;
use super::possessions::Possessions;
use crate::Result;
use crate::byte_lock::pretend_alive;
use crate::layout::MAGIC;
use crate::roles::Part;
use crate::scenario::victim::warm;
use crate::scenario::{Effect, NAMESPACE, Operation, Scenario, Start};
use crate::step::{Outcome, Verdict, compare, look_for_findings, read_all};

/// What a victim says whose operation succeeded.
pub(super) const SUCCESS: &str = "success";
/// Seconds after which a victim that hangs is ended by an alarm.
const LONGEST_TRIAL: u32 = 20;
/// Operations whose victim keeps a lock to its end: nobody can judge beside it.
pub(super) const KEEPING_A_LOCK: &[&str] = &[
    "delete-under-own-lock",
    "add-under-own-lock",
    "add-to-locked-missing",
    "update-under-own-lock",
];
/// Operations of several steps, of which some may have happened when a later one fails.
const OF_SEVERAL_STEPS: &[&str] = &["set-under-locks"];

/// Executes an operation that meets a fault: a process that `faults` starts.
#[derive(Debug, clap::Args)]
pub(crate) struct Victim {
    #[command(flatten)]
    part: Part,
    /// The error that comes, by number; 0 for none.
    #[arg(long, default_value_t = 0)]
    errno: i32,
    /// Unmapping may fail, and leave mappings.
    #[arg(long)]
    keeps_mappings: bool,
    /// What has happened before.
    #[arg(long, value_enum, default_value_t = Past::Calm)]
    past: Past,
}

impl Victim {
    pub(crate) fn run(&self) -> Result<()> {
        let directory = PathBuf::from(std::env::var_os("MMF_DIR").ok_or("MMF_DIR is not set")?);
        nix::unistd::alarm::set(LONGEST_TRIAL);
        let scenario = self.part.scenario()?;
        let trial = Trial {
            scenario: &scenario,
            directory: &directory,
            keeps_mappings: self.keeps_mappings,
            past: self.past,
            names: names_in(&directory)?,
            descriptors: Possessions::descriptors()?,
        };
        let outcome = match scenario.operation {
            Operation::Use(action) => trial.action(action)?,
            Operation::Open => trial.opening()?,
            Operation::Detach => trial.detaching()?,
            Operation::Remove => trial.removal()?,
        };
        if !KEEPING_A_LOCK.contains(&scenario.name) {
            trial.compare_possessions("in the end")?;
        }
        match outcome {
            Ok(()) => println!("{SUCCESS}"),
            Err(error) => {
                if self.errno == 0 || !fits(Errno::from_raw(self.errno), error.kind()) {
                    return Err(format!("an error of another kind: {error:?}").into());
                }
                println!("{error:?}");
            }
        }
        Ok(())
    }
}

/// An operation, and what the process and the directory held before.
struct Trial<'a> {
    scenario: &'a Scenario,
    directory: &'a Path,
    keeps_mappings: bool,
    past: Past,
    names: BTreeSet<String>,
    descriptors: Possessions,
}

impl Trial<'_> {
    fn action(&self, action: fn(&Namespace) -> mmf::Result<()>) -> Result<mmf::Result<()>> {
        let pretence = match self.past {
            Past::Death => Some(pretend_alive(&self.scenario.path())?),
            _ => None,
        };
        let namespace = warm(self.scenario)?;
        // The dead one's locks go with the recovery from it.
        let locks = if self.past == Past::Death { 0 } else { namespace.stat()?.locks.len() };
        drop(pretence);
        let descriptors = Possessions::descriptors()?;
        let outcome = watched(|| action(&namespace))?;
        if let Some(difference) = Possessions::descriptors()?.difference(&descriptors) {
            return Err(format!("descriptors after the operation: {difference}").into());
        }
        self.judge_content(&namespace, &outcome)?;
        self.judge_soundness(&namespace, locks, "after the fault")?;
        if outcome.is_err() {
            action(&namespace).map_err(|error| format!("without a fault it failed: {error:?}"))?;
        }
        if compare(self.scenario, &read_all(&namespace)?)? != Outcome::After {
            return Err("it has not happened in the end".into());
        }
        self.judge_soundness(&namespace, locks, "in the end")?;
        if !KEEPING_A_LOCK.contains(&self.scenario.name) {
            let_another_judge(self.scenario, self.past, self.directory)?;
        }
        Ok(outcome)
    }

    fn opening(&self) -> Result<mmf::Result<()>> {
        let outcome = watched(|| self.scenario.builder().open_or_create())?;
        let (outcome, namespace) = match outcome {
            Ok(namespace) => (Ok(()), namespace),
            Err(error) => {
                self.compare_possessions("after the fault")?;
                self.compare_names("after the fault")?;
                let again = self.scenario.builder().open_or_create();
                (Err(error), again.map_err(|error| format!("without a fault: {error:?}"))?)
            }
        };
        if compare(self.scenario, &read_all(&namespace)?)? != Outcome::After {
            return Err("the content is another".into());
        }
        self.judge_soundness(&namespace, 0, "when it is open")?;
        match namespace.repair() {
            Some(_) if self.past != Past::Damage => {
                return Err("it was mended, and was sound".into());
            }
            Some(repair) if !repair.lost.is_empty() => {
                return Err(format!("the mending has lost {:?}", repair.lost).into());
            }
            _ => {}
        }
        drop(namespace);
        let_another_judge(self.scenario, self.past, self.directory)?;
        Ok(outcome)
    }

    fn detaching(&self) -> Result<mmf::Result<()>> {
        let namespace = warm(self.scenario)?;
        let outcome = watched(|| {
            drop(namespace);
            Ok(())
        })?;
        self.compare_possessions("after the fault")?;
        let_another_judge(self.scenario, self.past, self.directory)?;
        Ok(outcome)
    }

    fn removal(&self) -> Result<mmf::Result<()>> {
        let outcome = watched(|| mmf::remove_namespace(NAMESPACE, false))?;
        self.compare_possessions("after the fault")?;
        if outcome.is_err() && self.is_half_removed()? {
            mmf::remove_namespace(NAMESPACE, false)?;
        } else if outcome.is_err() {
            self.compare_names("after the fault")?;
            let namespace = self.scenario.builder().open()?;
            if read_all(&namespace)? != self.scenario.before() {
                return Err("an error was reported, but the content is another".into());
            }
            drop(namespace);
            mmf::remove_namespace(NAMESPACE, false)?;
        }
        if !names_in(self.directory)?.is_empty() {
            return Err(format!("files are left: {:?}", names_in(self.directory)?).into());
        }
        let_another_judge(self.scenario, self.past, self.directory)?;
        Ok(outcome)
    }

    /// Whether a swapfile is gone and the name that led to it is not: two files are two removals.
    fn is_half_removed(&self) -> Result<bool> {
        let names = names_in(self.directory)?;
        Ok(self.names.len() == 2 && names == BTreeSet::from([NAMESPACE.to_owned()]))
    }

    /// An error means that nothing has happened, success that all has.
    fn judge_content(&self, namespace: &Namespace, outcome: &mmf::Result<()>) -> Result<()> {
        let content = read_all(namespace)?;
        let found = compare(self.scenario, &content)?;
        let makes_no_difference = self.scenario.before() == self.scenario.after();
        match (outcome, found) {
            (Ok(()), Outcome::Before) => Err("success was reported, but nothing happened".into()),
            (Err(error), Outcome::After)
                if !makes_no_difference && !OF_SEVERAL_STEPS.contains(&self.scenario.name) =>
            {
                Err(format!("it happened, but an error was reported: {error:?}").into())
            }
            _ => Ok(()),
        }
    }

    fn judge_soundness(&self, namespace: &Namespace, locks: usize, when: &str) -> Result<()> {
        look_for_findings(namespace, when)?;
        let statistics = namespace.stat()?;
        if statistics.locks.len() != locks {
            return Err(format!("locks {when}: {:?}", statistics.locks).into());
        }
        let members = statistics.members.len();
        if members != 1 {
            return Err(format!("{members} processes are attached {when}").into());
        }
        Ok(())
    }

    fn compare_possessions(&self, when: &str) -> Result<()> {
        if let Some(difference) = Possessions::descriptors()?.difference(&self.descriptors) {
            return Err(format!("descriptors {when}: {difference}").into());
        }
        let mappings = Possessions::mappings(self.directory)?;
        match mappings.difference(&Possessions::default()) {
            Some(difference) if !self.keeps_mappings => {
                Err(format!("mappings {when}: {difference}").into())
            }
            _ => Ok(()),
        }
    }

    /// The directory's files are those of before, and no namespace is half made or half gone.
    fn compare_names(&self, when: &str) -> Result<()> {
        let names = names_in(self.directory)?;
        if names != self.names {
            return Err(format!("files {when}: {names:?}, before {:?}", self.names).into());
        }
        let is_there = std::fs::read(self.scenario.path()).is_ok_and(|it| it.starts_with(MAGIC));
        // An empty file that became a namespace stays one: others may have opened it.
        let is_new = self.scenario.start == Start::Nothing;
        if is_there && is_new && self.scenario.effect == Effect::Creates {
            return Err(format!("the namespace is there {when}").into());
        }
        Ok(())
    }
}

/// Another process opens the namespace in `directory` and uses it.
pub(super) fn let_another_judge(scenario: &Scenario, past: Past, directory: &Path) -> Result<()> {
    let output = Command::new(std::env::current_exe()?)
        .args(["judge", scenario.name, scenario.storage_word(), "fresh"])
        // The next owner of a dead one's lock is told.
        .args((past == Past::Death).then_some("--locks"))
        .env("MMF_DIR", directory)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    match Verdict::from_line(&said) {
        Some(verdict) if output.status.success() && verdict.outcome == Outcome::After => Ok(()),
        _ => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            Err(format!("another process: {said}{complaint}({})", output.status).into())
        }
    }
}

/// Executes the operation between two stops, at which its tracer comes and goes.
fn watched<T>(operation: impl FnOnce() -> mmf::Result<T>) -> Result<mmf::Result<T>> {
    ptrace::traceme()?;
    raise(Signal::SIGSTOP)?;
    let outcome = operation();
    raise(Signal::SIGSTOP)?;
    Ok(outcome)
}

fn names_in(directory: &Path) -> Result<BTreeSet<String>> {
    let entries = std::fs::read_dir(directory)?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}
