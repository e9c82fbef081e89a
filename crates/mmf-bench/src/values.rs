//! Values that show whether they are whole and whose they are.
//!
//! A value is made of one word, its *stamp*: word `i` is the stamp xor a constant of `i`. Parts of two
//! values never make a third. The stamp is made of the variable's index and of a round, so a value of
//! another variable shows as well.

use crate::names::mix;
use crate::{Error, Result};

/// Bits of a stamp that number the round; the others are the variable's.
const ROUND_BITS: u32 = 24;

/// The stamp of variable `index` in round `round`, which counts modulo 2^24.
#[inline]
pub fn stamp(index: u64, round: u64) -> u64 {
    mix(index) << ROUND_BITS | round & ((1 << ROUND_BITS) - 1)
}

/// What the word at `position` (in words) is xored with.
#[inline]
fn pattern(position: usize) -> u64 {
    (position as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Fills `value` with the pattern of `stamp`.
#[inline]
pub fn fill(value: &mut [u8], stamp: u64) {
    let mut words = value.chunks_exact_mut(8);
    let mut position = 0;
    for word in &mut words {
        word.copy_from_slice(&(stamp ^ pattern(position)).to_le_bytes());
        position += 1;
    }
    let rest = words.into_remainder();
    let word = (stamp ^ pattern(position)).to_le_bytes();
    rest.copy_from_slice(&word[..rest.len()]);
}

/// The first word of a value, which is its stamp; 0 of a value shorter than a word.
#[inline]
pub fn stamp_of(value: &[u8]) -> u64 {
    value.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

/// The part of a value's stamp that no set changes.
#[inline]
pub fn variable_part(value: &[u8]) -> u64 {
    stamp_of(value) >> ROUND_BITS
}

/// The round of a value's stamp.
#[inline]
pub fn round_of(value: &[u8]) -> u64 {
    stamp_of(value) & ((1 << ROUND_BITS) - 1)
}

/// How many rounds later `round` is than `earlier`; below 0 when it came before. Rounds count
/// modulo 2^24, so this holds for those that are less than 2^23 apart.
#[inline]
pub fn rounds_since(earlier: u64, round: u64) -> i64 {
    let shift = u64::BITS - ROUND_BITS;
    (round.wrapping_sub(earlier) << shift) as i64 >> shift
}

/// What is wrong with a value, as bits: 0 when it is the pattern of one stamp and has the length
/// expected. Without branches, so that a loop can gather it and ask once.
#[inline]
pub fn faults(value: &[u8], length: usize) -> u64 {
    let stamp = stamp_of(value);
    let mut faults = (value.len() ^ length) as u64;
    let mut words = value.chunks_exact(8);
    let mut position = 0;
    for word in &mut words {
        let word = u64::from_le_bytes(word.try_into().expect("chunks of eight bytes"));
        faults |= word ^ stamp ^ pattern(position);
        position += 1;
    }
    let expected = (stamp ^ pattern(position)).to_le_bytes();
    for (byte, expected) in words.remainder().iter().zip(expected) {
        faults |= u64::from(byte ^ expected);
    }
    faults
}

/// As [`faults`], for a value of variable `index` of any round.
#[inline]
pub fn faults_of(value: &[u8], length: usize, index: u64) -> u64 {
    faults(value, length) | variable_part(value) ^ stamp(index, 0) >> ROUND_BITS
}

/// As [`faults_of`], for a length that the compiler knows: a few instructions, so that what is
/// measured is not the check.
#[inline]
pub fn faults_of_array<const LENGTH: usize>(value: &[u8], index: u64) -> u64 {
    match <&[u8; LENGTH]>::try_from(value) {
        Ok(value) => faults_of(value, LENGTH, index),
        Err(_) => u64::MAX,
    }
}

/// As [`faults`], for a value of variable `index` of exactly one round.
#[inline]
pub fn faults_of_round(value: &[u8], length: usize, index: u64, round: u64) -> u64 {
    faults(value, length) | stamp_of(value) ^ stamp(index, round)
}

/// An error when something was wrong with any of the values that `faults` was gathered from.
///
/// # Errors
///
/// A wrong, torn or missing value.
pub fn verify(faults: u64, attempt: &str) -> Result<()> {
    match faults {
        0 => Ok(()),
        bits => Err(wrong(attempt, bits)),
    }
}

#[cold]
fn wrong(attempt: &str, bits: u64) -> Error {
    format!("{attempt}: a value was wrong, torn or not there (bits {bits:#x})").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_value_is_right() {
        for length in [8, 9, 15, 16, 64, 100, 4096] {
            let mut value = vec![0; length];
            fill(&mut value, stamp(3, 5));
            assert_eq!(faults(&value, length), 0, "{length}");
            assert_eq!(faults_of(&value, length, 3), 0);
            assert_eq!(faults_of_round(&value, length, 3, 5), 0);
            assert_ne!(faults_of(&value, length, 4), 0);
            assert_eq!(faults_of_array::<64>(&value, 3) == 0, length == 64);
            assert_ne!(faults_of_array::<64>(&value, 4), 0);
            assert_ne!(faults_of_round(&value, length, 3, 6), 0);
            assert_ne!(faults(&value, length + 1), 0);
        }
    }

    #[test]
    fn rounds_are_compared_across_their_end() {
        assert_eq!(rounds_since(5, 7), 2);
        assert_eq!(rounds_since(7, 5), -2);
        assert_eq!(rounds_since((1 << 24) - 1, 1), 2);
        let mut value = [0; 8];
        fill(&mut value, stamp(3, (1 << 24) + 9));
        assert_eq!(round_of(&value), 9);
    }

    #[test]
    fn every_changed_byte_shows() {
        let mut value = vec![0; 61];
        fill(&mut value, stamp(3, 5));
        for position in 0..value.len() {
            value[position] ^= 1;
            assert_ne!(faults(&value, 61), 0, "{position}");
            value[position] ^= 1;
        }
    }

    #[test]
    fn a_mixture_of_two_rounds_shows() {
        let (mut old, mut new) = (vec![0; 64], vec![0; 64]);
        fill(&mut old, stamp(3, 5));
        fill(&mut new, stamp(3, 6));
        for cut in (8..64).step_by(8) {
            let torn = [&new[..cut], &old[cut..]].concat();
            assert_ne!(faults(&torn, 64), 0, "{cut}");
        }
    }

    #[test]
    fn faults_become_an_error() {
        assert!(verify(0, "get").is_ok());
        assert!(verify(4, "get").unwrap_err().to_string().starts_with("get: a value was wrong"));
    }
}
