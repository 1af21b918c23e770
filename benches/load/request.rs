//! Requests, and the expected response to each.

use crate::client::Answer;
use hyper::Method;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write;

/// A request with its expected response.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) right: Right,
}

/// An expected response.
#[derive(Debug, Clone)]
pub(crate) enum Right {
    /// 200 with that id, and these texts in the body.
    Resource { id: String, holds: String },
    /// 201 with an id.
    Created,
    /// 204, or 200 if `attributes` was requested.
    Done,
    /// 204, and the user is deleted.
    Deleted,
    /// A list with only that user, or an empty one.
    Only(Option<String>),
    /// A list with at least one and at most this number of items.
    Some(usize),
    /// A page with this number of resources, and this total.
    Page { count: usize, total: u64 },
    /// A page of a walk by cursor: full, or the last one, with this total.
    Next { count: usize, total: u64 },
    /// A group with at least this number of members.
    Members(u64),
}

impl Request {
    pub(crate) fn get(path: String, right: Right) -> Self {
        Self {
            method: Method::GET,
            path,
            body: None,
            right,
        }
    }

    pub(crate) fn with(method: Method, path: String, body: &Value, right: Right) -> Self {
        Self {
            method,
            path,
            body: Some(body.to_string().into_bytes()),
            right,
        }
    }

    /// A search among the users.
    pub(crate) fn filter(filter: &str, right: Right) -> Self {
        Self::get(format!("/Users?filter={}", escaped(filter)), right)
    }
}

/// The content of a response.
#[derive(Debug, Default)]
pub(crate) struct ResponseFacts {
    /// The id of a new resource.
    pub(crate) id: Option<String>,
    /// The next page's cursor.
    pub(crate) next: Option<String>,
    /// All ids that were listed, or those of members.
    pub(crate) ids: Vec<String>,
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(rename = "totalResults")]
    total: u64,
    #[serde(rename = "nextCursor")]
    next: Option<String>,
    #[serde(rename = "Resources", borrow, default)]
    resources: Vec<Named<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Group<'a> {
    #[serde(borrow, default)]
    members: Vec<Member<'a>>,
}

#[derive(Deserialize)]
struct Member<'a> {
    #[serde(borrow)]
    value: Cow<'a, str>,
}

impl Right {
    /// Checks a response.
    pub(crate) fn check(&self, answer: &Answer) -> Result<ResponseFacts, String> {
        self.facts(answer).map_err(|why| {
            let start: String = String::from_utf8_lossy(&answer.body)
                .chars()
                .take(300)
                .collect();
            format!("{why}: {} {start}", answer.status)
        })
    }

    fn facts(&self, answer: &Answer) -> Result<ResponseFacts, String> {
        let status = match self {
            Self::Created => 201,
            Self::Done | Self::Deleted => 204,
            _ => 200,
        };
        if answer.status != status {
            return Err(format!("status is not {status}"));
        }
        let text = std::str::from_utf8(&answer.body).map_err(|error| error.to_string())?;
        match self {
            Self::Resource { id, holds } => resource(text, id, holds),
            Self::Created => Ok(ResponseFacts {
                id: Some(parse::<Named<'_>>(text)?.id.into_owned()),
                ..ResponseFacts::default()
            }),
            Self::Done | Self::Deleted => Ok(ResponseFacts::default()),
            Self::Only(id) => only(&listed(text)?, id.as_deref()),
            Self::Some(most) => {
                let list = listed(text)?;
                let fits = list.resources.len() <= *most && list.total > 0;
                fits.then(ResponseFacts::default)
                    .ok_or_else(|| "another number of resources".to_owned())
            }
            Self::Page { count, total } => page(listed(text)?, *count, *total),
            Self::Next { count, total } => {
                let list = listed(text)?;
                let count = if list.next.is_none() {
                    list.resources.len().min(*count)
                } else {
                    *count
                };
                page(list, count, *total)
            }
            Self::Members(least) => members(parse(text)?, *least),
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn listed(text: &str) -> Result<Listed<'_>, String> {
    parse(text)
}

fn resource(text: &str, id: &str, holds: &str) -> Result<ResponseFacts, String> {
    let found = parse::<Named<'_>>(text)?;
    match found.id == id && text.contains(holds) {
        true => Ok(ResponseFacts::default()),
        false => Err(format!("not resource {id} with {holds}")),
    }
}

fn only(list: &Listed<'_>, id: Option<&str>) -> Result<ResponseFacts, String> {
    let ids: Vec<_> = list.resources.iter().map(|one| one.id.as_ref()).collect();
    let wanted: Vec<_> = id.into_iter().collect();
    match ids == wanted && list.total == wanted.len() as u64 {
        true => Ok(ResponseFacts::default()),
        false => Err(format!("not a list with only {wanted:?}")),
    }
}

fn page(list: Listed<'_>, count: usize, total: u64) -> Result<ResponseFacts, String> {
    if list.resources.len() != count || list.total != total {
        return Err(format!(
            "{} of {}, not {count} of {total}",
            list.resources.len(),
            list.total
        ));
    }
    let ids = list
        .resources
        .into_iter()
        .map(|one| one.id.into_owned())
        .collect();
    Ok(ResponseFacts {
        next: list.next,
        ids,
        id: None,
    })
}

fn members(group: Group<'_>, least: u64) -> Result<ResponseFacts, String> {
    if (group.members.len() as u64) < least {
        return Err(format!("{} members, not {least}", group.members.len()));
    }
    Ok(ResponseFacts {
        ids: group
            .members
            .into_iter()
            .map(|member| member.value.into_owned())
            .collect(),
        ..ResponseFacts::default()
    })
}

/// Text as part of a query.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
