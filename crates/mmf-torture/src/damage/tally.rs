//! What operations came to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mmf::ErrorKind;

use crate::Result;

/// The most of the processor that an operation may take.
const MOST_WORK: Duration = Duration::from_secs(2);
/// The longest that an operation may last. Its timeouts are far shorter; the rest is for a machine
/// that has other things to do.
const LONGEST: Duration = Duration::from_secs(12);

/// One operation's endings.
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Endings {
    pub(super) values: u64,
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) worst: Duration,
    /// The seed of the file that took longest.
    pub(super) slowest: u64,
}

/// The endings of all operations, by what they are called.
#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Tally {
    pub(super) operations: BTreeMap<String, Endings>,
    /// What an operation must not have done, though it ended.
    pub(super) complaints: Vec<String>,
}

impl Tally {
    /// Runs one operation, announced to whoever watches this process.
    pub(super) fn run<T>(
        &mut self,
        name: &str,
        operation: impl FnOnce() -> mmf::Result<T>,
    ) -> Option<T> {
        println!("do {name}");
        let (started, idle) = (Instant::now(), work_of_thread());
        let outcome = operation();
        let (took, work) = (started.elapsed(), work_of_thread().saturating_sub(idle));
        let endings = self.operations.entry(name.to_owned()).or_default();
        endings.worst = endings.worst.max(took);
        if took > LONGEST || work > MOST_WORK {
            self.complaints.push(format!("{name} lasted {took:.1?} and worked for {work:.1?}"));
        }
        match outcome {
            Ok(value) => {
                endings.values += 1;
                Some(value)
            }
            Err(error) => {
                *endings.errors.entry(format!("{:?}", error.kind())).or_default() += 1;
                if error.to_string().trim().is_empty() {
                    self.complaints.push(format!("{name} ended in an error that says nothing"));
                }
                None
            }
        }
    }

    /// Adds what one file came to.
    pub(super) fn add(&mut self, other: Self, seed: u64) {
        for (name, new) in other.operations {
            let endings = self.operations.entry(name).or_default();
            endings.values += new.values;
            if new.worst > endings.worst {
                (endings.worst, endings.slowest) = (new.worst, seed);
            }
            for (kind, count) in new.errors {
                *endings.errors.entry(kind).or_default() += count;
            }
        }
        self.complaints.extend(other.complaints);
    }

    /// Prints a row for each operation.
    pub(super) fn print(&self) {
        println!(
            "{:<18} {:>9} {:>9} {:>10} {:>8}  errors by kind",
            "operation", "values", "errors", "worst", "of seed"
        );
        for (name, endings) in &self.operations {
            let errors: u64 = endings.errors.values().sum();
            let kinds = endings.errors.iter().map(|(kind, count)| format!("{kind} {count}"));
            let kinds = kinds.collect::<Vec<_>>().join(", ");
            let worst = endings.worst.as_secs_f64() * 1000.0;
            println!("{name:<22} {:>10} {errors:>10} {worst:>7.1} ms  {kinds}", endings.values);
        }
    }

    /// Operations that were run.
    pub(super) fn count(&self) -> u64 {
        let errors = |endings: &Endings| endings.errors.values().sum::<u64>();
        self.operations.values().map(|endings| endings.values + errors(endings)).sum()
    }

    /// Operations that ended in an error of this kind.
    pub(super) fn errors(&self, kind: ErrorKind) -> u64 {
        let kind = format!("{kind:?}");
        self.operations.values().filter_map(|endings| endings.errors.get(&kind)).sum()
    }
}

/// Time that this thread has had of a processor.
fn work_of_thread() -> Duration {
    let clock = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID;
    nix::time::clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
}

/// One line for the watching process.
pub(super) fn report(tally: &Tally) -> Result<()> {
    println!("done {}", serde_json::to_string(tally)?);
    Ok(())
}
