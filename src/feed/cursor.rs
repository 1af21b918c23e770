//! The position of a reader.

use crate::store::FeedKey;
use sha2::{Digest, Sha256};
use std::fmt;

/// A position between two events: all before it were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedPosition {
    /// The last position that was read; 0 before the first.
    pub position: i64,
    /// Number of parts of the change at that position that were read; 0 for all.
    pub part: i64,
}

/// A position with a check value of its change: in another history, for example after a restore, it does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The position.
    pub place: FeedPosition,
    pub(super) check: u32,
}

/// Digits of a check, and their bits.
const DIGITS: usize = 6;
const BITS: u32 = 5;

impl FeedPosition {
    /// The position after a change.
    pub fn after(position: i64) -> Self {
        Self { position, part: 0 }
    }

    /// The position after which reading starts.
    pub(super) fn read_from(self) -> i64 {
        self.position - i64::from(self.part > 0)
    }
}

impl Cursor {
    /// The cursor before the very first event.
    pub(super) const FIRST: Self = Self {
        place: FeedPosition {
            position: 0,
            part: 0,
        },
        check: 0,
    };

    /// The cursor at a position with this change; `None` if the change was deleted.
    pub(super) fn at(place: FeedPosition, key: Option<FeedKey>) -> Self {
        Self {
            place,
            check: key.map_or(0, check),
        }
    }

    /// Parses a cursor; `None` if it is invalid.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (place, digits) = text.split_once('-')?;
        let (position, part) = match place.split_once('.') {
            Some((position, part)) => (position, part.parse().ok().filter(|part| *part > 0)?),
            None => (place, 0),
        };
        let position = position.parse().ok().filter(|position| *position >= 0)?;
        let is_check = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_alphanumeric());
        let cursor = Self {
            place: FeedPosition { position, part },
            check: u32::from_str_radix(digits, 1 << BITS)
                .ok()
                .filter(|_| is_check)?,
        };
        (cursor.to_string() == text).then_some(cursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place.position)?;
        if self.place.part > 0 {
            write!(f, ".{}", self.place.part)?;
        }
        f.write_str("-")?;
        for digit in (0..DIGITS).rev() {
            let value = (self.check >> (digit * 5)) & 31;
            let letter = char::from_digit(value, 1 << BITS).unwrap_or('0');
            write!(f, "{letter}")?;
        }
        Ok(())
    }
}

/// A digest of the change at a position, of 30 bits.
fn check(key: FeedKey) -> u32 {
    let mut digest = Sha256::new();
    digest.update(key.tenant.to_be_bytes());
    digest.update(key.change.to_be_bytes());
    let bytes = digest.finalize();
    let first = bytes.iter().take(4);
    first.fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) & ((1 << 30) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back() {
        let key = |change| FeedKey {
            position: 4711,
            tenant: 3,
            change,
        };
        for (place, key) in [
            (FeedPosition::after(0), None),
            (FeedPosition::after(4711), Some(key(1))),
            (
                FeedPosition {
                    position: 4711,
                    part: 12,
                },
                Some(key(2)),
            ),
        ] {
            let cursor = Cursor::at(place, key);
            assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor), "{cursor}");
        }
        assert_ne!(check(key(1)), check(key(2)));
        assert_eq!(Cursor::FIRST.to_string(), "0-000000");
    }

    #[test]
    fn other_texts_are_not_a_cursor() {
        for text in [
            "",
            "1",
            "1-",
            "-1-000000",
            "1.0-000000",
            "01-000000",
            "1-00000w",
            "1-0000000",
            "1-+00000",
            "1-ABCDEF",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
