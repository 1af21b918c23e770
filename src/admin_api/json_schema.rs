//! The subset of JSON Schema 2020-12 for bodies, and a check that returns all errors.
//!
//! The schemas are files in `schemas/`, which the OpenAPI document includes unchanged. The subset: `$ref` to another
//! schema of these files, `type`, `enum`, `required`, `properties`, `additionalProperties`, `items`, `minLength`,
//! `maxLength`, `minimum`, `maximum`, `maxItems`, `format`. A custom format has a `pattern` in the document.

use crate::admin_api::problem::FieldError;
use crate::clock::Timestamp;
use crate::config::{duration, url};
use crate::delivery::{EndpointError, TIMEOUT, check_endpoint_name, check_endpoint_url};
use crate::feed::TypePatterns;
use crate::nearest::nearest;
use crate::operator::check_tenant_name;
use serde_json::{Map, Value};

/// The files of schemas; each is an object with schemas by name.
const FILES: &[&str] = &[
    include_str!("schemas/common.json"),
    include_str!("schemas/tenants.json"),
    include_str!("schemas/tokens.json"),
    include_str!("schemas/schemas.json"),
    include_str!("schemas/directory.json"),
    include_str!("schemas/operators.json"),
    include_str!("schemas/endpoints.json"),
    include_str!("schemas/log.json"),
];

/// The schemas by their names.
#[derive(Debug, Clone, Default)]
pub struct Schemas(Map<String, Value>);

impl Schemas {
    /// All schemas of the management API.
    pub fn all() -> Self {
        let mut all = Map::new();
        for file in FILES {
            // A test checks that each file is an object.
            all.extend(serde_json::from_str::<Map<String, Value>>(file).unwrap_or_default());
        }
        all.values_mut().for_each(add_patterns);
        Self(all)
    }

    /// The schemas for the OpenAPI document.
    pub(crate) fn as_components(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The errors of a value for the schema with a name. `lenient` allows undeclared members, because responses can get
    /// new ones.
    pub fn faults(&self, name: &str, value: &Value) -> Vec<(String, String)> {
        let mut found = Vec::new();
        self.check(name, value, &mut found);
        found
            .into_iter()
            .map(|fault| (fault.pointer, fault.detail))
            .collect()
    }

    /// Adds the errors of a value for the schema with a name.
    pub(crate) fn check(&self, name: &str, value: &Value, found: &mut Vec<FieldError>) {
        match self.0.get(name) {
            Some(schema) => self.check_at("", schema, value, found),
            None => add(found, "", format!("There is no schema {name}.")),
        }
    }

    fn check_at(&self, at: &str, schema: &Value, value: &Value, found: &mut Vec<FieldError>) {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next().unwrap_or_default();
            match self.0.get(name) {
                Some(schema) => self.check_at(at, schema, value, found),
                None => add(found, at, format!("There is no schema {name}.")),
            }
            return;
        }
        if !has_type(schema, value) {
            add(found, at, format!("The value must be {}.", types(schema)));
            return;
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array)
            && !words.contains(value)
        {
            add(found, at, not_among(words, value));
            return;
        }
        match value {
            Value::String(text) => check_text(at, schema, text, found),
            Value::Number(_) => check_number(at, schema, value, found),
            Value::Array(values) => self.check_array(at, schema, values, found),
            Value::Object(members) => self.check_object(at, schema, members, found),
            _ => {}
        }
    }

    fn check_array(&self, at: &str, schema: &Value, values: &[Value], found: &mut Vec<FieldError>) {
        if bound(schema, "maxItems")
            .is_some_and(|max| i64::try_from(values.len()).unwrap_or(i64::MAX) > max)
        {
            add(found, at, "There are too many values.".to_owned());
        }
        if let Some(items) = schema.get("items") {
            for (index, value) in values.iter().enumerate() {
                self.check_at(&format!("{at}/{index}"), items, value, found);
            }
        }
    }

    fn check_object(
        &self,
        at: &str,
        schema: &Value,
        members: &Map<String, Value>,
        found: &mut Vec<FieldError>,
    ) {
        let none = Map::new();
        let known = schema.get("properties").and_then(Value::as_object);
        let known = known.unwrap_or(&none);
        for (name, value) in members {
            let at = format!("{at}/{}", escaped(name));
            match (known.get(name), schema.get("additionalProperties")) {
                (Some(schema), _) => self.check_at(&at, schema, value, found),
                (None, Some(Value::Bool(false))) => add(found, &at, no_member(name, known)),
                (None, Some(schema @ Value::Object(_))) => self.check_at(&at, schema, value, found),
                (None, _) => {}
            }
        }
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                let at = format!("{at}/{}", escaped(name));
                add(found, &at, format!("The member \"{name}\" is missing."));
            }
        }
    }
}

/// Custom formats, with a pattern for readers of the schemas: it matches all valid values, and possibly more.
const PATTERNS: [(&str, &str); 8] = [
    ("time-span", "^[0-9]+[smhdw]$"),
    ("time-span-or-never", "^([0-9]+[smhdw]|never)$"),
    ("endpoint-timeout", "^0*([1-9]|[1-5][0-9]|60)s$|^0*1m$"),
    ("tenant-name", "^[a-z0-9][a-z0-9-]{0,62}$"),
    ("endpoint-name", "^[a-z0-9][a-z0-9-]{0,62}$"),
    ("base-url", "^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$"),
    ("contact", "^[!-~]{3,200}$"),
    (
        "plain-text",
        "^[^\\u0000-\\u001f\\u007f-\\u009f]*\\S[^\\u0000-\\u001f\\u007f-\\u009f]*$",
    ),
];

/// Adds the patterns of formats to a schema and all within it.
fn add_patterns(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(add_patterns);
            let format = members.get("format").and_then(Value::as_str);
            let known = PATTERNS.iter().find(|(name, _)| Some(*name) == format);
            if let Some((_, pattern)) = known {
                members.insert("pattern".to_owned(), (*pattern).into());
            }
        }
        Value::Array(values) => values.iter_mut().for_each(add_patterns),
        _ => {}
    }
}

fn add(found: &mut Vec<FieldError>, at: &str, detail: String) {
    found.push(FieldError {
        pointer: at.to_owned(),
        detail,
    });
}

/// A name as a part of a JSON Pointer (RFC 6901 section 3).
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn no_member(name: &str, known: &Map<String, Value>) -> String {
    match nearest(name, known.keys().map(String::as_str)) {
        Some(meant) => format!("There is no member \"{name}\"; did you mean \"{meant}\"?"),
        None => format!("There is no member \"{name}\"."),
    }
}

fn not_among(words: &[Value], value: &Value) -> String {
    let shown: Vec<_> = words.iter().map(Value::to_string).collect();
    let all = shown.join(", ");
    let meant = value
        .as_str()
        .and_then(|text| nearest(text, words.iter().filter_map(Value::as_str)));
    match meant {
        Some(meant) => format!("The value must be one of {all}; did you mean \"{meant}\"?"),
        None => format!("The value must be one of {all}."),
    }
}

/// The types of a schema; empty if it allows any.
fn type_names(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn has_type(schema: &Value, value: &Value) -> bool {
    let names = type_names(schema);
    let own = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_whole = value.is_i64() || value.is_u64();
    names.is_empty() || names.contains(&own) || is_whole && names.contains(&"integer")
}

fn types(schema: &Value) -> String {
    let named = type_names(schema).into_iter().map(|name| match name {
        "null" => "null",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a text",
        "array" => "an array",
        _ => "an object",
    });
    named.collect::<Vec<_>>().join(" or ")
}

fn bound(schema: &Value, name: &str) -> Option<i64> {
    schema.get(name).and_then(Value::as_i64)
}

fn check_number(at: &str, schema: &Value, value: &Value, found: &mut Vec<FieldError>) {
    let (least, max) = (bound(schema, "minimum"), bound(schema, "maximum"));
    let given = value.as_f64().unwrap_or(f64::NAN);
    #[allow(clippy::cast_precision_loss)]
    let is_within = least.is_none_or(|least| given >= least as f64)
        && max.is_none_or(|max| given <= max as f64);
    if !is_within {
        let detail = match (least, max) {
            (Some(least), Some(max)) => {
                format!("The number must be from {least} to {max}.")
            }
            (Some(0), None) => "The number cannot be negative.".to_owned(),
            (Some(least), None) => format!("The number must be {least} at least."),
            (_, max) => format!("The number must be {} at most.", max.unwrap_or_default()),
        };
        add(found, at, detail);
    }
}

fn check_text(at: &str, schema: &Value, text: &str, found: &mut Vec<FieldError>) {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let (least, max) = (bound(schema, "minLength"), bound(schema, "maxLength"));
    if least.is_some_and(|least| length < least) {
        add(found, at, "The text is too short.".to_owned());
    }
    if let Some(max) = max.filter(|max| length > *max) {
        add(
            found,
            at,
            format!("The text has more than {max} characters."),
        );
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str) {
        match misnamed(format, text) {
            Err(detail) => add(found, at, detail),
            Ok(()) => {
                if let Some(allowed) = misfit(format, text) {
                    add(found, at, format!("The value must be {allowed}."));
                }
            }
        }
    }
}

/// Checks the formats that other modules define; returns their error.
fn misnamed(format: &str, text: &str) -> Result<(), String> {
    match format {
        "tenant-name" => check_tenant_name(text).map_err(|error| error.to_string()),
        "endpoint-name" => check_endpoint_name(text).map_err(|error| error.to_string()),
        "endpoint-url" => check_endpoint_url(text, true).map_err(|error| error.to_string()),
        "event-types" => TypePatterns::parse(text)
            .map(|_| ())
            .map_err(|error| EndpointError::Types(error).to_string()),
        _ => Ok(()),
    }
}

/// The description of a format, if a text does not match it.
fn misfit(format: &str, text: &str) -> Option<&'static str> {
    let (fits, allowed) = match format {
        "time-span" => (duration::parse(text).is_some(), duration::ALLOWED),
        "time-span-or-never" => (
            duration::parse_or_never(text).is_some(),
            duration::ALLOWED_OR_NEVER,
        ),
        "endpoint-timeout" => (is_timeout(text), "from 1s to 60s"),
        "base-url" => (url::public(text).is_some(), url::PUBLIC),
        "contact" => (url::support(text).is_some(), url::SUPPORT),
        "plain-text" => (
            !text.contains(char::is_control) && !text.trim().is_empty(),
            "a text without control characters that is not empty",
        ),
        "date-time" => (
            Timestamp::parse(text).is_some(),
            "a time such as 2026-11-26T09:21:25Z",
        ),
        _ => (true, ""),
    };
    (!fits).then_some(allowed)
}

fn is_timeout(text: &str) -> bool {
    let seconds = duration::parse(text).and_then(|seconds| u64::try_from(seconds).ok());
    seconds.is_some_and(|seconds| TIMEOUT.contains(&seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_file_holds_schemas_of_the_subset() {
        const KNOWN: [&str; 16] = [
            "$ref",
            "type",
            "enum",
            "required",
            "properties",
            "additionalProperties",
            "items",
            "minLength",
            "maxLength",
            "minimum",
            "maximum",
            "maxItems",
            "format",
            "pattern",
            "description",
            "examples",
        ];
        fn look(schemas: &Schemas, at: &str, schema: &Value) {
            for (name, value) in schema.as_object().unwrap() {
                assert!(KNOWN.contains(&name.as_str()), "{at}: {name}");
                match (name.as_str(), value) {
                    ("$ref", value) => {
                        let name = value.as_str().unwrap().rsplit('/').next().unwrap();
                        assert!(schemas.0.contains_key(name), "{at}: {name}");
                    }
                    ("properties", Value::Object(members)) => {
                        for (name, schema) in members {
                            look(schemas, &format!("{at}/{name}"), schema);
                        }
                    }
                    ("items", schema) | ("additionalProperties", schema @ Value::Object(_)) => {
                        look(schemas, at, schema);
                    }
                    _ => {}
                }
            }
        }
        let mut count = 0;
        for file in FILES {
            count += serde_json::from_str::<Map<String, Value>>(file)
                .unwrap()
                .len();
        }
        let schemas = Schemas::all();
        assert_eq!(schemas.0.len(), count, "two schemas have one name");
        for (name, schema) in &schemas.0 {
            look(&schemas, name, schema);
        }
    }

    #[test]
    fn all_faults_are_named() {
        let body = json!({"name": "a", "seats": -1, "conformanc": "x", "uniqueGroupNames": "yes"});
        let faults = Schemas::all().faults("TenantCreate", &body);
        let faults: Vec<_> = faults
            .iter()
            .map(|(at, detail)| (at.as_str(), detail.as_str()))
            .collect();
        assert_eq!(
            faults,
            [
                ("/seats", "The number cannot be negative."),
                (
                    "/conformanc",
                    "There is no member \"conformanc\"; did you mean \"conformance\"?"
                ),
                ("/uniqueGroupNames", "The value must be true or false."),
            ]
        );
    }
}
