//! The word behind a counter's payload: what has been added to it in place
//! (`docs/protocols.md`, section 1).

use super::bits;

/// Bytes of a counter's payload; the word stands behind it.
pub(crate) const COUNTER_PAYLOAD: u64 = 8;

const COUNT_BITS: u32 = 28;

/// Adds in place that a block takes, but for those of seats that have looked already.
const MOST_ADDS: u64 = 1 << 27;
/// What they may add up to, in either direction; but for the same.
const MOST_SUM: u64 = 1 << 34;
/// The greatest amount of one. Times the number of seats it is at most [`MOST_SUM`].
const MOST_AMOUNT: u64 = 1 << 21;
/// The greatest payload that is added to in place: no sum then leaves the range of a counter.
const MOST_BASE: u64 = 1 << 62;

/// What has been added in place since the block was published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Added(pub(crate) u64);

impl Added {
    /// Whether an add of `amount` may happen in place, as far as that depends on the amount.
    #[inline(always)]
    pub(crate) const fn takes(amount: i64) -> bool {
        amount.unsigned_abs() <= MOST_AMOUNT
    }

    /// What is added to the word for an add of `amount`.
    #[inline(always)]
    pub(crate) const fn step(amount: i64) -> u64 {
        ((amount as u64) << COUNT_BITS).wrapping_add(1)
    }

    /// Whether one more add has room, behind the payload `base`.
    #[inline(always)]
    pub(crate) const fn has_room(self, base: i64) -> bool {
        self.count() < MOST_ADDS
            && self.sum().unsigned_abs() < MOST_SUM
            && base.unsigned_abs() <= MOST_BASE
    }

    /// How many adds: so many versions behind that of the publish word.
    #[inline(always)]
    pub(crate) const fn count(self) -> u64 {
        bits(self.0, 0, COUNT_BITS)
    }

    /// What they added.
    #[inline(always)]
    pub(crate) const fn sum(self) -> i64 {
        self.0 as i64 >> COUNT_BITS
    }

    /// The counter's number, behind the payload `base`. It overflows only where both are damaged.
    #[inline(always)]
    pub(crate) const fn number(self, base: i64) -> i64 {
        base.wrapping_add(self.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::header::SEAT_EXTENT_LIMIT;
    use crate::format::seat::FIRST_EXTENT;

    #[test]
    fn adds_of_either_sign_are_counted_and_summed() {
        let amounts = [1, -1, -5, 0, MOST_AMOUNT as i64, -(MOST_AMOUNT as i64), -7];
        let mut word = 0_u64;
        for (index, amount) in amounts.into_iter().enumerate() {
            assert!(Added::takes(amount), "{amount}");
            word = word.wrapping_add(Added::step(amount));
            assert_eq!(Added(word).count(), index as u64 + 1);
            assert_eq!(Added(word).sum(), amounts[..=index].iter().sum::<i64>());
        }
        assert!(!Added::takes(MOST_AMOUNT as i64 + 1) && !Added::takes(i64::MIN));
    }

    /// Every seat that has seen room adds once more: the fields hold that, and so does the number.
    #[test]
    fn seats_that_have_looked_still_have_room() {
        let seats = FIRST_EXTENT * ((1 << SEAT_EXTENT_LIMIT) - 1);
        assert!(MOST_ADDS - 1 + seats < 1 << COUNT_BITS);
        let most = MOST_SUM - 1 + seats * MOST_AMOUNT;
        assert!(most < 1 << (63 - COUNT_BITS));
        assert!(MOST_BASE.checked_add(most).is_some_and(|number| number < 1 << 63));
        for direction in [1, -1] {
            let amount = direction * MOST_AMOUNT as i64;
            let full = direction * (MOST_SUM as i64 - 1);
            let mut word = ((full as u64) << COUNT_BITS).wrapping_add(MOST_ADDS - 1);
            assert!(Added(word).has_room(direction * MOST_BASE as i64));
            for _ in 0..seats {
                word = word.wrapping_add(Added::step(amount));
            }
            assert_eq!(Added(word).sum(), full + seats as i64 * amount);
            assert_eq!(Added(word).count(), MOST_ADDS - 1 + seats);
            assert!(!Added(word).has_room(0));
        }
        assert!(!Added(0).has_room(MOST_BASE as i64 + 1) && !Added(0).has_room(i64::MIN));
    }
}
