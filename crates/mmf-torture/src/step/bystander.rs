//! The bystander: attached before the victim, with kept handles, a lock and waits under way.

use std::io::{BufRead, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use mmf::{Condition, LockGuard, LockOptions, Namespace, Value, Variable};
use nix::unistd::gettid;

use super::oracle::{
    Outcome, Verdict, compare, give_up_in_time, lock_it, look_for_findings, read_all, target_of,
    use_it, use_many_seats,
};
use crate::Result;
use crate::scenario::{Content, Effect, Hold, NAMESPACE, PATIENCE, Scenario, TARGET};

/// How long the bystander's threads wait at most.
const LONG: Duration = Duration::from_secs(60);
/// A variable that nobody but the bystander makes.
const BELL: &str = "bell";
/// The number of the system call futex.
const FUTEX: &str = "202 ";

/// Waits under way, each in a thread of its own.
struct Waits {
    /// For the target, by its own word.
    target: Receiver<mmf::Result<()>>,
    /// For a variable that does not exist yet.
    arrival: Receiver<mmf::Result<()>>,
    /// For any of both.
    any: Receiver<mmf::Result<()>>,
}

/// Attaches, says `ready`, and judges what it finds when it is told that the victim is dead.
pub(super) fn stand_by(scenario: &Scenario) -> Result<()> {
    let namespace = scenario.builder().timeout(PATIENCE).open()?;
    let kept = keep_handles(scenario, &namespace)?;
    let guard = take_lock(scenario, &namespace)?;
    let waits = begin_waits(scenario, &namespace)?;
    println!("ready");
    std::io::stdout().flush()?;
    std::io::stdin().lock().read_line(&mut String::new())?;
    give_up_in_time();
    let verdict = judge(scenario, namespace, &kept, guard, &waits)?;
    println!("{}", verdict.to_line());
    Ok(())
}

fn keep_handles(scenario: &Scenario, namespace: &Namespace) -> Result<Vec<Variable>> {
    let mut names: Vec<_> = scenario.before().into_keys().take(8).collect();
    names.extend([target_of(scenario).to_owned(), "never there".to_owned()]);
    names.sort();
    names.dedup();
    let kept = names.iter().map(|name| namespace.variable(name));
    let kept = kept.collect::<mmf::Result<Vec<_>>>()?;
    // Each has found its record.
    kept.iter().try_for_each(|variable| variable.get::<Value>().map(drop))?;
    Ok(kept)
}

/// A lock that nobody may take from the bystander.
fn take_lock(scenario: &Scenario, namespace: &Namespace) -> Result<Option<LockGuard>> {
    let (exclusive, shared) = (LockOptions::exclusive(), LockOptions::shared());
    Ok(match scenario.held {
        Some(Hold::NamespaceExclusive) => Some(namespace.lock(&exclusive)?),
        Some(Hold::NamespaceShared) => Some(namespace.lock(&shared)?),
        Some(Hold::TargetExclusive) => Some(namespace.lock_variable(TARGET, &exclusive)?),
        Some(Hold::TargetShared) => Some(namespace.lock_variable(TARGET, &shared)?),
        None if scenario.fill.contains_key("small") => {
            Some(namespace.lock_variable("small", &shared)?)
        }
        None => None,
    })
}

fn begin_waits(scenario: &Scenario, namespace: &Namespace) -> Result<Waits> {
    let target = target_of(scenario);
    let changed = Condition::ChangedSince(namespace.version(target)?.unwrap_or(0));
    let exists = Condition::Exists;
    let wait = |wanted: Vec<(&'static str, Condition)>| -> Result<Receiver<mmf::Result<()>>> {
        let namespace = namespace.clone();
        let ((sender, receiver), (told, thread)) = (channel(), channel());
        std::thread::spawn(move || {
            let _ = told.send(gettid());
            let wanted: Vec<_> = wanted.iter().map(|(name, what)| (*name, what)).collect();
            let _ = sender.send(namespace.wait_any(&wanted, LONG).map(drop));
        });
        // One after the other, so that their seats are the same every time.
        until_asleep(&format!("/proc/self/task/{}/syscall", thread.recv()?))?;
        Ok(receiver)
    };
    Ok(Waits {
        target: wait(vec![(target, changed.clone())])?,
        arrival: wait(vec![(BELL, exists.clone())])?,
        any: wait(vec![(BELL, exists), (target, changed)])?,
    })
}

/// Waits until a thread sleeps on a word.
fn until_asleep(path: &str) -> Result<()> {
    let started = Instant::now();
    while !std::fs::read_to_string(path)?.starts_with(FUTEX) {
        if started.elapsed() > PATIENCE {
            return Err("a waiting thread did not fall asleep".into());
        }
        std::thread::yield_now();
    }
    Ok(())
}

fn judge(
    scenario: &Scenario,
    namespace: Namespace,
    kept: &[Variable],
    guard: Option<LockGuard>,
    waits: &Waits,
) -> Result<Verdict> {
    let started = Instant::now();
    let content = read_all(&namespace)?;
    let outcome = match scenario.effect {
        Effect::Removes if scenario.builder().open().is_ok() => Outcome::Before,
        Effect::Removes => Outcome::After,
        _ => compare(scenario, &content)?,
    };
    compare_kept(kept, &content, "after the death")?;
    // Nobody has taken it meanwhile. It may be in the way of the waits.
    guard.map(LockGuard::unlock).transpose()?;
    if outcome == Outcome::After && scenario.before() != scenario.after() {
        woken(&waits.target, "the change")?;
        woken(&waits.any, "the change, as one of two")?;
    }
    use_it(scenario, &namespace, &content)?;
    compare_kept(kept, &read_all(&namespace)?, "after use")?;
    if !(outcome == Outcome::After && scenario.before() != scenario.after()) {
        woken(&waits.target, "an overwriting set")?;
    }
    namespace.set(BELL, "rings")?;
    woken(&waits.arrival, "an arrival")?;
    if outcome == Outcome::Before || scenario.before() == scenario.after() {
        woken(&waits.any, "an arrival, or an overwriting set")?;
    }
    namespace.delete(BELL)?;
    write_by_handles(kept)?;
    let recovery = started.elapsed();
    if recovery > PATIENCE {
        return Err(format!("it took {recovery:?} to get going again").into());
    }
    lock_it(scenario, &namespace)?;
    use_many_seats(&namespace, scenario.crowd)?;
    look_for_findings(&namespace, "found after use")?;
    let content = read_all(&namespace)?;
    drop(namespace);
    // Kept handles keep the namespace attached: the next opener comes beside them.
    let gone = scenario.effect == Effect::Removes && outcome == Outcome::After;
    match Namespace::builder(NAMESPACE).timeout(PATIENCE).open() {
        Ok(_) if gone => return Err("what was removed can be opened".into()),
        Err(_) if gone => {}
        next => {
            let next = next?;
            look_for_findings(&next, "found by the next opener")?;
            if read_all(&next)? != content {
                return Err("the next opener found another content".into());
            }
        }
    }
    Ok(Verdict { outcome, recovery })
}

fn woken(wait: &Receiver<mmf::Result<()>>, by: &str) -> Result<()> {
    match wait.recv_timeout(PATIENCE) {
        Ok(ending) => Ok(ending?),
        Err(_) => Err(format!("a wait was not woken by {by}").into()),
    }
}

fn compare_kept(kept: &[Variable], content: &Content, when: &str) -> Result<()> {
    for variable in kept {
        let value: Option<Value> = variable.get()?;
        if value.as_ref() != content.get(variable.name()) {
            let name = variable.name();
            return Err(format!("{when}, a kept handle reads {name} as {value:?}").into());
        }
    }
    Ok(())
}

/// Each kept handle overwrites its variable, and puts back what was there.
fn write_by_handles(kept: &[Variable]) -> Result<()> {
    for variable in kept {
        let value: Option<Value> = variable.get()?;
        match &value {
            Some(Value::Counter(number)) => {
                if variable.add(1)? != number + 1 || variable.add(-1)? != *number {
                    return Err(format!("{} does not count", variable.name()).into());
                }
            }
            Some(value) => {
                variable.set("by a kept handle")?;
                variable.set(value)?;
            }
            None => {
                variable.set("by a kept handle")?;
                variable.delete()?;
            }
        }
        if variable.get::<Value>()? != value {
            return Err(format!("{} is not what was stored", variable.name()).into());
        }
    }
    Ok(())
}
