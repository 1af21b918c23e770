//! The request of a command for an operation.

use crate::admin_api::Method;
use crate::cli::failure::Failure;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Characters that are encoded in a segment of a path or in a query.
const RESERVED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'/')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A request to an operation of the management API.
#[derive(Debug, Clone)]
pub(in crate::cli) struct ApiRequest {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    hands_out_secret: bool,
    is_search: bool,
    is_stream: bool,
    last_event: Option<String>,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Page {
    pub(in crate::cli) items: Vec<Value>,
    pub(in crate::cli) next: Option<String>,
}

impl ApiRequest {
    /// A request; `path` has the segments of the path below the base.
    pub(in crate::cli) fn new(method: Method, path: &[&str]) -> Self {
        Self {
            method,
            path: path.iter().map(|segment| (*segment).to_owned()).collect(),
            query: Vec::new(),
            body: None,
            hands_out_secret: false,
            is_search: false,
            is_stream: false,
            last_event: None,
        }
    }

    pub(in crate::cli) fn get(path: &[&str]) -> Self {
        Self::new(Method::Get, path)
    }

    pub(in crate::cli) fn post(path: &[&str]) -> Self {
        Self::new(Method::Post, path)
    }

    /// A search with these members, which changes nothing. Values such as user names are in its body, because URLs end up
    /// in logs.
    pub(in crate::cli) fn search(path: &[&str], members: Value) -> Self {
        Self {
            is_search: true,
            ..Self::post(path).carrying(members)
        }
    }

    pub(in crate::cli) fn delete(path: &[&str]) -> Self {
        Self::new(Method::Delete, path)
    }

    /// The request with a parameter of the query.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "most values are numbers and literals"
    )]
    pub(in crate::cli) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// The request with a parameter of the query, if there is a value.
    pub(in crate::cli) fn with_some(
        self,
        name: &'static str,
        value: Option<impl ToString>,
    ) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The request with a body.
    pub(in crate::cli) fn carrying(self, body: Value) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    /// The request, whose response has a secret: it is sent with an idempotency key, so that the response can be
    /// repeated.
    pub(in crate::cli) fn once(self) -> Self {
        Self {
            hands_out_secret: true,
            ..self
        }
    }

    /// The request, whose response is an endless stream, after an event if given.
    pub(super) fn streaming(self, last_event: Option<&str>) -> Self {
        Self {
            is_stream: true,
            last_event: last_event.map(str::to_owned),
            ..self
        }
    }

    pub(super) fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// Whether a repetition has no effect.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method == Method::Get || self.is_search || self.has_key()
    }

    pub(super) fn last_event(&self) -> Option<&str> {
        self.last_event.as_deref()
    }

    pub(super) fn method(&self) -> Method {
        self.method
    }

    pub(super) fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }

    /// Whether the request is sent with an idempotency key.
    pub(super) fn has_key(&self) -> bool {
        self.hands_out_secret
    }

    /// Path and query below the base.
    pub(super) fn target(&self) -> Result<String, Failure> {
        let mut target = String::new();
        for segment in &self.path {
            // An HTTP client would interpret these segments.
            if ["", ".", ".."].contains(&segment.as_str()) {
                return Err(Failure::Failed(format!(
                    "\"{segment}\" is neither a name nor an id"
                )));
            }
            target.push('/');
            target.extend(utf8_percent_encode(segment, RESERVED));
        }
        for (i, (name, value)) in self.query.iter().enumerate() {
            target.push(if i == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            target.extend(utf8_percent_encode(value, RESERVED));
        }
        Ok(target)
    }
}

/// The members of a body that have values.
pub(in crate::cli) fn members<const N: usize>(
    members: [(&str, Option<Value>); N],
) -> Map<String, Value> {
    let given = members.into_iter();
    let given = given.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    given.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_their_segment() {
        let request = ApiRequest::get(&["tenants", "a/b?c", "schemas", "urn:a:b"]);
        let request = request.with("search", "x&y=ä +");
        assert_eq!(
            request.target().unwrap(),
            "/tenants/a%2Fb%3Fc/schemas/urn:a:b?search=x%26y%3D%C3%A4%20%2B"
        );
        for wrong in ["", ".", ".."] {
            assert!(ApiRequest::get(&["tenants", wrong]).target().is_err());
        }
    }
}
