//! Names of 16 bytes, and orders of visiting them, without a pattern.

use std::sync::Arc;

use fastrand::Rng;

/// Length of every name.
pub const NAME_LENGTH: usize = 16;

/// The name of variable `index`: 16 hexadecimal digits of its mixed number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name([u8; NAME_LENGTH]);

impl Name {
    /// The name of variable `index`. No two indices have the same.
    #[inline]
    pub fn of(index: u64) -> Self {
        let mixed = mix(index);
        let mut digits = [0; NAME_LENGTH];
        digits[..8].copy_from_slice(&hexadecimal((mixed >> 32) as u32).to_le_bytes());
        digits[8..].copy_from_slice(&hexadecimal(mixed as u32).to_le_bytes());
        Self(digits)
    }

    /// As text.
    #[inline]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("hexadecimal digits are ASCII")
    }

    /// As bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8; NAME_LENGTH] {
        &self.0
    }
}

/// Mixes a number one to one, so that neighbours have nothing in common (the finaliser of
/// splitmix64).
#[inline]
pub fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

/// The eight hexadecimal digits of a number, all at once: a few nanoseconds less than one by one.
#[inline]
fn hexadecimal(number: u32) -> u64 {
    let wide = u64::from(number);
    let wide = (wide | wide << 16) & 0x0000_ffff_0000_ffff;
    let wide = (wide | wide << 8) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (wide | wide << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let is_letter = (nibbles + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    nibbles + 0x3030_3030_3030_3030 + is_letter * (b'a' - b'0' - 10) as u64
}

/// Many names in an order without a pattern, to be visited one after another and round again. Which
/// name comes next is known early, so the processor may overlap the accesses; and they lie one beside
/// the next, so reading them costs no cache miss of its own. A clone begins where the original is and
/// shares its names.
#[derive(Debug, Clone)]
pub struct Walk {
    stops: Arc<[(u32, Name)]>,
    next: usize,
}

impl Walk {
    /// A walk over the indices below `count`, which is not 0, each once a round.
    pub fn new(count: u32, seed: u64) -> Self {
        let mut stops: Vec<_> =
            (0..count).map(|index| (index, Name::of(u64::from(index)))).collect();
        Rng::with_seed(seed).shuffle(&mut stops);
        Self { stops: stops.into(), next: 0 }
    }

    /// How many names there are.
    pub fn count(&self) -> usize {
        self.stops.len()
    }

    /// The index that comes next, and its name.
    #[inline]
    pub fn step(&mut self) -> (u64, Name) {
        let (index, name) = self.stops[self.next];
        self.next += 1;
        if self.next == self.stops.len() {
            self.next = 0;
        }
        (u64::from(index), name)
    }
}

/// The index below `count` to visit after a value was read that began with `word`: it is not known
/// before the value is, so that accesses cannot overlap.
#[inline]
pub fn index_after(word: u64, step: u64, count: u64) -> u64 {
    let wide = u128::from(mix(word.wrapping_add(step))) * u128::from(count);
    (wide >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_the_mixed_number_in_digits() {
        for index in (0..1000).chain([u64::MAX]) {
            let mixed = format!("{:016x}", mix(index));
            let mut digits = Name::of(index).as_bytes().to_vec();
            // The least digit of each half comes first.
            digits[..8].reverse();
            digits[8..].reverse();
            assert_eq!(digits, mixed.as_bytes());
        }
    }

    #[test]
    fn names_differ() {
        let names: HashSet<_> = (0..10_000).map(|index| *Name::of(index).as_bytes()).collect();
        assert_eq!(names.len(), 10_000);
    }

    #[test]
    fn a_walk_meets_each_index_once_a_round() {
        let mut walk = Walk::new(1000, 7);
        let first: Vec<_> = (0..1000).map(|_| walk.step().0).collect();
        let distinct: HashSet<_> = first.iter().collect();
        assert_eq!(distinct.len(), 1000);
        assert_eq!(walk.step(), (first[0], Name::of(first[0])));
        let rising = first.windows(2).filter(|pair| pair[1] == pair[0] + 1).count();
        assert!(rising < 20, "{rising} of 1000 steps go to the neighbour");
    }

    #[test]
    fn an_index_after_a_value_is_in_range() {
        let met: HashSet<_> = (0..1000).map(|word| index_after(word, 1, 10)).collect();
        assert_eq!(met.len(), 10);
        assert!(met.iter().all(|index| *index < 10));
    }
}
