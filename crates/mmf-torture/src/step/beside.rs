//! Real kills beside somebody who lives: every state of an operation is reached by a new victim
//! next to a new bystander, killed there for good, and then the bystander is asked to go on.
//!
//! The bystander is stopped (SIGSTOP) in the middle of its waits while the victim runs, so that
//! every victim executes the same instructions and a breakpoint finds the place.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::jury::fresh_directory;
use super::oracle::{Outcome, Verdict};
use super::reach::{Seen, explore, reach};
use super::snapshot::Snapshot;
use super::stepper::command;
use super::walk::Walk;
use crate::Result;
use crate::scenario::Scenario;

/// A process that lives while others die; killed when dropped.
pub(super) struct Bystander {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Bystander {
    /// Starts one and stops it when it is attached and all its waits are asleep.
    pub(super) fn start(scenario: &Scenario, directory: &Path) -> Result<Self> {
        let mut child = command(scenario, directory, "stand-by")?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("the bystander has no input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("the bystander has no output")?);
        let mut bystander = Self { child, orders, answers };
        if bystander.answer()? != "ready\n" {
            return Err(bystander.complaint());
        }
        let pid = bystander.pid()?;
        kill(pid, Signal::SIGSTOP)?;
        match waitpid(pid, Some(WaitPidFlag::WUNTRACED))? {
            WaitStatus::Stopped(..) => Ok(bystander),
            other => Err(format!("the bystander did not stop: {other:?}").into()),
        }
    }

    /// Lets it go on beside the dead, and reads its verdict.
    pub(super) fn judge(mut self) -> Result<Verdict> {
        kill(self.pid()?, Signal::SIGCONT)?;
        self.orders.write_all(b"go\n")?;
        let answer = self.answer()?;
        let verdict = Verdict::from_line(&answer);
        let is_done = verdict.is_some() && self.child.wait()?.success();
        verdict.filter(|_| is_done).ok_or_else(|| self.complaint())
    }

    fn answer(&mut self) -> Result<String> {
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer)
    }

    fn complaint(&mut self) -> Box<dyn std::error::Error + Send + Sync> {
        let _ = self.child.kill();
        let mut said = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            let _ = std::io::Read::read_to_string(&mut errors, &mut said);
        }
        format!("the bystander: {}", said.trim_end()).into()
    }

    fn pid(&self) -> Result<Pid> {
        Ok(Pid::from_raw(i32::try_from(self.child.id())?))
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came of all the kills.
#[derive(Debug, Default)]
pub(super) struct Kills {
    pub(super) instructions: u64,
    pub(super) states: usize,
    pub(super) kills: usize,
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) worst_recovery: Duration,
}

/// Kills a victim in every `every`th of its distinct states, and at its end.
pub(super) fn kill_beside(
    scenario: &Scenario,
    root: &Path,
    prepared: &Snapshot,
    every: usize,
) -> Result<Kills> {
    let mut kills = Kills::default();
    let (seen, last) = survey(scenario, root, prepared, &mut kills)?;
    let mut greatest = Outcome::Before;
    kills.states = seen.len();
    let sampled = seen.iter().enumerate().filter(|(number, _)| number % every == 0);
    for (number, state) in sampled {
        let verdict = kill_at(scenario, root, prepared, state).map_err(|error| {
            format!(
                "kill {number}, behind instruction {} ({}): {error}",
                state.instruction, state.description
            )
        })?;
        if verdict.outcome < greatest {
            return Err(format!("kill {number}: what had happened is undone").into());
        }
        greatest = verdict.outcome;
        kills.count(verdict);
    }
    kills.count(last);
    Ok(kills)
}

impl Kills {
    fn count(&mut self, verdict: Verdict) {
        self.kills += 1;
        match verdict.outcome {
            Outcome::Before => self.before += 1,
            Outcome::After => self.after += 1,
        }
        self.worst_recovery = self.worst_recovery.max(verdict.recovery);
    }
}

/// Steps a victim beside a bystander through its whole operation, and kills it at the end.
fn survey(
    scenario: &Scenario,
    root: &Path,
    prepared: &Snapshot,
    kills: &mut Kills,
) -> Result<(Vec<Seen>, Verdict)> {
    let directory = fresh_directory(root);
    prepared.copy_to(&directory)?;
    let bystander = Bystander::start(scenario, &directory)?;
    let mut walk = Walk::begin(command(scenario, &directory, "execute")?, &directory)?;
    let seen = explore(&mut walk)?;
    kills.instructions = walk.instructions;
    walk.victim.kill()?;
    let verdict = bystander.judge();
    std::fs::remove_dir_all(&directory)?;
    let verdict = verdict.map_err(|error| format!("killed at its end: {error}"))?;
    if verdict.outcome != Outcome::After {
        return Err("what was done is undone".into());
    }
    Ok((seen, verdict))
}

/// Brings a new victim to a state, kills it there, and asks its bystander.
fn kill_at(scenario: &Scenario, root: &Path, prepared: &Snapshot, state: &Seen) -> Result<Verdict> {
    let directory = fresh_directory(root);
    prepared.copy_to(&directory)?;
    let bystander = Bystander::start(scenario, &directory)?;
    let walk = reach(scenario, &directory, state)?;
    walk.victim.kill()?;
    let verdict = bystander.judge();
    std::fs::remove_dir_all(&directory)?;
    verdict
}
