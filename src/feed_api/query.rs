//! Query parameters of the change feed.

use super::problem::Problem;
use crate::feed::{SweepPlace, TypePatterns};
use crate::wire::layers::guard::decode;
use std::time::Duration;

/// Default and maximum number of events on a page.
const LIMIT: usize = 100;
const MAX: usize = 1000;
/// Maximum wait for an event, in seconds.
const MAX_WAIT: usize = 25;

/// The query of `/feed/v1/events`.
#[derive(Debug, Default)]
pub(super) struct EventsQuery {
    /// A cursor, `start` or `now`.
    pub(super) after: Option<String>,
    pub(super) limit: usize,
    pub(super) wait: Duration,
    pub(super) types: TypePatterns,
    /// Name of a tenant.
    pub(super) tenant: Option<String>,
}

impl EventsQuery {
    /// Reads the query of a URI.
    ///
    /// # Errors
    /// 400 for an unknown parameter or an invalid value.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut parsed = Self {
            limit: LIMIT,
            ..Self::default()
        };
        for (name, value) in parameters(query) {
            let value = value?;
            match name {
                "after" => parsed.after = Some(value),
                "tenant" => parsed.tenant = Some(value),
                "types" => parsed.types = TypePatterns::parse(&value).map_err(Problem::invalid)?,
                "limit" => parsed.limit = number("limit", &value, 1, MAX)?,
                "wait" => {
                    let seconds = number("wait", &value, 0, MAX_WAIT)?;
                    parsed.wait = Duration::from_secs(seconds as u64);
                }
                _ => {
                    return Err(Problem::invalid(format!(
                        "There is no parameter \"{name}\": use after, limit, wait, types and tenant."
                    )));
                }
            }
        }
        Ok(parsed)
    }
}

/// The query of `/feed/v1/resources`.
#[derive(Debug)]
pub(super) struct ResourcesArguments {
    pub(super) resource_type: String,
    pub(super) after: Option<SweepPlace>,
    pub(super) limit: usize,
    /// Name of a tenant.
    pub(super) tenant: Option<String>,
}

impl ResourcesArguments {
    /// Reads the query of a URI.
    ///
    /// # Errors
    /// 400 for an unknown parameter or an invalid value.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut parsed = Self {
            resource_type: String::new(),
            after: None,
            limit: MAX,
            tenant: None,
        };
        for (name, value) in parameters(query) {
            let value = value?;
            match name {
                "type" => parsed.resource_type = value,
                "tenant" => parsed.tenant = Some(value),
                "limit" => parsed.limit = number("limit", &value, 1, MAX)?,
                "after" => {
                    let none =
                        || Problem::invalid("\"after\" must be the \"next\" of the previous page.");
                    parsed.after = Some(SweepPlace::parse(&value).ok_or_else(none)?);
                }
                _ => {
                    return Err(Problem::invalid(format!(
                        "There is no parameter \"{name}\": use type, after, limit and tenant."
                    )));
                }
            }
        }
        if parsed.resource_type.is_empty() {
            return Err(Problem::invalid(
                "\"type\" is missing: User, Group, another resource type, or Membership.",
            ));
        }
        Ok(parsed)
    }
}

/// Names and values, decoded.
fn parameters(query: Option<&str>) -> impl Iterator<Item = (&str, Result<String, Problem>)> {
    let parameters = query.unwrap_or_default().split('&');
    parameters
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let (name, raw) = parameter.split_once('=').unwrap_or((parameter, ""));
            let none =
                || Problem::invalid(format!("\"{name}\" is not percent-encoded UTF-8 text."));
            (name, decode(raw).ok_or_else(none))
        })
}

fn number(name: &str, value: &str, least: usize, max: usize) -> Result<usize, Problem> {
    let number = value.parse().ok();
    number
        .filter(|number| (least..=max).contains(number))
        .ok_or_else(|| {
            Problem::invalid(format!(
                "\"{name}\" must be a number from {least} to {max}."
            ))
        })
}
