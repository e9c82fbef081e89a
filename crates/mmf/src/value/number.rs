//! Numbers of whatever type, compared.

use std::cmp::Ordering;

use super::{Value, ValueType};
use crate::error::{Error, ErrorKind, Result};

/// Which of two numbers is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extreme {
    /// The larger.
    Maximum,
    /// The smaller.
    Minimum,
}

/// The number of an integer, float or counter.
#[derive(Debug, Clone, Copy)]
enum Number {
    Integer(i128),
    Float(f64),
}

impl Number {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::F64(number) => Some(Self::Float(*number)),
            other => other.as_integer().map(Self::Integer),
        }
    }
}

impl Extreme {
    /// Refuses what is no number to compare with: another type, and NaN.
    pub(crate) fn require_comparable(self, candidate: &Value) -> Result<()> {
        match Number::of(candidate) {
            Some(Number::Float(number)) if number.is_nan() => {
                Err(Error::new(ErrorKind::InvalidArgument, "NaN is neither larger nor smaller"))
            }
            Some(_) => Ok(()),
            None => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{} is no number to compare with", candidate.value_type()),
            )
            .advise("give an integer, a float or a counter")),
        }
    }

    /// What is stored instead of `current`, if anything: the candidate, as a counter where one is.
    pub(crate) fn replacement(self, current: &Value, candidate: &Value) -> Result<Option<Value>> {
        let (Some(now), Some(new)) = (Number::of(current), Number::of(candidate)) else {
            return Err(Error::new(
                ErrorKind::WrongType,
                format!("it holds {}, not a number", current.value_type()),
            )
            .advise("set it to a number first, or delete it"));
        };
        let is_counter = current.value_type() == ValueType::Counter;
        if is_counter && matches!(new, Number::Float(_)) {
            return Err(Error::new(
                ErrorKind::WrongType,
                "it holds a counter, which has no fraction",
            )
            .advise("compare it with an integer, or set it to a float first"));
        }
        let wanted = match self {
            Self::Maximum => Ordering::Greater,
            Self::Minimum => Ordering::Less,
        };
        // Whatever is a number takes the place of NaN.
        if compare(new, now).is_some_and(|order| order != wanted) {
            return Ok(None);
        }
        if !is_counter {
            return Ok(Some(candidate.clone()));
        }
        match candidate.as_i64() {
            Some(number) => Ok(Some(Value::Counter(number))),
            None => Err(Error::new(
                ErrorKind::Overflow,
                format!("{candidate} exceeds the range of a counter"),
            )),
        }
    }
}

/// The order of two numbers, exact whatever their types; none where either is NaN.
fn compare(left: Number, right: Number) -> Option<Ordering> {
    match (left, right) {
        (Number::Integer(left), Number::Integer(right)) => Some(left.cmp(&right)),
        (Number::Float(left), Number::Float(right)) => left.partial_cmp(&right),
        (Number::Integer(left), Number::Float(right)) => {
            compare_to_integer(right, left).map(Ordering::reverse)
        }
        (Number::Float(left), Number::Integer(right)) => compare_to_integer(left, right),
    }
}

/// The order of a float and an integer of 64 bits, neither of them rounded.
fn compare_to_integer(float: f64, integer: i128) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    // Exact where an integer of 64 bits may be equal; else the conversion saturates beyond it.
    let whole = (float.floor() as i128).cmp(&integer);
    let has_fraction = float.is_finite() && float.fract() != 0.0;
    Some(if whole == Ordering::Equal && has_fraction { Ordering::Greater } else { whole })
}
