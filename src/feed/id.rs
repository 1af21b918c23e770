//! Ids of events: derived from the change, not from its position, which can be reused after a restore.

use std::fmt;

const BASE32HEX: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
/// Digits of a change number.
const DIGITS: usize = 13;

/// The id of an event: a change of a tenant, or a part of a change with many members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventId {
    pub(super) change: i64,
    pub(super) tenant: i64,
    /// Number of the part, from 1; `None` if the change is one event.
    pub(super) part: Option<i64>,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("evt_")?;
        for digit in (0..DIGITS).rev() {
            let value = (self.change >> (5 * digit)) & 31;
            let place = usize::try_from(value).unwrap_or(0);
            let letter = BASE32HEX.get(place).copied().unwrap_or(b'0');
            write!(f, "{}", char::from(letter))?;
        }
        write!(f, "_{}", base36(self.tenant))?;
        self.part.map_or(Ok(()), |part| write!(f, "_{part}"))
    }
}

impl EventId {
    /// Parses an id; `None` if it is invalid.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("evt_")?.split('_');
        let change = parts.next().filter(|digits| digits.len() == DIGITS)?;
        let change = i64::from_str_radix(change, 32).ok()?;
        let tenant = i64::from_str_radix(parts.next()?, 36).ok()?;
        let part = parts.next().map(str::parse).transpose().ok()?;
        let id = Self {
            change,
            tenant,
            part,
        };
        // Each id has only one spelling.
        (parts.next().is_none() && id.to_string() == text).then_some(id)
    }
}

fn base36(mut number: i64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % 36).unwrap_or(0);
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
        if number <= 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back() {
        for (change, tenant, part) in [
            (0, 0, None),
            (7_139_582_341_120_123, 3, None),
            (i64::MAX, 123_456, Some(17)),
        ] {
            let id = EventId {
                change,
                tenant,
                part,
            };
            let text = id.to_string();
            assert!(!text.contains('.') && text.starts_with("evt_"), "{text}");
            assert_eq!(EventId::parse(&text), Some(id), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_an_id() {
        for text in [
            "",
            "evt_",
            "evt_1_1",
            "evt_000000000000z_1",
            "evt_0000000000001",
            "evt_0000000000001_01",
            "evt_000000000000A_1",
            "evt_0000000000001_1_2_3",
            "evt_0000000000001_1_x",
        ] {
            assert_eq!(EventId::parse(text), None, "{text}");
        }
    }
}
