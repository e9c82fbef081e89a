//! Operations for which the index has to move: segments split and cleaned, a directory doubled.
//!
//! Every stepped namespace has the same hash seed, so names can be chosen by where they go.

use std::collections::BTreeSet;

use mmf::{Namespace, Value};

use super::{Content, Scenario, TARGET, text};
use crate::layout::{INDEX_LINE_WORDS, INDEX_SPLIT_AT, index_hash, index_line};

const STORED: &str = "stocked";
/// Lines that names fill to the brim and are deleted from again: such lines stay full.
const CROWDED_LINES: u64 = 49;

/// Every such scenario.
pub(super) fn all() -> Vec<Scenario> {
    vec![
        setting("split-index", fill_segment),
        setting("split-index-alone", fill_deeper_directory),
        setting("clean-index", fill_uncrowded).prepared(crowd),
    ]
}

fn setting(name: &'static str, fill_more: fn(&mut Content)) -> Scenario {
    let mut scenario = Scenario::using(name, |it| it.set(TARGET, STORED).map(drop))
        .sets(TARGET, text(STORED))
        .capacity(512 << 10);
    scenario.fill_more = fill_more;
    scenario.moves_index = true;
    scenario
}

/// One segment, as deep as its directory: the directory doubles before it can be split.
fn fill_segment(content: &mut Content) {
    fill(content, INDEX_SPLIT_AT, |_| true);
}

/// Names of the other half have made the directory deeper than the target's segment.
fn fill_deeper_directory(content: &mut Content) {
    let is_upper = |name: &str| index_hash(name) >> 63 == 1;
    let beside_target = |name: &str| is_upper(name) == is_upper(TARGET);
    fill(content, INDEX_SPLIT_AT, beside_target);
    fill(content, INDEX_SPLIT_AT + 1, |name| !beside_target(name));
}

/// A few names, beside the marks that `crowd` leaves.
fn fill_uncrowded(content: &mut Content) {
    let crowded = INDEX_LINE_WORDS * CROWDED_LINES as usize;
    fill(content, INDEX_SPLIT_AT - crowded, is_uncrowded);
}

/// Adds names that are `wanted` until there are `count` of them.
fn fill(content: &mut Content, count: usize, wanted: impl Fn(&str) -> bool) {
    let present = content.keys().filter(|name| wanted(name)).count();
    let names = (0..).map(|number| format!("variable {number}"));
    let wanted = names.filter(|name| wanted(name)).take(count.saturating_sub(present));
    content.extend(wanted.map(|name| (name, Value::I64(0))));
}

fn is_uncrowded(name: &str) -> bool {
    index_line(name) >= CROWDED_LINES
}

/// Fills the first lines, and deletes what filled them.
fn crowd(namespace: &Namespace) -> mmf::Result<()> {
    let present = namespace.list("").collect::<mmf::Result<BTreeSet<_>>>()?;
    let mut crowd = Vec::new();
    for line in 0..CROWDED_LINES {
        let here = |name: &String| index_line(name) == line;
        let room =
            INDEX_LINE_WORDS.saturating_sub(present.iter().filter(|name| here(name)).count());
        crowd.extend((0..).map(|number| format!("crowd {number}")).filter(here).take(room));
    }
    crowd.iter().try_for_each(|name| namespace.set(name, &0_i64).map(drop))?;
    crowd.iter().try_for_each(|name| namespace.delete(name).map(drop))
}
