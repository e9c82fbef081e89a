//! Changes that depend on what is there: options of adds, larger and smaller, swaps, comparisons.

mod common;

use std::sync::atomic::{AtomicI64, Ordering};

use common::{Configuration, each_configuration, says};
use mmf::{AddOptions, Comparison, ErrorKind, LockOptions, Namespace, Value};

fn value(namespace: &Namespace, name: &str) -> Option<Value> {
    namespace.get(name).unwrap()
}

fn stored(comparison: Comparison) -> u64 {
    match comparison {
        Comparison::Stored(version) => version,
        Comparison::Differs(version) => panic!("it is another, with version {version}"),
    }
}

#[test]
fn a_counter_begins_where_it_is_told_and_only_when_it_is_missing() {
    each_configuration(|namespace| {
        let options = AddOptions::checked().initial(1000);
        let counter = namespace.variable("c").unwrap();
        assert_eq!(namespace.add_with("c", 1, options).unwrap(), 1001);
        assert_eq!(counter.add_with(5, options).unwrap(), 1006);
        assert_eq!(value(namespace, "c"), Some(Value::Counter(1006)));
        namespace.delete("c").unwrap();
        // A record that is there for its lock alone has no value yet.
        let guard = counter.lock(&LockOptions::exclusive()).unwrap();
        assert_eq!(counter.add_with(-1, options).unwrap(), 999);
        guard.unlock().unwrap();
        assert_eq!(value(namespace, "c"), Some(Value::Counter(999)));
        namespace.set("c", "text").unwrap();
        let error = namespace.add_with("c", 1, options).unwrap_err();
        says(&error, ErrorKind::WrongType, &["add to", "text"]);
    });
}

#[test]
fn a_first_sum_out_of_range_is_refused_or_wraps() {
    each_configuration(|namespace| {
        let checked = AddOptions::checked().initial(i64::MAX);
        let error = namespace.add_with("c", 1, checked).unwrap_err();
        says(&error, ErrorKind::Overflow, &["9223372036854775807 and 1"]);
        assert_eq!(value(namespace, "c"), None);
        let wrapping = AddOptions::wrapping().initial(i64::MAX);
        assert_eq!(namespace.add_with("c", 1, wrapping).unwrap(), i64::MIN);
        // What it would begin at is not the business of one that exists.
        assert_eq!(namespace.add_with("c", 1, checked).unwrap(), i64::MIN + 1);
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn wrapping_sums_go_round_wherever_checked_ones_are_refused() {
    each_configuration(|namespace| {
        let edge = 1_i64 << 62;
        for begin in [i64::MAX - 2, i64::MIN + 2, edge, -edge, 0] {
            for amount in [1, -1, (1 << 21) + 1, edge, i64::MAX, i64::MIN] {
                namespace.set("c", &Value::Counter(begin)).unwrap();
                let mut expected = begin;
                for _ in 0..5 {
                    let version = namespace.version("c").unwrap();
                    let checked = namespace.add("c", amount);
                    match expected.checked_add(amount) {
                        Some(sum) => assert_eq!(checked.unwrap(), sum),
                        None => {
                            assert_eq!(checked.unwrap_err().kind(), ErrorKind::Overflow);
                            assert_eq!(namespace.version("c").unwrap(), version);
                            let wrapped = namespace.add_with("c", amount, AddOptions::wrapping());
                            assert_eq!(wrapped.unwrap(), expected.wrapping_add(amount));
                        }
                    }
                    expected = expected.wrapping_add(amount);
                    assert_eq!(value(namespace, "c"), Some(Value::Counter(expected)));
                }
            }
        }
    });
}

/// What is there, what comes, the larger, the smaller; each of them as it is stored.
fn orders() -> Vec<(Value, Value, Value, Value)> {
    let (i, u, f, c) = (Value::I64, Value::from, Value::F64, Value::Counter);
    let beyond = 1_u64 << 63;
    vec![
        (i(5), i(7), i(7), i(5)),
        (i(5), i(5), i(5), i(5)),
        (i(-1), u(beyond), u(beyond), i(-1)),
        (u(u64::MAX), i(i64::MIN), u(u64::MAX), i(i64::MIN)),
        (f(5.5), i(5), f(5.5), i(5)),
        (i(5), f(5.5), f(5.5), i(5)),
        (i(-5), f(-5.5), i(-5), f(-5.5)),
        // Rounded to floats these two are equal.
        (i((1 << 53) + 1), f((1_i64 << 53) as f64), i((1 << 53) + 1), f((1_i64 << 53) as f64)),
        (f((1_u64 << 63) as f64), i(i64::MAX), f((1_u64 << 63) as f64), i(i64::MAX)),
        (f(f64::INFINITY), u(u64::MAX), f(f64::INFINITY), u(u64::MAX)),
        (f(f64::NEG_INFINITY), i(i64::MIN), i(i64::MIN), f(f64::NEG_INFINITY)),
        // Equal: what is there stays.
        (i(2), f(2.0), i(2), i(2)),
        (f(0.0), f(-0.0), f(0.0), f(0.0)),
        (f(f64::NAN), i(1), i(1), i(1)),
        (c(5), i(7), c(7), c(5)),
        (c(5), c(-7), c(5), c(-7)),
        (i(5), c(7), c(7), i(5)),
    ]
}

#[test]
fn the_larger_and_the_smaller_are_kept_with_their_types() {
    each_configuration(|namespace| {
        let variable = namespace.variable("v").unwrap();
        for (there, comes, larger, smaller) in orders() {
            for (is_maximum, expected) in [(true, &larger), (false, &smaller)] {
                let made = namespace.set("v", &there).unwrap();
                let kept = match is_maximum {
                    true => namespace.max("v", comes.clone()).unwrap(),
                    false => variable.min(comes.clone()).unwrap(),
                };
                let what = format!("{there:?} and {comes:?}: {kept:?}, not {expected:?}");
                assert_eq!((&kept, kept.value_type()), (expected, expected.value_type()), "{what}");
                let now = value(namespace, "v").unwrap();
                assert_eq!((&now, now.value_type()), (expected, expected.value_type()), "{what}");
                let has_changed = namespace.version("v").unwrap() != Some(made);
                let is_same = (&there, there.value_type()) == (expected, expected.value_type());
                assert_eq!(has_changed, !is_same, "{what}");
            }
        }
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn a_missing_variable_becomes_the_first_number() {
    each_configuration(|namespace| {
        assert_eq!(namespace.max("peak", -3).unwrap(), Value::I64(-3));
        assert_eq!(namespace.min("low", 2.5).unwrap(), Value::F64(2.5));
        assert_eq!(value(namespace, "peak"), Some(Value::I64(-3)));
        assert_eq!(value(namespace, "low"), Some(Value::F64(2.5)));
        let guard = namespace.lock_variable("locked", &LockOptions::exclusive()).unwrap();
        assert_eq!(namespace.max("locked", Value::Counter(4)).unwrap(), Value::Counter(4));
        guard.unlock().unwrap();
        assert_eq!(namespace.add("locked", 1).unwrap(), 5);
    });
}

#[test]
fn what_cannot_be_compared_is_refused_and_changes_nothing() {
    each_configuration(|namespace| {
        let kind = |result: mmf::Result<Value>| result.unwrap_err().kind();
        for there in [Value::from("9"), Value::Null, Value::Bool(true), Value::Bytes(vec![1; 8])] {
            let version = namespace.set("v", &there).unwrap();
            let error = namespace.max("v", 1).unwrap_err();
            says(&error, ErrorKind::WrongType, &["raise", &there.value_type().to_string()]);
            assert_eq!(kind(namespace.min("v", 1)), ErrorKind::WrongType);
            assert_eq!(kind(namespace.max("v", there.clone())), ErrorKind::InvalidArgument);
            assert_eq!(namespace.version("v").unwrap(), Some(version));
        }
        assert_eq!(kind(namespace.max("missing", f64::NAN)), ErrorKind::InvalidArgument);
        assert_eq!(kind(namespace.min("missing", "text")), ErrorKind::InvalidArgument);
        assert_eq!(value(namespace, "missing"), None);
        let version = namespace.set("c", &Value::Counter(5)).unwrap();
        // Whatever the numbers: an error that comes and goes with them would be found too late.
        assert_eq!(kind(namespace.max("c", 1.0)), ErrorKind::WrongType);
        assert_eq!(kind(namespace.max("c", 9.0)), ErrorKind::WrongType);
        assert_eq!(kind(namespace.max("c", u64::MAX)), ErrorKind::Overflow);
        assert_eq!(namespace.min("c", u64::MAX).unwrap(), Value::Counter(5));
        assert_eq!(namespace.version("c").unwrap(), Some(version));
    });
}

/// A counter that was raised is still the one that was made then, and is added to in place.
#[test]
fn a_counter_stays_one_and_counts_on() {
    each_configuration(|namespace| {
        namespace.set("c", &Value::Counter(5)).unwrap();
        let made = namespace.metadata("c").unwrap().unwrap();
        let mut last = made.version;
        for round in 1..20 {
            namespace.add("c", 1).unwrap();
            assert_eq!(namespace.max("c", 100 * round).unwrap(), Value::Counter(100 * round));
            assert_eq!(namespace.add("c", 1).unwrap(), 100 * round + 1);
            let now = namespace.version("c").unwrap().unwrap();
            assert!(now >= last + 3, "{now} after {last}");
            last = now;
        }
        let now = namespace.metadata("c").unwrap().unwrap();
        assert_eq!((now.size, now.set_at), (made.size, made.set_at));
    });
}

#[test]
fn a_swap_returns_what_it_replaces() {
    each_configuration(|namespace| {
        let variable = namespace.variable("v").unwrap();
        let list = Value::from(vec![Value::from(1), Value::from("two")]);
        let large = Value::Bytes((0..100_000_u32).map(|byte| byte as u8).collect());
        let values = [Value::from(7), Value::from(""), large, Value::Counter(3), Value::Null, list];
        let mut before = None;
        for round in 0..3 {
            for next in &values {
                let found = match round {
                    0 => variable.swap(next).unwrap(),
                    _ => namespace.swap("v", next).unwrap(),
                };
                assert_eq!(found, before);
                assert_eq!(value(namespace, "v").as_ref(), Some(next));
                before = Some(next.clone());
                if *next == Value::Counter(3) {
                    namespace.add("v", 4).unwrap();
                    before = Some(Value::Counter(7));
                }
            }
        }
        namespace.delete("v").unwrap();
        let guard = variable.lock(&LockOptions::exclusive()).unwrap();
        assert_eq!(variable.swap("made under a lock").unwrap(), None);
        guard.unlock().unwrap();
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn a_value_is_stored_only_over_the_expected_one() {
    each_configuration(|namespace| {
        let variable = namespace.variable("v").unwrap();
        let set = |expected: Option<&Value>, next: &str| {
            namespace.compare_value_and_set("v", expected, next).unwrap()
        };
        assert_eq!(set(Some(&Value::from("a")), "b"), Comparison::Differs(0));
        let first = stored(set(None, "a"));
        assert_eq!(set(None, "b"), Comparison::Differs(first));
        assert_eq!(set(Some(&Value::from("x")), "b"), Comparison::Differs(first));
        let second = variable.compare_value_and_set(Some(&Value::from("a")), "b").unwrap();
        assert_eq!(namespace.version("v").unwrap(), Some(stored(second)));
        // An expected value that comes back is expected again.
        namespace.set("v", "a").unwrap();
        stored(set(Some(&Value::from("a")), "c"));
        namespace.delete("v").unwrap();
        stored(set(None, "again"));
        assert_eq!(value(namespace, "v"), Some(Value::from("again")));
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn numbers_are_compared_across_widths_and_counters_but_not_with_floats() {
    each_configuration(|namespace| {
        let is_met = |there: &Value, expected: &Value| {
            namespace.set("v", there).unwrap();
            let met = namespace.compare_value_and_set("v", Some(expected), &0).unwrap();
            matches!(met, Comparison::Stored(_))
        };
        assert!(is_met(&Value::U64(7), &Value::I64(7)));
        assert!(is_met(&Value::Counter(7), &Value::I64(7)));
        assert!(is_met(&Value::I64(7), &Value::Counter(7)));
        assert!(is_met(&Value::F64(0.0), &Value::F64(-0.0)));
        assert!(!is_met(&Value::I64(7), &Value::F64(7.0)));
        assert!(!is_met(&Value::Counter(7), &Value::I64(8)));
        assert!(!is_met(&Value::F64(f64::NAN), &Value::F64(f64::NAN)));
        assert!(!is_met(&Value::from("7"), &Value::Bytes(b"7".to_vec())));
        let pair = |left: &str, right: &str| {
            let entry = |name: &str| (Value::from(name), Value::from(1));
            Value::from(vec![entry(left), entry(right)])
        };
        assert!(is_met(&pair("a", "b"), &pair("b", "a")));
        // Adds in place count: it has the number that they came to.
        namespace.set("v", &Value::Counter(1)).unwrap();
        namespace.add("v", 1).unwrap();
        let met = namespace.compare_value_and_set("v", Some(&Value::from(2)), &Value::Counter(9));
        stored(met.unwrap());
        assert_eq!(namespace.add("v", 1).unwrap(), 10);
    });
}

#[test]
fn who_holds_it_as_shared_is_told_so_only_when_something_would_change() {
    each_configuration(|namespace| {
        namespace.set("v", &5).unwrap();
        let guard = namespace.lock_variable("v", &LockOptions::shared()).unwrap();
        assert_eq!(namespace.max("v", 4).unwrap(), Value::I64(5));
        assert_eq!(namespace.max("v", 6).unwrap_err().kind(), ErrorKind::WouldDeadlock);
        assert_eq!(namespace.swap("v", &6).unwrap_err().kind(), ErrorKind::WouldDeadlock);
        let expected = Value::from(5);
        let compared = namespace.compare_value_and_set("v", Some(&expected), &6);
        assert_eq!(compared.unwrap_err().kind(), ErrorKind::WouldDeadlock);
        guard.unlock().unwrap();
        assert_eq!(value(namespace, "v"), Some(Value::I64(5)));
    });
}

#[test]
fn a_read_only_handle_changes_nothing_whatever_the_numbers() {
    let place = Configuration::Tmpfs.open();
    place.namespace.set("v", &5).unwrap();
    let reader = place.ground.builder().read_only(true).open().unwrap();
    let kinds = [
        reader.max("v", 4).unwrap_err().kind(),
        reader.swap("v", &4).unwrap_err().kind(),
        reader.add_with("v", 1, AddOptions::wrapping()).unwrap_err().kind(),
        reader.compare_value_and_set("v", None, &4).unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::ReadOnly; 4]);
}

/// Threads swap tickets in and out: each ticket comes back once, or is there at the end.
#[test]
fn every_swapped_value_comes_back_once() {
    const THREADS: i64 = 3;
    const ROUNDS: i64 = 20_000;
    each_configuration(|namespace| {
        let sum = AtomicI64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let sum = &sum;
                scope.spawn(move || {
                    let variable = namespace.variable("v").unwrap();
                    for round in 0..ROUNDS {
                        let before = variable.swap(&(round * THREADS + thread)).unwrap();
                        let number = before.map_or(0, |value| value.as_i64().unwrap());
                        sum.fetch_add(number, Ordering::Relaxed);
                    }
                });
            }
        });
        let last = value(namespace, "v").unwrap().as_i64().unwrap();
        let all = THREADS * ROUNDS;
        assert_eq!(sum.load(Ordering::Relaxed) + last, all * (all - 1) / 2);
        assert_eq!(namespace.check().unwrap(), []);
    });
}

/// Beside adds in place, a maximum is never lost and never lowers what was counted.
#[test]
fn the_largest_of_all_candidates_is_kept_beside_adds() {
    each_configuration(|namespace| {
        namespace.set("c", &Value::Counter(0)).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let counter = namespace.variable("c").unwrap();
                let mut last = 0;
                for _ in 0..100_000 {
                    let now = counter.add(1).unwrap();
                    assert!(now > last, "{now} after {last}");
                    last = now;
                }
            });
            scope.spawn(|| {
                for round in 0..2_000_i64 {
                    let candidate = round * 1000;
                    let kept = namespace.max("c", candidate).unwrap().as_i64().unwrap();
                    assert!(kept >= candidate, "{kept} after {candidate}");
                }
            });
        });
        let end = value(namespace, "c").unwrap().as_i64().unwrap();
        assert!((1_999_000..=1_999_000 + 100_000).contains(&end), "{end}");
        assert_eq!(namespace.check().unwrap(), []);
    });
}
