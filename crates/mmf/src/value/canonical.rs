//! The order of map entries in deterministic CBOR: by the bytes of the encoded keys.

use std::ops::Range;

use minicbor::Encoder;

use super::{Value, cbor};
use crate::error::Result;

/// The encoded keys of a map, sorted.
///
/// Each key is encoded exactly once: maps used as keys of maps would otherwise cost time
/// exponential in their depth.
pub(super) struct SortedKeys {
    encoded: Vec<u8>,
    order: Vec<(Range<usize>, usize)>,
}

impl SortedKeys {
    /// Encodes and sorts the keys of a map whose keys are inside `level` containers.
    pub(super) fn new(entries: &[(Value, Value)], level: usize) -> Result<Self> {
        let mut encoder = Encoder::new(Vec::new());
        let mut order = Vec::with_capacity(entries.len());
        for (index, (key, _)) in entries.iter().enumerate() {
            let start = encoder.writer().len();
            cbor::write(key, &mut encoder, level)?;
            order.push((start..encoder.writer().len(), index));
        }
        let encoded = encoder.into_writer();
        order.sort_by(|(left, _), (right, _)| encoded[left.clone()].cmp(&encoded[right.clone()]));
        Ok(Self { encoded, order })
    }

    /// The encoded keys in order, each with the index of its entry.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], usize)> {
        self.order.iter().map(|(span, index)| (&self.encoded[span.clone()], *index))
    }

    /// The index of an entry whose key occurs twice.
    pub(super) fn duplicate(&self) -> Option<usize> {
        let mut neighbours = self.iter().zip(self.iter().skip(1));
        neighbours.find(|(left, right)| left.0 == right.0).map(|(_, right)| right.1)
    }

    /// Puts the `entries` that these keys were made from in order.
    pub(super) fn arrange(&self, entries: Vec<(Value, Value)>) -> Vec<(Value, Value)> {
        if self.order.iter().map(|(_, index)| index).is_sorted() {
            return entries;
        }
        let mut slots: Vec<_> = entries.into_iter().map(Some).collect();
        self.order.iter().filter_map(|(_, index)| slots[*index].take()).collect()
    }
}

/// Whether two maps hold equal entries, in whatever order.
///
/// A map with a key too deep to be encoded equals nothing.
pub(super) fn equal_maps(left: &[(Value, Value)], right: &[(Value, Value)]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let (Ok(left_keys), Ok(right_keys)) = (SortedKeys::new(left, 0), SortedKeys::new(right, 0))
    else {
        return false;
    };
    left_keys.iter().zip(right_keys.iter()).all(|((left_key, left_index), right_entry)| {
        let (right_key, right_index) = right_entry;
        left_key == right_key && left[left_index].1 == right[right_index].1
    })
}
