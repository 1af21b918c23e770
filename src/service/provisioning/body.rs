//! Bodies of requests as the provisioning log keeps them: without passwords and other secrets,
//! wherever these stand.

use crate::schema::{Attribute, Catalog};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Bytes of a body that are kept.
const BYTES: usize = 64 * 1024;
/// What stands in place of a secret.
const CUT: &str = "***";
/// What names of secrets have in them, also where no schema knows them.
const TELLING: [&str; 7] = ["password", "passwd", "pwd", "secret", "token", "credential", "privatekey"];

/// The text of a body without its secrets, cut to what is kept.
pub(super) fn kept(body: &Map<String, Value>, catalog: &Catalog) -> String {
    let mut body = body.clone();
    Secrets::of(catalog).cut_members(&mut body);
    let mut text = Value::Object(body).to_string();
    if text.len() > BYTES {
        let end = (0..=BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('\u{2026}');
    }
    text
}

/// Names of the attributes that no client reads, in lower case.
struct Secrets(HashSet<String>);

impl Secrets {
    fn of(catalog: &Catalog) -> Self {
        let mut names = HashSet::new();
        for schema in catalog.schemas() {
            schema.attributes().iter().for_each(|attribute| collect(attribute, &mut names));
        }
        Self(names)
    }

    /// Whether a name, or a path with sub-attributes, brackets and a URN in front, names a secret.
    fn names(&self, path: &str) -> bool {
        let lower = path.to_ascii_lowercase();
        let words = lower.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '$')));
        let is_secret = |word: &str| self.0.contains(word) || TELLING.iter().any(|telling| word.contains(telling));
        words.into_iter().any(is_secret)
    }

    fn cut(&self, value: &mut Value) {
        match value {
            Value::Object(members) => self.cut_members(members),
            Value::Array(values) => values.iter_mut().for_each(|value| self.cut(value)),
            Value::String(text) if text.trim_start().starts_with(['{', '[']) => *text = self.cut_text(text),
            _ => {}
        }
    }

    /// Some clients send an object as the text of one.
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
        // The path of a PATCH operation says what its value is.
        let path = members.iter().find(|(name, _)| name.eq_ignore_ascii_case("path"));
        let is_of_secret = path.and_then(|(_, path)| path.as_str()).is_some_and(|path| self.names(path));
        for (name, value) in members.iter_mut() {
            let is_value = is_of_secret && name.eq_ignore_ascii_case("value");
            // A URN names a schema; what stands below it is looked at by itself.
            let is_secret = self.names(name) && !(value.is_object() && is_urn(name));
            let compares = value.as_str().is_some_and(|text| is_condition(name, text) && self.names(text));
            if is_value || is_secret || compares {
                *value = CUT.into();
            } else {
                self.cut(value);
            }
        }
    }
}

fn collect(attribute: &Attribute, names: &mut HashSet<String>) {
    if attribute.is_secret() {
        names.insert(attribute.name().to_ascii_lowercase());
    }
    attribute.sub_attributes().iter().for_each(|sub| collect(sub, names));
}

fn is_urn(name: &str) -> bool {
    name.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("urn:"))
}

/// Whether a text may compare an attribute with a value: a filter, or a path with one.
fn is_condition(name: &str, text: &str) -> bool {
    name.eq_ignore_ascii_case("filter") || (name.eq_ignore_ascii_case("path") && text.contains('['))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cut(body: &Value) -> String {
        kept(body.as_object().unwrap(), &Catalog::new(&[]).unwrap())
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
        ] {
            let text = cut(&body);
            assert!(!text.contains("S3cret") && text.contains(CUT), "{text}");
        }
    }

    #[test]
    fn the_rest_stays() {
        let body = json!({"userName": "ann", "emails": [{"value": "a@x", "type": "work"}]});
        assert_eq!(cut(&body), body.to_string());
        let patch =
            json!({"Operations": [{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@x"}]});
        assert_eq!(cut(&patch), patch.to_string());
    }

    #[test]
    fn long_bodies_are_cut_between_characters() {
        let text = cut(&json!({"a": "\u{e9}".repeat(BYTES)}));
        assert!(text.len() <= BYTES + 4 && text.ends_with('\u{2026}'), "{}", text.len());
    }
}
