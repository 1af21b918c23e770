//! Comparison of JSON numbers with 64-bit integers, without rounding to a double.

/// The position of a number among the 64-bit integers.
#[derive(Debug, PartialEq)]
pub(super) enum Whole {
    /// The number is this integer.
    Exactly(i64),
    /// The number lies between this integer and the next.
    Above(i64),
    /// The number lies outside of their range.
    Beyond {
        /// Below all of them.
        negative: bool,
    },
}

impl Whole {
    /// Parses a JSON number.
    pub(super) fn of(number: &str) -> Self {
        let negative = is_negative(number);
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let before = before.trim_start_matches(['-', '0']);
        let digits = format!("{before}{after}");
        if digits.bytes().all(|digit| digit == b'0') {
            return Self::Exactly(0);
        }
        let shift = exponent.parse().unwrap_or(if exponent.starts_with('-') {
            i64::MIN
        } else {
            i64::MAX
        });
        let point = i64::try_from(before.len())
            .unwrap_or(i64::MAX)
            .saturating_add(shift);
        let (whole, has_fraction) = split(&digits, point);
        Self::signed(whole, has_fraction, negative)
    }

    fn signed(whole: Option<i128>, has_fraction: bool, negative: bool) -> Self {
        let floor = match (whole, negative) {
            (Some(whole), false) => Some(whole),
            (Some(whole), true) => Some(-whole - i128::from(has_fraction)),
            (None, _) => None,
        };
        match floor.and_then(|floor| i64::try_from(floor).ok()) {
            Some(floor) if has_fraction => Self::Above(floor),
            Some(floor) => Self::Exactly(floor),
            None => Self::Beyond { negative },
        }
    }
}

/// Whether a JSON number is negative.
pub(super) fn is_negative(number: &str) -> bool {
    number.starts_with('-')
}

/// The digits before the point, `None` if there are too many, and whether any digit after it is not zero.
fn split(digits: &str, point: i64) -> (Option<i128>, bool) {
    const MAX: usize = 30;
    let Ok(point) = usize::try_from(point) else {
        return (Some(0), true);
    };
    let (whole, fraction) = digits.split_at_checked(point).unwrap_or((digits, ""));
    let significant = whole.trim_start_matches('0');
    let zeros = point.saturating_sub(digits.len());
    let has_fraction = fraction.bytes().any(|digit| digit != b'0');
    if significant.len().saturating_add(zeros) > MAX && !significant.is_empty() {
        return (None, has_fraction);
    }
    let padded = format!("0{significant}{}", "0".repeat(zeros.min(MAX)));
    (padded.parse().ok(), has_fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_place_among_integers() {
        use Whole::{Above, Beyond, Exactly};
        for (text, place) in [
            ("0", Exactly(0)),
            ("-0.0", Exactly(0)),
            ("1.0", Exactly(1)),
            ("12e2", Exactly(1200)),
            ("1200E-2", Exactly(12)),
            ("0.00012e5", Exactly(12)),
            ("1.5", Above(1)),
            ("-1.5", Above(-2)),
            ("0.5", Above(0)),
            ("-1e-400", Above(-1)),
            ("9007199254740993.0", Exactly(9_007_199_254_740_993)),
            ("9223372036854775807", Exactly(i64::MAX)),
            ("9223372036854775807.5", Above(i64::MAX)),
            ("9223372036854775808", Beyond { negative: false }),
            ("-9223372036854775808", Exactly(i64::MIN)),
            ("-9223372036854775808.1", Beyond { negative: true }),
            ("1e400", Beyond { negative: false }),
            ("-1e99999999999999999999", Beyond { negative: true }),
            ("1e-99999999999999999999", Above(0)),
            ("0e99999999999999999999", Exactly(0)),
        ] {
            assert_eq!(Whole::of(text), place, "{text}");
        }
    }
}
