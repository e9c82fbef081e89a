//! Durations, sizes and file modes as the command line gives them.

use std::time::Duration;

/// Units of time and their nanoseconds, the finest first.
const TIMES: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Units of size and their bytes.
const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// A duration such as `250ms`, `1.5s` or `5m`; `0` needs no unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    if unit.is_empty() && number.parse() == Ok(0_u64) {
        return Ok(Duration::ZERO);
    }
    let nanoseconds = TIMES.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let nanoseconds =
        nanoseconds.ok_or("a duration is a number and one of ns, us, ms, s, m, h; or 0")?;
    scaled(number, nanoseconds).map(Duration::from_nanos)
}

/// A size such as `64KiB`, `64MiB`, `1GiB`, or a plain number of bytes.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let bytes = match unit {
        "" => Some(1),
        unit => SIZES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .map(|(_, factor)| *factor),
    };
    let bytes = bytes.ok_or("a size is a number of bytes, or one with KiB, MiB, GiB, TiB")?;
    scaled(number, bytes)
}

/// Permission bits in octal, such as `0600`.
pub fn mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let is_octal = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if is_octal && mode <= 0o777 => Ok(mode),
        _ => Err("a mode is three octal digits, such as 0600 or 660".to_owned()),
    }
}

/// The number and what stands behind it.
fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

/// A decimal number times `factor`, which must come out whole and fit.
fn scaled(number: &str, factor: u64) -> Result<u64, String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let malformed = || format!("{number:?} is not a number");
    if whole.is_empty() || fraction.contains('.') {
        return Err(malformed());
    }
    let too_large = || format!("{number} is too large");
    let whole: u64 = whole.parse().map_err(|_| too_large())?;
    let mut total = u128::from(whole) * u128::from(factor);
    if !fraction.is_empty() {
        let part: u64 = fraction.parse().map_err(|_| malformed())?;
        let product = u128::from(part) * u128::from(factor);
        let scale = 10_u128.checked_pow(fraction.len() as u32).ok_or_else(malformed)?;
        if product % scale != 0 {
            return Err(format!("{number} of that unit is not a whole number"));
        }
        total += product / scale;
    }
    u64::try_from(total).map_err(|_| too_large())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let read = |text| duration(text).map(|duration| duration.as_millis());
        for (text, milliseconds) in
            [("250ms", 250), ("10s", 10_000), ("5m", 300_000), ("1.5 s", 1500), ("0", 0), ("0s", 0)]
        {
            assert_eq!(read(text), Ok(milliseconds), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1..5s", "1.s.", "5 parsecs", "1e3s", "999999999999h"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("65536", 65_536),
            ("64KiB", 65_536),
            ("64 mib", 64 << 20),
            ("1.5GiB", 3 << 29),
            ("2MB", 2_000_000),
            ("7B", 7),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "KiB", "1.3B", "64M", "-1", "1e6", "99999999999TiB", "0x10"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn modes() {
        assert_eq!(mode("0600"), Ok(0o600));
        assert_eq!(mode("0o660"), Ok(0o660));
        for text in ["", "rw", "888", "1777", "+600", "-1"] {
            assert!(mode(text).is_err(), "{text}");
        }
    }
}
