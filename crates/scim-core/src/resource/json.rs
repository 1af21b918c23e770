//! Strict parsing of JSON (RFC 8259): ambiguous input is refused.
//!
//! `serde_json` keeps the last of two members with one name and accepts NUL characters. SCIM names are
//! case-insensitive, so `userName` and `USERNAME` are duplicates too.
//!
//! ```
//! use scim_core::error::ErrorKind;
//! use scim_core::resource::json::read_object;
//!
//! assert!(read_object(br#"{"userName": "ann"}"#, 32).is_ok());
//! for refused in [&br#"{"userName": "ann", "USERNAME": "bob"}"#[..], b"[]", b"{}{}"] {
//!     assert_eq!(read_object(refused, 32).unwrap_err().kind(), ErrorKind::InvalidSyntax);
//! }
//! ```

use crate::error::{Error, Result};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt;

/// Parses a message body: one JSON object with a nesting depth of at most `depth`.
///
/// # Errors
/// 400 `invalidSyntax` with the position.
pub fn read_object(body: &[u8], depth: usize) -> Result<Map<String, Value>> {
    let text = std::str::from_utf8(body).map_err(|error| {
        syntax(format!(
            "The body is not UTF-8 (byte {}).",
            error.valid_up_to()
        ))
    })?;
    if text.trim_ascii().is_empty() {
        return Err(syntax(
            "The body is empty; a JSON object is needed.".to_owned(),
        ));
    }
    match read_value(text, depth)? {
        Value::Object(object) => Ok(object),
        _ => Err(syntax("The body must be a JSON object.".to_owned())),
    }
}

/// Parses any JSON value with the rules of [`read_object`].
///
/// # Errors
/// 400 `invalidSyntax` with the position.
pub fn read_value(text: &str, depth: usize) -> Result<Value> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { depth }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| syntax(format!("The JSON cannot be read: {error}.")))
}

/// Whether a text needs no escapes in a JSON string. All bytes are examined, which is several times faster than
/// stopping at the first special one.
pub fn needs_no_escape(text: &str) -> bool {
    let is_special = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    !text
        .bytes()
        .fold(false, |found, byte| found | is_special(byte))
}

/// Maximum number of members of a small object.
const SMALL: usize = 32;

fn syntax(detail: String) -> Error {
    Error::invalid_syntax(detail)
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self
            .depth
            .checked_sub(1)
            .ok_or_else(|| E::custom("it is nested too deeply"))?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn without_nul<E: serde::de::Error>(text: &str) -> Result<&str, E> {
    if text.contains('\0') {
        Err(E::custom("the character U+0000 is not allowed"))
    } else {
        Ok(text)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        without_nul(text).map(|text| Value::String(text.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        without_nul::<E>(&text)?;
        Ok(Value::String(text))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        // Names of a large object, in lower case; those of a small one are compared one by one.
        let mut names: HashSet<String> = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            without_nul::<A::Error>(&name)?;
            let is_new = if object.len() < SMALL {
                let mut others = object.keys();
                others.all(|other: &String| !other.eq_ignore_ascii_case(&name))
            } else {
                if names.is_empty() {
                    names.extend(object.keys().map(|name| name.to_ascii_lowercase()));
                }
                names.insert(name.to_ascii_lowercase())
            };
            if !is_new {
                return Err(A::Error::custom(format_args!(
                    "member \"{name}\" occurs twice"
                )));
            }
            object.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn refuses_ambiguous_input() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for text in [
            "",
            " ",
            "[]",
            "1",
            "{",
            "{}{}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":1,\"A\":2}",
            "{\"a\":{\"b\":1,\"B\":1}}",
            "{\"a\":\"\\u0000\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":NaN}",
            "{'a':1}",
            "{\"a\":1,}",
            "\u{feff}{}",
            deep.as_str(),
        ] {
            let shown: String = text.chars().take(30).collect();
            assert_eq!(
                read_object(text.as_bytes(), 32).unwrap_err().kind(),
                ErrorKind::InvalidSyntax,
                "{shown}"
            );
        }
        assert!(read_object(b"{\"a\":\"\xff\"}", 32).is_err());
    }

    #[test]
    fn a_name_occurs_once_in_a_large_object() {
        for count in [SMALL - 1, SMALL, SMALL + 1, 3 * SMALL] {
            for again in [0, count / 2, count - 1] {
                let members = (0..count).map(|i| format!("\"name{i}\":1"));
                let members = members.collect::<Vec<_>>().join(",");
                assert!(read_object(format!("{{{members}}}").as_bytes(), 2).is_ok());
                let twice = format!("{{{members},\"NAME{again}\":1}}");
                assert!(read_object(twice.as_bytes(), 2).is_err(), "{twice}");
            }
        }
    }

    #[test]
    fn depth_counts_objects_and_arrays() {
        assert!(read_object(b"{\"a\":[{}]}", 3).is_ok());
        assert!(read_object(b"{\"a\":[{}]}", 2).is_err());
    }

    #[test]
    fn plain_text_needs_no_escape() {
        for plain in [
            "",
            "a",
            "\u{e9}\u{7f}\u{2028}/",
            "0123456789abcdef0123456789abcdef",
        ] {
            assert!(needs_no_escape(plain), "{plain}");
            assert_eq!(Value::from(plain).to_string(), format!("\"{plain}\""));
        }
        for special in ["\"", "a\\", "0123456789abcdef\n", "\0", "\u{1f}"] {
            assert!(!needs_no_escape(special), "{special:?}");
        }
    }

    #[test]
    fn keeps_every_character() {
        let object = read_object("{\"a\":\"\\ud83d\\ude00é\\n\"}".as_bytes(), 32).unwrap();
        assert_eq!(object["a"], "😀é\n");
    }
}
