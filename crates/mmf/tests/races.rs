//! Variables that are made and unmade while others use them.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::Configuration;
use mmf::{Comparison, LockOptions};

/// How long a race is run.
const TIME: Duration = Duration::from_millis(1500);
/// More than there are processors, so that threads are interrupted anywhere.
const THREADS: usize = 6;

/// Whoever made a record took note of it only when others could already have unmade it: its lock
/// was then that of a record without a name, beside the one of the variable's next record.
#[test]
fn a_variable_without_value_has_one_exclusive_owner() {
    let place = Configuration::InMemory.open();
    let owners = [const { AtomicUsize::new(0) }; 3];
    let turns = AtomicUsize::new(0);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (owners, turns, namespace) = (&owners, &turns, &place.namespace);
            scope.spawn(move || {
                let mut lock = thread;
                while begin.elapsed() < TIME {
                    // Several, so that they take records from each other.
                    lock = (lock + 1) % owners.len();
                    let options = LockOptions::exclusive();
                    let guard = namespace.lock_variable(&format!("lock {lock}"), &options).unwrap();
                    assert_eq!(owners[lock].fetch_add(1, Ordering::SeqCst), 0, "two owners");
                    turns.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(owners[lock].fetch_sub(1, Ordering::SeqCst), 1, "two owners");
                    guard.unlock().unwrap();
                }
            });
        }
    });
    assert!(turns.into_inner() > 1000);
    assert_eq!(place.namespace.check().unwrap(), []);
}

/// For the same reason a handle that had made its variable could lead to another one, which had
/// got the record meanwhile.
#[test]
fn a_handle_leads_to_no_other_variable() {
    let place = Configuration::InMemory.open();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let namespace = &place.namespace;
            scope.spawn(move || {
                let name = format!("of pair {}", thread / 2);
                let handle = namespace.variable(&name).unwrap();
                while begin.elapsed() < TIME {
                    handle.set(&name).unwrap();
                    let found: Option<String> = namespace.get(&name).unwrap();
                    assert!(found.is_none_or(|found| found == name), "set by another's handle");
                    let found: Option<String> = handle.get().unwrap();
                    assert!(found.is_none_or(|found| found == name), "of another variable");
                    namespace.delete(&name).unwrap();
                }
            });
        }
    });
    assert_eq!(place.namespace.list("").count(), 0);
    assert_eq!(place.namespace.check().unwrap(), []);
}

/// For the same reason a set that made its variable could return the version of a later change.
#[test]
fn versions_of_sets_are_their_own() {
    let place = Configuration::InMemory.open();
    let begin = Instant::now();
    let versions = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let mut versions = Vec::new();
                    while begin.elapsed() < TIME {
                        versions.push(place.namespace.set("name", "value").unwrap());
                        place.namespace.delete("name").unwrap();
                    }
                    versions
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let number = versions.len();
    let different = versions.into_iter().collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!(number, different, "two sets returned one version");
}

/// A variable that was missing, then there, then missing again was made, whatever version was
/// expected.
#[test]
fn a_set_on_the_condition_of_a_version_makes_no_variable() {
    let place = Configuration::InMemory.open();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let namespace = &place.namespace;
        for _ in 0..2 {
            scope.spawn(move || {
                while begin.elapsed() < TIME {
                    namespace.set("fleeting", "made").unwrap();
                    namespace.delete("fleeting").unwrap();
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(move || {
                while begin.elapsed() < TIME {
                    // Such a version is never reached.
                    let outcome =
                        namespace.compare_and_set("fleeting", 1 << 47, "changed").unwrap();
                    assert!(matches!(outcome, Comparison::Differs(_)), "{outcome:?}");
                }
            });
        }
    });
}

/// The file's length was asked for before the header was read: a resize between the two made the
/// capacity look longer than the file, and an opening said that the file was truncated.
#[test]
fn opening_beside_a_resize_finds_no_truncated_file() {
    let place = Configuration::Tmpfs.open_sized(1 << 20);
    let begin = Instant::now();
    let openings = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while begin.elapsed() < TIME {
                    place.ground.builder().read_only(true).open().unwrap();
                    openings.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for capacity in (1_u64 << 20..1 << 40).step_by(4096) {
            place.namespace.resize(capacity).unwrap();
            if begin.elapsed() >= TIME {
                break;
            }
        }
    });
    assert!(openings.into_inner() > 100);
    assert_eq!(place.namespace.check().unwrap(), []);
}
