//! Looking at a record without a lock.

use super::Record;
use crate::error::{Error, ErrorKind, Result};
use crate::format::block::Descriptor;
use crate::format::index::Hash;
use crate::format::publish::Publish;
use crate::format::record::{INLINE_NAME, Identity};
use crate::index::{self, Search};
use crate::segment::Segment;
use crate::sync::{Ordering, fence};

/// A record as it looked at one version. What is read on its strength counts only if
/// [`Glimpse::still_holds`] afterwards.
#[derive(Clone, Copy)]
pub(crate) struct Glimpse<'a> {
    pub(crate) record: Record<'a>,
    pub(crate) publish: Publish,
    pub(crate) identity: Identity,
}

impl<'a> Glimpse<'a> {
    /// Looks at a record. The publish word comes first: what is loaded after it belongs to its
    /// version or to a later one, which [`Glimpse::still_holds`] tells.
    #[inline(always)]
    pub(crate) fn of(record: Record<'a>) -> Self {
        let publish = record.publish();
        Self { record, publish, identity: record.identity() }
    }

    /// The current value's descriptor.
    #[inline(always)]
    pub(crate) fn descriptor(&self) -> Descriptor {
        self.record.descriptor(self.publish.current())
    }

    /// Whether the name read since the glimpse is the one of its identity, whatever happened to
    /// the value meanwhile.
    #[inline]
    pub(crate) fn has_same_name(&self) -> bool {
        has_same_name(self.record, self.identity)
    }

    /// Whether everything read since the glimpse belongs to its version.
    #[inline(always)]
    pub(crate) fn still_holds(&self) -> bool {
        // Acquire fence: if a copy saw a byte that was stored after this version was replaced,
        // the load below sees the replacement (partner: the release fence before every refill).
        fence(Ordering::Acquire);
        let now = Publish(self.record.publish_word().load(Ordering::Relaxed));
        self.publish.same_version(now)
    }
}

/// Looks at a record that changes hands during each of them, before somebody must be at play: it
/// takes two journals to do so once.
pub(crate) const GLIMPSES: u32 = 100_000;

/// The error after so many.
#[cold]
pub(crate) fn restless() -> Error {
    Error::new(ErrorKind::Contended, "a record changed hands during every look at its name")
}

/// Finds the live record that bears `name`.
pub(crate) fn find<'a>(
    segment: &'a Segment,
    hash: Hash,
    name: &[u8],
) -> Result<Option<Glimpse<'a>>> {
    index::lookup(segment, hash, &Bearer::of(segment, hash, name))
}

/// One attempt at [`find`]: none when it is to be made again, with more patience.
#[inline(always)]
pub(crate) fn find_at_once<'a>(
    segment: &'a Segment,
    hash: Hash,
    name: &[u8],
) -> Option<Option<Glimpse<'a>>> {
    match index::search(segment, hash, &Bearer::of(segment, hash, name)) {
        Ok(Search::Ended(found)) => Some(found),
        Ok(Search::Moved) | Err(_) => None,
    }
}

/// The record that bears a name.
struct Bearer<'a, 'n> {
    segment: &'a Segment,
    hash: Hash,
    name: &'n [u8],
    /// What stands in the record of a short name.
    inline: [u64; 2],
}

impl<'a, 'n> Bearer<'a, 'n> {
    #[inline(always)]
    fn of(segment: &'a Segment, hash: Hash, name: &'n [u8]) -> Self {
        let inline = if name.len() <= INLINE_NAME { inline_words(name) } else { [0; 2] };
        Self { segment, hash, name, inline }
    }

    /// Whether the record bears the name, as far as one glance tells.
    #[inline(always)]
    fn is_named_in(&self, glimpse: &Glimpse<'_>) -> Result<bool> {
        if glimpse.identity.name_length() != self.name.len() || !glimpse.identity.is_live() {
            return Ok(false);
        }
        if self.name.len() > INLINE_NAME {
            let Glimpse { record, identity, .. } = *glimpse;
            return long_name_equals(self.segment, record, identity, self.hash, self.name);
        }
        let [first, second] = self.inline;
        Ok(glimpse.record.name_word(0).load(Ordering::Relaxed) == first
            && glimpse.record.name_word(1).load(Ordering::Relaxed) == second)
    }
}

impl<'a> index::Wanted<Glimpse<'a>> for Bearer<'a, '_> {
    #[inline(always)]
    fn accept(&self, offset: u64) -> Result<Option<Glimpse<'a>>> {
        let record = Record::at(self.segment, offset)?;
        for _ in 0..GLIMPSES {
            let glimpse = Glimpse::of(record);
            if self.is_named_in(&glimpse)? {
                return Ok(Some(glimpse));
            }
            // A record in the middle of being given away may have shown a mixed name.
            if has_same_name(record, glimpse.identity) {
                return Ok(None);
            }
        }
        Err(restless())
    }
}

#[inline(never)]
fn long_name_equals(
    segment: &Segment,
    record: Record<'_>,
    identity: Identity,
    hash: Hash,
    name: &[u8],
) -> Result<bool> {
    let first = record.name_word(0).load(Ordering::Relaxed);
    let second = record.name_word(1).load(Ordering::Relaxed);
    if second != hash.0 {
        return Ok(false);
    }
    // `first` may be anything by now: an offset that leads out of the namespace is no match if
    // the record has changed hands, and damage if it has not.
    let words = match segment.word_range(first, name.len().div_ceil(8) as u64) {
        Ok(words) => words,
        Err(_) if !has_same_name(record, identity) => return Ok(false),
        Err(error) => return Err(error),
    };
    let equal = name.chunks(8).zip(words).all(|(piece, word)| {
        let mut bytes = [0; 8];
        bytes[..piece.len()].copy_from_slice(piece);
        word.load(Ordering::Relaxed) == u64::from_le_bytes(bytes)
    });
    Ok(equal)
}

/// Whether the name read since `identity` was seen is the one of that identity.
#[inline(always)]
fn has_same_name(record: Record<'_>, identity: Identity) -> bool {
    // Acquire fence: partner of the release fence before a name is written.
    fence(Ordering::Acquire);
    record.identity() == identity
}

/// A short name as the record's two name words: its bytes, then zeros.
#[inline(always)]
pub(super) fn inline_words(name: &[u8]) -> [u64; 2] {
    // Loads that overlap instead of a copy of variable length, which would be a call.
    match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(first), Some(last)) => {
            let missing = (INLINE_NAME - name.len()) * 8;
            let second = if name.len() == 8 { 0 } else { u64::from_le_bytes(*last) >> missing };
            [u64::from_le_bytes(*first), second]
        }
        _ => [short_word(name), 0],
    }
}

/// Fewer than eight bytes as a word.
#[inline(always)]
fn short_word(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let high = u64::from(u32::from_le_bytes(*last)) << ((bytes.len() - 4) * 8);
        return u64::from(u32::from_le_bytes(*first)) | high;
    }
    bytes.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_become_their_bytes_and_zeros() {
        let name = b"abcdefghijklmnop";
        for length in 0..=INLINE_NAME {
            let mut bytes = [0; INLINE_NAME];
            bytes[..length].copy_from_slice(&name[..length]);
            let words = inline_words(&name[..length]);
            let expected = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
            assert!(words.into_iter().eq(expected), "length {length}");
        }
    }
}
