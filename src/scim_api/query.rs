//! The query string, as a list query or a choice of attributes (RFC 7644 sections 3.4.2, 3.9).

use crate::error::{Result, ScimError};
use crate::messages::SearchRequest;
use crate::protocol::View;
use crate::wire::layers::guard::decode;

/// The parameters of a list.
///
/// # Errors
/// 400 `invalidValue`, or `invalidFilter` where the filter itself is broken.
pub(crate) fn list_query(query: Option<&str>) -> Result<SearchRequest> {
    let parameters = Parameters::read(query)?;
    let View {
        attributes,
        excluded,
        ..
    } = parameters.view();
    Ok(SearchRequest {
        filter: parameters.text("filter"),
        sort_by: parameters.filled("sortBy"),
        sort_order: parameters.filled("sortOrder"),
        start_index: parameters.integer("startIndex")?,
        count: parameters.integer("count")?,
        cursor: parameters.text("cursor"),
        attributes,
        excluded,
    })
}

/// The selected attributes for one resource.
///
/// # Errors
/// 400 `invalidValue`.
pub(crate) fn view(query: Option<&str>) -> Result<View> {
    Ok(Parameters::read(query)?.view())
}

/// Whether the query has a parameter with that name.
pub(crate) fn names(query: Option<&str>, name: &str) -> bool {
    pairs(query).any(|(found, _)| found == name)
}

const KNOWN: [&str; 8] = [
    "filter",
    "sortBy",
    "sortOrder",
    "startIndex",
    "count",
    "cursor",
    "attributes",
    "excludedAttributes",
];

/// The known parameters, decoded, by case-insensitive names like the members of a search request: an ignored filter
/// would return all resources. Other parameters are ignored (RFC 7644 section 3.4.2).
struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    fn read(query: Option<&str>) -> Result<Self> {
        let mut read: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in pairs(query) {
            let Some(known) = KNOWN
                .into_iter()
                .find(|known| known.eq_ignore_ascii_case(&name))
            else {
                continue;
            };
            if read.iter().any(|(there, _)| *there == known) {
                return Err(ScimError::invalid_value(format!(
                    "The parameter \"{known}\" is given twice."
                )));
            }
            read.push((known, text(known, value)?));
        }
        Ok(Self(read))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0
            .iter()
            .find(|(there, _)| *there == name)
            .map(|(_, value)| value.clone())
    }

    fn filled(&self, name: &str) -> Option<String> {
        self.text(name).filter(|value| !value.is_empty())
    }

    fn integer(&self, name: &str) -> Result<Option<i64>> {
        self.filled(name)
            .map(|value| integer(name, value.trim()))
            .transpose()
    }

    fn view(&self) -> View {
        let list = |name| {
            self.text(name)
                .map(|value| split(&value))
                .unwrap_or_default()
        };
        View {
            attributes: list("attributes"),
            excluded: list("excludedAttributes"),
            ..View::default()
        }
    }
}

/// Names and raw values; a stray `&` or a bare `?` is skipped.
fn pairs(query: Option<&str>) -> impl Iterator<Item = (String, &str)> {
    let parts = query
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty());
    parts.filter_map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Some((decode(name)?, value))
    })
}

/// A decoded value, with `+` as space. U+0000 is refused, because databases handle it differently.
fn text(name: &str, raw: &str) -> Result<String> {
    let problem = match decode(&raw.replace('+', " ")) {
        Some(text) if !text.contains('\0') => return Ok(text),
        Some(_) => "holds the character U+0000",
        None => "is not percent-encoded UTF-8 text",
    };
    let detail = format!("The parameter \"{name}\" {problem}.");
    Err(if name == "filter" {
        ScimError::invalid_filter(detail)
    } else {
        ScimError::invalid_value(detail)
    })
}

/// An integer, clamped to the range.
fn integer(name: &str, text: &str) -> Result<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ScimError::invalid_value(format!(
            "\"{name}\" must be a whole number."
        )));
    }
    Ok(text.parse().unwrap_or(if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    }))
}

fn split(list: &str) -> Vec<String> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ScimType;

    fn read(query: &str) -> SearchRequest {
        list_query(Some(query)).unwrap()
    }

    #[test]
    fn queries_of_okta_and_onelogin_are_parsed() {
        let query = read("filter=userName%20eq%20%22a%2Bb%40example.com%22&startIndex=1&count=100");
        assert_eq!(
            query.filter.as_deref(),
            Some("userName eq \"a+b@example.com\"")
        );
        assert_eq!((query.start_index, query.count), (Some(1), Some(100)));
        assert_eq!(
            read("filter=userName+eq+%22x%22&").filter.as_deref(),
            Some("userName eq \"x\"")
        );
        assert_eq!(list_query(None).unwrap(), SearchRequest::default());
        assert_eq!(read(""), SearchRequest::default());
        assert_eq!(read("&&"), SearchRequest::default());
        assert_eq!(
            read("frobnicate=1&frobnicate=%zz&%ff=1"),
            SearchRequest::default()
        );
        assert_eq!(read("Filter=a+pr").filter.as_deref(), Some("a pr"));
        assert_eq!(read("COUNT=5&startindex=2").count, Some(5));
    }

    #[test]
    fn numbers_are_clamped() {
        for (text, expected) in [
            ("", None),
            ("0", Some(0)),
            ("-3", Some(-3)),
            ("+7", Some(7)),
            ("%2B7", Some(7)),
            ("007", Some(7)),
            ("9223372036854775808", Some(i64::MAX)),
            ("-9223372036854775809", Some(i64::MIN)),
            ("99999999999999999999999999999999999999999", Some(i64::MAX)),
        ] {
            assert_eq!(read(&format!("count={text}")).count, expected, "{text}");
        }
        for text in ["many", "1.5", "1e3", "-", "--1", "0x10", "1%202", "\u{664}"] {
            let error = list_query(Some(&format!("startIndex={text}"))).unwrap_err();
            assert_eq!(
                error.scim_type().map(ScimType::as_str),
                Some("invalidValue"),
                "{text}"
            );
        }
    }

    #[test]
    fn an_empty_cursor_opens_a_walk() {
        assert_eq!(read("cursor").cursor.as_deref(), Some(""));
        assert_eq!(read("cursor=&count=3").cursor.as_deref(), Some(""));
        assert_eq!(read("count=3").cursor, None);
        assert_eq!(read("sortBy=&sortOrder="), SearchRequest::default());
    }

    #[test]
    fn attributes_are_lists() {
        let chosen = view(Some(
            "attributes=userName,%20name.givenName,,&excludedAttributes=members",
        ))
        .unwrap();
        assert_eq!(chosen.attributes, ["userName", "name.givenName"]);
        assert_eq!(chosen.excluded, ["members"]);
        assert!(!view(Some("attributes=")).unwrap().is_chosen());
    }

    #[test]
    fn broken_and_doubled_parameters_are_refused() {
        for (query, kind) in [
            ("filter=%zz", "invalidFilter"),
            ("filter=%ff", "invalidFilter"),
            ("filter=a%00", "invalidFilter"),
            ("filter=%ED%A0%80", "invalidFilter"),
            ("sortBy=a%00", "invalidValue"),
            ("sortBy=%", "invalidValue"),
            ("count=1&count=1", "invalidValue"),
            ("filter=a&%66ilter=b", "invalidValue"),
            ("filter=a&Filter=b", "invalidValue"),
        ] {
            let error = list_query(Some(query)).unwrap_err();
            assert_eq!(
                error.scim_type().map(ScimType::as_str),
                Some(kind),
                "{query}"
            );
        }
    }

    #[test]
    fn a_zero_character_is_named_in_the_error() {
        let error_of = |query: &str| list_query(Some(query)).unwrap_err().to_string();
        assert_eq!(
            error_of("filter=userName%20eq%20%22a%00b%22"),
            "The parameter \"filter\" holds the character U+0000."
        );
        assert_eq!(
            error_of("filter=a%0"),
            "The parameter \"filter\" is not percent-encoded UTF-8 text."
        );
    }

    #[test]
    fn a_parameter_is_found_by_name() {
        assert!(names(Some("a=1&filter"), "filter"));
        assert!(!names(Some("a=filter"), "filter"));
        assert!(!names(None, "filter"));
    }
}
