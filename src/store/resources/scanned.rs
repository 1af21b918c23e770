//! The column `scanned` of a resource: searchable values without index rows, because their attributes have few distinct
//! values.
//!
//! The text is a JSON array with an array for each value: attribute id, key, and position in a list. Each of these
//! begins on a new line. A line break never occurs within a JSON string, so a text search for the beginning of a line
//! finds exactly the values of one attribute, or one value of it. An empty key is `null`: a quotation mark shows that a
//! value is present.
//!
//! The column is valid while `scanned_revision` is the revision of the resource. Otherwise an earlier release wrote the
//! document, and the values have rows in the index; the next write moves them ([`crate::store::upkeep::former_index`]).

use serde_json::Value;

/// Maximum number of bytes of a key in the column.
const MAX_LENGTH: usize = 128;

/// Whether a key is short enough for the column; other values have a row in the index.
pub(in crate::store) fn fits(key: &str) -> bool {
    key.len() <= MAX_LENGTH && key.bytes().all(|byte| byte >= b' ')
}

/// Whether the key of a value can stand in the column, without computing it: the key of ASCII text has the same length,
/// and numbers and Booleans have short keys.
pub(in crate::store) fn surely_fits(value: &Value) -> bool {
    value
        .as_str()
        .is_none_or(|text| text.is_ascii() && fits(text))
}

/// A value without a row in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct ScannedValue<'a> {
    /// Attribute id.
    pub(in crate::store) attribute: i64,
    /// Position in a list.
    pub(in crate::store) element: i64,
    pub(in crate::store) key: &'a str,
}

/// The text for values.
pub(in crate::store) fn text(mut values: Vec<ScannedValue<'_>>) -> String {
    values.sort_unstable();
    let mut text = String::with_capacity(2 + 32 * values.len());
    text.push('[');
    for (i, value) in values.into_iter().enumerate() {
        text.push_str(if i > 0 { "," } else { "" });
        begin(&mut text, value.attribute);
        push_key(&mut text, value.key);
        text.push(',');
        push_number(&mut text, value.element);
        text.push(']');
    }
    text.push(']');
    text
}

/// The prefix of a value of an attribute.
pub(in crate::store) fn of_attribute(attribute: i64) -> String {
    let mut text = String::new();
    begin(&mut text, attribute);
    text
}

/// The prefix of a value of an attribute that is not empty.
pub(in crate::store) fn present(attribute: i64) -> String {
    let mut text = of_attribute(attribute);
    text.push('"');
    text
}

/// The prefix of the value with a key; its position in a list follows, and [`END`].
pub(in crate::store) fn equal(attribute: i64, key: &str) -> String {
    let mut text = of_attribute(attribute);
    push_key(&mut text, key);
    text.push(',');
    text
}

/// The text after the position of a value in a list, as an SQL literal.
pub(in crate::store) const END: &str = "']'";

fn begin(text: &mut String, attribute: i64) {
    text.push_str("\n[");
    push_number(text, attribute);
    text.push(',');
}

/// Appends a number that is not negative, such as an id or a position; the formatter is several times slower.
fn push_number(text: &mut String, number: i64) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    let digit = u32::try_from(number % 10).ok();
    text.extend(digit.and_then(|digit| char::from_digit(digit, 10)));
}

fn push_key(text: &mut String, key: &str) {
    if key.is_empty() {
        text.push_str("null");
        return;
    }
    text.push('"');
    let mut rest = key;
    while let Some((head, tail)) = rest.find(['"', '\\']).map(|at| rest.split_at(at)) {
        text.push_str(head);
        text.push('\\');
        text.extend(tail.chars().next());
        rest = tail.get(1..).unwrap_or_default();
    }
    text.push_str(rest);
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(attribute: i64, element: i64, key: &str) -> ScannedValue<'_> {
        ScannedValue {
            attribute,
            element,
            key,
        }
    }

    #[test]
    fn each_value_is_a_line_of_json() {
        let written = text(vec![
            value(7, 1, "home"),
            value(7, 0, "a\"\\b"),
            value(3, 0, ""),
        ]);
        assert_eq!(
            written,
            "[\n[3,null,0],\n[7,\"a\\\"\\\\b\",0],\n[7,\"home\",1]]"
        );
        let read: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read[1][1], "a\"\\b");
        assert_eq!(text(Vec::new()), "[]");
    }

    #[test]
    fn a_value_is_found_only_by_its_prefix() {
        let written = text(vec![
            value(7, 0, "x\n[8,\"y\","),
            value(7, 1, "[8,null,0]"),
            value(9, 0, ""),
        ]);
        assert!(!fits("x\n"), "a line break is not kept here");
        let written = written.replace("x\n[8", "x[8");
        for absent in [
            of_attribute(8),
            present(8),
            equal(8, "y"),
            equal(8, ""),
            present(9),
        ] {
            assert!(!written.contains(&absent), "{absent}");
        }
        for found in [
            of_attribute(9),
            equal(9, ""),
            present(7),
            equal(7, "[8,null,0]"),
        ] {
            assert!(written.contains(&found), "{found}");
        }
    }
}
