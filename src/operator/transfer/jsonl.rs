//! Parses a line to a valid resource, or to members that continue those of the previous resource.

use super::format::OWN;
use crate::access::Caller;
use crate::clock::Timestamp;
use crate::error::{Result, ScimError};
use crate::patch::member_ids;
use crate::resource::accept::{Accepted, accept, assign_defaults};
use crate::resource::entries::entries;
use crate::resource::json::read_object;
use crate::resource::limits::ValueLimits;
use crate::resource::{Acceptance, LeftOut, Meta};
use crate::schema::ResourceType;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::{Builder, Uuid};

/// Maximum nesting depth of a line.
const DEPTH: usize = 32;

/// The content of a line.
#[derive(Debug)]
pub(super) enum Line {
    /// A resource.
    Resource(Box<Record>),
    /// More members of the previous resource.
    Members { group: Uuid, members: Vec<Uuid> },
}

/// A resource in a line.
#[derive(Debug)]
pub(super) struct Record {
    /// Number of the line.
    pub(super) number: u64,
    /// Id of the resource.
    pub(super) id: Uuid,
    /// Whether the line has no id, so that it was derived from the unique values.
    pub(super) is_id_made: bool,
    /// Type of the resource.
    pub(super) resource_type: Arc<ResourceType>,
    /// Attributes of the resource, without members.
    pub(super) accepted: Accepted,
    /// Version and times.
    pub(super) meta: Option<Meta>,
    /// Whether the line is the complete state of a resource of this server, which is stored unchanged.
    pub(super) is_state: bool,
    /// Digest of the password.
    pub(super) digest: Option<String>,
    /// Members of the resource, if the line has any.
    pub(super) members: Option<Vec<Uuid>>,
}

/// Parses the line with that number.
///
/// # Errors
/// 400 with the error of the line.
pub(super) fn parse(
    caller: &Caller,
    limits: &ValueLimits,
    number: u64,
    text: &[u8],
    left_out: &mut Vec<LeftOut>,
) -> Result<Line> {
    let mut body = read_object(text, DEPTH)?;
    let own = body.shift_remove(OWN).unwrap_or_default();
    if let Some(group) = own.get("membersOf") {
        return continued(group, &body);
    }
    let resource_type = resource_type_of(caller, &body)?;
    let sent_id = body
        .shift_remove("id")
        .and_then(|id| id.as_str().map(str::to_owned));
    let meta = body.shift_remove("meta").unwrap_or_default();
    let is_state = version(&meta).is_some()
        && sent_id
            .as_deref()
            .is_some_and(|id| Uuid::parse_str(id).is_ok());
    let members = members_in(&resource_type, &mut body, is_state)?;
    let accepted = accepted(caller, limits, &resource_type, body, is_state, left_out)?;
    let is_id_made = sent_id.is_none();
    let id = sent_id.map_or_else(
        || own_id(&resource_type, &accepted, number),
        |id| id_for(&id),
    );
    Ok(Line::Resource(Box::new(Record {
        number,
        id,
        is_id_made,
        resource_type,
        accepted,
        meta: read_meta(&meta),
        is_state,
        digest: digest(&own)?,
        members,
    })))
}

fn continued(group: &Value, body: &Map<String, Value>) -> Result<Line> {
    let group = group.as_str().map(id_for).ok_or_else(|| {
        ScimError::invalid_value(format!(
            "\"membersOf\" in \"{OWN}\" must be the id of a resource."
        ))
    })?;
    let members = body
        .values()
        .next()
        .ok_or_else(|| ScimError::invalid_value("The line names no members."))?;
    Ok(Line::Members {
        group,
        members: ids(members)?,
    })
}

fn resource_type_of(caller: &Caller, body: &Map<String, Value>) -> Result<Arc<ResourceType>> {
    let named = body
        .get("meta")
        .and_then(|meta| meta.get("resourceType"))
        .and_then(Value::as_str);
    let schemas = || {
        body.get("schemas")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    };
    let has_schema = |resource_type: &&Arc<ResourceType>| {
        schemas().any(|urn| urn.eq_ignore_ascii_case(resource_type.schema().id()))
    };
    let found = named.and_then(|name| caller.catalog.by_name(name));
    found.or_else(|| caller.catalog.resource_types().iter().find(has_schema)).cloned().ok_or_else(|| {
        ScimError::invalid_value(
            "Neither \"meta.resourceType\" nor \"schemas\" names a resource type of this server: add its schema files.",
        )
    })
}

/// The members in a body; `None` if it has no list of members and is not a complete state.
fn members_in(
    resource_type: &ResourceType,
    body: &mut Map<String, Value>,
    is_state: bool,
) -> Result<Option<Vec<Uuid>>> {
    let Some(attribute) = resource_type.members() else {
        return Ok(None);
    };
    match body.shift_remove(attribute.name().as_ref()) {
        None | Some(Value::Null) => Ok(is_state.then(Vec::new)),
        Some(members) => ids(&members).map(Some),
    }
}

fn ids(members: &Value) -> Result<Vec<Uuid>> {
    Ok(member_ids(members)?.iter().map(|id| id_for(id)).collect())
}

fn accepted(
    caller: &Caller,
    limits: &ValueLimits,
    resource_type: &Arc<ResourceType>,
    body: Map<String, Value>,
    is_state: bool,
    left_out: &mut Vec<LeftOut>,
) -> Result<Accepted> {
    let mut sent = body.clone();
    sent.shift_remove("schemas");
    if let Some(mirror) = resource_type.member_of() {
        sent.shift_remove(mirror.name().as_ref());
    }
    let mut acceptance = Acceptance::new(caller.settings.conformance, limits);
    let mut accepted = accept(resource_type, body, &mut acceptance)?;
    left_out.append(&mut acceptance.left_out);
    if !is_state {
        assign_defaults(resource_type, &mut accepted);
    } else {
        // Equal except possibly for the order of sub-attributes, which would change for clients.
        accepted.attributes = accepted.attributes.in_order_of(sent);
    }
    Ok(accepted)
}

fn version(meta: &Value) -> Option<i64> {
    let tag = meta.get("version")?.as_str()?;
    tag.strip_prefix("W/\"")?
        .strip_suffix('"')?
        .parse()
        .ok()
        .filter(|version| *version > 0)
}

fn read_meta(meta: &Value) -> Option<Meta> {
    let moment = |name: &str| {
        let moment = Timestamp::parse(meta.get(name)?.as_str()?)?;
        Some(Timestamp::from_micros(moment.as_millis() * 1000))
    };
    let created = moment("created")?;
    Some(Meta {
        version: version(meta).unwrap_or(1),
        created,
        modified: moment("lastModified").unwrap_or(created),
    })
}

fn digest(own: &Value) -> Result<Option<String>> {
    let Some(digest) = own.get("password") else {
        return Ok(None);
    };
    let digest = digest
        .as_str()
        .filter(|digest| digest.starts_with("$argon2id$"));
    let digest = digest.ok_or_else(|| {
        ScimError::invalid_value(format!(
            "\"password\" in \"{OWN}\" is not an argon2id digest."
        ))
    })?;
    Ok(Some(digest.to_owned()))
}

/// The id for the text of an id. An id that is not a UUID always results in the same one, so that memberships are
/// preserved and another run finds the resources of the first one.
fn id_for(text: &str) -> Uuid {
    Uuid::parse_str(text).unwrap_or_else(|_| made_from(&["id", text]))
}

/// The id for a resource without one: from its unique values, or else from all its attributes and the line number.
fn own_id(resource_type: &ResourceType, accepted: &Accepted, number: u64) -> Uuid {
    let is_unique = |leaf: usize| {
        resource_type
            .leaves()
            .get(leaf)
            .is_some_and(|path| path.end().is_unique())
    };
    let entries = entries(resource_type, &accepted.attributes);
    let unique: Vec<&str> = entries
        .iter()
        .filter(|entry| is_unique(entry.leaf))
        .map(|entry| entry.key.as_str())
        .collect();
    if unique.is_empty() {
        let all = Value::from(accepted.attributes.clone()).to_string();
        return made_from(&[resource_type.name(), &number.to_string(), &all]);
    }
    made_from(&[&[resource_type.name().as_ref()], unique.as_slice()].concat())
}

fn made_from(parts: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash.finalize()) {
        *byte = hashed;
    }
    Builder::from_custom_bytes(bytes).into_uuid()
}
