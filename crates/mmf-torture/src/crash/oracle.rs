//! What a namespace may hold after a crash.

use std::collections::{BTreeMap, BTreeSet};

use mmf::{Namespace, Repair, Value};

use crate::Result;

/// Names of more bytes stand in blocks of their own, and may be unreadable after a crash.
const INLINE_NAME: usize = 16;

/// Every value a variable has had, none for absent, and which of them was flushed last.
struct History {
    values: Vec<Option<Value>>,
    flushed: usize,
}

/// Everything a program has done to a namespace.
#[derive(Default)]
pub(super) struct Oracle(BTreeMap<String, History>);

impl Oracle {
    /// A variable has a new value, or none.
    pub(super) fn note(&mut self, name: &str, value: Option<Value>) {
        let absent = || History { values: vec![None], flushed: 0 };
        self.0.entry(name.to_owned()).or_insert_with(absent).values.push(value);
    }

    /// Everything has been flushed.
    pub(super) fn flush(&mut self) {
        for history in self.0.values_mut() {
            history.flushed = history.values.len() - 1;
        }
    }

    /// Compares with what came out of a crash.
    pub(super) fn judge(&self, namespace: &Namespace, repair: Option<&Repair>) -> Result<()> {
        for name in namespace.list("") {
            let name = name?;
            if !self.0.contains_key(&name) {
                return Err(format!("{name:?} has never been set").into());
            }
        }
        let losses = repair.into_iter().flat_map(|repair| &repair.lost);
        let lost: BTreeSet<_> = losses.map(|loss| loss.name.as_str()).collect();
        let some_are_nameless = lost.iter().any(|name| name.starts_with('('));
        for (name, history) in &self.0 {
            let is_lost =
                lost.contains(name.as_str()) || (some_are_nameless && name.len() > INLINE_NAME);
            let is_older = repair.is_some_and(|repair| repair.older.contains(name));
            let found: Option<Value> = namespace.get(name)?;
            let complaint = match history.possible() {
                [only] if found != *only => "was flushed and not changed, and is another",
                [_] if lost.contains(name.as_str()) || is_older => {
                    "was flushed and not changed, and counts as lost"
                }
                _ if is_older && !history.values.contains(&found) => "is what it never was",
                possible if !is_older && found.is_some() && !possible.contains(&found) => {
                    "is what it was not after the flush"
                }
                possible if found.is_none() && !is_lost && !possible.contains(&None) => {
                    "has vanished without being named"
                }
                _ => continue,
            };
            return Err(format!("{name:?} {complaint}: {found:?}").into());
        }
        Ok(())
    }
}

impl History {
    /// What may be on the disk: the flushed value, or a later one.
    fn possible(&self) -> &[Option<Value>] {
        &self.values[self.flushed..]
    }
}
