//! Operations that meet a lock which somebody alive holds: most of them end in a timeout.

use std::time::Duration;

use mmf::{ErrorKind, LockOptions, Namespace, Value};

use super::{Hold, Scenario, TARGET, text};

/// How long the victim waits for what it cannot have: past the first look at the owner.
const PATIENCE: Duration = Duration::from_millis(20);

/// Every such scenario.
pub(super) fn all() -> Vec<Scenario> {
    let beside = |name, held, action| {
        let mut scenario = Scenario::using(name, action)
            .with(TARGET, text("small"))
            // Nobody's lock is in the way of this one.
            .warmed(|it| it.lock_variable("warm", &together())?.unlock());
        scenario.held = Some(held);
        scenario.timeout = Some(PATIENCE);
        scenario
    };
    vec![
        beside("set-beside-exclusive", Hold::NamespaceExclusive, |it| in_vain(it.set(TARGET, "x"))),
        beside("set-beside-shared", Hold::NamespaceShared, |it| in_vain(it.set(TARGET, "x"))),
        beside("set-beside-target-exclusive", Hold::TargetExclusive, |it| {
            in_vain(it.set(TARGET, "x"))
        }),
        beside("set-beside-target-shared", Hold::TargetShared, |it| in_vain(it.set(TARGET, "x"))),
        beside("set-new-beside-exclusive", Hold::NamespaceExclusive, |it| {
            in_vain(it.set("new", "x"))
        }),
        beside("get-beside-exclusive", Hold::NamespaceExclusive, |it| {
            in_vain(it.get::<Value>(TARGET))
        }),
        beside("delete-beside-target-exclusive", Hold::TargetExclusive, |it| {
            in_vain(it.delete(TARGET))
        }),
        // Without autolock nobody waits: the variable goes, its record stays for the holder.
        beside("delete-under-the-holder", Hold::TargetExclusive, |it| it.delete(TARGET).map(drop))
            .without_autolock()
            .deletes(TARGET),
        beside("set-past-the-holder", Hold::NamespaceExclusive, |it| {
            it.set(TARGET, "stocked").map(drop)
        })
        .without_autolock()
        .sets(TARGET, text("stocked")),
        beside("lock-beside-exclusive", Hold::NamespaceExclusive, |it| {
            in_vain(it.lock(&exclusively()))
        }),
        beside("lock-beside-shared", Hold::NamespaceShared, |it| in_vain(it.lock(&exclusively()))),
        beside("lock-shared-beside-exclusive", Hold::NamespaceExclusive, |it| {
            in_vain(it.lock(&together()))
        }),
        beside("lock-shared-beside-shared", Hold::NamespaceShared, |it| {
            it.lock(&together())?.unlock()
        }),
        beside("lock-target-beside-exclusive", Hold::TargetExclusive, |it| {
            in_vain(it.lock_variable(TARGET, &exclusively()))
        }),
        beside("lock-target-beside-shared", Hold::TargetShared, |it| {
            in_vain(it.lock_variable(TARGET, &exclusively()))
        }),
        beside("lock-target-shared-beside-exclusive", Hold::TargetExclusive, |it| {
            in_vain(it.lock_variable(TARGET, &together()))
        }),
        beside("lock-target-shared-beside-shared", Hold::TargetShared, |it| {
            it.lock_variable(TARGET, &together())?.unlock()
        }),
    ]
}

fn exclusively() -> LockOptions {
    LockOptions::exclusive().timeout(PATIENCE)
}

fn together() -> LockOptions {
    LockOptions::shared().timeout(PATIENCE)
}

/// It has to end at its timeout: anything else is an error.
fn in_vain<T>(outcome: mmf::Result<T>) -> mmf::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Namespace::open("what somebody else holds was to be had").map(drop),
    }
}
