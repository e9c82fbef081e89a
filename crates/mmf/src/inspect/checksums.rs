//! Whether values are what their checksums say (`docs/protocols.md`, section 12).

use crate::error::{Error, Result};
use crate::format::block::{Descriptor, VALUE_HEADER, ValueHeader};
use crate::format::checksum::{PayloadHasher, Place, Seal, half_of};
use crate::format::header::{HASH_SEED, OPTION_CHECKSUMS, OPTIONS};
use crate::format::index::Hash;
use crate::format::publish::Publish;
use crate::heap;
use crate::record::{Glimpse, Record, name_of_record, record_offsets};
use crate::segment::Segment;
use crate::sync::Ordering;
use crate::value::ValueType;

/// Bytes hashed at a time.
const PIECE: usize = 64 << 10;
/// Times the length of a file that verifying it may read: no sound file needs more than two, and
/// a crafted one could have each record name the same large block.
const MOST_READINGS: u64 = 4;

/// Verifies values of one namespace.
pub(crate) struct Verifier<'a> {
    segment: &'a Segment,
    seed: u64,
    end: u64,
    /// Bytes that may still be read.
    budget: u64,
    piece: Vec<u8>,
}

impl<'a> Verifier<'a> {
    pub(crate) fn new(segment: &'a Segment) -> Result<Self> {
        let load = |offset| Ok::<_, Error>(segment.word(offset)?.load(Ordering::Relaxed));
        let end = heap::end(segment)?;
        let budget = end.saturating_mul(MOST_READINGS);
        Ok(Self { segment, seed: load(HASH_SEED)?, end, budget, piece: vec![0; PIECE] })
    }

    /// Whether the value is the one that was stored as this version of the variable. False also
    /// for one that does not lie inside the heap.
    pub(crate) fn verifies(&mut self, value: Descriptor, place: Place, sum: u32) -> Result<bool> {
        let offset = value.offset();
        if offset.checked_add(VALUE_HEADER).is_none_or(|end| end > self.end) {
            return Ok(false);
        }
        let header = self.segment.words::<2>(offset)?;
        let header = header.each_ref().map(|word| word.load(Ordering::Relaxed));
        let length = ValueHeader::length_of(header[0]);
        let from = offset + VALUE_HEADER;
        if from + length > self.end || !value.agrees_with(length) {
            return Ok(false);
        }
        let is_counter = value.tag() == ValueType::Counter.tag();
        let payload = self.hash(from, length)?;
        let seal = Seal { payload, header, tag: value.tag(), is_counter, seed: self.seed };
        Ok(seal.sum(place) == sum)
    }

    /// Notes that bytes of a value are read.
    pub(crate) fn spend(&mut self, from: u64, length: u64) -> Result<()> {
        self.budget = self.budget.checked_sub(length).ok_or_else(|| {
            Error::damaged(from, "the values together are longer than the file: they overlap")
        })?;
        Ok(())
    }

    fn hash(&mut self, from: u64, length: u64) -> Result<u64> {
        self.spend(from, length)?;
        let mut hasher = PayloadHasher::new(self.seed);
        let mut done = 0;
        while done < length {
            let step = (length - done).min(PIECE as u64);
            let piece = &mut self.piece[..step as usize];
            self.segment.copy_out(from + done, piece)?;
            hasher.update(piece);
            done += step;
        }
        Ok(hasher.finish())
    }
}

/// The offsets of live records whose current value does not verify. None without checksums.
pub(crate) fn broken_values(segment: &Segment) -> Result<Vec<u64>> {
    if segment.word(OPTIONS)?.load(Ordering::Relaxed) & OPTION_CHECKSUMS == 0 {
        return Ok(Vec::new());
    }
    let mut verifier = Verifier::new(segment)?;
    let mut broken = Vec::new();
    for offset in record_offsets(segment) {
        let record = Record::at(segment, offset?)?;
        let glimpse = Glimpse::of(record);
        let value = glimpse.descriptor();
        if !glimpse.identity.is_live() || value.is_none() {
            continue;
        }
        let Ok(name) = name_of_record(segment, &record) else { continue };
        let name = Hash::of(&name, verifier.seed);
        let place = place_of(&glimpse, name, glimpse.publish);
        let sum = half_of(record.sums(), glimpse.publish.current());
        let verifies = verifier.verifies(value, place, sum)?;
        // Somebody may have set it meanwhile.
        if !verifies && glimpse.still_holds() {
            broken.push(record.offset);
        }
    }
    Ok(broken)
}

/// The variable as a checksum knows it.
pub(crate) fn place_of(glimpse: &Glimpse<'_>, name: Hash, version: Publish) -> Place {
    let identity = glimpse.identity;
    Place { record: glimpse.record.offset, identity, name, version: version.version() }
}
