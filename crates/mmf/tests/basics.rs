//! The verbs on one variable, in one process, over every configuration of a namespace.

mod common;

use std::time::Duration;

use common::{Configuration, each_configuration};
use mmf::{Comparison, Condition, ErrorKind, LockOptions, Namespace, Structure, Value, ValueType};

#[test]
fn values_come_back_as_they_went_in() {
    each_configuration(|namespace| {
        namespace.set("text", "Hello world").unwrap();
        namespace.set("number", &-7_i64).unwrap();
        namespace.set("large", &u64::MAX).unwrap();
        namespace.set("real", &12.5).unwrap();
        namespace.set("flag", &true).unwrap();
        namespace.set("bytes", &[0_u8, 255, 0][..]).unwrap();
        namespace.set("empty", "").unwrap();
        assert_eq!(namespace.get::<String>("text").unwrap().as_deref(), Some("Hello world"));
        assert_eq!(namespace.get::<i64>("number").unwrap(), Some(-7));
        assert_eq!(namespace.get::<u64>("large").unwrap(), Some(u64::MAX));
        assert_eq!(namespace.get::<f64>("real").unwrap(), Some(12.5));
        assert_eq!(namespace.get::<bool>("flag").unwrap(), Some(true));
        assert_eq!(namespace.get::<Vec<u8>>("bytes").unwrap(), Some(vec![0, 255, 0]));
        assert_eq!(namespace.get::<String>("empty").unwrap().as_deref(), Some(""));
        assert_eq!(namespace.get::<String>("missing").unwrap(), None);
        assert!(namespace.contains("empty").unwrap());
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn sizes_change_from_small_to_large_and_back() {
    each_configuration(|namespace| {
        let sizes = [0, 1, 15, 16, 17, 64, 300, 2000, 2001, 5000, 70_000, 900_000, 10, 0, 4096];
        for (step, size) in sizes.into_iter().enumerate() {
            let value = vec![step as u8; size];
            namespace.set("v", &value).unwrap();
            assert_eq!(namespace.get::<Vec<u8>>("v").unwrap(), Some(value));
            let metadata = namespace.metadata("v").unwrap().unwrap();
            assert_eq!((metadata.size, metadata.value_type), (size as u64, ValueType::Bytes));
            assert_eq!(metadata.process, std::process::id());
        }
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn a_name_may_have_1024_bytes_and_no_more() {
    each_configuration(|namespace| {
        for length in [1, 15, 16, 17, 255, 1024] {
            let name = "n".repeat(length);
            namespace.set(&name, &(length as i64)).unwrap();
            assert_eq!(namespace.get::<usize>(&name).unwrap(), Some(length));
        }
        for name in [String::new(), "n".repeat(1025)] {
            let error = namespace.set(&name, "x").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidName);
            assert_eq!(namespace.get::<String>(&name).unwrap_err().kind(), ErrorKind::InvalidName);
        }
        assert_eq!(namespace.list("").count(), 6);
        assert_eq!(namespace.list("nnnnnnnnnnnnnnnn").count(), 4);
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn deleting_frees_everything_and_versions_never_repeat() {
    each_configuration(|namespace| {
        namespace.set("warm", "up").unwrap();
        namespace.delete("warm").unwrap();
        let mut last = 0;
        for round in 0..100 {
            let version = namespace.set("v", &vec![0_u8; round * 50]).unwrap();
            assert!(version > last, "version {version} after {last}");
            last = version;
            assert!(namespace.delete("v").unwrap());
            assert!(!namespace.delete("v").unwrap());
            assert_eq!(namespace.version("v").unwrap(), None);
        }
        assert_eq!(namespace.stat().unwrap().variables, 0);
        assert_eq!(namespace.stat().unwrap().live, 0);
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn the_wrong_type_is_an_error_that_says_what_is_there() {
    each_configuration(|namespace| {
        namespace.set("text", "hello").unwrap();
        let error = namespace.get::<f64>("text").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongType);
        assert!(error.to_string().contains("text"), "{error}");
        assert_eq!(namespace.add("text", 1).unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(namespace.get::<String>("text").unwrap().as_deref(), Some("hello"));
    });
}

#[test]
fn structures_keep_their_shape() {
    each_configuration(|namespace| {
        let prices: std::collections::BTreeMap<String, Vec<f64>> =
            [("apple".to_owned(), vec![1.5, 2.0]), ("pear".to_owned(), vec![])].into();
        namespace.set("prices", &Structure(&prices)).unwrap();
        let read: Structure<std::collections::BTreeMap<String, Vec<f64>>> =
            namespace.get("prices").unwrap().unwrap();
        assert_eq!(read.0, prices);
        let dynamic: Value = namespace.get("prices").unwrap().unwrap();
        assert_eq!(dynamic.get("apple").and_then(Value::as_list).map(<[Value]>::len), Some(2));
    });
}

#[test]
fn counters_count_and_refuse_to_overflow() {
    each_configuration(|namespace| {
        assert_eq!(namespace.add("c", 5).unwrap(), 5);
        assert_eq!(namespace.add("c", -7).unwrap(), -2);
        assert_eq!(namespace.get::<i64>("c").unwrap(), Some(-2));
        namespace.set("c", &Value::Counter(i64::MAX)).unwrap();
        assert_eq!(namespace.add("c", 1).unwrap_err().kind(), ErrorKind::Overflow);
        assert_eq!(namespace.get::<i64>("c").unwrap(), Some(i64::MAX));
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn a_set_on_condition_wants_the_version_that_was_seen() {
    each_configuration(|namespace| {
        let variable = namespace.variable("v").unwrap();
        assert_eq!(variable.compare_and_set(7, "early").unwrap(), Comparison::Differs(0));
        let Comparison::Stored(first) = variable.compare_and_set(0, "first").unwrap() else {
            panic!("it did not exist");
        };
        assert_eq!(namespace.version("v").unwrap(), Some(first));
        assert_eq!(variable.compare_and_set(0, "again").unwrap(), Comparison::Differs(first));
        let second = namespace.set("v", &vec![1_u8; 5000]).unwrap();
        assert_eq!(variable.compare_and_set(first, "late").unwrap(), Comparison::Differs(second));
        assert_eq!(namespace.get::<Vec<u8>>("v").unwrap(), Some(vec![1; 5000]));
        let third = namespace.compare_and_set("v", second, "short").unwrap();
        assert_eq!(third, Comparison::Stored(namespace.version("v").unwrap().unwrap()));
        assert_eq!(namespace.get::<String>("v").unwrap().as_deref(), Some("short"));
        namespace.delete("v").unwrap();
        assert_eq!(variable.compare_and_set(second, "dead").unwrap(), Comparison::Differs(0));
        // Locked and without a value it does not exist either.
        let guard = namespace.lock_variable("v", &LockOptions::exclusive()).unwrap();
        assert_eq!(variable.compare_and_set(second, "dead").unwrap(), Comparison::Differs(0));
        assert!(matches!(variable.compare_and_set(0, "new").unwrap(), Comparison::Stored(_)));
        guard.unlock().unwrap();
        assert_eq!(namespace.get::<String>("v").unwrap().as_deref(), Some("new"));
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn threads_that_set_on_condition_lose_nothing() {
    each_configuration(|namespace| {
        let increase = || {
            for _ in 0..500 {
                loop {
                    let version = namespace.version("v").unwrap().unwrap_or(0);
                    let now = namespace.get::<i64>("v").unwrap().unwrap_or(0);
                    let outcome = namespace.compare_and_set("v", version, &(now + 1)).unwrap();
                    if matches!(outcome, Comparison::Stored(_)) {
                        break;
                    }
                }
            }
        };
        std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(increase))));
        assert_eq!(namespace.get::<i64>("v").unwrap(), Some(1500));
    });
}

#[test]
fn handles_follow_their_variable_through_deletion() {
    each_configuration(|namespace| {
        let handle = namespace.variable("v").unwrap();
        assert_eq!(handle.get::<i64>().unwrap(), None);
        handle.set(&1).unwrap();
        namespace.delete("v").unwrap();
        namespace.set("other", &99).unwrap();
        assert_eq!(handle.get::<i64>().unwrap(), None);
        handle.set(&2).unwrap();
        assert_eq!(namespace.get::<i64>("v").unwrap(), Some(2));
        assert_eq!(namespace.get::<i64>("other").unwrap(), Some(99));
    });
}

#[test]
fn locks_nest_and_free_what_they_made() {
    each_configuration(|namespace| {
        let outer = namespace.lock(&LockOptions::exclusive()).unwrap();
        let inner = namespace.lock(&LockOptions::exclusive()).unwrap();
        namespace.set("v", "inside").unwrap();
        inner.unlock().unwrap();
        assert_eq!(namespace.stat().unwrap().locks.len(), 1);
        outer.unlock().unwrap();
        assert_eq!(namespace.stat().unwrap().locks, []);

        let shared = namespace.lock(&LockOptions::shared()).unwrap();
        assert_eq!(namespace.set("v", "x").unwrap_err().kind(), ErrorKind::WouldDeadlock);
        assert_eq!(namespace.set("new", "x").unwrap_err().kind(), ErrorKind::WouldDeadlock);
        let error = namespace.lock(&LockOptions::exclusive()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldDeadlock);
        shared.unlock().unwrap();

        let variable = namespace.lock_variable("not there", &LockOptions::exclusive()).unwrap();
        assert!(!namespace.contains("not there").unwrap());
        variable.unlock().unwrap();
        assert_eq!(namespace.stat().unwrap().variables, 1);
        let variable = namespace.lock_variable("w", &LockOptions::exclusive()).unwrap();
        namespace.set("w", "1").unwrap();
        namespace.delete("w").unwrap();
        drop(variable);
        assert_eq!(namespace.stat().unwrap().variables, 1);
        assert_eq!(namespace.check().unwrap(), []);
    });
}

#[test]
fn waiting_ends_at_its_timeout_and_at_its_condition() {
    each_configuration(|namespace| {
        let short = Duration::from_millis(20);
        let error = namespace.wait("v", &Condition::Exists, short).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let version = namespace.set("v", &1).unwrap();
        let seen = namespace.wait("v", &Condition::Exists, short).unwrap();
        assert_eq!(seen.version, version);
        let changed = Condition::ChangedSince(version);
        assert_eq!(namespace.wait("v", &changed, short).unwrap_err().kind(), ErrorKind::TimedOut);
        let equals = Condition::Equals(Value::I64(1));
        assert_eq!(namespace.wait("v", &equals, short).unwrap().version, version);
        let gone = Condition::Gone;
        let outcome = namespace.wait_any(&[("v", &changed), ("other", &gone)], short).unwrap();
        assert_eq!(outcome.index, 1);
        let outcome = namespace.wait_any(&[("v", &changed), ("w", &Condition::Exists)], short);
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn thousands_of_names_are_found_and_deleted_again() {
    each_configuration(|namespace| {
        let name = |index: usize| format!("variable number {index}");
        for index in 0..5000 {
            namespace.set(&name(index), &index).unwrap();
        }
        assert_eq!(namespace.list("").count(), 5000);
        for index in (0..5000).rev() {
            assert_eq!(namespace.get::<usize>(&name(index)).unwrap(), Some(index), "{index}");
        }
        for index in (0..5000).step_by(2) {
            assert!(namespace.delete(&name(index)).unwrap());
        }
        for index in 0..5000 {
            let expected = (index % 2 == 1).then_some(index);
            assert_eq!(namespace.get::<usize>(&name(index)).unwrap(), expected, "{index}");
        }
        assert_eq!(namespace.check().unwrap(), []);
    });
}

/// Segments of the index that were full of removed names were split for the same names again, and
/// the pages for that were lacking elsewhere.
#[test]
fn names_that_come_back_find_the_room_that_they_had() {
    // The hash seed decides how full each segment is in the end.
    for _ in 0..60 {
        let namespace = Namespace::in_memory(128 << 10).unwrap();
        let set = |number: usize| namespace.set(&format!("name {number}"), &[1; 10][..]);
        let fill = || (0..).find(|number| set(*number).is_err()).unwrap();
        let filled = fill();
        (0..filled).for_each(|number| {
            assert!(namespace.delete(&format!("name {number}")).unwrap());
        });
        let again = fill();
        assert!(again + 2 >= filled, "{again} after {filled}");
        assert_eq!(namespace.check().unwrap(), []);
    }
}

#[test]
fn a_full_namespace_keeps_the_old_value_and_recovers() {
    for configuration in Configuration::ALL {
        let place = configuration.open_sized(256 * 1024);
        let namespace = &place.namespace;
        namespace.set("v", &vec![1_u8; 1000]).unwrap();
        let error = namespace.set("v", &vec![2_u8; 300 * 1024]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ValueTooLarge);
        let error = namespace.set("v", &vec![2_u8; 240 * 1024]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfSpace);
        assert_eq!(namespace.get::<Vec<u8>>("v").unwrap(), Some(vec![1; 1000]));
        let mut filled = 0;
        let error = loop {
            match namespace.set(&format!("fill {filled}"), &vec![3_u8; 500]) {
                Ok(_) => filled += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::OutOfSpace, "{error}");
        assert!(filled > 100, "only {filled}");
        assert_eq!(namespace.check().unwrap(), []);
        for index in 0..filled {
            assert!(namespace.delete(&format!("fill {index}")).unwrap());
        }
        namespace.set("v", &vec![4_u8; 60_000]).unwrap();
        assert_eq!(namespace.check().unwrap(), []);
    }
}
