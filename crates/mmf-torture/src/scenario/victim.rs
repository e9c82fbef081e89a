//! The processes that are stepped, and the one that makes the namespace for them.

use mmf::{Namespace, Value};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};

use super::{NAMESPACE, Operation, Scenario, Start};
use crate::Result;

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
    let namespace = scenario.builder().create()?;
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

fn warm(scenario: &Scenario) -> Result<Namespace> {
    let namespace = scenario.builder().open()?;
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
