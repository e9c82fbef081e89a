//! The judge: a fresh process that looks at what a death has left.

use std::time::Instant;

use mmf::{ErrorKind, Namespace, Value};

use super::oracle::{
    Outcome, Verdict, compare, give_up_in_time, lock_it, look_for_findings, read_all, use_it,
    use_many_seats,
};
use crate::Result;
use crate::byte_lock::pretend_alive;
use crate::scenario::{Effect, PATIENCE, Scenario};

/// How the judge comes to the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Manner {
    /// It opens the namespace after the death.
    Fresh,
    /// It was attached when the victim died.
    Survivor,
}

/// Judges the namespace in `MMF_DIR`.
pub(super) fn judge(scenario: &Scenario, manner: Manner) -> Result<Verdict> {
    give_up_in_time();
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
        (_, Err(error)) if scenario.is_unsound && error.kind() == ErrorKind::Damaged => None,
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
    let pretence = pretend_alive(&scenario.path())?;
    let namespace = scenario.builder().timeout(PATIENCE).open()?;
    drop(pretence);
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
