//! Moments of UTC, in microseconds, as xsd:dateTime (RFC 7643 section 2.3.5).
//!
//! What is stored is exactly what a client reads, so that a filter such as
//! `meta.lastModified gt "…"` with a value that was returned does not match its own resource.
//!
//! ```
//! use scim_core::time::Timestamp;
//!
//! let moment = Timestamp::parse("2026-11-21T10:15:30+02:00").expect("an xsd:dateTime");
//! assert_eq!(moment.to_string(), "2026-11-21T08:15:30.000Z");
//! assert!(Timestamp::parse("2026-11-21").is_none());
//! ```

use std::fmt;

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Reads an xsd:dateTime (RFC 7643 section 2.3.5); without an offset it is UTC. What is below a
    /// microsecond is cut off. `None` if the text is no date with a time.
    pub fn parse(text: &str) -> Option<Self> {
        parse_date_time(text).map(|moment| Self(moment.as_microsecond()))
    }

    /// The moment from microseconds since the epoch.
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

    /// This moment, this number of seconds later.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Whole seconds from `earlier` to this moment; negative if it lies before.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).div_euclid(1_000_000)
    }
}

/// An xsd:dateTime read as a moment (RFC 7643 section 2.3.5); without an offset it is UTC.
/// `None` if the text is no date with a time.
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
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => write!(f, "{moment:.3}"),
            Err(_) => f.write_str("1970-01-01T00:00:00.000Z"),
        }
    }
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
