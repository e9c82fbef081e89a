//! Executing a process instruction by instruction, and having every distinct state judged.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::judge::{Manner, Outcome};
use super::jury::{Jury, Trial, fresh_directory};
use super::snapshot::{Observer, Snapshot};
use crate::Result;
use crate::scenario::{Effect, Scenario};
use crate::tracee::{Progress, Tracee};

/// Of the rounds of one repeated instruction (a long copy), every so manieth is looked at.
const ROUNDS: u64 = 64;

/// What came of stepping one operation.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) instructions: u64,
    pub(super) states: usize,
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) worst_recovery: Duration,
}

/// A state's first or later occurrence.
struct Occurrence {
    instruction: u64,
    place: String,
    state: usize,
}

/// All states of one execution.
struct Exploration {
    instructions: u64,
    occurrences: Vec<Occurrence>,
    states: Vec<Arc<Snapshot>>,
}

/// Steps scenarios below a directory.
pub(super) struct Stepper<'a> {
    pub(super) root: &'a Path,
    pub(super) jury: &'a Jury,
    /// Where to keep states that were found bad.
    pub(super) keep: Option<&'a Path>,
}

impl Stepper<'_> {
    /// Steps the operation itself.
    pub(super) fn operation(&self, scenario: &Scenario) -> Result<Report> {
        self.level_one(scenario).map(|(_, _, report)| report)
    }

    /// Steps the operation, and then the recovery from every `every`th of its states.
    pub(super) fn recoveries(&self, scenario: &Scenario, every: usize) -> Result<Report> {
        let (exploration, outcomes, _) = self.level_one(scenario)?;
        let mut total = Report::default();
        if matches!(scenario.effect, Effect::Removes | Effect::Vanishes) {
            return Ok(total);
        }
        for (index, snapshot) in exploration.states.iter().enumerate().step_by(every) {
            let directory = fresh_directory(self.root);
            snapshot.copy_to(&directory)?;
            let recovery = self.explore(scenario, &directory, "recover");
            std::fs::remove_dir_all(&directory)?;
            let seen = exploration.occurrences.iter().find(|seen| seen.state == index);
            let origin = seen.map_or(0, |seen| seen.instruction);
            let (_, report) = recovery
                .or_else(|error| self.give_up(error))
                .and_then(|recovery| self.settle(scenario, &recovery, outcomes[index]))
                .map_err(|error| format!("recovery from instruction {origin}: {error}"))?;
            total.add(&report);
        }
        Ok(total)
    }

    fn level_one(&self, scenario: &Scenario) -> Result<(Exploration, Vec<Outcome>, Report)> {
        let directory = fresh_directory(self.root);
        std::fs::create_dir(&directory)?;
        let prepared = command(scenario, &directory, "prepare")?.status()?;
        if !prepared.success() {
            return Err("the namespace could not be prepared".into());
        }
        let exploration = self.explore(scenario, &directory, "execute");
        std::fs::remove_dir_all(&directory)?;
        let exploration = exploration.or_else(|error| self.give_up(error))?;
        let (outcomes, report) = self.settle(scenario, &exploration, Outcome::Before)?;
        if scenario.before() != scenario.after() && (report.before == 0 || report.after == 0) {
            return Err("the operation was never seen to happen".into());
        }
        Ok((exploration, outcomes, report))
    }

    /// Executes one process and submits every new state.
    fn explore(&self, scenario: &Scenario, directory: &Path, role: &str) -> Result<Exploration> {
        let victim = Tracee::start(command(scenario, directory, role)?)?;
        let mut observer = Observer::new(directory)?;
        observer.ignore_the_dead()?;
        let mut found = Exploration { instructions: 0, occurrences: vec![], states: vec![] };
        let mut known = HashMap::new();
        let mut position = victim.position()?;
        self.note(scenario, &mut found, &mut known, &observer, String::new())?;
        let mut rounds = 0;
        loop {
            let before = position;
            if victim.step()? == Progress::Finished {
                return Ok(found);
            }
            found.instructions += 1;
            position = victim.position()?;
            rounds = if position.address == before.address { rounds + 1 } else { 0 };
            if rounds % ROUNDS != 0 {
                continue;
            }
            let has_changed = observer.look(before.enters_kernel)?;
            if has_changed || before.enters_kernel {
                observer.check_proof_of_life().map_err(|error| {
                    let place = victim.describe(before.address);
                    format!("instruction {} ({place}): {error}", found.instructions)
                })?;
            }
            if has_changed {
                let place = victim.describe(before.address);
                self.note(scenario, &mut found, &mut known, &observer, place)?;
            }
        }
    }

    /// Leaves no verdicts behind for the next exploration.
    fn give_up<T>(&self, error: Box<dyn std::error::Error + Send + Sync>) -> Result<T> {
        self.jury.collect()?;
        Err(error)
    }

    /// Notes a state, and submits it if it is new.
    fn note(
        &self,
        scenario: &Scenario,
        found: &mut Exploration,
        known: &mut HashMap<u128, usize>,
        observer: &Observer,
        place: String,
    ) -> Result<()> {
        let next = found.states.len();
        let state = *known.entry(observer.hash()).or_insert(next);
        found.occurrences.push(Occurrence { instruction: found.instructions, place, state });
        if state == next {
            let snapshot = Arc::new(observer.snapshot());
            found.states.push(Arc::clone(&snapshot));
            for manner in manners(scenario) {
                let (scenario, snapshot) = (scenario.name, Arc::clone(&snapshot));
                self.jury.submit(Trial { scenario, state, manner: *manner, snapshot })?;
            }
        }
        Ok(())
    }

    /// Waits for the verdicts and sees whether they agree with each other.
    fn settle(
        &self,
        scenario: &Scenario,
        exploration: &Exploration,
        least: Outcome,
    ) -> Result<(Vec<Outcome>, Report)> {
        let mut outcomes = vec![least; exploration.states.len()];
        let mut report = Report {
            instructions: exploration.instructions,
            states: exploration.states.len(),
            ..Report::default()
        };
        let mut failures = Vec::new();
        for finished in self.jury.collect()? {
            let Trial { state, manner, snapshot, .. } = finished.trial;
            match finished.verdict {
                // The one who recovers decides; both manners end in the same recovery.
                Ok(verdict) => {
                    if manner == Manner::Fresh {
                        outcomes[state] = verdict.outcome;
                    }
                    report.worst_recovery = report.worst_recovery.max(verdict.recovery);
                }
                Err(error) => {
                    self.keep_state(scenario, state, &snapshot)?;
                    failures.push((state, format!("{manner:?} judge: {error}")));
                }
            }
        }
        report.after = outcomes.iter().filter(|outcome| **outcome == Outcome::After).count();
        report.before = outcomes.len() - report.after;
        let mut greatest = least;
        for seen in &exploration.occurrences {
            if outcomes[seen.state] < greatest && failures.is_empty() {
                failures.push((seen.state, "what had happened is undone".to_owned()));
            }
            greatest = greatest.max(outcomes[seen.state]);
        }
        failures.sort();
        match failures.first() {
            None => Ok((outcomes, report)),
            Some((state, problem)) => {
                let seen = exploration.occurrences.iter().find(|seen| seen.state == *state);
                let (instruction, place) =
                    seen.map_or((0, ""), |seen| (seen.instruction, seen.place.as_str()));
                let count = failures.len();
                Err(format!(
                    "state {state}, first seen behind instruction {instruction} ({place}), and \
                     {} more bad trials:\n{problem}",
                    count - 1
                )
                .into())
            }
        }
    }

    fn keep_state(&self, scenario: &Scenario, state: usize, snapshot: &Snapshot) -> Result<()> {
        let Some(keep) = self.keep else { return Ok(()) };
        let directory = keep.join(format!("{}-{state}", scenario.name));
        if directory.exists() {
            return Ok(());
        }
        std::fs::create_dir_all(keep)?;
        snapshot.copy_to(&directory)
    }
}

impl Report {
    fn add(&mut self, other: &Self) {
        self.instructions += other.instructions;
        self.states += other.states;
        self.before += other.before;
        self.after += other.after;
        self.worst_recovery = self.worst_recovery.max(other.worst_recovery);
    }
}

/// How a scenario's states are judged: nobody survives the end of the whole namespace.
fn manners(scenario: &Scenario) -> &'static [Manner] {
    match scenario.effect {
        Effect::Creates | Effect::Removes | Effect::Vanishes => &[Manner::Fresh],
        Effect::Nothing | Effect::Sets(..) | Effect::Deletes(_) => {
            &[Manner::Fresh, Manner::Survivor]
        }
    }
}

fn command(scenario: &Scenario, directory: &Path, role: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([role, scenario.name]).env("MMF_DIR", directory);
    Ok(command)
}
