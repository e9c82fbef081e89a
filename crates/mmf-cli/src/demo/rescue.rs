//! Part 4: a process is killed while it holds the lock of the whole namespace.

use std::time::Instant;

use mmf::{Condition, LockOptions, Namespace};
use serde::Serialize;

use super::part::{PATIENCE, Role};
use super::sharing::wanted;
use super::show::microseconds;
use super::stage::{Stage, broken};
use crate::failure::Failure;
use crate::format::duration;

/// What the holder sets once it has the lock.
const HELD: &str = "held";
/// What the next one sets before it asks for the lock.
const ASKED: &str = "asked";
/// What the next one sets once it has the lock: whether it was told of the death.
const RESCUED: &str = "rescued";
/// What nobody ever sets.
const NEVER: &str = "never";

/// What was shown.
#[derive(Debug, Serialize)]
pub struct Rescue {
    /// From the kill to the next owner's first set under the lock.
    microseconds: f64,
    /// Whether the next owner was told that the one before died.
    previous_owner_died: bool,
    /// What the check found afterwards.
    findings: usize,
}

/// Kills the owner of the lock and takes the time until the next one has it.
pub fn show(stage: &mut Stage<'_>) -> Result<Rescue, Failure> {
    stage.begin("4. The owner of the lock is killed")?;
    let mut holder = stage.start(Role::Holder)?;
    stage.wait(&stage.onlooker, HELD, &Condition::Exists)?;
    stage.say(format_args!("   process {} has locked the whole namespace", holder.id()))?;
    let next = stage.start(Role::Next)?;
    stage.wait(&stage.onlooker, ASKED, &Condition::Exists)?;
    stage.say(format_args!("   process {} asks for the lock and has to wait", next.id()))?;

    stage.say(format_args!("   process {} gets kill -9 while it holds the lock", holder.id()))?;
    let began = Instant::now();
    holder.kill()?;
    stage.wait(&stage.onlooker, RESCUED, &Condition::Exists)?;
    let took = began.elapsed();
    let next_id = next.id();
    next.finish()?;
    let previous_owner_died: bool = wanted(&stage.namespace, RESCUED)?;
    if !previous_owner_died {
        return Err(broken("the next owner of the lock was not told that the one before died"));
    }
    stage.say(format_args!(
        "   process {next_id} got the lock {} after the kill, and was told that its owner died",
        duration(took)
    ))?;
    let findings = stage.namespace.check()?;
    match findings.first() {
        None => stage.say("   check: no findings; nothing had to be repaired or restarted")?,
        Some(finding) => return Err(broken(format_args!("check found {finding}"))),
    }
    Ok(Rescue { microseconds: microseconds(took), previous_owner_died, findings: findings.len() })
}

/// Takes the lock and sleeps until it is killed.
pub fn hold(namespace: &Namespace) -> Result<(), Failure> {
    let _lock = namespace.lock(&LockOptions::exclusive())?;
    namespace.set(HELD, &true)?;
    namespace.wait(NEVER, &Condition::Exists, PATIENCE)?;
    Ok(())
}

/// Takes the lock after the holder.
pub fn follow(namespace: &Namespace, onlooker: &Namespace) -> Result<(), Failure> {
    onlooker.set(ASKED, &true)?;
    let lock = namespace.lock(&LockOptions::exclusive().timeout(PATIENCE))?;
    namespace.set(RESCUED, &lock.previous_owner_died())?;
    Ok(lock.unlock()?)
}
