//! The worst single set while a namespace grows, beside the worst pause of a loop of plain stores of
//! the same length: what the machine's other work does to any program.

use std::hint::black_box;
use std::time::{Duration, Instant};

use mmf::Namespace;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::Piece;
use crate::Result;
use crate::names::Name;
use crate::report::{Figure, Row, Target, Unit};
use crate::session::{Level, Session, count_name};
use crate::values::{faults_of_round, fill, stamp, verify};
use crate::workloads::MANY_LENGTH;

/// From here on a set is long.
const LONG: u64 = 1_000_000;
const TARGET: f64 = 1.0;

pub(super) const PIECE: Piece = Piece { names: |level| names(level).to_vec(), measure };

fn names(level: Level) -> [String; 2] {
    let count = count_name(level.most());
    [
        format!("worst set growing to {count}"),
        format!("worst set growing to {count}, processor time"),
    ]
}

/// Most growths of a row: one takes most of a minute when it is to ten million, and its worst set is
/// the extreme of as many already.
const GROWTHS: usize = 3;

fn measure(session: &Session) -> Result<Vec<Row>> {
    let count = session.level.most();
    let mut all = Vec::new();
    for _ in 0..session.effort().repeats.min(GROWTHS) {
        all.push(grow(session, count)?);
    }
    let milliseconds = |which: &dyn Fn(&Growth) -> &Pauses, clock: &dyn Fn(&Pauses) -> u64| {
        all.iter().map(|growth| clock(which(growth)) as f64 / 1e6).collect::<Vec<_>>()
    };
    let row = |name: &str, clock: &dyn Fn(&Pauses) -> u64| {
        let subject = milliseconds(&|growth| &growth.sets, clock);
        let floor = milliseconds(&|growth| &growth.stores, clock);
        Row::new(name, Unit::Milliseconds, Figure::new("mmf", count.into(), subject))
            .over(Figure::new("plain stores for as long", all[0].stores.operations, floor))
            .aiming(Target::absolute(TARGET))
    };
    let long = |which: &dyn Fn(&Growth) -> &Pauses| {
        all.iter().map(|growth| which(growth).long.to_string()).collect::<Vec<_>>().join(", ")
    };
    let note = format!(
        "longer than 1 ms, growth by growth: {} sets; {} of the stores",
        long(&|growth| &growth.sets),
        long(&|growth| &growth.stores),
    );
    let [wall, processor] = names(session.level);
    Ok(vec![
        row(&wall, &|pauses| pauses.worst).noting(note),
        row(&processor, &|pauses| pauses.worst_processor)
            .noting("time that the thread did not run is left out"),
    ])
}

/// How long single operations of a loop took, in nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pauses {
    /// How many there were.
    pub operations: u64,
    /// All together.
    pub total: u64,
    /// The longest.
    pub worst: u64,
    /// The one that took the thread itself the longest, by its processor time.
    pub worst_processor: u64,
    /// Of ten thousand, the second longest: the 99.99th percentile.
    pub percentile_99_99: u64,
    /// How many took longer than a millisecond.
    pub long: u64,
}

/// A namespace's growth, and as long a loop of plain stores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// The sets, each of a new variable.
    pub sets: Pauses,
    /// Plain stores to memory.
    pub stores: Pauses,
}

/// Sets so many new variables in a new namespace, each on the clock; then stores plainly for as long.
///
/// # Errors
///
/// When a value is wrong, or a variable is not there.
pub fn grow(session: &Session, count: u32) -> Result<Growth> {
    let namespace = session.namespace(count)?;
    let mut value = [0; MANY_LENGTH];
    let sets = gather(|number| {
        if number == u64::from(count) {
            return Ok(None);
        }
        let name = Name::of(number);
        fill(&mut value, stamp(number, 0));
        let begin = Instant::now();
        namespace.set(name.as_str(), &value)?;
        Ok(Some(begin.elapsed()))
    })?;
    verify_some(&namespace, count)?;
    drop(namespace);
    let mut words = vec![0_u64; 1 << 16];
    let limit = Duration::from_nanos(sets.total);
    let whole = Instant::now();
    let stores = gather(|number| {
        if whole.elapsed() > limit {
            return Ok(None);
        }
        let begin = Instant::now();
        words[number as usize & 0xffff] = black_box(number);
        Ok(Some(begin.elapsed()))
    })?;
    black_box(&words);
    Ok(Growth { sets, stores })
}

/// A sample of variables is there, and has its values; all are counted.
fn verify_some(namespace: &Namespace, count: u32) -> Result<()> {
    super::memory::bytes_each(namespace, count)?;
    let mut buffer = Vec::new();
    let mut faults = 0;
    for index in (0..u64::from(count)).step_by(97) {
        namespace.get_into(Name::of(index).as_str(), &mut buffer)?;
        faults |= faults_of_round(&buffer, MANY_LENGTH, index, 0);
    }
    verify(faults, "get after growth")
}

/// Does operations until there is none, each of which says how long it took.
fn gather(mut operation: impl FnMut(u64) -> Result<Option<Duration>>) -> Result<Pauses> {
    let mut histogram = Histogram::default();
    let (mut worst, mut worst_processor, mut long) = (0, 0, 0);
    let begin = Instant::now();
    let mut number = 0;
    let mut processor = processor_time();
    while let Some(took) = operation(number)? {
        let nanoseconds = took.as_nanos() as u64;
        let now = processor_time();
        worst_processor = worst_processor.max((now - processor).min(nanoseconds));
        processor = now;
        worst = worst.max(nanoseconds);
        long += u64::from(nanoseconds > LONG);
        histogram.count(nanoseconds);
        number += 1;
    }
    let percentile_99_99 = histogram.percentile(0.9999);
    let total = begin.elapsed().as_nanos() as u64;
    Ok(Pauses { operations: number, total, worst, worst_processor, percentile_99_99, long })
}

/// Nanoseconds that the calling thread has run.
fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Counts of durations, in steps of an eighth of a power of two.
struct Histogram {
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; 64 * 8] }
    }
}

impl Histogram {
    fn count(&mut self, nanoseconds: u64) {
        self.counts[Self::place(nanoseconds)] += 1;
    }

    fn place(nanoseconds: u64) -> usize {
        let number = nanoseconds.max(8);
        let power = number.ilog2();
        let eighth = (number >> (power - 3)) & 7;
        power as usize * 8 + eighth as usize
    }

    /// The least duration that belongs to a place.
    fn least_of(place: usize) -> u64 {
        let (power, eighth) = (place / 8, place as u64 % 8);
        if power < 3 { 0 } else { (8 + eighth) << (power - 3) }
    }

    /// A duration that this share of all does not exceed, to an eighth.
    fn percentile(&self, share: f64) -> u64 {
        let all: u64 = self.counts.iter().sum();
        let wanted = (all as f64 * share).ceil() as u64;
        let mut met = 0;
        for (place, count) in self.counts.iter().enumerate() {
            met += count;
            if met >= wanted {
                return Self::least_of(place + 1);
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_right_to_an_eighth() {
        let mut histogram = Histogram::default();
        (1..=10_000).for_each(|number| histogram.count(number * 100));
        for (share, exact) in [(0.5, 500_000.0), (0.9999, 999_900.0)] {
            let found = histogram.percentile(share) as f64;
            assert!(found >= exact && found <= exact * 1.13, "{found} for {exact}");
        }
    }

    #[test]
    fn pauses_are_gathered() {
        let durations = [5, 2_000_000, 7];
        let pauses = gather(|number| {
            Ok(durations.get(number as usize).map(|nanoseconds| Duration::from_nanos(*nanoseconds)))
        })
        .unwrap();
        assert_eq!((pauses.operations, pauses.worst, pauses.long), (3, 2_000_000, 1));
    }
}
