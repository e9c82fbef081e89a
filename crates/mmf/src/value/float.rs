//! Conversions between floating-point widths and from integers, exact or not at all.

/// The bits of the half-precision NaN that stands for every NaN in deterministic CBOR.
pub(super) const HALF_NAN: u16 = 0x7e00;

/// The value of half-precision `bits`; every half-precision number is an exact `f64`.
pub(super) fn from_half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let fraction = bits & 0x03ff;
    match (bits >> 10) & 0x1f {
        0 => sign * f64::from(fraction) * 2f64.powi(-24),
        31 if fraction == 0 => sign * f64::INFINITY,
        31 => f64::NAN,
        exponent => sign * f64::from(1024 + fraction) * 2f64.powi(i32::from(exponent) - 25),
    }
}

/// The half-precision bits of `number` (not NaN), if they represent it exactly.
pub(super) fn to_half(number: f32) -> Option<u16> {
    let bits = number.to_bits();
    let sign = (bits >> 16) & 0x8000;
    let fraction = bits & 0x007f_ffff;
    let magnitude = match (bits >> 23) & 0xff {
        0 if fraction == 0 => 0,
        255 => 0x7c00,
        exponent @ 113..=142 if fraction.trailing_zeros() >= 13 => {
            (exponent - 112) << 10 | fraction >> 13
        }
        // Subnormal: the leading bit becomes explicit and moves right with the exponent.
        exponent @ 103..=112 => {
            let explicit = fraction | 0x0080_0000;
            let shift = 126 - exponent;
            if explicit.trailing_zeros() < shift {
                return None;
            }
            explicit >> shift
        }
        _ => return None,
    };
    u16::try_from(sign | magnitude).ok()
}

/// `number` in single precision, if that represents it exactly; a NaN stays a NaN.
pub(super) fn to_single(number: f64) -> Option<f32> {
    let single = number as f32;
    (number.is_nan() || f64::from(single) == number).then_some(single)
}

/// `number` as `f64`, if that represents it exactly.
pub(super) fn from_integer(number: i128) -> Option<f64> {
    let float = number as f64;
    (float as i128 == number).then_some(float)
}
