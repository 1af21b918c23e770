//! Durations in the notation of operators: `365d`, `12h`, `30m`.

const UNITS: [(char, i64); 5] = [
    ('s', 1),
    ('m', 60),
    ('h', 3_600),
    ('d', 86_400),
    ('w', 604_800),
];
/// A hundred years: anything longer is an error, or should be `never`.
const MAX_SECONDS: i64 = 36_525 * 86_400;

/// The format of a text, for messages.
pub(crate) const ALLOWED: &str =
    "a whole number with a unit (s, m, h, d or w) such as 365d or 12h, at most 100 years";
/// The form of a duration where `never` is allowed, for messages.
pub(crate) const ALLOWED_OR_NEVER: &str = "\"never\", or a whole number with a unit (s, m, h, d or w) such as 365d or 12h, at most 100 years";

/// The seconds of a duration such as `365d`; `None` if the text is invalid.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let digits = text.strip_suffix(unit)?;
    let (_, seconds) = UNITS.into_iter().find(|(letter, _)| *letter == unit)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let span = digits.parse::<i64>().ok()?.checked_mul(seconds)?;
    (1..=MAX_SECONDS).contains(&span).then_some(span)
}

/// Parses a duration or `never`, which is `Some(None)`; `None` for other texts.
pub(crate) fn parse_or_never(text: &str) -> Option<Option<i64>> {
    if text == "never" {
        Some(None)
    } else {
        parse(text).map(Some)
    }
}

/// The seconds in their largest unit with a count of at least two, or exactly one, rounded down: `36h`, `364d`, `1h`.
pub(crate) fn show(seconds: i64) -> String {
    let unit = UNITS
        .into_iter()
        .take(4)
        .rev()
        .find(|(_, length)| seconds >= 2 * length || seconds == *length);
    let (letter, length) = unit.unwrap_or(('s', 1));
    format!("{}{letter}", seconds / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_spans() {
        for (text, seconds) in [
            ("1s", 1),
            ("30m", 1_800),
            ("12h", 43_200),
            ("365d", 31_536_000),
            ("2w", 1_209_600),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
        for text in [
            "",
            "d",
            "365",
            "0d",
            "-1d",
            "+1d",
            "1.5h",
            "1 d",
            "1y",
            "36526d",
            "99999999999999999999s",
            "7ß",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse_or_never("never"), Some(None));
        assert_eq!(parse_or_never("1d"), Some(Some(86_400)));
        assert_eq!(parse_or_never("ever"), None);
    }

    #[test]
    fn shows_the_largest_fitting_unit() {
        for (seconds, text) in [
            (1, "1s"),
            (119, "119s"),
            (120, "2m"),
            (3_600, "1h"),
            (3_601, "60m"),
            (7_200, "2h"),
            (86_400, "1d"),
            (129_600, "36h"),
            (172_800, "2d"),
        ] {
            assert_eq!(show(seconds), text);
        }
    }
}
