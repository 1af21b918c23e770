//! An event, and its JSON.

use crate::clock::Timestamp;
use crate::feed::event_type::EventType;
use crate::keyword::keywords;
use crate::store::{ChangeAction, ChangedMember};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use uuid::Uuid;

/// Size of an event's JSON, in bytes, above which the SCIM resource is omitted.
const LARGE: usize = 256 * 1024;

keywords! {
    /// The content of an event.
    Payload {
        /// The columns of the directory and the SCIM resource.
        Full = "full",
        /// The columns of the directory, without the SCIM resource.
        Mapped = "mapped",
        /// Only names of changes; the rest can be read by the id of the event.
        Thin = "thin",
    }
}

/// An event: a change for the application.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Id of the event, unchanged when it is sent again.
    pub id: String,
    /// The type.
    pub event_type: EventType,
    /// Time of the change. The order is that of `position`.
    pub timestamp: Timestamp,
    /// Position in the feed; the parts of a change share one.
    pub position: i64,
    /// Name of the tenant.
    pub tenant: String,
    /// Database id of the tenant; 0 for events about tenants for all readers.
    pub(crate) tenant_number: i64,
    /// The action.
    pub(crate) action: ChangeAction,
    /// The subject.
    pub(crate) data: EventData,
    /// Name of the token that made the change; `None` for the operator.
    pub token: Option<String>,
    /// Id of the request.
    pub request: Option<String>,
}

/// The subject of an event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum EventData {
    /// A resource.
    Resource(Box<Subject>),
    /// The tenant itself.
    Tenant(TenantChanged),
}

/// A tenant that was created, changed or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TenantChanged {
    /// Revision of the tenant.
    pub(crate) version: i64,
    /// The changed parts: `status` or `schemas`.
    pub(crate) changed: Vec<String>,
}

/// A resource that was created, changed or deleted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subject {
    /// Name of its type.
    pub(crate) resource_type: String,
    /// Id of the resource.
    pub(crate) id: Uuid,
    /// Path of the resource relative to the base URL, such as `/Users/01a2…`.
    pub(crate) path: String,
    /// Version of the resource after the change.
    pub(crate) version: i64,
    /// Names of changed attributes; attributes of extensions as `URN:name`.
    pub(crate) changed: Vec<String>,
    /// The columns of the directory; `None` for types without a view, or if the state is unknown.
    pub(crate) record: Option<Map<String, Value>>,
    /// The previous values of changed columns.
    pub(crate) previous: Option<Map<String, Value>>,
    /// JSON text of the SCIM representation, without members; `None` if the state is unknown.
    pub(crate) scim: Option<String>,
    /// The previous SCIM values of changed attributes; null if there was none.
    pub(crate) scim_previous: Option<Map<String, Value>>,
    /// Members that joined or left.
    pub(crate) members: Option<MemberChanges>,
    /// Whether the state is the current one, because none was stored with the change.
    pub(crate) is_reconstructed: bool,
}

/// Members that joined or left with a change, or a part of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberChanges {
    /// The members of this part.
    pub(crate) members: Vec<ChangedMember>,
    /// Number of the part, from 1.
    pub(crate) part: i64,
    /// Number of parts.
    pub(crate) parts: i64,
    /// Number of members that joined or left in all parts.
    pub(crate) count: i64,
}

impl Event {
    /// The JSON text of the event. A large one omits the SCIM resource and has `omitted`.
    pub fn json(&self, payload: Payload) -> String {
        let text = self.text(payload, false);
        match (payload, text.len() > LARGE) {
            (Payload::Full, true) => self.text(payload, true),
            _ => text,
        }
    }

    fn text(&self, payload: Payload, omits_scim: bool) -> String {
        let head = json!({
            "id": self.id,
            "type": self.event_type.to_string(),
            "timestamp": self.timestamp.to_string(),
            "position": self.position,
            "tenant": self.tenant,
        });
        let mut text = open(&head);
        text.push_str(",\"data\":");
        match &self.data {
            EventData::Resource(subject) => subject.write(&mut text, payload, omits_scim),
            EventData::Tenant(changed) => {
                let resource =
                    json!({"type": "Tenant", "id": self.tenant, "version": changed.version});
                let data = json!({"resource": resource, "changed": changed.changed});
                text.push_str(&data.to_string());
            }
        }
        let source = json!({"token": self.token, "request": self.request});
        // Writing to a string cannot fail.
        let _ = write!(text, ",\"source\":{source}}}");
        text
    }
}

impl Subject {
    fn write(&self, text: &mut String, payload: Payload, omits_scim: bool) {
        let resource = json!({"type": self.resource_type, "id": self.id, "version": self.version});
        let data = json!({"resource": resource, "changed": self.changed});
        text.push_str(&open(&data));
        let shows_scim = payload == Payload::Full && !omits_scim;
        let object = |value: &Option<Map<String, Value>>| value.clone().map(Value::Object);
        if payload != Payload::Thin {
            member(text, "record", object(&self.record));
            member(text, "previous", object(&self.previous));
        }
        if let Some(scim) = self.scim.as_ref().filter(|_| shows_scim) {
            let _ = write!(text, ",\"scim\":{scim}");
        }
        if shows_scim {
            member(text, "scimPrevious", object(&self.scim_previous));
        }
        if omits_scim {
            let mut omitted = vec!["scim"];
            omitted.extend(self.scim_previous.as_ref().map(|_| "scimPrevious"));
            member(text, "omitted", Some(omitted.into()));
        }
        let members = self.members.as_ref();
        member(
            text,
            "members",
            members.map(|members| members.json(payload)),
        );
        member(
            text,
            "reconstructed",
            self.is_reconstructed.then_some(true.into()),
        );
        text.push('}');
    }
}

impl MemberChanges {
    fn json(&self, payload: Payload) -> Value {
        let listed = |added: bool| {
            let members = self.members.iter().filter(|member| member.added == added);
            let each = members.map(|member| json!({"id": member.id, "type": member.resource_type}));
            each.collect::<Value>()
        };
        let mut members = Map::new();
        if payload != Payload::Thin {
            members.insert("added".into(), listed(true));
            members.insert("removed".into(), listed(false));
        }
        members.insert("part".into(), self.part.into());
        members.insert("parts".into(), self.parts.into());
        members.insert("count".into(), self.count.into());
        Value::Object(members)
    }
}

/// The text of an object without its closing brace.
fn open(object: &Value) -> String {
    let mut text = object.to_string();
    text.pop();
    text
}

fn member(text: &mut String, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        let _ = write!(text, ",\"{name}\":{value}");
    }
}
