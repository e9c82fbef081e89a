//! The processes that are stepped, and the one that makes the namespace for them.

use mmf::{LockOptions, Namespace, Value};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};

use super::{NAMESPACE, Operation, Scenario, Start, TARGET};
use crate::Result;
use crate::byte_lock::pretend_alive;
use crate::layout::{HASH_SEED, STEPPED_SEED, change_word};

/// Makes what the victim finds.
pub(crate) fn prepare(scenario: &Scenario) -> Result<()> {
    match scenario.start {
        Start::Nothing => return Ok(()),
        Start::EmptyFile => {
            std::fs::write(scenario.path(), [])?;
            return Ok(());
        }
        Start::Prepared => {}
    }
    scenario.builder().create()?;
    // Nothing has been stored under the random seed yet.
    change_word(&scenario.path(), HASH_SEED, |_| STEPPED_SEED)?;
    let namespace = scenario.builder().open()?;
    for (name, value) in &scenario.fill {
        match value {
            Value::Counter(number) => drop(namespace.add(name, *number)?),
            value => drop(namespace.set(name, value)?),
        }
    }
    (scenario.prepare)(&namespace)?;
    Ok(())
}

/// Warms up, stops, executes the operation under the stepper's eyes, and stops again.
pub(crate) fn execute(scenario: &Scenario) -> Result<()> {
    match scenario.operation {
        Operation::Use(action) => {
            let namespace = warm(scenario)?;
            watched(|| action(&namespace))
        }
        Operation::Detach => {
            let namespace = warm(scenario)?;
            watched(|| {
                drop(namespace);
                Ok(())
            })
        }
        Operation::Open => watched(|| scenario.builder().open_or_create()).map(drop),
        Operation::Remove => watched(|| mmf::remove_namespace(NAMESPACE, false)),
    }
}

/// Opens what another has left behind, under the stepper's eyes.
pub(crate) fn recover(scenario: &Scenario) -> Result<()> {
    watched(|| scenario.builder().open_or_create()).map(drop)
}

/// Attaches while the dead seem to live, and then, under the stepper's eyes, wants every lock:
/// whatever the dead hold is in the way.
pub(crate) fn survive(scenario: &Scenario) -> Result<()> {
    let pretence = pretend_alive(&scenario.path())?;
    let namespace = scenario.builder().open()?;
    drop(pretence);
    watched(|| {
        let whole = namespace.lock(&LockOptions::exclusive())?;
        let one = namespace.lock_variable(TARGET, &LockOptions::exclusive())?;
        one.unlock()?;
        whole.unlock()
    })
}

/// Makes the namespace that the victim is about to make.
pub(crate) fn rival(scenario: &Scenario) -> Result<()> {
    Ok(scenario.builder().create().map(drop)?)
}

/// A handle as the victim has it when its operation begins.
pub(crate) fn warm(scenario: &Scenario) -> Result<Namespace> {
    let mut builder = scenario.builder().autolock(scenario.autolock);
    if let Some(timeout) = scenario.timeout {
        builder = builder.timeout(timeout);
    }
    let namespace = builder.open()?;
    (scenario.warm_up)(&namespace)?;
    Ok(namespace)
}

fn watched<T>(operation: impl FnOnce() -> mmf::Result<T>) -> Result<T> {
    ptrace::traceme()?;
    raise(Signal::SIGSTOP)?;
    let result = operation();
    if result.is_ok() {
        raise(Signal::SIGSTOP)?;
    }
    Ok(result?)
}
