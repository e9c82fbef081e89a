//! Updates: what happens inside, beside and after them.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use common::{Configuration, Place, each_configuration, says};
use mmf::{Error, ErrorKind, LockOptions, Namespace, Structure, Value};
use serde::{Deserialize, Serialize};

type Result<T> = std::result::Result<T, Error>;

const SOON: Duration = Duration::from_millis(20);
const LATE: Duration = Duration::from_secs(20);

fn plus_one(number: Option<i64>) -> Result<Option<i64>> {
    Ok(Some(number.unwrap_or(0) + 1))
}

/// A namespace that another handle can be opened on, and that handle.
fn two_handles(configuration: Configuration) -> (Place, Namespace) {
    let place = configuration.open();
    let other = place.ground.builder().timeout(LATE).open().unwrap();
    (place, other)
}

#[test]
fn an_update_makes_replaces_and_deletes() {
    each_configuration(|namespace| {
        let variable = namespace.variable("v").unwrap();
        let first = namespace.update("v", plus_one).unwrap();
        assert_eq!(namespace.version("v").unwrap(), Some(first));
        let second = variable.update(plus_one).unwrap();
        assert!(second > first);
        assert_eq!(namespace.get::<i64>("v").unwrap(), Some(2));
        let large = vec![7_u8; 300_000];
        let grow = |_: Option<Value>| Ok::<_, Error>(Some(large.clone()));
        namespace.update("v", grow).unwrap();
        assert_eq!(namespace.get::<Vec<u8>>("v").unwrap(), Some(large.clone()));
        let take = |found: Option<Vec<u8>>| {
            assert_eq!(found.as_ref(), Some(&large));
            Ok::<Option<Value>, Error>(None)
        };
        assert_eq!(variable.update(take).unwrap(), 0);
        assert!(!variable.exists().unwrap());
        // Nothing out of nothing.
        assert_eq!(
            namespace.update("v", |_: Option<()>| Ok::<Option<()>, Error>(None)).unwrap(),
            0
        );
        assert_eq!(namespace.stat().unwrap().locks.len(), 0);
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Basket {
    owner: String,
    apples: u32,
}

#[test]
fn types_are_the_closures_choice() {
    each_configuration(|namespace| {
        let fill = |basket: Option<Structure<Basket>>| {
            let empty = || Structure(Basket { owner: "ann".to_owned(), apples: 0 });
            let Structure(mut basket) = basket.unwrap_or_else(empty);
            basket.apples += 3;
            Ok::<_, Error>(Some(Structure(basket)))
        };
        namespace.update("basket", fill).unwrap();
        namespace.update("basket", fill).unwrap();
        let Structure(basket) = namespace.get::<Structure<Basket>>("basket").unwrap().unwrap();
        assert_eq!(basket, Basket { owner: "ann".to_owned(), apples: 6 });
        // Of another type, it is not even begun.
        let error = namespace.update("basket", plus_one).unwrap_err();
        says(&error, ErrorKind::WrongType, &["update", "basket", "structure"]);
        namespace.set("c", &Value::Counter(5)).unwrap();
        namespace.add("c", 2).unwrap();
        let double = |now: Option<Value>| {
            assert_eq!(now, Some(Value::Counter(7)));
            Ok::<_, Error>(Some(Value::Counter(14)))
        };
        namespace.update("c", double).unwrap();
        assert_eq!(namespace.add("c", 1).unwrap(), 15);
        namespace.update("c", plus_one).unwrap();
        assert_eq!(namespace.add("c", 1).unwrap_err().kind(), ErrorKind::WrongType);
    });
}

/// Why a program refused to go on.
#[derive(Debug)]
enum Refusal {
    TooMuch,
    Library(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

#[test]
fn an_error_or_a_panic_leaves_everything_as_it_was() {
    each_configuration(|namespace| {
        for there in [Some("old"), None] {
            namespace.delete("v").unwrap();
            if let Some(there) = there {
                namespace.set("v", there).unwrap();
            }
            let version = namespace.version("v").unwrap();
            let refused = namespace
                .update("v", |_: Option<Value>| Err::<Option<Value>, _>(Refusal::TooMuch))
                .unwrap_err();
            assert!(matches!(refused, Refusal::TooMuch), "{refused:?}");
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                namespace.update("v", |_: Option<Value>| -> Result<Option<Value>> { panic!("out") })
            }));
            assert!(panicked.is_err());
            assert_eq!(namespace.version("v").unwrap(), version);
            assert_eq!(namespace.get::<String>("v").unwrap().as_deref(), there);
            // The lock is back, for everybody.
            std::thread::scope(|scope| {
                let other = scope.spawn(|| {
                    let quick = LockOptions::exclusive().timeout(SOON);
                    namespace.lock_variable("v", &quick)?.unlock()?;
                    namespace.lock(&quick)?.unlock()
                });
                other.join().unwrap().unwrap();
            });
            assert_eq!(namespace.stat().unwrap().locks.len(), 0);
            assert_eq!(namespace.check().unwrap(), []);
        }
        let refused = namespace
            .update("", |_: Option<Value>| Err::<Option<Value>, _>(Refusal::TooMuch))
            .unwrap_err();
        match refused {
            Refusal::Library(error) => says(&error, ErrorKind::InvalidName, &["update"]),
            Refusal::TooMuch => panic!("a name that is none"),
        }
    });
}

#[test]
fn what_finds_no_room_leaves_the_old_value() {
    for configuration in Configuration::ALL {
        let namespace = configuration.open_sized(256 << 10).namespace;
        namespace.set("filler", &vec![0_u8; 100_000]).unwrap();
        namespace.set("v", "old").unwrap();
        let grow = |_: Option<Value>| Ok::<_, Error>(Some(vec![1_u8; 200_000]));
        let error = namespace.update("v", grow).unwrap_err();
        says(&error, ErrorKind::OutOfSpace, &["update"]);
        assert_eq!(namespace.get::<String>("v").unwrap().as_deref(), Some("old"));
        namespace.update("v", |_: Option<Value>| Ok::<_, Error>(Some(1))).unwrap();
        assert_eq!(namespace.check().unwrap(), []);
    }
}

/// Everything that would wait for the update itself says so, by whichever handle.
fn would_deadlock(by: &Namespace, name: &str) {
    let kind = |result: Result<()>| result.expect_err("it would wait for itself").kind();
    let variable = by.variable(name).unwrap();
    let kinds = [
        kind(by.set(name, &1).map(drop)),
        kind(variable.set(&1).map(drop)),
        kind(by.delete(name).map(drop)),
        kind(by.swap(name, &1).map(drop)),
        kind(by.max(name, i64::MAX).map(drop)),
        kind(by.update(name, plus_one).map(drop)),
        kind(variable.update(plus_one).map(drop)),
        kind(by.lock_variable(name, &LockOptions::exclusive()).map(drop)),
        kind(by.lock_variable(name, &LockOptions::shared()).map(drop)),
        kind(by.lock(&LockOptions::exclusive()).map(drop)),
        kind(by.lock(&LockOptions::shared()).map(drop)),
    ];
    assert_eq!(kinds, [ErrorKind::WouldDeadlock; 11]);
}

#[test]
fn re_entry_is_an_error_at_once() {
    each_configuration(|namespace| {
        for there in [Some(1), None] {
            namespace.delete("v").unwrap();
            if let Some(there) = there {
                namespace.set("v", &there).unwrap();
            }
            let change = |now: Option<i64>| {
                would_deadlock(namespace, "v");
                assert_eq!(namespace.get::<i64>("v").unwrap(), now, "a get sees what is there");
                Ok::<_, Error>(Some(now.unwrap_or(0) + 1))
            };
            namespace.update("v", change).unwrap();
            assert_eq!(namespace.get::<i64>("v").unwrap(), Some(there.unwrap_or(0) + 1));
        }
        namespace.set("c", &Value::Counter(1)).unwrap();
        let change = |now: Option<Value>| {
            assert_eq!(namespace.add("c", 1).unwrap_err().kind(), ErrorKind::WouldDeadlock);
            Ok::<_, Error>(now)
        };
        namespace.update("c", change).unwrap();
        // All is as before: locks can be had, and held twice.
        let outer = namespace.lock_variable("v", &LockOptions::exclusive()).unwrap();
        namespace.update("v", plus_one).unwrap();
        namespace.set("v", &5).unwrap();
        outer.unlock().unwrap();
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn re_entry_by_another_handle_is_an_error_in_no_time() {
    for configuration in [Configuration::Tmpfs, Configuration::Swapfile] {
        let (place, other) = two_handles(configuration);
        let namespace = &place.namespace;
        namespace.set("v", &1).unwrap();
        let started = Instant::now();
        let change = |now: Option<i64>| {
            would_deadlock(&other, "v");
            let error = other.get::<i64>("v").unwrap_err();
            says(&error, ErrorKind::WouldDeadlock, &["get", "inside an update"]);
            // Other variables are anybody's.
            other.set("w", &1)?;
            other.update("x", plus_one)?;
            plus_one(now)
        };
        namespace.update("v", change).unwrap();
        assert!(started.elapsed() < LATE / 4, "{:?}", started.elapsed());
        assert_eq!(other.get::<i64>("v").unwrap(), Some(2));
        assert_eq!(namespace.check().unwrap(), []);
    }
}

#[test]
fn updates_nest_for_different_variables() {
    each_configuration(|namespace| {
        let outer = |_: Option<i64>| {
            namespace.update("b", |_: Option<i64>| {
                namespace.set("c", "inside both")?;
                would_deadlock(namespace, "a");
                plus_one(None)
            })?;
            would_deadlock(namespace, "a");
            namespace.set("b", "after the inner one")?;
            plus_one(Some(9))
        };
        namespace.update("a", outer).unwrap();
        assert_eq!(namespace.get::<i64>("a").unwrap(), Some(10));
        assert_eq!(namespace.get::<String>("b").unwrap().as_deref(), Some("after the inner one"));
        assert_eq!(namespace.check().unwrap(), []);
    });
}

/// While an update runs, gets and sets of others wait, and whoever wants the namespace.
#[test]
fn others_wait_for_the_end_of_an_update() {
    each_configuration(|namespace| {
        namespace.set("v", &1).unwrap();
        std::thread::scope(|scope| {
            let (inside, is_inside) = channel();
            let updater = scope.spawn(move || {
                namespace.update("v", |now: Option<i64>| {
                    let (go_on, may_go_on) = channel();
                    inside.send(go_on).unwrap();
                    let waited_for: &str = may_go_on.recv().unwrap();
                    // The locker of the namespace waits by now; this thread is past it.
                    namespace.set("w", waited_for)?;
                    namespace.set("made inside", &1)?;
                    plus_one(now)
                })
            });
            let go_on = is_inside.recv().unwrap();
            let quick = LockOptions::exclusive().timeout(SOON);
            let kinds = [
                namespace.lock_variable("v", &quick).unwrap_err().kind(),
                namespace.lock(&quick).unwrap_err().kind(),
                namespace.lock(&LockOptions::shared().timeout(SOON)).unwrap_err().kind(),
            ];
            assert_eq!(kinds, [ErrorKind::TimedOut; 3]);
            namespace.set("others", "go on").unwrap();
            let getter = scope.spawn(|| namespace.get::<i64>("v").unwrap());
            let setter = scope.spawn(|| namespace.add("counter", 1).unwrap());
            let locker = scope.spawn(|| {
                let guard = namespace.lock(&LockOptions::exclusive().timeout(LATE)).unwrap();
                let seen = namespace.get::<i64>("v").unwrap();
                guard.unlock().unwrap();
                seen
            });
            std::thread::sleep(SOON);
            assert!(!getter.is_finished() && !locker.is_finished());
            go_on.send("past the locker").unwrap();
            updater.join().unwrap().unwrap();
            assert_eq!(getter.join().unwrap(), Some(2));
            assert_eq!(locker.join().unwrap(), Some(2));
            assert_eq!(setter.join().unwrap(), 1);
        });
        assert_eq!(namespace.get::<String>("w").unwrap().as_deref(), Some("past the locker"));
        assert_eq!(namespace.check().unwrap(), []);
    });
}

/// Whoever has the namespace's lock and then sets what is being updated does not wait for somebody
/// who waits for him.
#[test]
fn updates_and_sets_under_the_namespaces_lock_do_not_block_each_other() {
    const ROUNDS: i64 = 3_000;
    each_configuration(|namespace| {
        namespace.set("v", &0).unwrap();
        std::thread::scope(|scope| {
            for mode in 0..2 {
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        if mode == 0 {
                            namespace.update("v", plus_one).unwrap();
                            continue;
                        }
                        let guard = namespace.lock(&LockOptions::exclusive()).unwrap();
                        let now = namespace.get::<i64>("v").unwrap();
                        namespace.set("v", &plus_one(now).unwrap().unwrap()).unwrap();
                        guard.unlock().unwrap();
                    }
                });
            }
        });
        assert_eq!(namespace.get::<i64>("v").unwrap(), Some(2 * ROUNDS));
        assert_eq!(namespace.check().unwrap(), []);
    });
}

/// A locker waits for an update that waits for the holder of another variable, who sets it.
#[test]
fn lockers_keep_nobody_out_while_an_update_lasts() {
    each_configuration(|namespace| {
        let holder = namespace.lock_variable("held", &LockOptions::exclusive()).unwrap();
        let (tell, is_inside) = channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let update = |_: Option<i64>| {
                    tell.send(()).unwrap();
                    namespace.set("held", &1)?;
                    Ok::<_, Error>(Some(1))
                };
                namespace.update("v", update).unwrap();
            });
            is_inside.recv().unwrap();
            scope.spawn(|| {
                let guard = namespace.lock(&LockOptions::exclusive()).unwrap();
                assert_eq!(namespace.get::<i64>("v").unwrap(), Some(1));
                guard.unlock().unwrap();
            });
            let start = Instant::now();
            while start.elapsed() < 5 * SOON {
                namespace.set("held", &0).unwrap();
                namespace.set("other", &0).unwrap();
            }
            holder.unlock().unwrap();
        });
        assert_eq!(namespace.get::<i64>("held").unwrap(), Some(1));
    });
}

#[test]
fn no_update_is_lost() {
    const THREADS: i64 = 3;
    const ROUNDS: i64 = 3_000;
    each_configuration(|namespace| {
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                scope.spawn(move || {
                    let variable = namespace.variable("v").unwrap();
                    for round in 0..ROUNDS {
                        variable.update(plus_one).unwrap();
                        // Gone and made again, without a number lost.
                        if thread == 0 && round % 100 == 0 {
                            let mut taken = 0;
                            let take = |now: Option<i64>| {
                                taken = now.unwrap_or(0);
                                Ok::<Option<i64>, Error>(None)
                            };
                            variable.update(take).unwrap();
                            let put_back =
                                |now: Option<i64>| Ok::<_, Error>(Some(now.unwrap_or(0) + taken));
                            variable.update(put_back).unwrap();
                        }
                    }
                });
            }
        });
        assert_eq!(namespace.get::<i64>("v").unwrap(), Some(THREADS * ROUNDS));
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn an_update_under_ones_own_locks_works_or_would_deadlock() {
    each_configuration(|namespace| {
        namespace.set("v", &1).unwrap();
        let exclusive = namespace.lock(&LockOptions::exclusive()).unwrap();
        namespace.update("v", plus_one).unwrap();
        exclusive.unlock().unwrap();
        let whole = namespace.lock(&LockOptions::shared()).unwrap();
        let error = namespace.update("v", plus_one).unwrap_err();
        says(&error, ErrorKind::WouldDeadlock, &["update", "shared"]);
        whole.unlock().unwrap();
        let one = namespace.lock_variable("v", &LockOptions::shared()).unwrap();
        assert_eq!(namespace.update("v", plus_one).unwrap_err().kind(), ErrorKind::WouldDeadlock);
        one.unlock().unwrap();
        assert_eq!(namespace.get::<i64>("v").unwrap(), Some(2));
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn without_autolock_an_update_waits_for_nobody_but_other_updates() {
    for configuration in [Configuration::Tmpfs, Configuration::Swapfile] {
        let place = configuration.open();
        let free = place.ground.builder().autolock(false).open().unwrap();
        free.set("v", &1).unwrap();
        let whole = place.namespace.lock(&LockOptions::exclusive()).unwrap();
        let change = |now: Option<i64>| {
            // It waits for nobody, itself included: what is returned is stored later.
            free.set("v", &100)?;
            assert_eq!(free.update("v", plus_one).unwrap_err().kind(), ErrorKind::WouldDeadlock);
            plus_one(now)
        };
        free.update("v", change).unwrap();
        assert_eq!(free.get::<i64>("v").unwrap(), Some(2));
        whole.unlock().unwrap();
        let one = place.namespace.lock_variable("v", &LockOptions::exclusive()).unwrap();
        let quick = place.ground.builder().autolock(false).timeout(SOON).open().unwrap();
        assert_eq!(quick.update("v", plus_one).unwrap_err().kind(), ErrorKind::TimedOut);
        one.unlock().unwrap();
        assert_eq!(free.check().unwrap(), []);
    }
}

#[test]
fn a_read_only_handle_does_not_even_begin() {
    let place = Configuration::Tmpfs.open();
    let reader = place.ground.builder().read_only(true).open().unwrap();
    let change = |_: Option<i64>| -> Result<Option<i64>> { panic!("it was begun") };
    assert_eq!(reader.update("v", change).unwrap_err().kind(), ErrorKind::ReadOnly);
}
