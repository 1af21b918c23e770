//! The `return` preference of a request (RFC 7240 sections 2 and 4.2).

use crate::protocol::ReturnPreference;
use axum::http::{HeaderMap, HeaderName};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The preferred response of the client; `None` if there is none, or both are requested. The first of repeated
/// preferences applies, and unknown ones are ignored.
pub(crate) fn returns(headers: &HeaderMap) -> Option<ReturnPreference> {
    let lines = headers
        .get_all(PREFER)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut values = lines
        .flat_map(|line| split(line, ','))
        .filter_map(|preference| {
            let (name, value) = split(preference, ';').first()?.split_once('=')?;
            let value = value.trim().trim_matches('"').to_ascii_lowercase();
            let is_return = name.trim().eq_ignore_ascii_case("return");
            ReturnPreference::from_keyword(&value).filter(|_| is_return)
        });
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

/// The parts between separators outside of quotation marks.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(|c: char| {
        let ends = c == separator && !is_quoted;
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = is_quoted && c == '\\' && !is_escaped;
        ends
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Option<&'static str> {
        let lines = lines.iter().map(|line| (PREFER, line.parse().unwrap()));
        returns(&lines.collect::<Vec<_>>().into_iter().fold(
            HeaderMap::new(),
            |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            },
        ))
        .map(ReturnPreference::as_str)
    }

    #[test]
    fn the_preference_is_found_among_others() {
        for (lines, expected) in [
            (&["return=minimal"][..], Some("minimal")),
            (&["Return = \"Representation\""], Some("representation")),
            (
                &["respond-async, wait=10; foo=\"a,b\", return=minimal; foo"],
                Some("minimal"),
            ),
            (
                &["handling=lenient", "return=representation"],
                Some("representation"),
            ),
            (&["foo=\"return=minimal, \\\" return=minimal\""], None),
            (&["return=minimal, return=representation"], None),
            (&["return=minimal", "return=minimal"], Some("minimal")),
            (&["return"], None),
            (&["return=everything"], None),
            (&["return="], None),
            (&["x-return=minimal"], None),
            (&[], None),
        ] {
            assert_eq!(read(lines), expected, "{lines:?}");
        }
    }
}
