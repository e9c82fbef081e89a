//! Mending a file whose structure cannot be trusted: what verifies goes to a new one, which takes
//! its name (`docs/protocols.md`, section 12).

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::create::{NOWHERE, Origin, lay_out_file, map};
use crate::error::{Error, ErrorKind, Result};
use crate::format::PAGE;
use crate::format::header::{
    BREAK, GREATEST_CAPACITY, HEAP_START, LEAST_CAPACITY, OPTION_CHECKSUMS, SLOT_COUNT, SLOTS,
    slot_count,
};
use crate::format::slot;
use crate::inspect::header::{HeaderFacts, read_any_header};
use crate::inspect::salvage::{Kept, Loss, Survey, survey};
use crate::inspect::{Finding, check, require_reached};
use crate::platform;
use crate::registry::{Patience, Registry, program_name};
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::value::Encoded;
use crate::variable::Context;

/// How long a rehearsed recovery waits for a lock whose owner is in no slot.
const REHEARSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// What mending a damaged namespace kept and what it lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Repair {
    /// Number of variables that were kept.
    pub kept: u64,
    /// Names of those among them of which only the value before the last could be kept.
    pub older: Vec<String>,
    /// The variables of which no value could be kept.
    pub lost: Vec<Loss>,
    /// What was wrong with the file.
    pub findings: Vec<Finding>,
    /// The file in which the lost and the older are named, if there are any.
    pub report: Option<PathBuf>,
}

/// Whether a file is sound once the dead have been recovered from: rehearsed on a private copy.
/// Returns what is wrong.
pub(super) fn rehearse(file: &File, facts: &HeaderFacts, length: u64) -> Result<Vec<Finding>> {
    if let Err(error) = facts.check_sizes(length) {
        return Ok(vec![finding("header", error.reason())]);
    }
    let segment = Segment::copy_of_file(file, facts.capacity)?;
    let examined = Registry::attach_alone(segment).and_then(|registry| {
        registry.settle_after_crash(&mut Patience::new(Some(REHEARSAL_TIMEOUT), None))?;
        let context = Context {
            registry,
            autolock: false,
            timeout: Some(REHEARSAL_TIMEOUT),
            wake_always: false,
            checksums: facts.options & OPTION_CHECKSUMS != 0,
            seed: facts.seed,
        };
        check(&context)
    });
    match examined {
        Ok(findings) => Ok(findings),
        Err(error) if is_damage(error.kind()) => Ok(vec![finding("recovery", error.reason())]),
        Err(error) => Err(error),
    }
}

/// Errors by which a file shows that its structure is broken.
fn is_damage(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Damaged | ErrorKind::TimedOut | ErrorKind::Contended | ErrorKind::LimitReached
    )
}

fn finding(place: &str, problem: &str) -> Finding {
    Finding { place: place.to_owned(), problem: problem.to_owned() }
}

/// Puts what verifies into a new file in the place of the old one. The caller holds the
/// initialisation byte of `file`, which stands at `path`.
///
/// # Errors
///
/// [`ErrorKind::InUse`] when somebody is attached; [`ErrorKind::OutOfSpace`] when the new file
/// finds no room. The old file stays then.
pub(super) fn replace(path: &Path, file: &File, findings: Vec<Finding>) -> Result<Repair> {
    let alone = platform::try_exclusive_presence(file)
        .map_err(|error| Error::io("asking whether somebody is attached", error))?;
    if !alone {
        return Err(Error::new(ErrorKind::InUse, "it is damaged, and others are attached")
            .advise("end them first"));
    }
    let result = replace_alone(path, file, findings);
    // The old file has lost its name, or stays as it was.
    platform::release_presence(file).map_err(|error| Error::io("letting others open it", error))?;
    result
}

fn replace_alone(path: &Path, file: &File, findings: Vec<Finding>) -> Result<Repair> {
    let (facts, length) = read_any_header(file)?;
    let old = view(file, &facts, length)?;
    let data = platform::data_ranges(file, length)
        .map_err(|error| Error::io("asking where the file has data", error))?;
    let survey = survey(&old, &data)?;
    // Want of memory must not pass for values that do not verify.
    require_reached(&old, 0)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    let capacity = plausible_capacity(&facts, length);
    let unnamed = platform::create_unnamed(directory, 0o600, capacity)
        .map_err(|error| Error::io(format!("making a file in {}", directory.display()), error))?;
    let origin = Origin {
        id: [facts.id as u64, (facts.id >> 64) as u64],
        seed: facts.seed,
        created: facts.created,
        options: facts.options,
        version_floor: survey.version_floor,
    };
    lay_out_file(unnamed.file(), capacity, &origin)?;
    fill(map(unnamed.file(), Path::new(NOWHERE), capacity)?, &facts, &old, &survey)?;
    let mut repair = Repair {
        kept: survey.count(),
        older: survey.older.clone(),
        lost: survey.lost(),
        findings,
        report: None,
    };
    repair.write_report(path)?;
    unnamed
        .replace(path)
        .map_err(|error| Error::io(format!("replacing {}", path.display()), error))?;
    Ok(repair)
}

/// The damaged file, with sizes that can be walked by. Stores do not reach it.
fn view(file: &File, facts: &HeaderFacts, length: u64) -> Result<Segment> {
    let end = length / PAGE * PAGE;
    if end < LEAST_CAPACITY {
        return Err(Error::new(ErrorKind::Damaged, "too little of the file is left"));
    }
    let segment = Segment::copy_of_file(file, end)?;
    if facts.check_sizes(length).is_err() {
        let is_possible = (1..=slot_count(GREATEST_CAPACITY)).contains(&facts.slots);
        let slots = if is_possible { facts.slots } else { slot_count(facts.capacity) };
        let start = (SLOTS + slots * slot::SIZE).next_multiple_of(PAGE);
        let committed = facts.committed / PAGE * PAGE;
        let committed = if (start..=end).contains(&committed) { committed } else { end };
        for (offset, word) in [(SLOT_COUNT, slots), (HEAP_START, start), (BREAK, committed)] {
            segment.word(offset)?.store(word, Ordering::Relaxed);
        }
    }
    Ok(segment)
}

fn plausible_capacity(facts: &HeaderFacts, length: u64) -> u64 {
    let is_possible = (LEAST_CAPACITY..=GREATEST_CAPACITY).contains(&facts.capacity);
    let capacity = if is_possible { facts.capacity.max(length) } else { length };
    capacity.min(GREATEST_CAPACITY)
}

/// Makes every kept variable in the new file, which nobody else can open yet.
fn fill(new: Segment, facts: &HeaderFacts, old: &Segment, survey: &Survey) -> Result<()> {
    let context = Context {
        registry: Registry::attach_alone(new)?,
        autolock: false,
        timeout: None,
        wake_always: false,
        checksums: facts.options & OPTION_CHECKSUMS != 0,
        seed: facts.seed,
    };
    let mut programs: HashMap<u32, u32> = HashMap::new();
    for kept in survey.kept(old) {
        let Kept { name, value_type, mut header, payload } = kept?;
        header.program = match programs.get(&header.program) {
            Some(number) => *number,
            None => {
                let known = program_name(old, header.program).ok().flatten();
                let number = known.map_or(Ok(0), |name| {
                    context.registry.program_number(&name, context.timeout)
                })?;
                programs.insert(header.program, number);
                number
            }
        };
        let target = context.target(&name)?;
        context.restore(&target, &Encoded::stored(value_type, payload), header)?;
    }
    Ok(())
}

impl Repair {
    /// Names what was lost in a file beside the namespace's, where a person will find it.
    fn write_report(&mut self, path: &Path) -> Result<()> {
        if self.lost.is_empty() && self.older.is_empty() {
            return Ok(());
        }
        let report = report_path(path);
        let mut text = format!("{} variables of {} were kept.\n", self.kept, path.display());
        for loss in &self.lost {
            text.push_str(&format!("lost: {:?} ({})\n", loss.name, loss.reason));
        }
        for name in &self.older {
            text.push_str(&format!("set back to the value before the last: {name:?}\n"));
        }
        platform::check_length(text.len() as u64)
            .and_then(|()| std::fs::write(&report, text))
            .map_err(|error| Error::io(format!("writing {}", report.display()), error))?;
        self.report = Some(report);
        Ok(())
    }
}

/// Where a repair of the file at `path` names what was lost. Listings of namespaces leave it out.
pub(super) fn report_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(format!(".{name}.lost"))
}
