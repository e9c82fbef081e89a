//! Every system call of an operation fails in turn.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::errno::Errno;

use super::errors::{Call, UNMAPPING};
use super::past::Past;
use super::tracer::{Plan, Traced, trace};
use super::victim::{KEEPING_A_LOCK, SUCCESS, let_another_judge};
use crate::Result;
use crate::scenario::Scenario;
use crate::step::Snapshot;

/// Findings of one operation that are kept.
const MOST_FINDINGS: usize = 12;

/// What became of one kind of fault.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Count {
    pub(super) times: u64,
    pub(super) survived: u64,
    pub(super) refused: u64,
    /// The operation was over before the call came.
    pub(super) missed: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.times += other.times;
        self.survived += other.survived;
        self.refused += other.refused;
        self.missed += other.missed;
    }
}

/// Counts by call, error, and whether it lasted.
#[derive(Debug, Default)]
pub(super) struct Tally(pub(super) BTreeMap<(&'static str, String, &'static str), Count>);

impl Tally {
    pub(super) fn merge(&mut self, other: Self) {
        for (kind, count) in other.0 {
            self.0.entry(kind).or_default().add(count);
        }
    }

    pub(super) fn total(&self) -> Count {
        let mut total = Count::default();
        self.0.values().for_each(|count| total.add(*count));
        total
    }
}

/// What was found in one operation.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) tally: Tally,
    pub(super) calls: usize,
    pub(super) bad: Vec<String>,
}

/// Where one operation is tried, again and again from the same beginning.
pub(super) struct Trials<'a> {
    scenario: &'a Scenario,
    past: Past,
    root: &'a Path,
    beginning: Snapshot,
}

impl<'a> Trials<'a> {
    /// Makes what the operation finds.
    pub(super) fn new(scenario: &'a Scenario, past: Past, root: &'a Path) -> Result<Self> {
        let template = fresh_directory(root);
        std::fs::create_dir(&template)?;
        let output = Command::new(std::env::current_exe()?)
            .args(["prepare", scenario.name, scenario.storage_word()])
            .env("MMF_DIR", &template)
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let beginning = past.happen(scenario, &template)?;
        Ok(Self { scenario, past, root, beginning })
    }

    /// Fails each call with each of its errors, but for those that `every` leaves out.
    pub(super) fn run(&self, every: usize) -> Result<Findings> {
        let calls = self.look()?;
        let mut findings = Findings { calls: calls.len(), ..Findings::default() };
        let mut plans = Vec::new();
        for (at, call) in calls.iter().enumerate() {
            let Some(kind) = call.kind() else { continue };
            for errno in kind.errors {
                plans.push((kind.name, *errno, "once", Plan::Once(at, *errno)));
                if kind.lasts(*errno) {
                    plans.push((kind.name, *errno, "from there on", Plan::From(at, *errno)));
                }
            }
        }
        for (name, errno, extent, plan) in plans.into_iter().step_by(every) {
            let count = findings.tally.0.entry((name, format!("{errno:?}"), extent)).or_default();
            count.times += 1;
            match self.trial(name, plan) {
                // A wait that ends by the clock makes a call more or less.
                Ok(traced) if traced.failed == 0 => count.missed += 1,
                Ok(traced) if traced.said == SUCCESS => count.survived += 1,
                Ok(_) => count.refused += 1,
                Err(error) if findings.bad.len() < MOST_FINDINGS => {
                    findings.bad.push(self.describe(name, plan, &*error));
                }
                Err(_) => {}
            }
        }
        Ok(findings)
    }

    /// The calls of the operation when nothing fails.
    fn look(&self) -> Result<Vec<Call>> {
        let traced = self.trial("", Plan::Look)?;
        if traced.said != SUCCESS {
            return Err(format!("without a fault: {}", traced.said).into());
        }
        Ok(traced.calls)
    }

    /// One fault alone; says how it ended.
    pub(super) fn run_one(&self, plan: Plan) -> Result<String> {
        let calls = self.look()?;
        if let Plan::Once(at, _) | Plan::From(at, _) = plan {
            let call = calls.get(at).ok_or("there is no such call")?;
            let name = call.kind().map_or("a call that is not failed", |kind| kind.name);
            let traced =
                self.trial(name, plan).map_err(|error| self.describe(name, plan, &*error))?;
            return Ok(format!("{name}: {}", traced.said));
        }
        Err("no fault is named".into())
    }

    fn describe(&self, name: &str, plan: Plan, error: &dyn std::error::Error) -> String {
        let Scenario { name: operation, .. } = self.scenario;
        let storage = self.scenario.storage_word();
        let (at, errno, lasting) = match plan {
            Plan::Look => (0, Errno::UnknownErrno, ""),
            Plan::Once(at, errno) => (at, errno, ""),
            Plan::From(at, errno) => (at, errno, " --lasting"),
        };
        format!(
            "{operation}: {name} fails with {errno:?}: {error}\n  again: mmf-torture faults calls \
             {operation} --storage {storage} --past {} --call {at} --errno {errno:?}{lasting}",
            self.past.word()
        )
    }

    fn trial(&self, name: &str, plan: Plan) -> Result<Traced> {
        let directory = fresh_directory(self.root);
        self.beginning.copy_to(&directory)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["fault-victim", self.scenario.name, self.scenario.storage_word()]);
        command.env("MMF_DIR", &directory);
        if let Plan::Once(_, errno) | Plan::From(_, errno) = plan {
            command.args(["--errno", &(errno as i32).to_string()]);
        }
        command.args(["--past", self.past.word()]);
        if name == UNMAPPING {
            command.arg("--keeps-mappings");
        }
        let traced = trace(command, plan).and_then(|traced| {
            if KEEPING_A_LOCK.contains(&self.scenario.name) {
                let_another_judge(self.scenario, self.past, &directory)?;
            }
            Ok(traced)
        });
        std::fs::remove_dir_all(&directory)?;
        traced
    }
}

/// A name below `root` that has not been used.
fn fresh_directory(root: &Path) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    root.join(format!("trial-{:06}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// The error of a name such as `ENOSPC`.
pub(super) fn errno_named(name: &str) -> Result<Errno> {
    let all = (1..200).map(Errno::from_raw);
    let mut named = all.filter(|errno| format!("{errno:?}") == name);
    named
        .next()
        .filter(|it| *it != Errno::UnknownErrno)
        .ok_or_else(|| format!("no error {name}").into())
}
