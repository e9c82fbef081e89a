//! What can be had back from a file whose structure cannot be trusted: variables that verify by
//! themselves (`docs/protocols.md`, section 12). Nothing is changed.

use std::collections::HashMap;
use std::ops::Range;

use super::checksums::{Verifier, place_of};
use crate::error::{Error, Result};
use crate::format::block::{CLASS_SIZES, Descriptor, VALUE_HEADER, ValueHeader, blocks_per_slab};
use crate::format::checksum::half_of;
use crate::format::counter::{Added, COUNTER_PAYLOAD};
use crate::format::header::{
    BREAK, HASH_SEED, HEAP_START, OPTION_CHECKSUMS, OPTIONS, VERSION_FLOOR,
};
use crate::format::index::Hash;
use crate::format::publish::{Publish, VERSION_LIMIT, is_later};
use crate::format::run::{HEADER, Info, Kind};
use crate::format::{PAGE, record};
use crate::record::{Glimpse, Record, hash_of_record, name_of_record};
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::value::{FromValue, Value, ValueType};

/// A variable that was lost, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Loss {
    /// Its name, or what is known of it.
    pub name: String,
    /// Why it could not be kept.
    pub reason: String,
}

/// What a survey has found worth keeping, and what not.
pub(crate) struct Survey {
    /// Records by the hash of their names; more than one only if hashes collide.
    chosen: HashMap<Hash64, Vec<Choice>>,
    /// Names of variables whose value before the last is kept.
    pub(crate) older: Vec<String>,
    /// With the versions at which they were lost.
    losses: Vec<(Loss, u64)>,
    /// Not before the version of any record that was seen.
    pub(crate) version_floor: u64,
}

type Hash64 = u64;

/// The record that a name's value is taken from, and the value.
#[derive(Clone, Copy)]
struct Choice {
    record: u64,
    value: Descriptor,
    version: u64,
    is_older: bool,
}

/// A variable to be kept.
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) value_type: ValueType,
    pub(crate) header: ValueHeader,
    pub(crate) payload: Vec<u8>,
}

/// What one record came to.
enum Verdict {
    /// It is no variable.
    Nothing,
    Keep(String, Choice),
    Lose(Loss, u64),
}

/// Looks at one file.
struct Surveyor<'a> {
    segment: &'a Segment,
    seed: u64,
    start: u64,
    end: u64,
    has_checksums: bool,
    verifier: Verifier<'a>,
    data: &'a [Range<u64>],
}

/// Judges every record of the file, all of whose bytes outside `data` are zeros. Others may not
/// change it meanwhile.
pub(crate) fn survey(segment: &Segment, data: &[Range<u64>]) -> Result<Survey> {
    let load = |offset| -> Result<u64> { Ok(segment.word(offset)?.load(Ordering::Relaxed)) };
    let mut surveyor = Surveyor {
        segment,
        seed: load(HASH_SEED)?,
        start: load(HEAP_START)?,
        end: load(BREAK)?,
        has_checksums: load(OPTIONS)? & OPTION_CHECKSUMS != 0,
        verifier: Verifier::new(segment)?,
        data,
    };
    let mut survey = Survey {
        chosen: HashMap::new(),
        older: Vec::new(),
        losses: Vec::new(),
        version_floor: load(VERSION_FLOOR)? % VERSION_LIMIT,
    };
    for page in surveyor.record_pages() {
        for index in 0..(PAGE - HEADER) / record::SIZE {
            let offset = page + HEADER + index * record::SIZE;
            let record = Record::at(segment, offset)?;
            survey.raise_floor(record.publish().version());
            survey.raise_floor(surveyor.version_of(&Glimpse::of(record)));
            match surveyor.judge(record) {
                Verdict::Nothing => {}
                Verdict::Keep(name, choice) => survey.choose(segment, &surveyor, name, choice),
                Verdict::Lose(loss, version) => survey.losses.push((loss, version)),
            }
        }
    }
    survey.settle(segment, surveyor.seed);
    Ok(survey)
}

impl Surveyor<'_> {
    fn load(&self, offset: u64) -> Option<u64> {
        self.segment.word(offset).ok().map(|word| word.load(Ordering::Relaxed))
    }

    /// Pages that say they are slabs of records. With checksums every page is asked, as each
    /// record proves itself; without, bytes of a value could pass for records, so the runs are
    /// followed for as long as they lead somewhere.
    fn record_pages(&self) -> Vec<u64> {
        let mut pages = Vec::new();
        let mut follows_runs = !self.has_checksums;
        let mut base = self.start;
        while base < self.end {
            let info = Info(self.load(base).unwrap_or(0));
            let room = (self.end - base) / PAGE;
            let is_run = info.kind().is_some() && (1..=room).contains(&info.pages());
            if info.kind() == Some(Kind::Records) && info.pages() == 1 {
                pages.push(base);
            }
            follows_runs &= is_run;
            base =
                if follows_runs { base + info.pages() * PAGE } else { self.next_data(base + PAGE) };
        }
        pages
    }

    /// The first page from `base` on that may hold anything but zeros: however much a file claims,
    /// only what it has is walked.
    fn next_data(&self, base: u64) -> u64 {
        let next = self.data.partition_point(|range| range.end <= base);
        self.data.get(next).map_or(self.end, |range| base.max(range.start / PAGE * PAGE))
    }

    fn judge(&mut self, record: Record<'_>) -> Verdict {
        let glimpse = Glimpse::of(record);
        let current = glimpse.descriptor();
        if !glimpse.identity.is_live() || current.is_none() {
            return Verdict::Nothing;
        }
        let version = self.version_of(&glimpse);
        let published = glimpse.publish.version();
        let name = name_of_record(self.segment, &record).ok().and_then(|name| {
            let hash = hash_of_record(self.segment, record.offset, self.seed).ok();
            // The block of a long name may be another's by now, or from before.
            let is_name = !name.is_empty() && hash == Some(Hash::of(&name, self.seed));
            String::from_utf8(name).ok().filter(|_| is_name)
        });
        let Some(name) = name else {
            let name = format!("(the variable of record {})", record.offset);
            let reason = "its name cannot be read".to_owned();
            return Verdict::Lose(Loss { name, reason }, version);
        };
        let before = published.wrapping_sub(1) % VERSION_LIMIT;
        let choices = [(current, published, false), (self.other(&glimpse), before, true)];
        let mut reason = String::new();
        for (value, sealed, is_older) in choices {
            if value.is_none() || (is_older && !self.has_checksums) {
                continue;
            }
            match self.fault(&glimpse, &name, value, sealed) {
                None => {
                    let version = if is_older { before } else { version };
                    let choice = Choice { record: record.offset, value, version, is_older };
                    return Verdict::Keep(name, choice);
                }
                Some(fault) if reason.is_empty() => reason = fault,
                Some(_) => {}
            }
        }
        Verdict::Lose(Loss { name, reason }, version)
    }

    /// The version that everybody saw: adds to a counter are counted behind its payload.
    fn version_of(&self, glimpse: &Glimpse<'_>) -> u64 {
        let value = glimpse.descriptor();
        let is_counter = value.tag() == ValueType::Counter.tag();
        let added = if is_counter { added_to(self.segment, value).ok() } else { None };
        let count = added.map_or(0, Added::count);
        Publish::free(glimpse.publish.version() + count).version()
    }

    /// The descriptor that is not the current one.
    fn other(&self, glimpse: &Glimpse<'_>) -> Descriptor {
        glimpse.record.descriptor(glimpse.publish.next())
    }

    /// What is wrong with a value; none when it verifies.
    fn fault(
        &mut self,
        glimpse: &Glimpse<'_>,
        name: &str,
        value: Descriptor,
        version: u64,
    ) -> Option<String> {
        if self.has_checksums {
            let version = Publish::free(version);
            let place = place_of(glimpse, Hash::of(name.as_bytes(), self.seed), version);
            let sum = half_of(glimpse.record.sums(), version.current());
            return match self.verifier.verifies(value, place, sum) {
                Ok(true) => None,
                Ok(false) => Some("its value is not what its checksum says".to_owned()),
                Err(error) => Some(error.reason().to_owned()),
            };
        }
        self.decode(value).err().map(|error| error.reason().to_owned())
    }

    /// Whether a value is one, as far as that shows without a checksum.
    fn decode(&mut self, value: Descriptor) -> Result<()> {
        let offset = value.offset();
        let length = ValueHeader::length_of(self.segment.word(offset)?.load(Ordering::Relaxed));
        if !value.agrees_with(length) {
            return Err(Error::damaged(offset, "its value's two lengths differ"));
        }
        if !self.block_holds(offset, VALUE_HEADER + length) {
            return Err(Error::damaged(offset, "its value stands in no block"));
        }
        self.verifier.spend(offset, length)?;
        let (value_type, _, payload) = read_value(self.segment, value)?;
        Value::decode(value_type, &payload).map(drop)
    }

    /// Whether a block stands there that has room for so many bytes.
    fn block_holds(&self, offset: u64, bytes: u64) -> bool {
        let base = offset & !(PAGE - 1);
        let Some(info) = self.load(base).map(Info).filter(|_| base >= self.start) else {
            return false;
        };
        match info.kind() {
            Some(Kind::Large) => {
                let length = info.pages() * PAGE;
                offset == base + HEADER && bytes + HEADER <= length && base + length <= self.end
            }
            Some(Kind::Slab) => CLASS_SIZES.get(info.class()).is_some_and(|size| {
                let distance = offset.saturating_sub(base + HEADER);
                let is_block = offset >= base + HEADER
                    && distance.is_multiple_of(*size)
                    && distance / size < blocks_per_slab(info.class());
                is_block && bytes <= *size
            }),
            _ => false,
        }
    }
}

impl Survey {
    fn raise_floor(&mut self, version: u64) {
        if is_later(version, self.version_floor) {
            self.version_floor = version;
        }
    }

    /// Keeps the later of two records of one name: the other was deleted before it was made.
    fn choose(&mut self, segment: &Segment, surveyor: &Surveyor<'_>, name: String, new: Choice) {
        let hash = Hash::of(name.as_bytes(), surveyor.seed).0;
        let choices = self.chosen.entry(hash).or_default();
        let same = choices.iter_mut().find(|choice| {
            name_at(segment, choice.record).is_ok_and(|other| other == name.as_bytes())
        });
        match same {
            Some(choice) if is_later(new.version, choice.version) => *choice = new,
            Some(_) => {}
            None => choices.push(new),
        }
    }

    /// A name of which one record is kept and another lost: the lost one was deleted before, or
    /// was the name's next life, and then what is kept is older.
    fn settle(&mut self, segment: &Segment, seed: u64) {
        let Self { chosen, losses, older, .. } = self;
        losses.retain(|(loss, version)| {
            let same_hash = chosen.get_mut(&Hash::of(loss.name.as_bytes(), seed).0);
            let kept = same_hash.into_iter().flatten().find(|choice| {
                name_at(segment, choice.record).is_ok_and(|name| name == loss.name.as_bytes())
            });
            match kept {
                Some(kept) => {
                    kept.is_older |= is_later(*version, kept.version);
                    false
                }
                None => true,
            }
        });
        for choice in chosen.values().flatten().filter(|choice| choice.is_older) {
            let name = name_at(segment, choice.record).ok();
            older.extend(name.and_then(|name| String::from_utf8(name).ok()));
        }
        older.sort();
        losses.sort_by(|left, right| left.0.name.cmp(&right.0.name));
        losses.dedup_by(|left, right| left.0.name == right.0.name);
    }

    /// The variables of which nothing is kept.
    pub(crate) fn lost(&self) -> Vec<Loss> {
        self.losses.iter().map(|(loss, _)| loss.clone()).collect()
    }

    /// Number of variables that are kept.
    pub(crate) fn count(&self) -> u64 {
        self.chosen.values().map(|choices| choices.len() as u64).sum()
    }

    /// Reads every kept variable again.
    pub(crate) fn kept<'s>(
        &'s self,
        segment: &'s Segment,
    ) -> impl Iterator<Item = Result<Kept>> + 's {
        self.chosen.values().flatten().map(|choice| {
            let (value_type, header, payload) = read_value(segment, choice.value)?;
            let name = name_at(segment, choice.record)?;
            let name = String::from_utf8_lossy(&name).into_owned();
            Ok(Kept { name, value_type, header, payload })
        })
    }
}

fn name_at(segment: &Segment, record: u64) -> Result<Vec<u8>> {
    name_of_record(segment, &Record::at(segment, record)?)
}

fn read_value(segment: &Segment, value: Descriptor) -> Result<(ValueType, ValueHeader, Vec<u8>)> {
    let offset = value.offset();
    let value_type = ValueType::from_tag(value.tag())
        .ok_or_else(|| Error::damaged(offset, "its value has an unknown type"))?;
    let words = segment.words::<2>(offset)?;
    let header = ValueHeader::decode(words.each_ref().map(|word| word.load(Ordering::Relaxed)));
    let mut payload = Vec::new();
    segment.copy_to_vector(offset + VALUE_HEADER, header.length as usize, &mut payload)?;
    if let (ValueType::Counter, Some(base)) = (value_type, payload.first_chunk::<8>()) {
        let number = added_to(segment, value)?.number(i64::from_le_bytes(*base));
        payload = number.to_le_bytes().to_vec();
    }
    Ok((value_type, header, payload))
}

/// What was added to a counter in place.
fn added_to(segment: &Segment, counter: Descriptor) -> Result<Added> {
    let word = segment.word(counter.offset() + VALUE_HEADER + COUNTER_PAYLOAD)?;
    Ok(Added(word.load(Ordering::Relaxed)))
}
