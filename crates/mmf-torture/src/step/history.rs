//! Every state of one scenario: where it was seen, and what the judges said of it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::judge::Manner;
use super::jury::{Jury, Trial};
use super::normal::normal_hash;
use super::oracle::Outcome;
use super::snapshot::Snapshot;
use crate::Result;
use crate::scenario::{Effect, Scenario};

/// One state.
pub(super) struct State {
    /// Let go when nobody will explore it any more.
    pub(super) snapshot: Option<Arc<Snapshot>>,
    /// What a fresh opener found; none before the verdict.
    outcome: Option<Outcome>,
    /// Where it was seen first.
    origin: String,
    /// Whether somebody may have died here holding an exclusive lock.
    pub(super) locks: bool,
}

/// One execution.
struct Course {
    /// The state that it began from, for recoveries.
    from: Option<usize>,
    /// The states that it went through.
    states: Vec<usize>,
}

/// All states, executions and verdicts.
pub(super) struct History<'a> {
    scenario: &'a Scenario,
    jury: &'a Jury,
    /// Where to keep states that were found bad.
    keep: Option<&'a Path>,
    states: Vec<State>,
    courses: Vec<Course>,
    /// States by everything, and by what others act upon.
    exact: HashMap<u128, usize>,
    normal: HashMap<u128, usize>,
    pub(super) worst_recovery: Duration,
}

impl<'a> History<'a> {
    pub(super) fn new(scenario: &'a Scenario, jury: &'a Jury, keep: Option<&'a Path>) -> Self {
        Self {
            scenario,
            jury,
            keep,
            states: Vec::new(),
            courses: Vec::new(),
            exact: HashMap::new(),
            normal: HashMap::new(),
            worst_recovery: Duration::ZERO,
        }
    }

    /// Number of states so far.
    pub(super) fn count(&self) -> usize {
        self.states.len()
    }

    pub(super) fn state(&self, number: usize) -> &State {
        &self.states[number]
    }

    /// Of the states from `first` on, those that differ in something that others act upon.
    pub(super) fn different(&self, first: usize) -> Vec<usize> {
        let mut different: Vec<_> =
            self.normal.values().copied().filter(|number| *number >= first).collect();
        different.sort_unstable();
        different
    }

    /// Lets go of the copies of states below `end`.
    pub(super) fn forget(&mut self, end: usize) {
        for state in &mut self.states[..end] {
            state.snapshot = None;
        }
    }

    /// Begins an execution.
    pub(super) fn begin(&mut self, from: Option<usize>) {
        self.courses.push(Course { from, states: Vec::new() });
    }

    /// Notes a state of the execution begun last; has it judged if it is new.
    pub(super) fn note(
        &mut self,
        hash: u128,
        snapshot: Snapshot,
        locks: bool,
        origin: impl FnOnce() -> String,
    ) -> Result<()> {
        let next = self.states.len();
        let is_first_level = self.courses.last().is_some_and(|course| course.from.is_none());
        let mut number = *self.exact.entry(hash).or_insert(next);
        if number == next {
            let known = *self.normal.entry(normal_hash(&snapshot)).or_insert(next);
            // The operation's own states are all judged, whether they differ in substance or not.
            if known != next && !is_first_level {
                self.exact.insert(hash, known);
                number = known;
            }
        }
        if let Some(course) = self.courses.last_mut() {
            course.states.push(number);
        }
        if number < next {
            return Ok(());
        }
        let snapshot = Arc::new(snapshot);
        for manner in manners(self.scenario) {
            self.jury.submit(Trial {
                scenario: self.scenario.name,
                storage: self.scenario.storage_word(),
                state: number,
                manner: *manner,
                locks,
                snapshot: Arc::clone(&snapshot),
            })?;
        }
        let (snapshot, origin) = (Some(snapshot), origin());
        self.states.push(State { snapshot, outcome: None, origin, locks });
        Ok(())
    }

    /// Describes where a state comes from.
    pub(super) fn origin(&self, number: usize) -> &str {
        &self.states[number].origin
    }

    /// Waits for the verdicts and sees whether they agree with each other.
    pub(super) fn settle(&mut self) -> Result<()> {
        let mut failures = Vec::new();
        for finished in self.jury.collect()? {
            let Trial { state, manner, snapshot, .. } = finished.trial;
            match finished.verdict {
                // The one who recovers decides; both manners end in the same recovery.
                Ok(verdict) => {
                    if manner == Manner::Fresh {
                        self.states[state].outcome = Some(verdict.outcome);
                    }
                    self.worst_recovery = self.worst_recovery.max(verdict.recovery);
                }
                Err(error) => {
                    self.keep_state(state, &snapshot)?;
                    failures.push((state, format!("{manner:?} judge: {error}")));
                }
            }
        }
        if failures.is_empty() {
            failures.extend(self.disagreements());
        }
        self.courses.clear();
        failures.sort();
        let Some((state, problem)) = failures.first() else { return Ok(()) };
        Err(format!(
            "state {state}, first seen {}, and {} more bad trials:\n{problem}",
            self.states[*state].origin,
            failures.len() - 1
        )
        .into())
    }

    /// States whose outcomes contradict those of states before them.
    fn disagreements(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for course in &self.courses {
            let from = course.from.and_then(|from| self.states[from].outcome);
            let mut greatest = from.unwrap_or(Outcome::Before);
            for state in &course.states {
                let Some(outcome) = self.states[*state].outcome else { continue };
                if outcome < greatest {
                    found.push((*state, "what had happened is undone".to_owned()));
                }
                if from == Some(Outcome::Before) && outcome > greatest && self.is_about_content() {
                    found.push((*state, "what had not happened has, by a recovery".to_owned()));
                }
                greatest = greatest.max(outcome);
            }
        }
        found
    }

    fn is_about_content(&self) -> bool {
        matches!(self.scenario.effect, Effect::Sets(..) | Effect::Deletes(_))
    }

    /// States that are before and after the operation.
    pub(super) fn outcomes(&self) -> (usize, usize) {
        let is_after = |state: &&State| state.outcome == Some(Outcome::After);
        let after = self.states.iter().filter(is_after).count();
        (self.states.len() - after, after)
    }

    fn keep_state(&self, state: usize, snapshot: &Snapshot) -> Result<()> {
        let Some(keep) = self.keep else { return Ok(()) };
        let directory = keep.join(format!("{}-{state}", self.scenario.name));
        if directory.exists() {
            return Ok(());
        }
        std::fs::create_dir_all(keep)?;
        snapshot.copy_to(&directory)
    }
}

/// How a scenario's states are judged: nobody survives the end of the whole namespace.
fn manners(scenario: &Scenario) -> &'static [Manner] {
    if scenario.has_survivors() { &[Manner::Fresh, Manner::Survivor] } else { &[Manner::Fresh] }
}
