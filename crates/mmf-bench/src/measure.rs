//! The harness: contenders in turns, repeated.

use std::time::{Duration, Instant};

use crate::Result;

/// Does a number of operations, verifies what they gave, and says how long they took. Time spent on
/// preparing and on verifying need not be part of it.
pub type Work<'a> = Box<dyn FnMut(u64) -> Result<Duration> + 'a>;

/// One of those that are measured in turns.
pub struct Contender<'a> {
    label: String,
    work: Work<'a>,
}

impl<'a> Contender<'a> {
    /// A contender whose figures bear this label.
    pub fn new(label: &str, work: impl FnMut(u64) -> Result<Duration> + 'a) -> Self {
        Self { label: label.to_owned(), work: Box::new(work) }
    }
}

/// How long and how often to measure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Repeats of each contender.
    pub repeats: usize,
    /// Time that one repeat is to take.
    pub repeat_time: Duration,
    /// Most operations of one repeat.
    pub most_operations: u64,
}

impl Effort {
    /// What the committed figures are measured with.
    pub const FULL: Self =
        Self { repeats: 11, repeat_time: Duration::from_millis(40), most_operations: u64::MAX };
    /// For work on a row, and for a first look.
    pub const QUICK: Self =
        Self { repeats: 7, repeat_time: Duration::from_millis(20), most_operations: u64::MAX };
    /// Shows that a row runs and that its values are right; its times mean nothing.
    pub const SMOKE: Self =
        Self { repeats: 1, repeat_time: Duration::from_millis(2), most_operations: 100_000 };

    /// The same, for operations that are so long that each repeat has a fixed number of them.
    pub fn with_most_operations(self, most_operations: u64) -> Self {
        Self { most_operations: self.most_operations.min(most_operations), ..self }
    }
}

/// The nanoseconds that an operation of one contender took on average, repeat by repeat.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// The contender.
    pub label: String,
    /// Operations of one repeat.
    pub operations: u64,
    /// Nanoseconds for one operation, one figure a repeat, in the order in which they were taken.
    pub nanoseconds: Vec<f64>,
}

/// Measures contenders in turns: each once, then each again, so that a change of the machine's speed
/// meets all of them alike. Each is first tried until its operations take the time of a repeat.
///
/// # Errors
///
/// The first error of a contender, with its label.
pub fn interleave(effort: &Effort, contenders: &mut [Contender<'_>]) -> Result<Vec<Samples>> {
    let mut all = Vec::new();
    for contender in contenders.iter_mut() {
        let operations = calibrate(effort, contender)?;
        all.push(Samples { label: contender.label.clone(), operations, nanoseconds: Vec::new() });
    }
    for _ in 0..effort.repeats {
        for (contender, samples) in contenders.iter_mut().zip(&mut all) {
            let took = run(contender, samples.operations)?;
            samples.nanoseconds.push(took.as_nanos() as f64 / samples.operations as f64);
        }
    }
    Ok(all)
}

fn run(contender: &mut Contender<'_>, operations: u64) -> Result<Duration> {
    (contender.work)(operations).map_err(|error| format!("{}: {error}", contender.label).into())
}

/// Long trials in a row that are believed: the first ones of a kind have memory to get.
const BELIEVED: usize = 3;

/// How many operations take the time of a repeat. The trials warm caches and predictors up.
fn calibrate(effort: &Effort, contender: &mut Contender<'_>) -> Result<u64> {
    let mut operations = 1;
    let mut long = 0;
    loop {
        let begin = Instant::now();
        let took = run(contender, operations)?;
        // What a contender does beside its measured work counts as well, or a run would never end.
        let is_long = took >= effort.repeat_time / 2 || begin.elapsed() >= effort.repeat_time * 4;
        long = if is_long { long + 1 } else { 0 };
        if long == BELIEVED || operations >= effort.most_operations {
            let scale = effort.repeat_time.as_secs_f64() / took.as_secs_f64().max(1e-9);
            let scaled = (operations as f64 * scale.min(2.0)).max(1.0) as u64;
            return Ok(scaled.min(effort.most_operations));
        }
        if !is_long {
            operations = operations.saturating_mul(2).min(effort.most_operations);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn contenders_take_turns() {
        let turns = RefCell::new(Vec::new());
        let note = |who: &'static str, per_operation: u64| {
            let turns = &turns;
            Contender::new(who, move |operations| {
                turns.borrow_mut().push((who, operations));
                Ok(Duration::from_nanos(per_operation * operations))
            })
        };
        let effort = Effort { repeats: 3, ..Effort::QUICK };
        let mut contenders = [note("a", 1_000), note("b", 100)];
        let samples = interleave(&effort, &mut contenders).unwrap();
        let turns = turns.take();
        let who: String = turns[turns.len() - 6..].iter().map(|(who, _)| *who).collect();
        assert_eq!(who, "ababab");
        assert_eq!(samples[0].nanoseconds, [1_000.0; 3]);
        assert_eq!(samples[1].nanoseconds, [100.0; 3]);
        // 20 ms of 1 µs each.
        assert!((15_000..25_000).contains(&samples[0].operations), "{}", samples[0].operations);
    }

    #[test]
    fn an_error_names_its_contender() {
        let mut contenders = [Contender::new("broken", |_| Err("a torn value".into()))];
        let error = interleave(&Effort::SMOKE, &mut contenders).unwrap_err();
        assert_eq!(error.to_string(), "broken: a torn value");
    }

    /// A first set of a large value, which had memory to get, made every repeat a single set.
    #[test]
    fn slow_beginnings_do_not_count() {
        let mut runs = 0;
        let warming = move |operations| {
            runs += 1;
            Ok(Duration::from_micros(if runs < 3 { 20_000 } else { 100 } * operations))
        };
        let mut contenders = [Contender::new("warming", warming)];
        let samples = interleave(&Effort::QUICK, &mut contenders).unwrap();
        assert!(samples[0].operations > 100, "{}", samples[0].operations);
    }

    #[test]
    fn operations_have_a_bound() {
        let mut contenders = [Contender::new("fast", |_| Ok(Duration::ZERO))];
        let effort = Effort::QUICK.with_most_operations(5);
        assert_eq!(interleave(&effort, &mut contenders).unwrap()[0].operations, 5);
    }
}
