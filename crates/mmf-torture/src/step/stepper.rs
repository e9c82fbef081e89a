//! Stepping an operation, the recovery from each of its states, and the recovery from those.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::beside::kill_beside;
use super::history::History;
use super::jury::{Jury, fresh_directory};
use super::snapshot::Snapshot;
use super::walk::{Interlude, Place, Walk};
use crate::Result;
use crate::layout::{INDEX_ROOT, MAGIC, word};
use crate::scenario::{Effect, Scenario};

/// What came of stepping one operation.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub(super) struct Report {
    pub(super) instructions: u64,
    /// Executions that were stepped.
    pub(super) executions: usize,
    pub(super) states: usize,
    pub(super) before: usize,
    pub(super) after: usize,
    /// Victims killed beside a bystander.
    pub(super) kills: usize,
    #[serde(rename = "worst_recovery_seconds", serialize_with = "seconds")]
    pub(super) worst_recovery: Duration,
}

fn seconds<S: serde::Serializer>(
    duration: &Duration,
    out: S,
) -> std::result::Result<S::Ok, S::Error> {
    out.serialize_f64(duration.as_secs_f64())
}

/// How far to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// 1: the operation; 2: the recovery from its states, too; 3: the recovery from that.
    pub(super) depth: u32,
    /// Of the states of each level, every so manieth is recovered from.
    pub(super) every: usize,
    /// Of the states, every so manieth is reproduced by a kill beside a bystander; 0 for none.
    pub(super) kill_every: usize,
}

/// Steps scenarios below a directory.
pub(super) struct Stepper<'a> {
    pub(super) root: &'a Path,
    pub(super) jury: &'a Jury,
    /// Where to keep states that were found bad.
    pub(super) keep: Option<&'a Path>,
    pub(super) extent: Extent,
}

/// Processes that recover: their roles on the command line, and where their first change is.
struct Recoverer {
    role: &'static str,
    first_change: Option<Place>,
}

impl Stepper<'_> {
    /// Steps a scenario.
    pub(super) fn step(&self, scenario: &Scenario) -> Result<Report> {
        let prepared = prepare(scenario, self.root)?;
        let mut report = Report::default();
        if scenario.held.is_none() {
            let mut history = History::new(scenario, self.jury, self.keep);
            let stepped = self.levels(scenario, &prepared, &mut history, &mut report);
            // Leaves no verdicts behind for the next scenario.
            stepped.or_else(|error| self.jury.collect().and(Err(error)))?;
            (report.before, report.after) = history.outcomes();
            report.states = history.count();
            report.worst_recovery = history.worst_recovery;
        }
        if self.extent.kill_every > 0 && !scenario.alone {
            let every = self.extent.kill_every;
            let kills = kill_beside(scenario, self.root, &prepared, every)?;
            report.executions += 1;
            report.instructions += kills.instructions;
            report.kills += kills.kills;
            report.worst_recovery = report.worst_recovery.max(kills.worst_recovery);
            if scenario.held.is_some() {
                report.states += kills.states;
                report.before += kills.before;
                report.after += kills.after;
            }
        }
        Ok(report)
    }

    fn levels(
        &self,
        scenario: &Scenario,
        prepared: &Snapshot,
        history: &mut History<'_>,
        report: &mut Report,
    ) -> Result<()> {
        self.first_level(scenario, prepared, history, report)?;
        history.settle()?;
        let (before, after) = history.outcomes();
        if scenario.before() != scenario.after() && (before == 0 || after == 0) {
            return Err("the operation was never seen to happen".into());
        }
        if scenario.leaves_nothing && history.count() != 1 {
            return Err(format!("it has left {} states behind", history.count() - 1).into());
        }
        if matches!(scenario.effect, Effect::Removes | Effect::Vanishes) {
            return Ok(());
        }
        let mut recoverers = vec![Recoverer { role: "recover", first_change: None }];
        if scenario.has_survivors() {
            recoverers.push(Recoverer { role: "survive", first_change: None });
        }
        let mut first = 0;
        for _ in 1..self.extent.depth {
            let frontier = history.different(first);
            first = history.count();
            for from in frontier.into_iter().step_by(self.extent.every) {
                for recoverer in &mut recoverers {
                    self.recovery(scenario, from, recoverer, history, report)?;
                }
            }
            history.settle()?;
            history.forget(first);
        }
        Ok(())
    }

    fn first_level(
        &self,
        scenario: &Scenario,
        prepared: &Snapshot,
        history: &mut History<'_>,
        report: &mut Report,
    ) -> Result<()> {
        let directory = fresh_directory(self.root);
        prepared.copy_to(&directory)?;
        let rival = || -> Result<()> {
            let made = command(scenario, &directory, "rival")?.status()?;
            if made.success() { Ok(()) } else { Err("the rival failed".into()) }
        };
        let mut interlude: Interlude<'_> = scenario.rival_at.map(|call| (call, &rival as _));
        let mut walk = Walk::begin(command(scenario, &directory, "execute")?, &directory)?;
        history.begin(None);
        let start = || "before the first instruction".to_owned();
        history.note(walk.observer.hash(), walk.observer.snapshot(), scenario.locks, start)?;
        while let Some(place) = walk.next_change(&mut interlude)? {
            let origin = || {
                let place = walk.victim.describe(place.address);
                format!("behind instruction {} ({place})", walk.instructions)
            };
            history.note(walk.observer.hash(), walk.observer.snapshot(), scenario.locks, origin)?;
        }
        report.executions += 1;
        report.instructions += walk.instructions;
        let root_is_new = index_root(&walk.observer.snapshot()) != index_root(prepared);
        drop(walk);
        if interlude.is_some() {
            return Err("the rival never had its turn".into());
        }
        if scenario.moves_index && !root_is_new {
            return Err("the index did not have to move".into());
        }
        Ok(std::fs::remove_dir_all(&directory)?)
    }

    /// Steps a process that recovers from a state.
    fn recovery(
        &self,
        scenario: &Scenario,
        from: usize,
        recoverer: &mut Recoverer,
        history: &mut History<'_>,
        report: &mut Report,
    ) -> Result<()> {
        let Some(snapshot) = history.state(from).snapshot.clone() else { return Ok(()) };
        // Whoever survives locks, and its death may be told like the first one's.
        let locks = history.state(from).locks || recoverer.role == "survive";
        let said = |error| format!("{} from state {from}: {error}", recoverer.role);
        let directory = fresh_directory(self.root);
        let mut walk = begin_recovery(scenario, &snapshot, &directory, recoverer).map_err(said)?;
        history.begin(Some(from));
        while let Some(place) = walk.next_change(&mut None).map_err(said)? {
            recoverer.first_change.get_or_insert(place);
            let (hash, snapshot) = (walk.observer.hash(), walk.observer.snapshot());
            let earlier = history.origin(from).to_owned();
            history.note(hash, snapshot, locks, || {
                let (role, place) = (recoverer.role, walk.victim.describe(place.address));
                format!("behind instruction {} ({place}) of {role} {earlier}", walk.instructions)
            })?;
        }
        report.executions += 1;
        report.instructions += walk.instructions;
        drop(walk);
        Ok(std::fs::remove_dir_all(&directory)?)
    }
}

/// Starts a process that recovers from a state and brings it before its first change at full
/// speed, when an earlier one has shown where that is.
fn begin_recovery(
    scenario: &Scenario,
    snapshot: &Snapshot,
    directory: &Path,
    recoverer: &Recoverer,
) -> Result<Walk> {
    let begin = || -> Result<Walk> {
        snapshot.copy_to(directory)?;
        Walk::begin(command(scenario, directory, recoverer.role)?, directory)
    };
    let mut walk = begin()?;
    let Some(place) = recoverer.first_change else { return Ok(walk) };
    if walk.approach(place)? && !walk.observer.look(true)? {
        return Ok(walk);
    }
    drop(walk);
    std::fs::remove_dir_all(directory)?;
    begin()
}

/// The root word of the index, which every move of it changes.
fn index_root(snapshot: &Snapshot) -> Option<u64> {
    let mut namespaces = snapshot.files().filter(|(_, _, content)| content.starts_with(MAGIC));
    namespaces.next().map(|(_, _, content)| word(content, INDEX_ROOT))
}

/// What the victim finds, made in a directory below `root`.
pub(crate) fn prepare(scenario: &Scenario, root: &Path) -> Result<Snapshot> {
    let directory = fresh_directory(root);
    std::fs::create_dir(&directory)?;
    let prepared = command(scenario, &directory, "prepare")?.status()?;
    if !prepared.success() {
        return Err("the namespace could not be prepared".into());
    }
    let snapshot = Snapshot::of(&directory)?;
    std::fs::remove_dir_all(&directory)?;
    Ok(snapshot)
}

/// A process of this program that plays a role in a scenario.
pub(crate) fn command(scenario: &Scenario, directory: &Path, role: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([role, scenario.name, scenario.storage_word()]).env("MMF_DIR", directory);
    Ok(command)
}

impl Report {
    /// Takes another's counts to its own.
    pub(super) fn add(&mut self, other: &Self) {
        self.instructions += other.instructions;
        self.executions += other.executions;
        self.states += other.states;
        self.before += other.before;
        self.after += other.after;
        self.kills += other.kills;
        self.worst_recovery = self.worst_recovery.max(other.worst_recovery);
    }
}
