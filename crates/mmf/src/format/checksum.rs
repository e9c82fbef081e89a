//! Checksums of values on disk: what a value's half of the record's word SUMS is computed from
//! (`docs/protocols.md`, section 12).

use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

use super::index::Hash;
use super::record::Identity;

/// What a checksum covers of the value itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    /// XXH3-64 of the payload under the namespace's seed.
    pub(crate) payload: u64,
    /// The two words in front of it.
    pub(crate) header: [u64; 2],
    /// Its type.
    pub(crate) tag: u8,
    /// Adds in place change its version: that is not covered.
    pub(crate) is_counter: bool,
    /// The namespace's hash seed.
    pub(crate) seed: u64,
}

/// The variable, and its version, that a value belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Offset of the record.
    pub(crate) record: u64,
    pub(crate) identity: Identity,
    /// Hash of the name.
    pub(crate) name: Hash,
    /// The version that the value is of.
    pub(crate) version: u64,
}

impl Seal {
    /// The checksum of the value as that version of that variable.
    pub(crate) fn sum(&self, place: Place) -> u32 {
        let words = [
            self.payload,
            self.header[0],
            self.header[1],
            u64::from(self.tag),
            place.name.0,
            place.record,
            place.identity.0,
            if self.is_counter { 0 } else { place.version },
        ];
        let mut bytes = [0; 64];
        for (piece, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *piece = word.to_le_bytes();
        }
        xxh3_64_with_seed(&bytes, self.seed) as u32
    }
}

/// The hash of a whole payload.
#[inline]
pub(crate) fn payload_hash(payload: &[u8], seed: u64) -> u64 {
    xxh3_64_with_seed(payload, seed)
}

/// The hash of a payload that comes in pieces.
pub(crate) struct PayloadHasher(Xxh3);

impl PayloadHasher {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Xxh3::with_seed(seed))
    }

    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0.digest()
    }
}

/// One half of a word SUMS: the checksum of the value that descriptor `index` describes.
pub(crate) const fn half_of(sums: u64, index: usize) -> u32 {
    (sums >> (index * 32)) as u32
}

/// A word SUMS with one half replaced.
pub(crate) const fn with_half(sums: u64, index: usize, sum: u32) -> u64 {
    let shift = index * 32;
    (sums & !(0xffff_ffff << shift)) | ((sum as u64) << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_do_not_touch_each_other() {
        let sums = with_half(with_half(u64::MAX, 0, 0x1234_5678), 1, 0x9abc_def0);
        assert_eq!(sums, 0x9abc_def0_1234_5678);
        assert_eq!([half_of(sums, 0), half_of(sums, 1)], [0x1234_5678, 0x9abc_def0]);
    }

    #[test]
    fn pieces_hash_as_the_whole() {
        let payload: Vec<u8> = (0..1000_u32).map(|index| index as u8).collect();
        let mut hasher = PayloadHasher::new(5);
        payload.chunks(96).for_each(|piece| hasher.update(piece));
        assert_eq!(hasher.finish(), payload_hash(&payload, 5));
    }

    #[test]
    fn a_checksum_depends_on_everything_it_covers() {
        let seal = Seal { payload: 1, header: [2, 3], tag: 4, is_counter: false, seed: 5 };
        let place = Place { record: 64, identity: Identity(6), name: Hash(7), version: 8 };
        let others = [
            Seal { payload: 9, ..seal }.sum(place),
            Seal { header: [9, 3], ..seal }.sum(place),
            Seal { header: [2, 9], ..seal }.sum(place),
            Seal { tag: 9, ..seal }.sum(place),
            Seal { seed: 9, ..seal }.sum(place),
            seal.sum(Place { record: 128, ..place }),
            seal.sum(Place { identity: Identity(9), ..place }),
            seal.sum(Place { name: Hash(9), ..place }),
            seal.sum(Place { version: 9, ..place }),
        ];
        assert!(!others.contains(&seal.sum(place)));
        let counter = Seal { is_counter: true, ..seal };
        assert_eq!(counter.sum(place), counter.sum(Place { version: 9, ..place }));
    }
}
