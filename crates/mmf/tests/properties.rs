//! Random operations against a map: over every configuration, by one thread and by several.

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::Configuration;
use mmf::{ErrorKind, LockOptions, Namespace, Value, ValueType};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// What the map says of a variable.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    Bytes(Vec<u8>),
    Counter(i64),
}

#[derive(Debug, Clone)]
enum Operation {
    Set {
        name: usize,
        length: usize,
        byte: u8,
    },
    SetCounter {
        name: usize,
        number: i64,
    },
    Add {
        name: usize,
        amount: i64,
    },
    Get {
        name: usize,
    },
    Delete {
        name: usize,
    },
    Look {
        name: usize,
    },
    List {
        letters: usize,
    },
    /// The operations in between happen under a lock of the namespace or of one variable.
    Locked {
        variable: Option<usize>,
        shared: bool,
        operations: Vec<Operation>,
    },
}

const NAMES: usize = 20;

/// Names that share beginnings, from 1 byte to the longest.
fn names(prefix: &str) -> Vec<String> {
    let name = |number: usize| match number {
        0 => prefix.to_owned(),
        1..10 => format!("{prefix}{number}"),
        10..15 => format!("{prefix}{}", "ä".repeat(number)),
        15..19 => format!("{prefix}{}", "long ".repeat(number * 7)),
        _ => format!("{prefix}{}", "x".repeat(1024 - prefix.len())),
    };
    (0..NAMES).map(name).collect()
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..40_usize, 2 => 0..2500_usize, 1 => 0..20_000_usize]
}

fn simple_operation() -> impl Strategy<Value = Operation> {
    let amount = prop_oneof![4 => -5..5_i64, 1 => any::<i64>()];
    prop_oneof![
        6 => (0..NAMES, length(), any::<u8>())
            .prop_map(|(name, length, byte)| Operation::Set { name, length, byte }),
        1 => (0..NAMES, any::<i64>())
            .prop_map(|(name, number)| Operation::SetCounter { name, number }),
        3 => (0..NAMES, amount).prop_map(|(name, amount)| Operation::Add { name, amount }),
        3 => (0..NAMES).prop_map(|name| Operation::Get { name }),
        3 => (0..NAMES).prop_map(|name| Operation::Delete { name }),
        2 => (0..NAMES).prop_map(|name| Operation::Look { name }),
        1 => (0..4_usize).prop_map(|letters| Operation::List { letters }),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let inner = prop::collection::vec(simple_operation(), 0..6);
    let locked = (prop::option::of(0..NAMES), any::<bool>(), inner).prop_map(
        |(variable, shared, operations)| Operation::Locked { variable, shared, operations },
    );
    prop_oneof![12 => simple_operation(), 1 => locked]
}

/// A map beside the namespace that should say the same.
struct Model<'a> {
    namespace: &'a Namespace,
    names: Vec<String>,
    prefix: &'static str,
    items: BTreeMap<String, Item>,
    /// The greatest version seen under each name, deleted or not.
    versions: BTreeMap<String, u64>,
}

impl<'a> Model<'a> {
    fn new(namespace: &'a Namespace, prefix: &'static str) -> Self {
        let (items, versions) = Default::default();
        Self { namespace, names: names(prefix), prefix, items, versions }
    }

    fn run(&mut self, operation: &Operation) {
        match operation {
            Operation::Set { name, length, byte } => {
                let value: Vec<u8> = (0..*length).map(|at| byte.wrapping_add(at as u8)).collect();
                let name = self.names[*name].clone();
                let version = self.namespace.set(&name, &value).unwrap();
                self.put(name, Item::Bytes(value), version);
            }
            Operation::SetCounter { name, number } => {
                let name = self.names[*name].clone();
                let version = self.namespace.set(&name, &Value::Counter(*number)).unwrap();
                self.put(name, Item::Counter(*number), version);
            }
            Operation::Add { name, amount } => self.add(&self.names[*name].clone(), *amount),
            Operation::Get { name } => self.compare(&self.names[*name].clone()),
            Operation::Delete { name } => {
                let name = &self.names[*name];
                let existed = self.items.remove(name).is_some();
                assert_eq!(self.namespace.delete(name).unwrap(), existed);
            }
            Operation::Look { name } => self.look(&self.names[*name].clone()),
            Operation::List { letters } => self.list(*letters),
            Operation::Locked { variable, shared, operations } => {
                self.run_locked(*variable, *shared, operations);
            }
        }
    }

    fn put(&mut self, name: String, item: Item, version: u64) {
        let before = self.versions.insert(name.clone(), version).unwrap_or(0);
        assert!(version > before, "version {version} after {before} of {name:?}");
        self.items.insert(name, item);
    }

    fn add(&mut self, name: &str, amount: i64) {
        let result = self.namespace.add(name, amount);
        match self.items.get(name) {
            Some(Item::Bytes(_)) => {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::WrongType);
                return self.compare(name);
            }
            Some(Item::Counter(number)) if number.checked_add(amount).is_none() => {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::Overflow);
                return self.compare(name);
            }
            _ => {}
        }
        let before = match self.items.get(name) {
            Some(Item::Counter(number)) => *number,
            _ => 0,
        };
        assert_eq!(result.unwrap(), before + amount);
        let version = self.namespace.version(name).unwrap().expect("added a moment ago");
        self.put(name.to_owned(), Item::Counter(before + amount), version);
    }

    fn compare(&self, name: &str) {
        let found = self.namespace.get::<Value>(name).unwrap().map(|value| match value {
            Value::Bytes(bytes) => Item::Bytes(bytes),
            Value::Counter(number) => Item::Counter(number),
            other => panic!("{other:?} was never stored"),
        });
        assert_eq!(found.as_ref(), self.items.get(name), "{name:?}");
        let mut buffer = vec![1, 2, 3];
        match (self.namespace.get_into(name, &mut buffer).unwrap(), self.items.get(name)) {
            (None, None) => {}
            (Some(ValueType::Bytes), Some(Item::Bytes(bytes))) => assert_eq!(buffer, *bytes),
            (Some(ValueType::Counter), Some(Item::Counter(number))) => {
                assert_eq!(buffer, number.to_le_bytes());
            }
            other => panic!("{name:?}: {other:?}"),
        }
    }

    fn look(&self, name: &str) {
        let item = self.items.get(name);
        assert_eq!(self.namespace.contains(name).unwrap(), item.is_some());
        let version = item.map(|_| self.versions[name]);
        assert_eq!(self.namespace.version(name).unwrap(), version);
        let size = self.namespace.metadata(name).unwrap().map(|metadata| metadata.size as usize);
        let expected = item.map(|item| match item {
            Item::Bytes(bytes) => bytes.len(),
            Item::Counter(_) => 8,
        });
        assert_eq!(size, expected);
    }

    fn list(&self, letters: usize) {
        let prefix = format!("{}{}", self.prefix, "long".get(..letters).unwrap_or_default());
        let mut listed: Vec<String> =
            self.namespace.list(&prefix).collect::<Result<_, _>>().unwrap();
        listed.sort();
        let expected: Vec<_> =
            self.items.keys().filter(|name| name.starts_with(&prefix)).cloned().collect();
        assert_eq!(listed, expected, "with prefix {prefix:?}");
    }

    fn run_locked(&mut self, variable: Option<usize>, shared: bool, operations: &[Operation]) {
        let options = if shared { LockOptions::shared() } else { LockOptions::exclusive() };
        let options = options.timeout(Duration::from_secs(20));
        let guard = match variable {
            Some(name) => self.namespace.lock_variable(&self.names[name], &options).unwrap(),
            None => self.namespace.lock(&options).unwrap(),
        };
        assert!(!guard.previous_owner_died());
        for operation in operations {
            // Under a shared lock a thread may not set: others rely on nothing changing.
            let is_read = matches!(
                operation,
                Operation::Get { .. } | Operation::Look { .. } | Operation::List { .. }
            );
            if is_read || !shared {
                self.run(operation);
            }
        }
        guard.unlock().unwrap();
    }

    fn compare_everything(&self) {
        self.names.iter().for_each(|name| self.compare(name));
        self.names.iter().for_each(|name| self.look(name));
        self.list(0);
    }
}

/// Runs `test` with random operations, 256 times over every configuration.
fn with_random<S: Strategy>(strategy: S, test: impl Fn(&Namespace, &S::Value)) {
    for configuration in Configuration::ALL {
        let config = Config { cases: 256, failure_persistence: None, ..Config::default() };
        let run = |operations| {
            let place = configuration.open();
            test(&place.namespace, &operations);
            let findings = place.namespace.check().unwrap();
            prop_assert_eq!(findings, []);
            Ok(())
        };
        TestRunner::new(config).run(&strategy, run).unwrap();
    }
}

#[test]
fn a_namespace_behaves_like_a_map() {
    with_random(prop::collection::vec(operation(), 0..200), |namespace, operations| {
        let mut model = Model::new(namespace, "n");
        operations.iter().for_each(|operation| model.run(operation));
        model.compare_everything();
        let statistics = namespace.stat().unwrap();
        assert_eq!(statistics.variables as usize, model.items.len());
        assert_eq!(statistics.locks, []);
    });
}

#[test]
fn threads_with_names_of_their_own_do_not_disturb_each_other() {
    let operations = || prop::collection::vec(operation(), 0..80);
    let all = [operations(), operations(), operations(), operations()];
    with_random(all, |namespace, all| {
        let prefixes = ["a", "b", "c", "d"].into_iter();
        let counts: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = prefixes
                .zip(all)
                .map(|(prefix, own)| scope.spawn(move || run_and_count(namespace, prefix, own)))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let added: usize = counts.iter().map(|(added, _)| added).sum();
        let kept: usize = counts.iter().map(|(_, kept)| kept).sum();
        let counter = namespace.get::<i64>("sum of all").unwrap();
        assert_eq!(counter.unwrap_or(0) as usize, added);
        let statistics = namespace.stat().unwrap();
        assert_eq!(statistics.variables as usize, kept + usize::from(added > 0));
        assert_eq!(statistics.locks, []);
    });
}

/// One thread's work; returns how often it counted and how many variables it left.
fn run_and_count(
    namespace: &Namespace,
    prefix: &'static str,
    operations: &[Operation],
) -> (usize, usize) {
    let mut model = Model::new(namespace, prefix);
    for operation in operations {
        model.run(operation);
        namespace.add("sum of all", 1).unwrap();
    }
    model.compare_everything();
    (operations.len(), model.items.len())
}
