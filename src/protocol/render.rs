//! Rendering of stored resources. A complete document is spliced into the response as text; a tree is built only if
//! attributes have to be removed.

use crate::access::Caller;
use crate::error::{Result, ScimError};
use crate::messages::list_head;
use crate::resource::projection::Projection;
use crate::resource::{Attributes, Meta, StoredDocument, tolerance};
use crate::schema::{Attribute, ResourceType};
use crate::store::{Page, Related, Relations, StoredResource};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::sync::Arc;
use tokio::task::yield_now;
use uuid::fmt::Hyphenated;

/// Number of resources that are rendered before a yield. A page of 1,000 takes milliseconds, during which other
/// requests on the thread would wait.
const AT_ONCE: usize = 32;

/// A type, and the projection of its resources.
pub type Shape = (Arc<ResourceType>, Projection);

/// The memberships that a projection needs.
pub(crate) fn relations(resource_type: &ResourceType, projection: &Projection) -> Relations {
    let shows = |attribute: Option<_>| {
        attribute.is_some_and(|attribute: &Arc<_>| projection.shows(attribute))
    };
    Relations {
        members: shows(resource_type.members()),
        groups: shows(resource_type.member_of()),
        ..Relations::default()
    }
}

/// The URL of a resource.
pub(crate) fn location(caller: &Caller, resource_type: &ResourceType, id: uuid::Uuid) -> String {
    let mut text = String::with_capacity(128);
    push_location(&mut text, caller, resource_type, id);
    text
}

fn push_location(text: &mut String, caller: &Caller, resource_type: &ResourceType, id: uuid::Uuid) {
    text.push_str(&caller.base_url);
    text.push_str(resource_type.endpoint());
    text.push('/');
    push_id(text, id);
}

fn push_id(text: &mut String, id: uuid::Uuid) {
    let mut room = [0; Hyphenated::LENGTH];
    text.push_str(id.hyphenated().encode_lower(&mut room));
}

/// Appends a string as JSON. Text without characters to escape is copied.
fn push_string(text: &mut String, string: &str) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if string.bytes().all(is_plain) {
        text.push('"');
        text.push_str(string);
        text.push('"');
    } else {
        text.push_str(&Value::from(string).to_string());
    }
}

/// The attributes in a stored document.
pub(crate) fn attributes(document: &StoredDocument) -> Result<Attributes> {
    document.attributes().map_err(ScimError::internal)
}

/// The JSON text of a resource.
///
/// # Errors
/// 500 if the stored text is not a document.
pub fn resource(
    caller: &Caller,
    found: &StoredResource,
    projection: &Projection,
) -> Result<String> {
    let is_whole = projection.is_whole(&found.resource_type);
    if is_whole && !found.document.may_hold_undeclared(&found.resource_type) {
        return Ok(spliced(caller, found));
    }
    let resource_type = &found.resource_type;
    let mut attributes = attributes(&found.document)?;
    for (attribute, values) in relation_values(caller, found) {
        attributes.set_derived(attribute, Value::Array(values));
    }
    let has_members = found.relations.iter().any(|related| related.is_member);
    let mut shown = projection.apply(resource_type, &attributes);
    if let Some(members) = shown_when_empty(caller, resource_type)
        .filter(|members| projection.shows(members) && !has_members)
    {
        shown
            .entry(members.name().as_ref())
            .or_insert_with(|| Value::Array(Vec::new()));
    }
    let mut document = Map::new();
    document.insert("schemas".into(), resource_type.schemas_of(&shown).collect());
    document.insert("id".into(), found.id.to_string().into());
    document.extend(shown);
    if projection.shows_meta() {
        let mut meta = meta(caller, resource_type, found.id, &found.meta);
        meta.retain(|name, _| projection.shows_meta_part(name));
        if !meta.is_empty() {
            document.insert("meta".into(), Value::Object(meta));
        }
    }
    Ok(Value::Object(document).to_string())
}

/// The JSON text of a page of a list (RFC 7644 section 3.4.2). `paging` has the members about the page, as JSON
/// members; resources of types without a shape are omitted. The function yields to other requests.
///
/// # Errors
/// 500 if the stored text is not a document.
pub async fn list(caller: &Caller, page: &Page, paging: &str, shapes: &[Shape]) -> Result<String> {
    let mut text = String::with_capacity(256 + page.found.len() * 1024);
    text.push_str(&list_head(page.total, paging));
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\"itemsPerPage\":{},\"Resources\":[",
        page.found.len()
    );
    for (i, found) in page.found.iter().enumerate() {
        let Some(projection) = projection_of(found, shapes) else {
            continue;
        };
        if i > 0 {
            text.push(',');
        }
        if i % AT_ONCE == AT_ONCE - 1 {
            yield_now().await;
        }
        text.push_str(&resource(caller, found, projection)?);
    }
    text.push_str("]}");
    Ok(text)
}

/// The projection of a resource on a page.
pub(crate) fn projection_of<'a>(
    found: &StoredResource,
    shapes: &'a [Shape],
) -> Option<&'a Projection> {
    shapes
        .iter()
        .find(|(resource_type, _)| resource_type.name() == found.resource_type.name())
        .map(|(_, projection)| projection)
}

fn spliced(caller: &Caller, found: &StoredResource) -> String {
    let room = 512 + 200 * found.relations.len();
    let mut text = found.document.with_id(found.id, room);
    for (attribute, is_member) in [
        (found.resource_type.members(), true),
        (found.resource_type.member_of(), false),
    ] {
        relations_as_text(&mut text, caller, found, attribute, is_member);
    }
    end(&mut text, caller, found);
    text
}

/// The text of a resource before and after its members.
pub(crate) fn around_members(caller: &Caller, found: &StoredResource) -> (String, String) {
    let (mut before, mut after) = (found.document.with_id(found.id, 64), "]".to_owned());
    let name = found
        .resource_type
        .members()
        .map_or("", |members| members.name().as_ref());
    // Writing to a string cannot fail.
    let _ = write!(before, ",\"{name}\":[");
    relations_as_text(
        &mut after,
        caller,
        found,
        found.resource_type.member_of(),
        false,
    );
    end(&mut after, caller, found);
    (before, after)
}

fn end(text: &mut String, caller: &Caller, found: &StoredResource) {
    let (resource_type, meta) = (&found.resource_type, &found.meta);
    text.push_str(",\"meta\":{\"resourceType\":");
    push_string(text, resource_type.name());
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        ",\"created\":\"{}\",\"lastModified\":\"{}\",\"location\":",
        meta.created, meta.modified
    );
    push_string(text, &location(caller, resource_type, found.id));
    text.push_str(",\"version\":");
    push_string(text, &meta.etag());
    text.push_str("}}");
}

fn shown_when_empty<'a>(
    caller: &Caller,
    resource_type: &'a ResourceType,
) -> Option<&'a Arc<Attribute>> {
    if caller.settings.conformance.is_lenient() {
        tolerance::shown_when_empty(resource_type)
    } else {
        None
    }
}

fn relations_as_text(
    text: &mut String,
    caller: &Caller,
    found: &StoredResource,
    attribute: Option<&Arc<Attribute>>,
    is_member: bool,
) {
    let Some(attribute) = attribute else { return };
    let mut is_first = true;
    for related in found
        .relations
        .iter()
        .filter(|related| related.is_member == is_member)
    {
        let _ = if is_first {
            write!(text, ",\"{}\":[", attribute.name())
        } else {
            write!(text, ",")
        };
        is_first = false;
        relation(text, caller, related);
    }
    if !is_first {
        text.push(']');
    } else if is_member && shown_when_empty(caller, &found.resource_type).is_some() {
        let _ = write!(text, ",\"{}\":[]", attribute.name());
    }
}

/// Adds the JSON text of a membership.
pub(crate) fn relation(text: &mut String, caller: &Caller, related: &Related) {
    text.push_str("{\"value\":\"");
    push_id(text, related.id);
    text.push_str("\",\"$ref\":");
    push_string(text, &location(caller, &related.resource_type, related.id));
    if let Some(display) = &related.display {
        text.push_str(",\"display\":");
        push_string(text, display);
    }
    text.push_str(",\"type\":");
    push_string(text, relation_kind(related));
    text.push('}');
}

fn meta(
    caller: &Caller,
    resource_type: &ResourceType,
    id: uuid::Uuid,
    meta: &Meta,
) -> Map<String, Value> {
    let Value::Object(members) = json!({
        "resourceType": resource_type.name().as_ref(),
        "created": meta.created.to_string(),
        "lastModified": meta.modified.to_string(),
        "location": location(caller, resource_type, id),
        "version": meta.etag(),
    }) else {
        return Map::new();
    };
    members
}

fn relation_values<'a>(
    caller: &Caller,
    found: &'a StoredResource,
) -> Vec<(&'a Attribute, Vec<Value>)> {
    let resource_type = &found.resource_type;
    let each = [
        (resource_type.members(), true),
        (resource_type.member_of(), false),
    ];
    each.into_iter()
        .filter_map(|(attribute, is_member)| {
            let related = found
                .relations
                .iter()
                .filter(|related| related.is_member == is_member);
            let values: Vec<_> = related
                .map(|related| relation_value(caller, related))
                .collect();
            Some((attribute?.as_ref(), values)).filter(|(_, values)| !values.is_empty())
        })
        .collect()
}

fn relation_value(caller: &Caller, related: &Related) -> Value {
    let mut value = Map::new();
    value.insert("value".into(), related.id.to_string().into());
    value.insert(
        "$ref".into(),
        location(caller, &related.resource_type, related.id).into(),
    );
    if let Some(display) = &related.display {
        value.insert("display".into(), display.as_str().into());
    }
    value.insert("type".into(), relation_kind(related).into());
    Value::Object(value)
}

fn relation_kind(related: &Related) -> &str {
    match (related.is_member, related.is_direct) {
        (true, _) => related.resource_type.name().as_ref(),
        (false, true) => "direct",
        (false, false) => "indirect",
    }
}
