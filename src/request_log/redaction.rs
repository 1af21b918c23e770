//! Redaction of recorded bodies: passwords and other secrets are removed at any place.

use crate::schema::{Attribute, Catalog};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Maximum number of recorded bytes of a body.
const BYTES: usize = 64 * 1024;
/// The text that replaces a secret.
const CUT: &str = "***";
/// Words that identify names of secrets, including undeclared ones.
const SECRET_WORDS: [&str; 7] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "credential",
    "privatekey",
];
/// Comparison operators (RFC 7644 table 3).
const OPERATORS: [&str; 9] = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];

/// The text of a body without its secrets, limited in size.
pub(crate) fn kept(body: &Map<String, Value>, catalog: &Catalog) -> String {
    let mut body = body.clone();
    Secrets::of(catalog).cut_members(&mut body);
    let mut text = Value::Object(body).to_string();
    if text.len() > BYTES {
        let end = (0..=BYTES)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        text.truncate(end);
        text.push('\u{2026}');
    }
    text
}

/// Names of unreadable attributes, in lower case.
struct Secrets(HashSet<String>);

impl Secrets {
    fn of(catalog: &Catalog) -> Self {
        let mut names = HashSet::new();
        for schema in catalog.schemas() {
            schema
                .attributes()
                .iter()
                .for_each(|attribute| collect(attribute, &mut names));
        }
        Self(names)
    }

    /// Whether a name, or a path with sub-attributes, brackets and a URN, refers to a secret.
    fn names(&self, path: &str) -> bool {
        let lower = path.to_ascii_lowercase();
        let words = lower.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '$')));
        let is_secret = |word: &str| {
            self.0.contains(word) || SECRET_WORDS.iter().any(|secret| word.contains(secret))
        };
        words.into_iter().any(is_secret)
    }

    /// Whether a text is the name of a secret: a word, optionally with a URN before it or brackets after it.
    fn is_name(&self, text: &str) -> bool {
        let is_notation = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '.' | ':');
        let name = text.split('[').next().unwrap_or_default().trim();
        name.chars().all(is_notation) && self.names(name)
    }

    /// Whether a text is exactly the word for a secret, so that the adjacent value can be one.
    fn is_word(&self, text: &str) -> bool {
        let text = text.trim();
        let word = text
            .rsplit_once(':')
            .map_or(text, |(_, word)| word)
            .to_ascii_lowercase();
        self.0.contains(&word) || SECRET_WORDS.contains(&word.as_str())
    }

    /// Whether a text contains the name of a secret with a comparison or a value: a filter, a path with a filter, or a
    /// query, at any place.
    fn is_statement(&self, text: &str) -> bool {
        text.contains(['"', '\'', '=', '[', '?', '%']) && self.names(text) || self.compares(text)
    }

    /// Whether a name of a secret precedes an operator, as in `password eq x`.
    fn compares(&self, text: &str) -> bool {
        let words: Vec<_> = text.split_whitespace().collect();
        let is_operator = |word: &str| {
            OPERATORS
                .iter()
                .any(|operator| word.eq_ignore_ascii_case(operator))
        };
        words
            .windows(2)
            .any(|pair| matches!(pair, [name, word] if is_operator(word) && self.names(name)))
    }

    fn cut(&self, value: &mut Value) {
        match value {
            Value::Object(members) => self.cut_members(members),
            Value::Array(values) => self.cut_list(values),
            Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
                *text = self.cut_text(text);
            }
            Value::String(text) if self.is_statement(text) => *text = CUT.to_owned(),
            _ => {}
        }
    }

    /// Redacts a list, which can be a name followed by its value.
    fn cut_list(&self, values: &mut [Value]) {
        let is_word = |value: &Value| value.as_str().is_some_and(|text| self.is_word(text));
        let tells = values.iter().any(is_word);
        for value in values {
            if tells && !is_word(value) {
                *value = CUT.into();
            } else {
                self.cut(value);
            }
        }
    }

    /// Redacts a text, which can contain a JSON object: some clients send objects as text.
    fn cut_text(&self, text: &str) -> String {
        match serde_json::from_str::<Value>(text) {
            Ok(mut value) => {
                self.cut(&mut value);
                value.to_string()
            }
            Err(_) if self.names(text) => CUT.to_owned(),
            Err(_) => text.to_owned(),
        }
    }

    fn cut_members(&self, members: &mut Map<String, Value>) {
        let is_of_secret = self.is_about_secret(members);
        for (name, value) in members.iter_mut() {
            let is_other = is_of_secret && !self.says_what_it_is(name, value);
            // A URN is a schema; its members are checked separately.
            let is_secret = self.names(name) && !(value.is_object() && is_urn(name));
            if is_other || is_secret {
                *value = CUT.into();
            } else {
                self.cut(value);
            }
        }
    }

    /// Whether one member of an object identifies the value of another as a secret: a PATCH operation by its path, or a
    /// pair of name and value. Keys can be misspelt.
    fn is_about_secret(&self, members: &Map<String, Value>) -> bool {
        let holds = |key: &String| {
            key.to_ascii_lowercase().contains("val") || key.trim().eq_ignore_ascii_case("op")
        };
        let is_pair = members.keys().any(holds);
        let tells = |text: &str| self.is_word(text) || is_pair && self.is_name(text);
        members.values().any(|value| match value {
            Value::String(text) => tells(text),
            Value::Array(values) => values.iter().any(|value| value.as_str().is_some_and(tells)),
            _ => false,
        })
    }

    /// Whether a member of such an object is not a secret itself. The key decides, because a password can equal the
    /// word.
    fn says_what_it_is(&self, key: &str, value: &Value) -> bool {
        let is = |name: &str| key.eq_ignore_ascii_case(name);
        value
            .as_str()
            .is_some_and(|text| is("op") || is("method") || is("path") && self.is_name(text))
    }
}

fn collect(attribute: &Attribute, names: &mut HashSet<String>) {
    if attribute.is_secret() {
        names.insert(attribute.name().to_ascii_lowercase());
    }
    attribute
        .sub_attributes()
        .iter()
        .for_each(|sub| collect(sub, names));
}

fn is_urn(name: &str) -> bool {
    name.get(..4)
        .is_some_and(|head| head.eq_ignore_ascii_case("urn:"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cut(body: &Value) -> String {
        kept(
            body.as_object().unwrap(),
            &crate::model::catalog(&[]).unwrap(),
        )
    }

    #[test]
    fn secrets_are_cut_in_every_shape() {
        let user = "urn:ietf:params:scim:schemas:core:2.0:User";
        for body in [
            json!({"password": "S3cret"}),
            json!({"PassWord": ["S3cret"]}),
            json!({user: {"password": "S3cret"}}),
            json!({format!("{user}:password"): "S3cret"}),
            json!({"custom": {"clientSecret": {"a": "S3cret"}}}),
            json!({"Operations": [{"op": "add", "path": "password", "value": "S3cret"}]}),
            json!({"operations": [{"OP": "add", "PATH": "Password", "VALUE": "S3cret"}]}),
            json!({"Operations": [{"op": "add", "path": format!("{user}:password"), "value": "S3cret"}]}),
            json!({"Operations": [{"op": "replace", "value": {"password": "S3cret"}}]}),
            json!({"Operations": [{"op": "replace", "value": "{\"password\": \"S3cret\"}"}]}),
            json!({"Operations": [{"op": "replace", "value": " {\"password\": \"S3cret\""}]}),
            json!({"Operations": [{"op": "replace", "path": "x[password eq \"S3cret\"].y", "value": 1}]}),
            json!({"filter": "password eq \"S3cret\""}),
            json!({"Operations": [{"method": "POST", "path": "/Users", "data": {"password": "S3cret"}}]}),
            json!({"Operations": [{"method": "PATCH", "path": "/Users/1", "data": {"Operations": [
                {"op": "replace", "path": "password", "value": "S3cret"}]}}]}),
            json!({"Operations": [{"op": "replace", "path": "password", "value ": "S3cret"}]}),
            json!({"Operations": [{"op": "replace", "path": " password", "vlaue": ["S3cret"]}]}),
            json!({"Operations": [{"op": "replace", "path ": "password", "value": "S3cret"}]}),
            json!({"Operations": [{"op": "replace", "path": ["password"], "value": "S3cret"}]}),
            json!({"Operations": [{"op": "replace", "value": [{"name": "password", "value": "S3cret"}]}]}),
            json!({"Operations": [{"op": "replace", "value": [{"name": "clientSecret", "Value": {"a": "S3cret"}}]}]}),
            json!({"Operations": [{"op": "replace", "value": [{"attribute": format!("{user}:password"), "is": "S3cret"}]}]}),
            json!({"Operations": [{"op": "replace", "value": [["password", "S3cret"]]}]}),
            json!({"Operations": [{"op": "replace", "path": "password", "value": "S3cretPassword"}]}),
            json!({"Operations": [{"op": "replace", "path": "password eq S3cret", "value": 1}]}),
            json!({"Operations": [{"method": "GET", "path": "/Users?filter=password eq \"S3cret\""}]}),
            json!({"Operations": [{"method": "GET", "path": "/Users?filter=password%20eq%20%22S3cret%22"}]}),
            json!({"Operations": [{"method": "GET", "path": "/Users", "query": "password co S3cret"}]}),
            json!({"filter ": "userName eq \"ann\" and password sw 'S3cret'"}),
        ] {
            let text = cut(&body);
            assert!(!text.contains("S3cret") && text.contains(CUT), "{text}");
        }
    }

    #[test]
    fn other_values_remain() {
        let body = json!({"userName": "ann", "emails": [{"value": "a@x", "type": "work"}]});
        assert_eq!(cut(&body), body.to_string());
        let patch = json!({"Operations": [{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@x"}]});
        assert_eq!(cut(&patch), patch.to_string());
        for body in [
            json!({"userName": "token-renewal", "title": "Head of Secrets", "displayName": "Ann = Anna"}),
            json!({"Operations": [{"method": "PATCH", "path": "/Users/1", "data": {"Operations": [
                {"op": "replace", "path": "members[value eq \"1\"]", "value": "userName eq \"a\""}]}}]}),
            json!({"filter": "userName eq \"ann\"", "count": 3}),
        ] {
            assert_eq!(cut(&body), body.to_string());
        }
    }

    #[test]
    fn long_bodies_are_cut_between_characters() {
        let text = cut(&json!({"a": "\u{e9}".repeat(BYTES)}));
        assert!(
            text.len() <= BYTES + 4 && text.ends_with('\u{2026}'),
            "{}",
            text.len()
        );
    }
}
