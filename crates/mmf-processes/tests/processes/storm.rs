//! Writers killed and started again, many times.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mmf_processes::{Actor, Opening, Order, Random, Storm, Workshop};

use crate::workshop;

const WRITERS: usize = 4;
const KILLS: u64 = 200;
const NAMES: u64 = 24;

/// What the writers do.
#[derive(Clone, Copy)]
struct Weather {
    /// Longest value in bytes.
    longest: u64,
    /// Changes in a thousand that happen under a lock.
    locks: u64,
}

impl Default for Weather {
    fn default() -> Self {
        Self { longest: 20_000, locks: 0 }
    }
}

/// A writer, and the file that tells of its increments.
struct Writer {
    actor: Actor,
    ledger: PathBuf,
}

fn start_writer(workshop: &Workshop, opening: &Opening, seed: u64, weather: Weather) -> Writer {
    let ledger = workshop.file(&format!("ledger {seed}"));
    std::fs::write(&ledger, "").unwrap();
    let mut actor = workshop.actor_in(opening);
    let Weather { longest, locks } = weather;
    let storm = Storm { seed, names: NAMES, longest, locks, ledger: ledger.clone() };
    actor.tell(&Order::Storm(storm));
    Writer { actor, ledger }
}

/// Increments that were acknowledged, and those that were attempted.
fn count(ledger: &Path) -> (i64, i64) {
    let content = std::fs::read(ledger).unwrap();
    let count = |mark| content.iter().filter(|byte| **byte == mark).count() as i64;
    (count(b'k'), count(b'a'))
}

/// Kills one writer after the other, each after up to 20 ms, and starts it again.
///
/// Invariant: a reader only ever sees whole values; at the end the namespace has no fault, and
/// the counter has every increment that was acknowledged and none that was not attempted.
fn rage(opening: &Opening, workshop: &Workshop, weather: Weather) {
    let mut random = Random::new(weather.locks + 1);
    let mut reader = workshop.actor_in(opening);
    let is_over = AtomicBool::new(false);
    let mut ledgers = Vec::new();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut seen = 0;
            while !is_over.load(Ordering::Relaxed) {
                seen += reader.number(&Order::Verify { names: NAMES, rounds: 20 }).unwrap();
            }
            (reader, seen)
        });
        let mut writers: Vec<Writer> = (0..WRITERS)
            .map(|number| start_writer(workshop, opening, number as u64, weather))
            .collect();
        for kill in 0..KILLS {
            std::thread::sleep(Duration::from_micros(random.below(20_000)));
            let victim = random.below(WRITERS as u64) as usize;
            let seed = WRITERS as u64 + kill;
            let next = start_writer(workshop, opening, seed, weather);
            let Writer { mut actor, ledger } = std::mem::replace(&mut writers[victim], next);
            actor.is_busy();
            actor.kill();
            ledgers.push(ledger);
        }
        for Writer { mut actor, ledger } in writers {
            actor.is_busy();
            actor.kill();
            ledgers.push(ledger);
        }
        is_over.store(true, Ordering::Relaxed);
        let (mut reader, seen) = reading.join().unwrap();
        assert!(seen > 1000, "the reader saw only {seen} values");
        let (done, attempted) = ledgers
            .iter()
            .map(|ledger| count(ledger))
            .fold((0, 0), |(done, attempted), (more_done, more)| {
                (done + more_done, attempted + more)
            });
        let counter = reader.get_number("counter").unwrap().unwrap_or(0);
        eprintln!("{done} <= {counter} <= {attempted}, {seen} values read");
        assert!(done > 1000, "only {done} increments");
        assert!((done..=attempted).contains(&counter), "{done} <= {counter} <= {attempted}");
        reader.check();
        let statistics = reader.stat();
        assert_eq!(statistics.alive, [reader.own_process()]);
        assert_eq!((statistics.dead, statistics.holders), (vec![], vec![]));
        assert_eq!(statistics.recoveries, KILLS + WRITERS as u64);
        assert_eq!(statistics.variables as usize, number_of_names(&mut reader));
    });
}

fn number_of_names(actor: &mut Actor) -> usize {
    match actor.ask(&Order::List(String::new())).unwrap() {
        mmf_processes::Answer::Names(names) => names.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn writers_in_system_memory_are_killed_200_times() {
    let workshop = workshop();
    rage(&workshop.openings()[0], &workshop, Weather::default());
}

#[test]
fn writers_with_a_swapfile_are_killed_200_times() {
    let workshop = workshop();
    rage(&workshop.openings()[1], &workshop, Weather::default());
}

#[test]
fn writers_that_lock_are_killed_200_times() {
    let workshop = workshop();
    rage(&workshop.openings()[0], &workshop, Weather { locks: 50, ..Weather::default() });
}

#[test]
fn writers_without_room_are_killed_200_times() {
    let workshop = workshop();
    let small = Opening { capacity: 256 * 1024, ..Opening::new("small") };
    rage(&small, &workshop, Weather { longest: 60_000, ..Weather::default() });
}

/// A reader that may not repair anything sees whole values all the same.
#[test]
fn a_read_only_reader_outlasts_killed_writers() {
    let workshop = workshop();
    let opening = Opening::new("read");
    let mut last = workshop.actor_in(&opening);
    let mut reader = workshop.actor_in(&Opening { read_only: true, ..opening.by_name() });
    let mut random = Random::new(7);
    for seed in 0..40 {
        let mut writer = start_writer(&workshop, &opening, seed, Weather::default());
        std::thread::sleep(Duration::from_micros(random.below(10_000)));
        reader.tell(&Order::Verify { names: NAMES, rounds: 5 });
        writer.actor.is_busy();
        writer.actor.kill();
        reader.outcome().unwrap();
    }
    last.check();
}
