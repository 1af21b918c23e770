//! Changes of memberships by a patch. Memberships are rows, not part of a document, so an operation on the members
//! becomes a difference that does not require reading the member list (RFC 7644 section 3.5.2).

use super::path::listed;
use super::target::Place;
use super::value::required;
use super::{Verb, tolerance};
use crate::error::{Error, Problem, Result};
use crate::filter::{Filter, Predicate, resolve_value_filter};
use crate::resource::tolerance::member_from_text;
use crate::resource::{Acceptance, accept_element};
use crate::schema::{Attribute, ResourceType};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// A change of the members of a resource. Members are ids sent by the client; whether they exist is not known yet.
#[derive(Debug, Clone)]
pub enum MemberChange {
    /// These ids are added, unless they are members already.
    Add(Vec<String>),
    /// These ids are removed, if they are members.
    Remove(Vec<String>),
    /// Members that match a condition are removed. Targets of the condition are paths of the members attribute.
    RemoveMatching(Predicate),
    /// All members are removed.
    Clear,
    /// These ids replace all members.
    Replace(Vec<String>),
}

/// The distinct ids in a value of the members attribute, in the body of a resource or in a PATCH. A member without
/// `value` is identified by the end of its `$ref`.
///
/// # Errors
/// 400 `invalidValue` for a member with neither.
pub fn member_ids(members: &Value) -> Result<Vec<String>> {
    let each = members
        .as_array()
        .map_or(std::slice::from_ref(members), Vec::as_slice);
    let mut seen = HashSet::new();
    let mut ids = Vec::with_capacity(each.len());
    for member in each {
        let id = member
            .as_object()
            .and_then(member_id)
            .ok_or_else(nameless)?;
        if seen.insert(id) {
            ids.push(id.to_owned());
        }
    }
    Ok(ids)
}

fn member_id(member: &Map<String, Value>) -> Option<&str> {
    let text = |name: &str| member.get(name).and_then(Value::as_str);
    let id = text("value").or_else(|| text("$ref")?.trim_end_matches('/').rsplit('/').next())?;
    (!id.is_empty()).then_some(id)
}

fn nameless() -> Error {
    Error::invalid_value("A member has neither \"value\" nor \"$ref\" to identify the resource.")
}

/// The effect of an operation on the members attribute; `None`: no effect.
///
/// # Errors
/// 400 `mutability` for a sub-attribute: a member is added or removed as a whole; 400 `invalidValue` for a value
/// without members.
pub(super) fn change(
    resource_type: &ResourceType,
    place: &Place,
    verb: Verb,
    value: Option<Value>,
    acceptance: &mut Acceptance<'_>,
) -> Result<Option<MemberChange>> {
    if place.path.sub.is_some() {
        return Err(fixed(&place.path.to_string()));
    }
    let attribute = place.attribute().as_ref();
    let change = match (&place.filter, verb, value) {
        (Some(filter), Verb::Remove, _) => {
            remove_selected(resource_type, place, filter, acceptance)?
        }
        (Some(filter), _, value) => add_selected(attribute, filter, verb, value, acceptance)?,
        (None, Verb::Remove, None | Some(Value::Null)) => MemberChange::Clear,
        (None, Verb::Remove, Some(value)) => {
            let lenient = acceptance.conformance.is_lenient();
            let value = if lenient {
                tolerance::listed_under_name(attribute, value)
            } else {
                value
            };
            MemberChange::Remove(ids(attribute, value, acceptance)?)
        }
        (None, Verb::Add, value) => {
            MemberChange::Add(ids(attribute, required(value)?, acceptance)?)
        }
        (None, Verb::Replace, None) if acceptance.conformance.is_lenient() => {
            return Ok(tolerance::members_without_value());
        }
        (None, Verb::Replace, value) => {
            MemberChange::Replace(ids(attribute, required(value)?, acceptance)?)
        }
    };
    Ok((!change.is_idle()).then_some(change))
}

fn remove_selected(
    resource_type: &ResourceType,
    place: &Place,
    filter: &Filter,
    acceptance: &Acceptance<'_>,
) -> Result<MemberChange> {
    if let Some(ids) = listed(filter, "value") {
        return Ok(MemberChange::Remove(
            ids.into_iter().map(str::to_owned).collect(),
        ));
    }
    resolve_value_filter(filter, &place.path, resource_type, acceptance.conformance)
        .map(MemberChange::RemoveMatching)
}

/// The effect of `add` at `members[value eq "…"]`: the member is added, because a client cannot write other parts of a
/// membership.
fn add_selected(
    attribute: &Attribute,
    filter: &Filter,
    verb: Verb,
    value: Option<Value>,
    acceptance: &mut Acceptance<'_>,
) -> Result<MemberChange> {
    let lenient = acceptance.conformance.is_lenient();
    let named = listed(filter, "value").ok_or_else(|| {
        Error::no_target(format!(
            "The filter does not name members; \"{filter}\" cannot be added."
        ))
        .logged_as("The filter does not name members.")
    })?;
    let named: Vec<_> = named.into_iter().map(str::to_owned).collect();
    let given = match value {
        None if lenient => Vec::new(),
        value => ids_or_none(attribute, required(value)?, acceptance)?,
    };
    let others = given.iter().any(|id| !named.contains(id));
    if others || (verb == Verb::Replace && !lenient) {
        return Err(fixed(attribute.name()));
    }
    Ok(if lenient {
        tolerance::member_of_path(named)
    } else {
        MemberChange::Add(named)
    })
}

/// The members in a value, possibly none, because the path already has one.
fn ids_or_none(
    attribute: &Attribute,
    value: Value,
    acceptance: &mut Acceptance<'_>,
) -> Result<Vec<String>> {
    let accepted = accept_element(attribute, value, attribute.name(), acceptance)?;
    Ok(accepted
        .iter()
        .filter_map(Value::as_object)
        .filter_map(member_id)
        .map(str::to_owned)
        .collect())
}

/// The members in the value of an operation: an array, or a single one.
fn ids(
    attribute: &Attribute,
    value: Value,
    acceptance: &mut Acceptance<'_>,
) -> Result<Vec<String>> {
    let members = match value {
        Value::Array(members) => members,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    within_limit(members.len(), attribute, acceptance)?;
    let mut accepted = Vec::with_capacity(members.len());
    for member in members {
        let member = if acceptance.conformance.is_lenient() {
            member_from_text(member)
        } else {
            member
        };
        accepted.push(
            accept_element(attribute, member, attribute.name(), acceptance)?
                .ok_or_else(nameless)?,
        );
    }
    member_ids(&Value::Array(accepted))
}

fn within_limit(count: usize, attribute: &Attribute, acceptance: &Acceptance<'_>) -> Result<()> {
    let max = acceptance.limits.members;
    if count > max {
        return Err(too_many(attribute.name(), count, max));
    }
    Ok(())
}

fn too_many(name: &str, count: usize, max: usize) -> Error {
    Error::invalid_value(format!(
        "\"{name}\" names {count} members; at most {max} are allowed in one request."
    ))
    .about(Problem::TooManyMembers)
}

fn fixed(path: &str) -> Error {
    Error::mutability(format!(
        "\"{path}\" cannot be changed in a member: add or remove the member as a whole."
    ))
}

impl MemberChange {
    fn is_idle(&self) -> bool {
        matches!(self, Self::Add(ids) | Self::Remove(ids) if ids.is_empty())
    }

    /// Number of members in the change.
    fn named(&self) -> usize {
        match self {
            Self::Add(ids) | Self::Remove(ids) | Self::Replace(ids) => ids.len(),
            Self::RemoveMatching(_) | Self::Clear => 0,
        }
    }
}

/// Checks the total number of members in a request against the limit.
pub(super) fn all_within_limit(
    changes: &[MemberChange],
    acceptance: &Acceptance<'_>,
) -> Result<()> {
    let count: usize = changes.iter().map(MemberChange::named).sum();
    let max = acceptance.limits.members;
    if count > max {
        Err(too_many("members", count, max))
    } else {
        Ok(())
    }
}
