//! A program of the contract, for systems that Rust can reach: the rows, written once.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use mmf_bench::measure::{Contender, Effort, interleave};
use mmf_bench::names::Name;
use mmf_bench::system::{ByName, Kept, System};
use mmf_bench::values::{fill, stamp, stamp_of, verify};
use mmf_bench::workloads::{
    HOT_INDEX, HOT_LENGTH, MANY_LENGTH, get_hot, get_random, set_hot, set_random,
};
use mmf_bench::{Error, Result};

use crate::contract::{Call, Figures, Line, Measure, Role, Row, Unit};

/// Bytes of a large value.
pub const LARGE_LENGTH: usize = 16 << 20;
/// The variables that messages go by, there and back.
pub const WAYS: [u64; 2] = [2, 3];
/// Nobody waits longer for the other process.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Operations between two looks at the clock.
const CHUNK: u64 = 64;
/// Variables between two looks at the clock.
const FILL_CHUNK: u64 = 1000;
/// Gives the same walks in every run.
const SEED: u64 = 1;
/// The number after which the other process stops.
pub const STOP: u64 = u64::MAX;

/// Why a system has no such row; other errors are failures.
#[derive(Debug)]
struct Cannot(String);

impl std::fmt::Display for Cannot {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Cannot {}

/// The error by which a system says that it has no such row.
pub fn cannot(reason: &str) -> Error {
    Cannot(reason.to_owned()).into()
}

/// How large a system has to be.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// Variables.
    pub count: u64,
    /// Bytes of each value.
    pub length: usize,
}

/// How the other process's message is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaiting {
    /// The system lets a process sleep until a variable changes, or does so after a short while.
    Waits,
    /// It does not: the process looks again and again.
    Polls,
}

/// What can be done by way of a kept variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Everything, and sets of others are seen at once.
    Live,
    /// Gets alone, of what there was when it began.
    Snapshot,
}

/// A system that more than one process may use.
pub trait Peer: System + Sized {
    /// One variable, found once.
    type Variable<'a>: Kept
    where
        Self: 'a;

    /// Whether [`Peer::receive`] waits.
    const AWAITING: Awaiting = Awaiting::Polls;

    /// What [`Peer::kept`] gives.
    const WAY: Way = Way::Live;

    /// Makes it, for the first process.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, or [`cannot`].
    fn create(call: &Call, capacity: Capacity) -> Result<Self>;

    /// Attaches to what the first process has made.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, or [`cannot`].
    fn attach(call: &Call, capacity: Capacity) -> Result<Self>;

    /// Another way to a variable that exists, and what it is called; none when names are the only
    /// one.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    fn kept(&mut self, name: &str) -> Result<Option<(&'static str, Self::Variable<'_>)>>;

    /// Most variables that it is to be asked for.
    fn most(wanted: u64) -> u64 {
        wanted
    }

    /// Sets variables, beginning at `range.start`, and as well as the system can set many.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    fn set_many(&mut self, range: std::ops::Range<u64>) -> Result<()> {
        let mut value = [0; MANY_LENGTH];
        for index in range {
            fill(&mut value, stamp(index, 0));
            self.set(Name::of(index).as_str(), &value)?;
        }
        Ok(())
    }

    /// Adds one to a counter, for each of two processes at a time.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, or [`cannot`].
    fn add(&mut self, _name: &str) -> Result<()> {
        Err(cannot("it has no counters"))
    }

    /// What a counter has come to.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, or [`cannot`].
    fn total(&mut self, _name: &str) -> Result<u64> {
        Err(cannot("it has no counters"))
    }

    /// Sends a number to the other process, by a way of [`WAYS`].
    ///
    /// # Errors
    ///
    /// Whatever the system reports, or [`cannot`].
    fn send(&mut self, way: usize, number: u64) -> Result<()> {
        let mut value = [0; HOT_LENGTH];
        fill(&mut value, number);
        self.set(Name::of(WAYS[way]).as_str(), &value)
    }

    /// The number that comes by a way of [`WAYS`] after the number `last`.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, or [`cannot`]; when nothing comes within [`PATIENCE`].
    fn receive(&mut self, way: usize, last: u64) -> Result<u64> {
        let name = Name::of(WAYS[way]);
        let mut buffer = Vec::new();
        poll(|| {
            let is_there = self.get(name.as_str(), &mut buffer)?;
            Ok((is_there && stamp_of(&buffer) != last).then(|| stamp_of(&buffer)))
        })
    }

    /// Bytes of memory that it takes, all in.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, or [`cannot`].
    fn bytes_used(&mut self) -> Result<u64>;
}

/// Looks again and again until there is something.
///
/// # Errors
///
/// When there is nothing within [`PATIENCE`], and what `look` reports.
pub fn poll<T>(mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        for _ in 0..1000 {
            if let Some(found) = look()? {
                return Ok(found);
            }
            std::hint::spin_loop();
        }
        if Instant::now() > deadline {
            return Err(format!("nothing has come within {PATIENCE:?}").into());
        }
    }
}

/// A system without another way to its variables.
pub enum NoVariable {}

impl Kept for NoVariable {
    fn get(&mut self, _buffer: &mut Vec<u8>) -> Result<bool> {
        match *self {}
    }

    fn set(&mut self, _value: &[u8]) -> Result<()> {
        match *self {}
    }
}

/// A borrowed system, where one is asked for.
struct Borrowed<'a, S>(&'a mut S);

impl<S: System> System for Borrowed<'_, S> {
    #[inline]
    fn get(&mut self, name: &str, buffer: &mut Vec<u8>) -> Result<bool> {
        self.0.get(name, buffer)
    }

    #[inline]
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.0.set(name, value)
    }
}

fn by_name<'a, S: System>(system: &'a mut S, name: &str) -> ByName<Borrowed<'a, S>> {
    ByName { system: Borrowed(system), name: name.to_owned() }
}

/// Says that a system has no such row.
///
/// # Errors
///
/// When the bench is gone.
pub fn refuse(reason: &str) -> Result<()> {
    say(&Line::Cannot { cannot: reason.to_owned() })
}

/// Does what the arguments ask, with the system `P`.
///
/// # Errors
///
/// When the system fails, or the bench is gone.
pub fn run<P: Peer>(call: &Call) -> Result<()> {
    let done = match call.row {
        Row::Hot => hot::<P>(call),
        Row::Random => random::<P>(call),
        Row::Pair => pair::<P>(call),
        Row::Large => large::<P>(call),
        Row::RoundTrip => round_trip::<P>(call),
        Row::Counter => counter::<P>(call),
    };
    match done {
        Err(error) if error.is::<Cannot>() => refuse(&error.to_string()),
        Err(error) => say(&Line::Wrong { wrong: error.to_string() }),
        Ok(()) => Ok(()),
    }
}

fn say(line: &Line) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

fn listen_for(expected: &str) -> Result<()> {
    let mut word = String::new();
    std::io::stdin().lock().read_line(&mut word)?;
    match word.trim_end() == expected {
        true => Ok(()),
        false => Err(format!("the bench did not say {expected}").into()),
    }
}

fn ready() -> Result<()> {
    say(&Line::Ready { ready: true })?;
    listen_for("go")
}

fn done() -> Result<()> {
    say(&Line::Done { done: true })?;
    listen_for("end")
}

fn report(figures: Figures) -> Result<()> {
    say(&Line::Figures(figures))
}

fn begin<P: Peer>(call: &Call, count: u64, length: usize) -> Result<P> {
    let capacity = Capacity { count, length };
    match call.role {
        Role::First => P::create(call, capacity),
        Role::Second => P::attach(call, capacity),
    }
}

fn sampled(effort: &Effort, work: impl FnMut(u64) -> Result<Duration>) -> Result<Vec<f64>> {
    let samples = interleave(effort, &mut [Contender::new("measured", work)])?;
    Ok(samples.into_iter().flat_map(|samples| samples.nanoseconds).collect())
}

fn times(measure: Measure, samples: Vec<f64>, variant: Option<&str>) -> Figures {
    let variant = variant.map(str::to_owned);
    Figures { variant, ..Figures::new(measure, Unit::Nanoseconds, samples) }
}

fn first_value(system: &mut impl System) -> Result<()> {
    let mut value = [0; HOT_LENGTH];
    fill(&mut value, stamp(HOT_INDEX, 0));
    system.set(Name::of(HOT_INDEX).as_str(), &value)
}

fn hot<P: Peer>(call: &Call) -> Result<()> {
    let mut peer: P = begin(call, 10, HOT_LENGTH)?;
    first_value(&mut peer)?;
    ready()?;
    let name = Name::of(HOT_INDEX).as_str().to_owned();
    let effort = call.effort();
    let gets = sampled(&effort, get_hot(by_name(&mut peer, &name)))?;
    let sets = sampled(&effort, set_hot(by_name(&mut peer, &name)))?;
    report(times(Measure::GetHot, gets, None))?;
    report(times(Measure::SetHot, sets, None))?;
    first_value(&mut peer)?;
    if let Some((label, variable)) = peer.kept(&name)? {
        let gets = sampled(&effort, get_hot(variable))?;
        report(times(Measure::GetHot, gets, Some(label)))?;
    }
    if P::WAY == Way::Live
        && let Some((label, variable)) = peer.kept(&name)?
    {
        let sets = sampled(&effort, set_hot(variable))?;
        report(times(Measure::SetHot, sets, Some(label)))?;
    }
    done()
}

fn random<P: Peer>(call: &Call) -> Result<()> {
    let count = P::most(call.count);
    if call.role == Role::Second {
        ready()?;
        return attach::<P>(call, count);
    }
    let mut peer: P = begin(call, count, MANY_LENGTH)?;
    let count = fill_all(&mut peer, count, call.fill)?;
    ready()?;
    let counted = |figures: Figures| Figures { count: Some(count), ..figures };
    let bytes = peer.bytes_used();
    match bytes {
        Ok(bytes) => {
            let each = vec![bytes as f64 / count as f64];
            report(counted(Figures::new(Measure::Memory, Unit::Bytes, each)))?;
        }
        Err(error) if error.is::<Cannot>() => {}
        Err(error) => return Err(error),
    }
    let effort = call.effort();
    let walked = u32::try_from(count)?;
    let gets = sampled(&effort, get_random(Borrowed(&mut peer), walked, SEED))?;
    let sets = sampled(&effort, set_random(Borrowed(&mut peer), walked, SEED))?;
    report(counted(times(Measure::GetRandom, gets, None)))?;
    report(counted(times(Measure::SetRandom, sets, None)))?;
    done()
}

/// Sets variables until all are there or time is up; how many there are.
fn fill_all(peer: &mut impl Peer, count: u64, time: Duration) -> Result<u64> {
    let begin = Instant::now();
    let mut filled = 0;
    while filled < count {
        let end = count.min(filled + FILL_CHUNK);
        peer.set_many(filled..end)?;
        filled = end;
        if begin.elapsed() > time {
            break;
        }
    }
    Ok(filled)
}

fn attach<P: Peer>(call: &Call, count: u64) -> Result<()> {
    let capacity = Capacity { count, length: MANY_LENGTH };
    let name = Name::of(0);
    let mut buffer = Vec::new();
    let mut samples = Vec::new();
    for _ in 0..call.samples {
        let begin = Instant::now();
        let mut peer = P::attach(call, capacity)?;
        let is_there = peer.get(name.as_str(), &mut buffer)?;
        samples.push(begin.elapsed().as_nanos() as f64);
        let faults = mmf_bench::values::faults_of(&buffer, MANY_LENGTH, 0);
        verify(faults | u64::from(!is_there), "get after attaching")?;
    }
    let figures = Figures::new(Measure::Attach, Unit::Nanoseconds, samples);
    report(Figures { count: Some(count), ..figures })?;
    done()
}

/// Operations a second, one figure a sample.
fn rates(call: &Call, mut operation: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let mut rates = Vec::new();
    for _ in 0..call.samples {
        let begin = Instant::now();
        let mut operations = 0;
        loop {
            for _ in 0..CHUNK {
                operation()?;
            }
            operations += CHUNK;
            let elapsed = begin.elapsed();
            if elapsed >= call.sample {
                rates.push(operations as f64 / elapsed.as_secs_f64());
                break;
            }
        }
    }
    Ok(rates)
}

fn pair<P: Peer>(call: &Call) -> Result<()> {
    let mut peer: P = begin(call, 10, HOT_LENGTH)?;
    if call.role == Role::First {
        first_value(&mut peer)?;
    }
    ready()?;
    let name = Name::of(HOT_INDEX).as_str().to_owned();
    if P::WAY == Way::Live
        && let Some((_, variable)) = peer.kept(&name)?
    {
        write_or_read(call, variable)?;
        return done();
    }
    write_or_read(call, by_name(&mut peer, &name))?;
    done()
}

fn write_or_read(call: &Call, mut variable: impl Kept) -> Result<()> {
    let mut buffer = Vec::new();
    let mut round = 0;
    let (measure, rates) = match call.role {
        Role::First => {
            let writing = rates(call, || {
                round += 1;
                let mut value = [0; HOT_LENGTH];
                fill(&mut value, stamp(HOT_INDEX, round));
                variable.set(&value)
            });
            (Measure::Writer, writing?)
        }
        Role::Second => {
            let mut faults = 0;
            let reading = rates(call, || {
                let is_there = variable.get(&mut buffer)?;
                faults |= u64::from(!is_there);
                faults |= mmf_bench::values::faults_of(&buffer, HOT_LENGTH, HOT_INDEX);
                Ok(())
            })?;
            verify(faults, "get beside a writer")?;
            (Measure::Reader, reading)
        }
    };
    report(Figures::new(measure, Unit::PerSecond, rates))
}

fn large<P: Peer>(call: &Call) -> Result<()> {
    let mut peer: P = begin(call, 10, LARGE_LENGTH)?;
    ready()?;
    let name = Name::of(HOT_INDEX);
    let mut values = [vec![0; LARGE_LENGTH], vec![0; LARGE_LENGTH]];
    for (round, value) in values.iter_mut().enumerate() {
        fill(value, stamp(HOT_INDEX, round as u64));
    }
    let mut round = 0;
    let sets = sampled(&call.effort(), |operations| {
        let begin = Instant::now();
        for _ in 0..operations {
            round += 1;
            peer.set(name.as_str(), &values[round % 2])?;
        }
        Ok(begin.elapsed())
    })?;
    let mut buffer = Vec::new();
    let gets = sampled(&call.effort(), |operations| {
        let begin = Instant::now();
        let mut is_there = true;
        for _ in 0..operations {
            is_there &= peer.get(name.as_str(), &mut buffer)?;
        }
        let took = begin.elapsed();
        let is_right = is_there && buffer == values[round % 2];
        verify(u64::from(!is_right), "get of 16 MiB")?;
        Ok(took)
    })?;
    for (measure, samples) in [(Measure::LargeSet, sets), (Measure::LargeGet, gets)] {
        report(Figures { size: Some(LARGE_LENGTH as u64), ..times(measure, samples, None) })?;
    }
    done()
}

fn round_trip<P: Peer>(call: &Call) -> Result<()> {
    let mut peer: P = begin(call, 10, HOT_LENGTH)?;
    if call.role == Role::First && P::AWAITING == Awaiting::Polls {
        peer.send(0, 0)?;
        peer.send(1, 0)?;
    }
    ready()?;
    if call.role == Role::Second {
        let mut number = 0;
        loop {
            number = peer.receive(0, number)?;
            if number == STOP {
                return done();
            }
            peer.send(1, number)?;
        }
    }
    let mut number = 0;
    let samples = sampled(&call.effort(), |turns| {
        let begin = Instant::now();
        for _ in 0..turns {
            number += 1;
            peer.send(0, number)?;
            let echo = peer.receive(1, number - 1)?;
            verify(echo ^ number, "the echo")?;
        }
        Ok(begin.elapsed())
    })?;
    peer.send(0, STOP)?;
    let note = (P::AWAITING == Awaiting::Polls).then(|| "polls".to_owned());
    report(Figures { note, ..times(Measure::RoundTrip, samples, None) })?;
    done()
}

fn counter<P: Peer>(call: &Call) -> Result<()> {
    let mut peer: P = begin(call, 10, HOT_LENGTH)?;
    let name = Name::of(HOT_INDEX);
    // Before the other process comes: who is second may find it there.
    let mut adds = 1;
    peer.add(name.as_str())?;
    ready()?;
    let samples = rates(call, || {
        adds += 1;
        peer.add(name.as_str())
    })?;
    report(Figures::new(Measure::Counter, Unit::PerSecond, samples))?;
    report(Figures::new(Measure::CounterAdds, Unit::Count, vec![adds as f64]))?;
    done()?;
    if call.role == Role::First {
        let total = peer.total(name.as_str())? as f64;
        report(Figures::new(Measure::CounterTotal, Unit::Count, vec![total]))?;
    }
    Ok(())
}
