//! Part 3: several processes count together, and no increment is lost.

use std::time::{Duration, Instant};

use mmf::{Condition, LockOptions, Namespace, Value};
use serde::Serialize;

use super::part::{PATIENCE, Role};
use super::sharing::wanted;
use super::show::microseconds;
use super::stage::{Stage, broken};
use crate::failure::Failure;
use crate::format::{duration, grouped};

/// Processes that count.
const COUNTERS: i64 = 4;
/// Increments of the counter, by each process.
const ADDITIONS: i64 = 25_000;
/// Increments by get and set under a lock, by each process.
const LOCKED_ADDITIONS: i64 = 500;

/// The processes begin each round together: they report that they are ready, and wait for the
/// start. Each round has counters of its own, so that a fast process cannot run ahead in them.
const START: &str = "start";

fn ready(round: i64) -> String {
    format!("ready for round {round}")
}

fn done(round: i64) -> String {
    format!("done with round {round}")
}

/// What was shown.
#[derive(Debug, Serialize)]
pub struct Counting {
    processes: i64,
    additions: i64,
    additions_microseconds: f64,
    locked_additions: i64,
    locked_additions_microseconds: f64,
}

/// Starts the processes and compares what they counted with what they should have.
pub fn show(stage: &mut Stage<'_>) -> Result<Counting, Failure> {
    stage.begin("3. Several processes count together")?;
    let counters =
        (0..COUNTERS).map(|_| stage.start(Role::Counter)).collect::<Result<Vec<_>, _>>()?;
    let added = run_round(stage, 1)?;
    let locked = run_round(stage, 2)?;
    counters.into_iter().try_for_each(super::stage::Actor::finish)?;

    let expected = [COUNTERS * ADDITIONS, COUNTERS * LOCKED_ADDITIONS];
    let sums: [i64; 2] =
        [wanted(&stage.namespace, "sum")?, wanted(&stage.namespace, "locked sum")?];
    if sums != expected {
        return Err(broken(format_args!("{expected:?} increments came to {sums:?}")));
    }
    for (how, each, sum, took) in [
        ("add 1 to a counter", ADDITIONS, sums[0], added),
        ("lock, get, set and unlock", LOCKED_ADDITIONS, sums[1], locked),
    ] {
        let once = duration(took / u32::try_from(sum).unwrap_or(u32::MAX));
        let (each, sum) = (grouped(each.unsigned_abs()), grouped(sum.unsigned_abs()));
        stage.say(format_args!(
            "   {COUNTERS} processes {how}, {each} times each: {sum} counted, none lost\n   \
             in {}, {once} each",
            duration(took)
        ))?;
    }
    Ok(Counting {
        processes: COUNTERS,
        additions: sums[0],
        additions_microseconds: microseconds(added),
        locked_additions: sums[1],
        locked_additions_microseconds: microseconds(locked),
    })
}

/// Lets all begin the round at once; returns how long it took until the last was done.
fn run_round(stage: &Stage<'_>, round: i64) -> Result<Duration, Failure> {
    let namespace = &stage.namespace;
    let all = Condition::Equals(Value::Counter(COUNTERS));
    stage.wait(namespace, &ready(round), &all)?;
    let began = Instant::now();
    namespace.set(START, &round)?;
    stage.wait(namespace, &done(round), &all)?;
    Ok(began.elapsed())
}

/// One of the processes.
pub fn count(namespace: &Namespace) -> Result<(), Failure> {
    in_round(namespace, 1, || {
        let sum = namespace.variable("sum")?;
        (0..ADDITIONS).try_for_each(|_| sum.add(1).map(drop))
    })?;
    in_round(namespace, 2, || {
        let sum = namespace.variable("locked sum")?;
        (0..LOCKED_ADDITIONS).try_for_each(|_| {
            let lock = namespace.lock(&LockOptions::exclusive())?;
            let now = sum.get::<i64>()?.unwrap_or(0);
            sum.set(&(now + 1))?;
            lock.unlock()
        })
    })
}

fn in_round(
    namespace: &Namespace,
    round: i64,
    work: impl FnOnce() -> mmf::Result<()>,
) -> Result<(), Failure> {
    namespace.add(&ready(round), 1)?;
    namespace.wait(START, &Condition::Equals(Value::I64(round)), PATIENCE)?;
    work()?;
    namespace.add(&done(round), 1)?;
    Ok(())
}
