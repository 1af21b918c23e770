//! UTC timestamps in microseconds, as xsd:dateTime (RFC 7643 section 2.3.5).
//!
//! The stored precision is the returned precision, so that a filter such as `meta.lastModified gt "…"` with a returned
//! value does not match its own resource.
//!
//! ```
//! use scim_core::time::Timestamp;
//!
//! let moment = Timestamp::parse("2026-11-21T10:15:30+02:00").expect("an xsd:dateTime");
//! assert_eq!(moment.to_string(), "2026-11-21T08:15:30.000Z");
//! assert!(Timestamp::parse("2026-11-21").is_none());
//! ```

use std::fmt;

/// A UTC timestamp: microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Reads an xsd:dateTime (RFC 7643 section 2.3.5); without an offset it is UTC. Fractions of a microsecond are
    /// truncated. `None` if the text is not a date with a time.
    pub fn parse(text: &str) -> Option<Self> {
        parse_date_time(text).map(|moment| Self(moment.as_microsecond()))
    }

    /// The timestamp for microseconds since the epoch.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The timestamp this number of seconds later.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Whole seconds since `earlier`; negative if it is later.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).div_euclid(1_000_000)
    }
}

/// Parses an xsd:dateTime (RFC 7643 section 2.3.5); without an offset it is UTC. `None` if the text is not a date with
/// a time.
pub(crate) fn parse_date_time(text: &str) -> Option<jiff::Timestamp> {
    let has_time = text.contains(['T', 't']);
    if !has_time {
        return None;
    }
    text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        civil
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    })
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-11-21T08:15:30.250Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.text() {
            return f.write_str(std::str::from_utf8(&text).unwrap_or_default());
        }
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            Err(_) => f.write_str("1970-01-01T00:00:00.000Z"),
        }
    }
}

impl Timestamp {
    /// The text of a timestamp in a year of four digits. Each returned resource has two, and a general formatter takes
    /// ten times as long.
    fn text(self) -> Option<[u8; 24]> {
        let millis = self.as_millis();
        let (year, month, day) = civil_date(millis.div_euclid(MILLIS_OF_DAY));
        if !(0..=9999).contains(&year) {
            return None;
        }
        let of_day = millis.rem_euclid(MILLIS_OF_DAY);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        for (end, digits, number) in [
            (4, 4, year),
            (7, 2, month),
            (10, 2, day),
            (13, 2, of_day / 3_600_000),
            (16, 2, of_day / 60_000 % 60),
            (19, 2, of_day / 1000 % 60),
            (23, 3, of_day % 1000),
        ] {
            let mut rest = number;
            for digit in text.get_mut(end - digits..end)?.iter_mut().rev() {
                *digit = b'0' + u8::try_from(rest % 10).ok()?;
                rest /= 10;
            }
        }
        Some(text)
    }
}

const MILLIS_OF_DAY: i64 = 86_400_000;

/// Year, month and day of the Gregorian calendar, by the number of days since 1970-01-01. Years are counted from March,
/// so that the leap day is the last day.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_milliseconds() {
        assert_eq!(
            Timestamp::from_micros(1_700_000_000_123_000).to_string(),
            "2023-11-14T22:13:20.123Z"
        );
        assert_eq!(
            Timestamp::from_micros(0).to_string(),
            "1970-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn prints_what_is_read_back() {
        let (first, last) = (-62_135_596_800_000_000, 253_402_300_799_000_000);
        for step in 0..20_000 {
            let micros = first + (last - first) / 20_000 * step + step * 1_001_000;
            let moment = jiff::Timestamp::from_microsecond(micros).unwrap();
            let text = Timestamp::from_micros(micros).to_string();
            assert_eq!(text, format!("{moment:.3}"), "{micros}");
        }
        assert_eq!(
            Timestamp::from_micros(i64::MAX).to_string(),
            "1970-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn reads_offsets_and_fractions() {
        let utc = parse_date_time("2015-10-10T14:38:21.8617979-07:00");
        assert_eq!(
            utc.map(|t| t.to_string()).as_deref(),
            Some("2015-10-10T21:38:21.8617979Z")
        );
        assert_eq!(
            parse_date_time("2011-05-13T04:42:34")
                .map(|t| t.to_string())
                .as_deref(),
            Some("2011-05-13T04:42:34Z")
        );
        assert!(parse_date_time("2011-05-13").is_none());
        assert!(parse_date_time("yesterday").is_none());
    }
}
