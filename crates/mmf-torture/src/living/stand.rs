//! A victim left standing at every state of an operation, and what others could do beside it.

use std::path::Path;
use std::time::Duration;

use super::company::Onlooker;
use super::holdings::Holdings;
use super::onlooker::{Ending, Reply, Word};
use super::trials::Tally;
use crate::Result;
use crate::scenario::Scenario;
use crate::step::jury::fresh_directory;
use crate::step::oracle::target_of;
use crate::step::reach::{Seen, explore, reach};
use crate::step::snapshot::Snapshot;
use crate::step::stepper::{command, prepare};
use crate::step::walk::Walk;
use crate::tracee::Progress;

/// How long a victim may take that has been let go.
const LONGEST_REST: Duration = Duration::from_secs(20);

/// What came of all the stands.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub(super) struct Report {
    pub(super) states: usize,
    /// States in which a victim stood while others went on.
    pub(super) stands: usize,
    pub(super) attempts: u64,
    /// Attempts that ended in a timeout, which named the victim.
    pub(super) vain: u64,
    #[serde(rename = "longest_seconds", serialize_with = "seconds")]
    pub(super) longest: Duration,
}

fn seconds<S: serde::Serializer>(
    duration: &Duration,
    out: S,
) -> std::result::Result<S::Ok, S::Error> {
    out.serialize_f64(duration.as_secs_f64())
}

impl Report {
    pub(super) fn add(&mut self, other: &Self) {
        self.states += other.states;
        self.stands += other.stands;
        self.attempts += other.attempts;
        self.vain += other.vain;
        self.longest = self.longest.max(other.longest);
    }

    fn count(&mut self, tally: &Tally) {
        self.stands += 1;
        self.attempts += tally.attempts;
        self.vain += tally.vain;
        self.longest = self.longest.max(tally.longest);
    }
}

/// Whether a process can stand still in it beside others that are attached.
pub(super) fn can_be_stood_in(scenario: &Scenario) -> bool {
    !scenario.alone && scenario.held.is_none()
}

/// Stands in every `every`th state of a scenario, below the directory `root`.
pub(super) fn stand_in(scenario: &Scenario, root: &Path, every: usize) -> Result<Report> {
    let prepared = prepare(scenario, root)?;
    let states = survey(scenario, root, &prepared)?;
    let mut report = Report { states: states.len(), ..Report::default() };
    for (number, state) in states.iter().enumerate().step_by(every) {
        let directory = fresh_directory(root);
        prepared.copy_to(&directory)?;
        let tally = stand_at(scenario, &directory, state).map_err(|error| {
            format!(
                "state {number}, behind instruction {} ({}): {error}",
                state.instruction, state.description
            )
        })?;
        std::fs::remove_dir_all(&directory)?;
        report.count(&tally);
    }
    Ok(report)
}

/// The states of a victim beside an onlooker at rest.
fn survey(scenario: &Scenario, root: &Path, prepared: &Snapshot) -> Result<Vec<Seen>> {
    let directory = fresh_directory(root);
    prepared.copy_to(&directory)?;
    let onlooker = Onlooker::start(scenario, &directory)?;
    let mut walk = Walk::begin(command(scenario, &directory, "execute")?, &directory)?;
    let states = explore(&mut walk)?;
    drop((walk, onlooker));
    std::fs::remove_dir_all(&directory)?;
    Ok(states)
}

fn stand_at(scenario: &Scenario, directory: &Path, state: &Seen) -> Result<Tally> {
    let mut onlooker = Onlooker::start(scenario, directory)?;
    let mut walk = reach(scenario, directory, state)?;
    let process = u32::try_from(walk.victim.pid().as_raw())?;
    let content = content(scenario, &walk)?;
    let held = Holdings::of(&content, process);
    let standing = held.standing(&content, process, target_of(scenario));
    let Reply::Tried(tally) = onlooker.tell(&Word::Stands(standing.clone()))? else {
        return Err("the onlooker did not say what it tried".into());
    };
    walk.observer.look(true)?;
    walk.observer.check_proof_of_life()?;
    let holds = Holdings::of(&self::content(scenario, &walk)?, process);
    if holds != held {
        return Err(format!("of what it held something was taken: {held:?}, now {holds:?}").into());
    }
    let beside = |error| format!("{error}, gone on beside {standing:?}");
    if walk.victim.run_to_end(LONGEST_REST).map_err(beside)? != Progress::Finished {
        return Err("the victim was let go, but stopped once more".into());
    }
    walk.observer.look(true)?;
    let holds = Holdings::of(&self::content(scenario, &walk)?, process);
    let ending = if holds.has_locks() { Ending::Holding } else { Ending::WithNothing };
    walk.victim.let_go(LONGEST_REST)?;
    match onlooker.tell(&Word::HasEnded(ending))? {
        Reply::Sound => Ok(tally),
        other => Err(format!("the onlooker ended with {other:?}").into()),
    }
}

/// The bytes of the namespace's own file.
fn content(scenario: &Scenario, walk: &Walk) -> Result<Vec<u8>> {
    let path = scenario.path();
    let name = path.file_name().ok_or("the namespace has no file")?.to_string_lossy();
    let snapshot = walk.observer.snapshot();
    let mut files = snapshot.files();
    let (_, _, content) = files.find(|(file, _, _)| *file == name).ok_or("its file has gone")?;
    Ok(content.to_vec())
}
