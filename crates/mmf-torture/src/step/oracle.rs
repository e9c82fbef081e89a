//! What must be true of a namespace after a death, whoever looks.

use std::sync::Barrier;
use std::time::Duration;

use mmf::{LockOptions, Namespace};

use crate::Result;
use crate::scenario::{Content, Effect, PATIENCE, Scenario, TARGET, text};

/// When somebody who judges and hangs gives up.
const LONGEST_TRIAL: Duration = Duration::from_secs(20);

/// Whether the operation has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Not at all.
    Before,
    /// Wholly; also for an operation that changes nothing.
    After,
}

/// A finding that all is well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(super) recovery: Duration,
}

impl Verdict {
    /// The line that a process which judges prints.
    pub(super) fn to_line(self) -> String {
        let outcome = match self.outcome {
            Outcome::Before => "before",
            Outcome::After => "after",
        };
        format!("{outcome} {}", self.recovery.as_micros())
    }

    /// Reads such a line; none when it is another.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let (outcome, time) = line.trim_end().split_once(' ')?;
        let outcome = match outcome {
            "before" => Outcome::Before,
            "after" => Outcome::After,
            _ => return None,
        };
        Some(Self { outcome, recovery: Duration::from_micros(time.parse().ok()?) })
    }
}

/// Ends this process if it takes much too long.
pub(super) fn give_up_in_time() {
    std::thread::spawn(|| {
        std::thread::sleep(LONGEST_TRIAL);
        eprintln!("the judge hangs");
        std::process::exit(3);
    });
}

/// The variable that the operation may change.
pub(super) fn target_of(scenario: &Scenario) -> &'static str {
    match scenario.effect {
        Effect::Sets(name, _) | Effect::Deletes(name) => name,
        _ => TARGET,
    }
}

pub(crate) fn read_all(namespace: &Namespace) -> Result<Content> {
    let mut content = Content::new();
    for name in namespace.list("") {
        let name = name?;
        let value = namespace.get(&name)?.ok_or_else(|| format!("{name} is listed but absent"))?;
        if content.insert(name.clone(), value).is_some() {
            return Err(format!("{name} is listed twice").into());
        }
    }
    Ok(content)
}

/// Tells whether the content is that of before or after; anything else is an error.
pub(crate) fn compare(scenario: &Scenario, content: &Content) -> Result<Outcome> {
    let after = scenario.after();
    if *content == after {
        return Ok(Outcome::After);
    }
    let before = scenario.before();
    if *content == before {
        return Ok(Outcome::Before);
    }
    let names = content.keys().chain(before.keys());
    let odd: Vec<_> = names
        .filter(|name| ![before.get(*name), after.get(*name)].contains(&content.get(*name)))
        .map(|name| format!("{name} = {:?}", content.get(name)))
        .collect();
    Err(format!("the content is neither that of before nor of after: {}", odd.join(", ")).into())
}

/// Overwrites the target, makes a variable and deletes it.
pub(super) fn use_it(scenario: &Scenario, namespace: &Namespace, content: &Content) -> Result<()> {
    let mut expected = content.clone();
    let target = target_of(scenario);
    namespace.set(target, "overwritten")?;
    expected.insert(target.to_owned(), text("overwritten"));
    namespace.set("fresh", &1_i64)?;
    if namespace.get::<i64>("fresh")? != Some(1) || !namespace.delete("fresh")? {
        return Err("a fresh variable could not be read back and deleted".into());
    }
    if content.contains_key("visits") && target != "visits" {
        namespace.add("visits", 1)?;
        namespace.add("visits", -1)?;
    }
    if read_all(namespace)? != expected {
        return Err("the content after use is not what was stored".into());
    }
    if !namespace.delete(target)? || namespace.contains(target)? {
        return Err("the target could not be deleted".into());
    }
    namespace.set(target, "made again")?;
    Ok(())
}

/// Takes every lock that the victim may have held. A death is reported once, to the next owner.
pub(super) fn lock_it(scenario: &Scenario, namespace: &Namespace) -> Result<()> {
    let exclusive = LockOptions::exclusive().timeout(PATIENCE);
    let shared = LockOptions::shared().timeout(PATIENCE);
    let take = |died_before: bool| -> Result<()> {
        let whole = namespace.lock(&exclusive)?;
        let died = whole.previous_owner_died();
        whole.unlock()?;
        let one = namespace.lock_variable(TARGET, &exclusive)?;
        let died = died || one.previous_owner_died();
        one.unlock()?;
        let missing = namespace.lock_variable("missing", &exclusive)?;
        let died = died || missing.previous_owner_died();
        missing.unlock()?;
        if died && (died_before || !scenario.locks) {
            return Err("a lock tells of a death that did not happen".into());
        }
        Ok(())
    };
    take(false)?;
    take(true)?;
    namespace.lock(&shared)?.unlock()?;
    namespace.lock_variable(TARGET, &shared)?.unlock()?;
    Ok(())
}

/// Writes from several threads at once, each of which needs a seat.
pub(super) fn use_many_seats(namespace: &Namespace, count: usize) -> Result<()> {
    if count < 2 {
        return Ok(());
    }
    let barrier = Barrier::new(count);
    let write = |number: usize| -> mmf::Result<()> {
        let name = format!("crowd {number}");
        let outcome = namespace.set(&name, &(number as i64));
        // Nobody leaves before everybody has a seat.
        barrier.wait();
        outcome?;
        namespace.delete(&name).map(drop)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || write(number))).collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().map_err(|_| "a thread panicked")?.map_err(Into::into)
        })
    })
}

pub(crate) fn look_for_findings(namespace: &Namespace, when: &str) -> Result<()> {
    let findings = namespace.check()?;
    if findings.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = findings.iter().take(10).map(|it| format!("  {it}")).collect();
    Err(format!("{when}:\n{}", lines.join("\n")).into())
}
