//! Part 2: the manual's second example, with waits that sleep in place of its busy loops.

use std::time::{Duration, Instant};

use mmf::{Condition, Namespace, Structure};
use serde::{Deserialize, Serialize};

use super::part::{PATIENCE, Role, say};
use super::sharing::wanted;
use super::show::microseconds;
use super::stage::Stage;
use crate::failure::Failure;
use crate::format::{duration, grouped};

/// Round trips that are timed.
const ROUND_TRIPS: usize = 2000;
/// The variables that the processes set for each other.
const SIGNAL_1: &str = "$signal1";
const SIGNAL_2: &str = "$signal2";
/// Where process 2 leaves its times.
const TIMES: &str = "round trips";

/// What was shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signalling {
    round_trips: u64,
    best_microseconds: f64,
    median_microseconds: f64,
    hundredth_worst_microseconds: f64,
    worst_microseconds: f64,
}

/// Starts both processes and reports their times.
pub fn show(stage: &mut Stage<'_>) -> Result<Signalling, Failure> {
    stage.begin("2. Two processes signal each other with blocking waits, without a busy loop")?;
    let first = stage.start(Role::Process1)?;
    let second = stage.start(Role::Process2)?;
    let (id_1, id_2) = (first.id(), second.id());
    second.finish()?;
    first.finish()?;
    let Structure(times) = wanted::<Structure<Signalling>>(&stage.namespace, TIMES)?;
    let written = |microseconds: f64| duration(Duration::from_secs_f64(microseconds / 1e6));
    stage.say(format_args!(
        "   {} round trips between processes {id_1} and {id_2}:\n   \
         best {}, median {}, 99 of 100 below {}, worst {}",
        grouped(times.round_trips),
        written(times.best_microseconds),
        written(times.median_microseconds),
        written(times.hundredth_worst_microseconds),
        written(times.worst_microseconds),
    ))?;
    Ok(times)
}

/// Process 1: waits for signal 2 and answers, then returns every ball.
pub fn process_1(namespace: &Namespace) -> Result<(), Failure> {
    say("PROC1 WAIT SIGNAL 2");
    namespace.wait(SIGNAL_2, &Condition::Exists, PATIENCE)?;
    say("PROC1 SEND SIGNAL 1");
    namespace.set(SIGNAL_1, &1)?;

    let (ping, pong) = (namespace.variable("ping")?, namespace.variable("pong")?);
    let mut seen = 0;
    for round in 0..ROUND_TRIPS {
        seen = ping.wait(&Condition::ChangedSince(seen), PATIENCE)?.version;
        pong.set(&round)?;
    }
    Ok(())
}

/// Process 2: sends signal 2 and waits for the answer, then plays and takes the time.
pub fn process_2(namespace: &Namespace) -> Result<(), Failure> {
    say("PROC2 SEND SIGNAL 2");
    namespace.set(SIGNAL_2, &1)?;
    say("PROC2 WAIT SIGNAL 1");
    namespace.wait(SIGNAL_1, &Condition::Exists, PATIENCE)?;
    say("PROC2 GOT SIGNAL 1");

    let (ping, pong) = (namespace.variable("ping")?, namespace.variable("pong")?);
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    let mut seen = 0;
    for round in 0..ROUND_TRIPS {
        let began = Instant::now();
        ping.set(&round)?;
        seen = pong.wait(&Condition::ChangedSince(seen), PATIENCE)?.version;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |place: usize| microseconds(times[place]);
    let summary = Signalling {
        round_trips: ROUND_TRIPS as u64,
        best_microseconds: at(0),
        median_microseconds: at(ROUND_TRIPS / 2),
        hundredth_worst_microseconds: at(ROUND_TRIPS * 99 / 100),
        worst_microseconds: at(ROUND_TRIPS - 1),
    };
    namespace.set(TIMES, &Structure(&summary))?;
    Ok(())
}
