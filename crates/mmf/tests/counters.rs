//! Counters that are added to in place, and what else can be done with them meanwhile.

mod common;

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use common::Configuration;
use mmf::{Comparison, Condition, ErrorKind, LockOptions, Namespace, Value};

const EVERYWHERE: [Configuration; 3] = Configuration::ALL;
/// The greatest amount that is added in place, and how many of them a block takes.
const MUCH: i64 = 1 << 21;
const MANY: i64 = 1 << 13;

fn version(namespace: &Namespace) -> u64 {
    namespace.version("c").unwrap().unwrap()
}

fn number(namespace: &Namespace) -> i64 {
    namespace.get("c").unwrap().unwrap()
}

#[test]
fn every_add_raises_the_version_by_one_until_the_block_is_full() {
    for configuration in EVERYWHERE {
        let namespace = configuration.open().namespace;
        let counter = namespace.variable("c").unwrap();
        for direction in [MUCH, -MUCH] {
            namespace.set("c", &Value::Counter(5)).unwrap();
            let made = namespace.metadata("c").unwrap().unwrap();
            let mut before = version(&namespace);
            // Two blocks full, and into the third.
            for round in 1..=2 * MANY + 3 {
                assert_eq!(counter.add(direction).unwrap(), 5 + round * direction);
                let now = version(&namespace);
                assert!(now == before + 1 || now == before + 2, "{now} after {before}");
                before = now;
            }
            let now = namespace.metadata("c").unwrap().unwrap();
            assert_eq!((now.size, now.set_at), (made.size, made.set_at), "it was made then");
            assert_eq!(number(&namespace), 5 + (2 * MANY + 3) * direction);
        }
        assert_eq!(namespace.check().unwrap(), []);
    }
}

#[test]
fn sums_at_the_ends_of_the_range_are_exact() {
    for configuration in EVERYWHERE {
        let namespace = configuration.open().namespace;
        let edge = 1_i64 << 62;
        for begin in [i64::MAX - 2, i64::MIN + 2, edge, -edge, edge + 1, edge - 1, 0] {
            for amount in [1, -1, MUCH, -MUCH, MUCH + 1, edge, -edge, i64::MAX, i64::MIN] {
                namespace.set("c", &Value::Counter(begin)).unwrap();
                let mut expected = begin;
                for _ in 0..4 {
                    match expected.checked_add(amount) {
                        Some(sum) => {
                            assert_eq!(namespace.add("c", amount).unwrap(), sum);
                            expected = sum;
                        }
                        None => {
                            let error = namespace.add("c", amount).unwrap_err();
                            assert_eq!(error.kind(), ErrorKind::Overflow);
                        }
                    }
                    assert_eq!(number(&namespace), expected);
                }
            }
        }
    }
}

#[test]
fn versions_go_on_when_a_counter_is_replaced_or_deleted() {
    for configuration in EVERYWHERE {
        let namespace = configuration.open().namespace;
        for adds in 0..5 {
            let mut last = namespace.set("c", &Value::Counter(1)).unwrap();
            for _ in 0..adds {
                namespace.add("c", 1).unwrap();
            }
            assert_eq!(version(&namespace), last + adds);
            last += adds;
            let differs = namespace.compare_and_set("c", last + 1, &7_i64).unwrap();
            assert_eq!(differs, Comparison::Differs(last));
            let stored = namespace.compare_and_set("c", last, &Value::Counter(50)).unwrap();
            let Comparison::Stored(next) = stored else { panic!("{stored:?}") };
            assert!(next > last, "{next} after {last}");
            assert_eq!(version(&namespace), next);
            for _ in 0..adds {
                namespace.add("c", -1).unwrap();
            }
            assert_eq!(number(&namespace), 50 - adds as i64);
            let text = namespace.set("c", "text").unwrap();
            assert!(text > next + adds, "{text} after {next} and {adds}");
            assert_eq!(namespace.add("c", 1).unwrap_err().kind(), ErrorKind::WrongType);
            namespace.set("c", &Value::Counter(0)).unwrap();
            for _ in 0..adds {
                namespace.add("c", 1).unwrap();
            }
            last = version(&namespace);
            assert!(namespace.delete("c").unwrap());
            assert_eq!(namespace.add("c", 3).unwrap(), 3);
            assert!(version(&namespace) > last, "a version comes again");
        }
        assert_eq!(namespace.check().unwrap(), []);
    }
}

#[test]
fn an_add_under_ones_own_lock_counts_and_under_anothers_waits() {
    for configuration in EVERYWHERE {
        let place = configuration.open();
        let namespace = &place.namespace;
        namespace.add("c", 1).unwrap();
        let add_elsewhere = || {
            std::thread::scope(|scope| {
                scope.spawn(|| namespace.variable("c").unwrap().add(1)).join().unwrap()
            })
        };
        for whole in [false, true] {
            let take = |options: &LockOptions| match whole {
                true => namespace.lock(options).unwrap(),
                false => namespace.lock_variable("c", options).unwrap(),
            };
            let guard = take(&LockOptions::exclusive());
            let before = number(namespace);
            assert_eq!(namespace.add("c", 1).unwrap(), before + 1);
            std::thread::scope(|scope| {
                let other = scope.spawn(|| namespace.add("c", 1).unwrap());
                assert_eq!(namespace.add("c", 1).unwrap(), before + 2, "under the lock");
                guard.unlock().unwrap();
                assert_eq!(other.join().unwrap(), before + 3);
            });
            let guard = take(&LockOptions::shared());
            assert_eq!(namespace.add("c", 1).unwrap_err().kind(), ErrorKind::WouldDeadlock);
            guard.unlock().unwrap();
            assert_eq!(add_elsewhere().unwrap(), before + 4);
        }
    }
}

/// Somebody takes away all that is there, again and again, by a set on condition: what was taken
/// and what is left is what was added.
#[test]
fn nothing_is_lost_between_adds_and_sets_on_condition() {
    const ADDERS: usize = 2;
    const ADDS: i64 = 100_000;
    for configuration in EVERYWHERE {
        let namespace = configuration.open().namespace;
        namespace.add("c", 0).unwrap();
        let (taken, at_work) = (AtomicI64::new(0), AtomicUsize::new(ADDERS));
        std::thread::scope(|scope| {
            for adder in 0..ADDERS {
                let (namespace, at_work) = (&namespace, &at_work);
                scope.spawn(move || {
                    let counter = namespace.variable("c").unwrap();
                    for round in 0..ADDS {
                        // Now and then more than is added in place.
                        let amount = if round % 100 == adder as i64 { 1 << 30 } else { 1 };
                        counter.add(amount).unwrap();
                        // A rest, or nobody else ever finds the version that it has seen.
                        for _ in 0..(round * 7 + adder as i64) % 128 {
                            std::hint::spin_loop();
                        }
                    }
                    at_work.fetch_sub(1, Ordering::SeqCst);
                });
            }
            scope.spawn(|| {
                let mut last = 0;
                while at_work.load(Ordering::SeqCst) > 0 {
                    let seen = version(&namespace);
                    assert!(seen >= last, "version {seen} after {last}");
                    last = seen;
                    let there = number(&namespace);
                    let zero = Value::Counter(0);
                    match namespace.compare_and_set("c", seen, &zero).unwrap() {
                        Comparison::Stored(_) => drop(taken.fetch_add(there, Ordering::SeqCst)),
                        Comparison::Differs(now) => assert!(now > seen, "{now} after {seen}"),
                    }
                }
            });
        });
        let large = ADDS / 100 * ADDERS as i64;
        let added = ADDS * ADDERS as i64 - large + (large << 30);
        assert_eq!(taken.load(Ordering::SeqCst) + number(&namespace), added);
        assert_eq!(namespace.check().unwrap(), []);
    }
}

/// Adds, deletions and sets of one name: an add that met another's block would be found there.
#[test]
fn a_block_that_was_a_counter_keeps_what_its_next_owner_wrote() {
    const ROUNDS: usize = 4_000;
    for configuration in EVERYWHERE {
        let namespace = configuration.open().namespace;
        let at_work = AtomicUsize::new(1);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let counter = namespace.variable("c").unwrap();
                    while at_work.load(Ordering::SeqCst) > 0 {
                        match counter.add(1) {
                            Ok(_) => {}
                            Err(error) => assert_eq!(error.kind(), ErrorKind::WrongType),
                        }
                    }
                });
            }
            // As long as a counter's block: each takes the one that the other gave up.
            for round in 0..ROUNDS {
                let text = format!("{round:016}");
                namespace.set("c", &Value::Counter(0)).unwrap();
                namespace.set("other", &text).unwrap();
                namespace.set("c", &text).unwrap();
                assert_eq!(namespace.get::<String>("c").unwrap(), Some(text.clone()));
                namespace.delete("c").unwrap();
                assert_eq!(namespace.get::<String>("other").unwrap(), Some(text));
            }
            at_work.store(0, Ordering::SeqCst);
        });
        assert_eq!(namespace.check().unwrap(), []);
    }
}

/// A wait is told of adds in place, whether it waits for one variable or for any of several.
#[test]
fn a_wait_is_told_of_every_add() {
    for configuration in EVERYWHERE {
        let namespace = configuration.open().namespace;
        namespace.add("c", 0).unwrap();
        const TURNS: i64 = 300;
        let timeout = Duration::from_secs(20);
        std::thread::scope(|scope| {
            // Even numbers are this thread's to pass on, odd ones the other's.
            scope.spawn(|| {
                for turn in (1..TURNS).step_by(2) {
                    let odd = Condition::Equals(Value::Counter(turn));
                    namespace
                        .wait_any(&[("other", &Condition::Exists), ("c", &odd)], timeout)
                        .unwrap();
                    assert_eq!(namespace.add("c", 1).unwrap(), turn + 1);
                }
            });
            for turn in (0..TURNS).step_by(2) {
                let even = Condition::Equals(Value::Counter(turn));
                namespace.wait("c", &even, timeout).unwrap();
                assert_eq!(namespace.add("c", 1).unwrap(), turn + 1);
            }
        });
        let seen = version(&namespace);
        assert_eq!(namespace.add("c", 1).unwrap(), TURNS + 1);
        let outcome = namespace.wait("c", &Condition::ChangedSince(seen), timeout).unwrap();
        assert_eq!(outcome.version, seen + 1);
    }
}
