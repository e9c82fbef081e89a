//! The check of every invariant (`docs/format.md`, "Invariants").

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::Serialize;

use super::account::{Account, Owner, Run, account_owners, account_runs, owned_blocks, walk_runs};
use super::checksums::broken_values;
use crate::error::{Error, ErrorKind, Result};
use crate::format::PAGE;
use crate::format::block::{CLASS_SIZES, CLASSES, VALUE_HEADER, ValueHeader, blocks_per_slab};
use crate::format::header::{FREE_RUN_LISTS, FREE_RUNS, JOURNAL, RECORD_COUNT};
use crate::format::index::{
    DEPTH, GREATEST_DEPTH, Hash, SEGMENT_WORDS, USED, names_record, record_offset,
};
use crate::format::run::{BITMAP, HEADER, Info, Kind, NEXT, PREVIOUS};
use crate::heap::{block_capacity, is_block_for, slab_is_used};
use crate::journal::Journal;
use crate::record::{Glimpse, Record, find, name_of_record, record_offsets};
use crate::registry::Patience;
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::variable::Context;

/// Passes over a namespace that others are changing; only what every pass finds is reported.
const PASSES: usize = 5;
/// Most findings reported.
const MOST_FINDINGS: usize = 1000;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Finding {
    /// Where: a byte offset, a record, a list.
    pub place: String,
    /// What is wrong there.
    pub problem: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.place, self.problem)
    }
}

/// Collects findings of one pass.
struct Pass<'a> {
    segment: &'a Segment,
    seed: u64,
    findings: Vec<Finding>,
}

/// Verifies everything; nothing is changed but what the dead have left to be recovered.
pub(crate) fn check(context: &Context) -> Result<Vec<Finding>> {
    let registry = &context.registry;
    let segment = registry.segment();
    let structural = if segment.is_writable() {
        // A damaged namespace may not let itself be recovered: that is a finding too.
        let recovered = registry.recover(&mut Patience::new(context.timeout, None));
        if let Err(error) = recovered {
            if error.kind() != ErrorKind::Damaged {
                return Err(error);
            }
            tracing::warn!(%error, "could not recover from the dead");
        }
        registry.structural(context.timeout).ok()
    } else {
        None
    };
    let unreached = segment.unreached();
    let mut persistent: Option<Vec<Finding>> = None;
    for pass in 0..PASSES {
        if pass > 0 {
            std::thread::sleep(Duration::from_millis(1 << pass));
        }
        let found = one_pass(segment, context.seed);
        require_reached(segment, unreached)?;
        let kept = match persistent {
            None => found,
            Some(before) => {
                let found: HashSet<_> = found.into_iter().collect();
                before.into_iter().filter(|finding| found.contains(finding)).collect()
            }
        };
        if kept.is_empty() {
            return Ok(kept);
        }
        persistent = Some(kept);
    }
    drop(structural);
    Ok(persistent.unwrap_or_default())
}

/// An error if bytes could not be reached since `before` was counted: want of memory must never
/// pass for damage.
pub(crate) fn require_reached(segment: &Segment, before: u64) -> Result<()> {
    if segment.unreached() == before {
        return Ok(());
    }
    const REASON: &str = "some of its bytes could not be reached, and not judged";
    Err(match segment.unreadable() {
        0 => Error::new(ErrorKind::OutOfSpace, REASON)
            .advise("make room in memory or on the file system, then look again"),
        _ => Error::new(ErrorKind::Io, REASON).advise("check the device, then look again"),
    })
}

fn one_pass(segment: &Segment, seed: u64) -> Vec<Finding> {
    let mut pass = Pass { segment, seed, findings: Vec::new() };
    let outcomes = [
        pass.journal(),
        pass.heap_and_blocks(),
        pass.index(),
        pass.records_and_names(),
        pass.checksums(),
    ];
    // An offset that leads nowhere ends its part, not the check.
    for error in outcomes.into_iter().filter_map(Result::err) {
        pass.report("format", error.reason());
    }
    pass.findings
}

impl<'a> Pass<'a> {
    /// The words as they stand: a journal under way is a finding of its own.
    fn at_rest(&self) -> Journal<'a> {
        Journal::begin(self.segment)
    }

    fn report(&mut self, place: impl Into<String>, problem: impl Into<String>) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding { place: place.into(), problem: problem.into() });
        }
    }

    fn load(&self, offset: u64) -> Result<u64> {
        Ok(self.segment.word(offset)?.load(Ordering::Acquire))
    }

    fn journal(&mut self) -> Result<()> {
        if self.load(JOURNAL)? != 0 {
            self.report("journal", "it holds words although nobody is changing the structure");
        }
        Ok(())
    }

    fn heap_and_blocks(&mut self) -> Result<()> {
        let mut runs: Vec<Run> = Vec::new();
        walk_runs(&self.at_rest(), |run| {
            runs.push(run);
            Ok(())
        })?;
        self.free_lists(&runs)?;
        let owners = owned_blocks(self.segment)?;
        for (block, owners) in &owners {
            self.owned_block(*block, owners);
        }
        for run in &runs {
            self.unowned_blocks(run, &owners)?;
        }
        let mut account: Account = account_runs(&self.at_rest())?;
        account_owners(&self.at_rest(), &owners, &mut account)?;
        if account.remainder() != 0 {
            self.report(
                "memory sum",
                format!("{} committed bytes belong to nobody", account.remainder()),
            );
        }
        Ok(())
    }

    fn free_lists(&mut self, runs: &[Run]) -> Result<()> {
        let free: HashMap<u64, u64> = runs
            .iter()
            .filter(|run| run.kind == Kind::Free)
            .map(|run| (run.base, run.info.pages()))
            .collect();
        let mut listed = HashSet::new();
        for list in 0..FREE_RUN_LISTS {
            let mut before = 0;
            let mut base = self.load(FREE_RUNS + list * 8)?;
            while base != 0 {
                let Some(pages) = free.get(&base) else {
                    self.report(format!("free list {list}"), format!("leads to {base}, not free"));
                    break;
                };
                if !listed.insert(base) {
                    self.report(format!("free list {list}"), format!("names run {base} twice"));
                    break;
                }
                if u64::from(pages.ilog2()) != list || self.load(base + PREVIOUS)? != before {
                    self.report(
                        format!("run {base}"),
                        "hangs in the wrong list or at a wrong link",
                    );
                }
                before = base;
                base = self.load(base + NEXT)?;
            }
        }
        for base in free.keys().filter(|base| !listed.contains(*base)) {
            self.findings.push(Finding {
                place: format!("run {base}"),
                problem: "is free but in no list".to_owned(),
            });
        }
        for pair in runs.windows(2) {
            if pair.iter().all(|run| run.kind == Kind::Free) {
                self.report(format!("run {}", pair[1].base), "two free runs were not merged");
            }
        }
        Ok(())
    }

    fn owned_block(&mut self, block: u64, owners: &[Owner]) {
        let in_transit = owners.iter().any(|owner| matches!(owner, Owner::Transit { .. }));
        if owners.len() > 1 && !in_transit {
            self.report(format!("block {block}"), format!("has several owners: {owners:?}"));
        }
        let journal = Journal::begin(self.segment);
        let base = block & !(PAGE - 1);
        let is_large = block == base + HEADER
            && self.load(base).is_ok_and(|word| Info(word).kind() == Some(Kind::Large));
        if is_large {
            return;
        }
        match slab_is_used(&journal, block) {
            Ok(true) => {}
            Ok(false) => self.report(format!("block {block}"), format!("is free but {owners:?}")),
            Err(error) => self.report(format!("block {block}"), error.reason()),
        }
    }

    /// Used blocks of a run that nobody owns: leaks.
    fn unowned_blocks(&mut self, run: &Run, owners: &HashMap<u64, Vec<Owner>>) -> Result<()> {
        if run.kind == Kind::Large && !owners.contains_key(&(run.base + HEADER)) {
            self.report(format!("run {}", run.base), "is a large block that nobody owns");
        }
        if run.kind != Kind::Slab {
            return Ok(());
        }
        let class = run.info.class();
        if class >= CLASSES {
            self.report(format!("slab {}", run.base), "has an impossible class");
            return Ok(());
        }
        for index in 0..blocks_per_slab(class) {
            let bits = self.load(run.base + BITMAP + index / 64 * 8)?;
            let block = run.base + HEADER + index * CLASS_SIZES[class];
            if bits & (1 << (index % 64)) != 0 && !owners.contains_key(&block) {
                self.report(
                    format!("block {block}"),
                    format!("{} bytes are in use but belong to nobody", CLASS_SIZES[class]),
                );
            }
        }
        Ok(())
    }

    fn index(&mut self) -> Result<()> {
        let mut segments = Vec::new();
        walk_runs(&self.at_rest(), |run| {
            if run.kind == Kind::Segment {
                segments.push(run.base);
            }
            Ok(())
        })?;
        // Bytes of free memory may look like a live record: it counts only in a slab of records.
        let records: HashSet<u64> = record_offsets(self.segment).collect::<Result<_>>()?;
        let mut seen = HashSet::new();
        for base in segments {
            let mut used = 0;
            for index in 0..SEGMENT_WORDS {
                let word = self.load(base + HEADER + index * 8)?;
                used += u64::from(word != 0);
                if names_record(word) && !seen.insert(record_offset(word)) {
                    self.report(
                        format!("segment {base}"),
                        format!("record {} stands in the index twice", record_offset(word)),
                    );
                }
                let is_record = records.contains(&record_offset(word));
                if names_record(word) && !(is_record && self.is_live(record_offset(word))) {
                    self.report(
                        format!("segment {base}, word {index}"),
                        format!("leads to {}, which is no variable", record_offset(word)),
                    );
                }
            }
            if used != self.load(base + USED)?
                || self.load(base + DEPTH)? > u64::from(GREATEST_DEPTH)
            {
                self.report(format!("segment {base}"), "miscounts its words or its depth");
            }
        }
        Ok(())
    }

    fn is_live(&self, offset: u64) -> bool {
        Record::at(self.segment, offset).is_ok_and(|record| record.identity().is_live())
    }

    fn records_and_names(&mut self) -> Result<()> {
        let journal = Journal::begin(self.segment);
        let mut live = 0;
        for offset in record_offsets(self.segment) {
            let offset = offset?;
            let record = Record::at(self.segment, offset)?;
            let glimpse = Glimpse::of(record);
            let is_live = glimpse.identity.is_live();
            live += u64::from(is_live);
            if slab_is_used(&journal, offset)? != is_live {
                self.report(format!("record {offset}"), "its slab disagrees about its use");
            }
            if is_live && let Err(error) = self.one_record(&glimpse) {
                self.report(format!("record {offset}"), error.reason());
            }
        }
        if live != self.load(RECORD_COUNT)? {
            self.report("header", format!("miscounts the variables: there are {live}"));
        }
        Ok(())
    }

    fn checksums(&mut self) -> Result<()> {
        for record in broken_values(self.segment)? {
            self.report(format!("record {record}"), "its value is not what its checksum says");
        }
        Ok(())
    }

    fn one_record(&self, glimpse: &Glimpse<'_>) -> Result<()> {
        let offset = glimpse.record.offset;
        let damaged = |rule: &str| Err(Error::damaged(offset, rule));
        let name = name_of_record(self.segment, &glimpse.record)?;
        let found = find(self.segment, Hash::of(&name, self.seed), &name)?;
        if found.is_none_or(|found| found.record.offset != offset) {
            return damaged("its name does not lead to it");
        }
        if std::str::from_utf8(&name).is_err() || name.is_empty() {
            return damaged("its name is empty or not UTF-8");
        }
        let value = glimpse.descriptor();
        if value.is_none() {
            return Ok(());
        }
        if crate::value::ValueType::from_tag(value.tag()).is_none() {
            return damaged("its value has an unknown type");
        }
        let header = self.load(value.offset())?;
        let length = ValueHeader::length_of(header);
        let needed = length + VALUE_HEADER;
        let base = value.offset() & !(PAGE - 1);
        let info = Info(self.load(base)?);
        if glimpse.still_holds() && !value.agrees_with(length) {
            return damaged("its value's two lengths differ");
        }
        if glimpse.still_holds() && needed > block_capacity(info) {
            return damaged("its value is longer than its block");
        }
        if glimpse.still_holds() && !is_block_for(info, value.offset(), needed) {
            return damaged("its value has a length for another block");
        }
        Ok(())
    }
}
