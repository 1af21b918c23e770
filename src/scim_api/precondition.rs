//! The conditions of a request (RFC 9110 section 13).

use crate::protocol::{Precondition, Tags};
use axum::http::HeaderMap;
use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

/// The conditions of a request; several lines of one header are one list (RFC 9110 section 5.3).
pub(crate) fn precondition(headers: &HeaderMap) -> Precondition {
    let tags = |name: HeaderName| {
        let lines = headers
            .get_all(name)
            .iter()
            .map(|line| String::from_utf8_lossy(line.as_bytes()));
        let lines: Vec<_> = lines.collect();
        (!lines.is_empty()).then(|| Tags::parse(&lines.join(",")))
    };
    Precondition {
        if_match: tags(IF_MATCH),
        if_none_match: tags(IF_NONE_MATCH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_can_span_lines() {
        let mut headers = HeaderMap::new();
        assert!(precondition(&headers).is_empty());
        headers.append(IF_MATCH, "W/\"1\"".parse().unwrap());
        headers.append(IF_MATCH, "\"2\"".parse().unwrap());
        headers.append(IF_NONE_MATCH, "*".parse().unwrap());
        let found = precondition(&headers);
        assert_eq!(
            found.if_match,
            Some(Tags::List(vec!["1".into(), "2".into()]))
        );
        assert_eq!(found.if_none_match, Some(Tags::Any));
    }
}
