//! The judge: a fresh process that looks at what a death has left.

use std::fs::OpenOptions;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use mmf::{ErrorKind, LockOptions, Namespace, Value};

use super::snapshot::{live_slots, pretend_alive};
use crate::Result;
use crate::scenario::{Content, Effect, PATIENCE, Scenario, TARGET, text};

/// When a judge that hangs gives up.
const LONGEST_TRIAL: Duration = Duration::from_secs(20);

/// How the judge comes to the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Manner {
    /// It opens the namespace after the death.
    Fresh,
    /// It was attached when the victim died.
    Survivor,
}

/// Whether the operation has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// Not at all.
    Before,
    /// Wholly; also for an operation that changes nothing.
    After,
}

/// A judge's finding that all is well.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) recovery: Duration,
}

/// Judges the namespace in `MMF_DIR`.
pub(super) fn judge(scenario: &Scenario, manner: Manner) -> Result<Verdict> {
    std::thread::spawn(|| {
        std::thread::sleep(LONGEST_TRIAL);
        eprintln!("the judge hangs");
        std::process::exit(3);
    });
    let (earlier, namespace, started, existence) = match manner {
        Manner::Fresh => open_fresh(scenario)?,
        Manner::Survivor => survive(scenario)?,
    };
    let content = read_all(&namespace)?;
    let outcome = existence.map_or_else(|| compare(scenario, &content), Ok)?;
    if earlier.is_some_and(|earlier| earlier > outcome) {
        return Err("recovery has undone what a reader had seen".into());
    }
    let clean_before = (manner == Manner::Fresh).then(|| look_for_findings(&namespace, "found"));
    clean_before.transpose()?;
    use_it(scenario, &namespace, &content)?;
    let recovery = started.elapsed();
    if recovery > PATIENCE {
        return Err(format!("it took {recovery:?} to get going again").into());
    }
    lock_it(scenario, &namespace)?;
    use_many_seats(&namespace, scenario.crowd)?;
    look_for_findings(&namespace, "found after use")?;
    let content = read_all(&namespace)?;
    drop(namespace);
    if scenario.lifetime == mmf::Lifetime::UntilRemoved {
        let again = scenario.builder().timeout(PATIENCE).open()?;
        look_for_findings(&again, "found by the next opener")?;
        if read_all(&again)? != content {
            return Err("the next opener found another content".into());
        }
    }
    Ok(Verdict { outcome, recovery })
}

type Opened = (Option<Outcome>, Namespace, Instant, Option<Outcome>);

/// Looks without recovering anything, then opens for good.
fn open_fresh(scenario: &Scenario) -> Result<Opened> {
    let reader = scenario.builder().timeout(PATIENCE).read_only(true).open();
    let earlier = match (&scenario.effect, reader) {
        (Effect::Sets(..) | Effect::Deletes(_) | Effect::Nothing, reader) => {
            Some(compare(scenario, &read_all(&reader?)?)?)
        }
        _ => None,
    };
    let started = Instant::now();
    let builder = scenario.builder().timeout(PATIENCE);
    let opened = builder.clone().open();
    let exists = opened.is_ok();
    let namespace = match opened {
        Ok(namespace) => namespace,
        Err(error) if may_be_missing(scenario, error.kind()) => builder.open_or_create()?,
        Err(error) => return Err(error.into()),
    };
    let existence = match scenario.effect {
        Effect::Creates if exists => Some(Outcome::After),
        Effect::Creates => Some(Outcome::Before),
        Effect::Removes if exists => Some(Outcome::Before),
        Effect::Removes | Effect::Vanishes => Some(Outcome::After),
        Effect::Nothing | Effect::Sets(..) | Effect::Deletes(_) => None,
    };
    if scenario.effect == Effect::Vanishes && exists {
        return Err("a namespace outlived its only process".into());
    }
    Ok((earlier, namespace, started, existence))
}

fn may_be_missing(scenario: &Scenario, kind: ErrorKind) -> bool {
    match scenario.effect {
        Effect::Creates => matches!(kind, ErrorKind::NotFound | ErrorKind::NotANamespace),
        Effect::Removes | Effect::Vanishes => kind == ErrorKind::NotFound,
        Effect::Nothing | Effect::Sets(..) | Effect::Deletes(_) => false,
    }
}

/// Attaches while the victim seems to live, then lets it die.
fn survive(scenario: &Scenario) -> Result<Opened> {
    let file = OpenOptions::new().read(true).write(true).open(scenario.path())?;
    pretend_alive(&file, &live_slots(&std::fs::read(scenario.path())?))?;
    let namespace = scenario.builder().timeout(PATIENCE).open()?;
    drop(file);
    let started = Instant::now();
    let earlier = compare(scenario, &read_all(&namespace)?)?;
    // The first to act meets whatever the dead one holds, and nobody has recovered yet.
    if let Effect::Sets(name, _) | Effect::Deletes(name) = scenario.effect {
        let value: Option<Value> = namespace.get(name)?;
        let expected = match earlier {
            Outcome::Before => scenario.before().remove(name),
            Outcome::After => scenario.after().remove(name),
        };
        if value != expected {
            return Err(format!("{name} changed while nobody was writing").into());
        }
    }
    Ok((Some(earlier), namespace, started, None))
}

fn read_all(namespace: &Namespace) -> Result<Content> {
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
fn compare(scenario: &Scenario, content: &Content) -> Result<Outcome> {
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
fn use_it(scenario: &Scenario, namespace: &Namespace, content: &Content) -> Result<()> {
    let mut expected = content.clone();
    let target = match scenario.effect {
        Effect::Sets(name, _) | Effect::Deletes(name) => name,
        _ => TARGET,
    };
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
fn lock_it(scenario: &Scenario, namespace: &Namespace) -> Result<()> {
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
fn use_many_seats(namespace: &Namespace, count: usize) -> Result<()> {
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

fn look_for_findings(namespace: &Namespace, when: &str) -> Result<()> {
    let findings = namespace.check()?;
    if findings.is_empty() {
        return Ok(());
    }
    let lines: Vec<_> = findings.iter().take(10).map(|it| format!("  {it}")).collect();
    Err(format!("{when}:\n{}", lines.join("\n")).into())
}
