//! The SearchRequest message (RFC 7644 section 3.4.3, RFC 9865 section 3).

use super::schemas::check_schemas;
use super::urn::SEARCH_REQUEST;
use crate::error::{Error, Result};
use crate::resource::{Conformance, tolerance};
use serde_json::{Map, Number, Value};

/// A query in the body of `POST …/.search`. Members that are absent, null or, for names, empty are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchRequest {
    /// The filter, as text.
    pub filter: Option<String>,
    /// The attribute to sort by, in attribute notation.
    pub sort_by: Option<String>,
    /// `ascending` or `descending`, as text.
    pub sort_order: Option<String>,
    /// The first result to return, counted from 1; values beyond 64 bits are clamped.
    pub start_index: Option<i64>,
    /// Maximum number of results.
    pub count: Option<i64>,
    /// The cursor (RFC 9865); empty for the first page.
    pub cursor: Option<String>,
    /// `attributes`: names of attributes to return.
    pub attributes: Vec<String>,
    /// `excludedAttributes`: names of attributes to omit.
    pub excluded: Vec<String>,
}

impl SearchRequest {
    /// Reads the message. Names of members are case-insensitive.
    ///
    /// # Errors
    /// [`InvalidValue`](crate::error::ErrorKind::InvalidValue) for a message of another URN and for a member of a wrong
    /// type, [`InvalidFilter`](crate::error::ErrorKind::InvalidFilter) for a `filter` that is not a string.
    pub fn read(body: &Map<String, Value>, conformance: Conformance) -> Result<Self> {
        check_schemas(member(body, "schemas"), SEARCH_REQUEST, conformance)?;
        let filter = text(body, "filter").map_err(|error| Error::invalid_filter(error.detail()))?;
        Ok(Self {
            filter,
            attributes: names(body, "attributes", conformance)?,
            excluded: names(body, "excludedAttributes", conformance)?,
            sort_by: text(body, "sortBy")?.filter(|name| !name.is_empty()),
            sort_order: text(body, "sortOrder")?.filter(|order| !order.is_empty()),
            start_index: integer(body, "startIndex", conformance)?,
            count: integer(body, "count", conformance)?,
            cursor: text(body, "cursor")?,
        })
    }
}

/// A member by its name in any letter case; null is absent.
fn member<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = body
        .iter()
        .find(|(there, _)| there.eq_ignore_ascii_case(name));
    found
        .map(|(_, value)| value)
        .filter(|value| !value.is_null())
}

fn text(body: &Map<String, Value>, name: &str) -> Result<Option<String>> {
    match member(body, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(unfit(name, "a string")),
    }
}

fn names(body: &Map<String, Value>, name: &str, conformance: Conformance) -> Result<Vec<String>> {
    let Some(value) = member(body, name) else {
        return Ok(Vec::new());
    };
    if let (Value::String(text), true) = (value, conformance.is_lenient()) {
        return Ok(tolerance::search_names(text));
    }
    let elements = value
        .as_array()
        .ok_or_else(|| unfit(name, "an array of strings"))?;
    let text = |element: &Value| {
        element
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| unfit(name, "an array of strings"))
    };
    let names: Result<Vec<String>> = elements.iter().map(text).collect();
    let is_blank = |name: &String| name.trim().is_empty();
    Ok(names?.into_iter().filter(|name| !is_blank(name)).collect())
}

fn integer(body: &Map<String, Value>, name: &str, conformance: Conformance) -> Result<Option<i64>> {
    let number = match member(body, name) {
        None => return Ok(None),
        Some(Value::Number(number)) => Some(number.clone()),
        Some(text) if conformance.is_lenient() => tolerance::number_from_text(text),
        Some(_) => None,
    };
    let whole = number.and_then(|number| saturated(&number));
    whole.ok_or_else(|| unfit(name, "a whole number")).map(Some)
}

/// An integer, clamped to the range.
fn saturated(number: &Number) -> Option<i64> {
    if let Some(exact) = number.as_i64() {
        return Some(exact);
    }
    match number.as_f64() {
        Some(large) if large >= 9.2e18 => Some(i64::MAX),
        Some(large) if large <= -9.2e18 => Some(i64::MIN),
        _ => None,
    }
}

fn unfit(name: &str, needed: &str) -> Error {
    Error::invalid_value(format!("\"{name}\" must be {needed}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ScimType;
    use serde_json::json;

    fn read(members: &Value, conformance: Conformance) -> Result<SearchRequest> {
        let mut body = members.as_object().unwrap().clone();
        body.insert(
            "SCHEMAS".into(),
            json!([SEARCH_REQUEST.to_ascii_lowercase()]),
        );
        SearchRequest::read(&body, conformance)
    }

    fn refusal(members: &Value, conformance: Conformance) -> Option<&'static str> {
        read(members, conformance)
            .unwrap_err()
            .scim_type()
            .map(ScimType::as_str)
    }

    #[test]
    fn every_member_is_read() {
        let query = read(
            &json!({
                "attributes": ["displayName", "userName"], "excludedattributes": null, "FILTER": "a pr",
                "sortBy": "a", "sortOrder": "descending", "startIndex": 1, "count": 1e30, "cursor": "", "other": 1
            }),
            Conformance::Rfc,
        )
        .unwrap();
        assert_eq!(query.attributes, ["displayName", "userName"]);
        let blank = read(&json!({"attributes": ["", " "]}), Conformance::Rfc).unwrap();
        assert!(blank.attributes.is_empty());
        assert_eq!(query.filter.as_deref(), Some("a pr"));
        assert_eq!((query.start_index, query.count), (Some(1), Some(i64::MAX)));
        assert_eq!(query.cursor.as_deref(), Some(""));
        assert_eq!(query.sort_order.as_deref(), Some("descending"));
    }

    #[test]
    fn wrong_types_are_named() {
        for (members, kind) in [
            (json!({"filter": 1}), "invalidFilter"),
            (json!({"count": 1.5}), "invalidValue"),
            (json!({"startIndex": []}), "invalidValue"),
            (json!({"attributes": [1]}), "invalidValue"),
            (json!({"sortBy": {}}), "invalidValue"),
        ] {
            for conformance in [Conformance::Lenient, Conformance::Rfc] {
                assert_eq!(refusal(&members, conformance), Some(kind), "{members}");
            }
        }
    }

    #[test]
    fn text_is_accepted_for_numbers_and_lists_in_lenient_mode() {
        let members =
            json!({"startIndex": "1", "count": "50", "attributes": "userName, name.givenName,"});
        let query = read(&members, Conformance::Lenient).unwrap();
        assert_eq!((query.start_index, query.count), (Some(1), Some(50)));
        assert_eq!(query.attributes, ["userName", "name.givenName"]);
        for members in [
            json!({"count": "5"}),
            json!({"startIndex": "1"}),
            json!({"excludedAttributes": "members"}),
        ] {
            assert_eq!(
                refusal(&members, Conformance::Rfc),
                Some("invalidValue"),
                "{members}"
            );
        }
        for members in [
            json!({"count": "many"}),
            json!({"count": ""}),
            json!({"count": "1.5"}),
            json!({"count": " 1"}),
        ] {
            assert_eq!(
                refusal(&members, Conformance::Lenient),
                Some("invalidValue"),
                "{members}"
            );
        }
    }
}
