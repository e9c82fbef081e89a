//! Locks that an `mmf lock` above this process holds for it.
//!
//! `mmf lock shop -- ./update` holds the lock while `./update` runs, and the commands in `./update`
//! are other processes: they would wait for a lock that is held on their behalf. So `mmf lock` tells
//! them through the environment which exclusive locks it holds. Whoever reads that asks the
//! namespace whether that very process still holds the lock, so a process that outlives it is
//! not misled.

use std::ffi::OsString;
use std::time::Duration;

use mmf::{LockOptions, Namespace};

/// The environment variable: entries with a comma between them.
pub const VARIABLE: &str = "MMF_LOCKS_HELD";
/// How long the namespace is asked whether a lock is still held.
const GLANCE: Duration = Duration::from_millis(1);

/// An exclusive lock that an `mmf lock` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    /// Identity of the namespace.
    namespace: u128,
    /// Process that holds the lock.
    process: u32,
    /// The variable; none when the whole namespace is locked.
    variable: Option<String>,
}

impl Mark {
    /// An entry `NAMESPACE:PROCESS:VARIABLE`, the variable's name in hexadecimal.
    fn parse(entry: &str) -> Option<Self> {
        let mut parts = entry.split(':');
        let namespace = u128::from_str_radix(parts.next()?, 16).ok()?;
        let process = parts.next()?.parse().ok()?;
        let name = crate::hexadecimal::read(parts.next()?)?;
        let name = String::from_utf8(name).ok()?;
        let variable = Some(name).filter(|name| !name.is_empty());
        Some(Self { namespace, process, variable })
    }

    fn entry(&self) -> String {
        let mut entry = format!("{:032x}:{}:", self.namespace, self.process);
        for byte in self.variable.iter().flat_map(|name| name.bytes()) {
            entry += &format!("{byte:02x}");
        }
        entry
    }

    /// Whether the process named here holds the lock at this moment.
    fn is_true(&self, namespace: &Namespace) -> bool {
        let glance = LockOptions::shared().timeout(GLANCE);
        let attempt = match &self.variable {
            None => namespace.lock(&glance),
            Some(name) => namespace.lock_variable(name, &glance),
        };
        attempt.is_err_and(|error| error.holder().is_some_and(|holder| holder.pid == self.process))
    }
}

fn marks() -> Vec<Mark> {
    let entries = std::env::var(VARIABLE).unwrap_or_default();
    entries.split(',').filter_map(Mark::parse).collect()
}

/// Whether an `mmf lock` above holds a lock that operations on `variable` would wait for.
pub fn is_above(namespace: &Namespace, variable: Option<&str>) -> bool {
    marks().iter().any(|mark| {
        mark.namespace == namespace.id()
            && (mark.variable.is_none() || mark.variable.as_deref() == variable)
            && mark.is_true(namespace)
    })
}

/// Whether an `mmf lock` above holds exactly this lock, of a variable or of the namespace.
pub fn is_held_above(namespace: &Namespace, variable: Option<&str>) -> bool {
    marks().iter().any(|mark| {
        mark.namespace == namespace.id()
            && mark.variable.as_deref() == variable
            && mark.is_true(namespace)
    })
}

/// The environment variable's value for a command that runs under one more lock.
pub fn with_own(namespace: &Namespace, variable: Option<&str>) -> OsString {
    let own = Mark {
        namespace: namespace.id(),
        process: std::process::id(),
        variable: variable.map(str::to_owned),
    };
    let entries: Vec<_> = marks().iter().chain([&own]).map(Mark::entry).collect();
    entries.join(",").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_as_they_were_written() {
        for variable in [None, Some("a:b,é\n".to_owned())] {
            let mark = Mark { namespace: u128::MAX - 1, process: 7, variable };
            assert_eq!(Mark::parse(&mark.entry()), Some(mark));
        }
        for nonsense in ["", "x", "1:2", "1:x:", "1:2:0g", "1:2:ff"] {
            assert_eq!(Mark::parse(nonsense), None, "{nonsense}");
        }
    }
}
