//! The only definition of equality and order of values.
//!
//! A key is text, so that the evaluator and every database compare the same bytes. The evaluator compares keys, a store
//! saves them, and uniqueness and sorting use them.

use crate::schema::{Attribute, Type};
use crate::time::parse_date_time;
use base64::Engine;
use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, ComposingNormalizerBorrowed};
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};
use std::fmt;

/// The comparable form of a simple value. Keys of one attribute have the order of its values: text by code point,
/// numbers by size, timestamps by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The key of a valid value of this attribute; `None` for a complex attribute or a value of another type.
    pub fn of(attribute: &Attribute, value: &Value) -> Option<Self> {
        match (attribute.kind(), value) {
            (Type::String | Type::Reference, Value::String(text)) => {
                Some(Self::text(text, attribute.is_case_exact()))
            }
            (Type::Boolean, Value::Bool(flag)) => Some(Self::boolean(*flag)),
            (Type::Integer, Value::Number(number)) => number.as_i64().map(Self::integer),
            (Type::Decimal, Value::Number(number)) => Self::decimal(number),
            (Type::DateTime, Value::String(text)) => Self::date_time(text),
            (Type::Binary, Value::String(text)) => Self::binary(text),
            _ => None,
        }
    }

    /// The key of a text: NFC if letter case is significant, otherwise case-folded and compatibility-normalised (RFC
    /// 7644 section 3.4.2.2; RFC 8264 section 5.2 for width and case mapping).
    pub fn text(text: &str, case_exact: bool) -> Self {
        if text.is_ascii() {
            return Self(if case_exact {
                text.to_owned()
            } else {
                text.to_ascii_lowercase()
            });
        }
        if case_exact {
            const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfc();
            return Self(NFC.normalize(text).into_owned());
        }
        Self(fold(&fold(text)))
    }

    /// The key of a Boolean.
    pub fn boolean(flag: bool) -> Self {
        Self(if flag { "true" } else { "false" }.to_owned())
    }

    /// The key of an integer: sixteen hexadecimal digits with an inverted sign bit.
    pub fn integer(number: i64) -> Self {
        Self(format!("{:016x}", number.cast_unsigned() ^ (1 << 63)))
    }

    /// The key of a decimal number: the bits of the double, transformed to sort like the numbers. `None` if it is not a
    /// finite double.
    pub fn decimal(number: &Number) -> Option<Self> {
        let double = number.as_f64().filter(|double| double.is_finite())?;
        let bits = (double + 0.0).to_bits();
        let sorted = if bits >> 63 == 1 {
            !bits
        } else {
            bits | (1 << 63)
        };
        Some(Self(format!("{sorted:016x}")))
    }

    /// The key of a timestamp: UTC with nine digits of the second. `None` if the text is not an xsd:dateTime.
    pub fn date_time(text: &str) -> Option<Self> {
        let moment = parse_date_time(text)?;
        let year = moment.to_zoned(jiff::tz::TimeZone::UTC).year();
        (0..=9999)
            .contains(&year)
            .then(|| Self(format!("{moment:.9}")))
    }

    /// The key of bytes: their digest, because they are only compared for equality. `None` if the text is not Base64.
    pub fn binary(text: &str) -> Option<Self> {
        let bytes = decode_base64(text)?;
        Some(Self(
            Sha256::digest(&bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        ))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Decodes Base64 of either alphabet, with or without padding (RFC 7643 section 2.3.6).
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::alphabet::{STANDARD, URL_SAFE};
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}

/// Folds letter case, twice, because compatibility normalisation can produce new capitals (`℡` becomes `TEL`).
fn fold(text: &str) -> String {
    const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizer::new_nfkc();
    NFKC.normalize(&CaseMapper::new().fold_string(text))
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Key {
        Key::text(text, false)
    }

    #[test]
    fn text_disregards_case_width_and_composition() {
        for (a, b) in [
            ("Straße", "STRASSE"),
            ("ａｂｃ", "ABC"),
            ("Å", "å"),
            ("e\u{301}", "É"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("℡", "tel"),
        ] {
            assert_eq!(folded(a), folded(b));
        }
        assert_ne!(Key::text("a", true), Key::text("A", true));
        assert_eq!(Key::text("e\u{301}", true), Key::text("é", true));
    }

    #[test]
    fn folding_is_stable() {
        for text in ["℡", "ŉ", "ẞ", "İ", "ﬃ", "\u{345}\u{3b1}", "ϓ"] {
            let once = folded(text);
            assert_eq!(folded(once.as_str()), once, "{text}");
        }
    }

    #[test]
    fn numbers_sort_as_numbers() {
        let integers = [i64::MIN, -10, -9, -1, 0, 1, 9, 10, i64::MAX].map(Key::integer);
        assert!(integers.is_sorted());
        let decimals = [-1e300, -2.5, -0.0, 0.0, 1e-9, 2.5, 1e300];
        let keys: Vec<_> = decimals
            .iter()
            .map(|d| Key::decimal(&Number::from_f64(*d).unwrap()).unwrap())
            .collect();
        assert!(keys.is_sorted());
        assert_eq!(keys[2], keys[3]);
    }

    #[test]
    fn moments_compare_across_offsets() {
        assert_eq!(
            Key::date_time("2011-05-13T04:42:34Z"),
            Key::date_time("2011-05-13T06:42:34.000+02:00")
        );
        assert!(
            Key::date_time("2011-05-13T04:42:34Z")
                < Key::date_time("2011-05-13T04:42:34.000000001Z")
        );
    }

    #[test]
    fn binary_values_compare_regardless_of_padding() {
        assert_eq!(Key::binary("YQ=="), Key::binary("YQ"));
        assert!(Key::binary("!!").is_none());
    }
}
