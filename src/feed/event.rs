//! An event, and its JSON.

use crate::clock::Timestamp;
use crate::feed::event_type::EventType;
use crate::keyword::keywords;
use crate::store::{ChangeAction, ChangedMember};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use uuid::Uuid;

/// Bytes of an event's JSON from which the SCIM resource is left out.
const LARGE: usize = 256 * 1024;

keywords! {
    /// How much of an event is told.
    Payload {
        /// Everything.
        Full = "full",
        /// The columns of the directory, without the SCIM resource.
        Mapped = "mapped",
        /// What was changed; the rest is read by the id of the event.
        Thin = "thin",
    }
}

/// A change, as the application is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Id of the event: the same however often it is told.
    pub id: String,
    /// What happened.
    pub event_type: EventType,
    /// When it was made. Order is that of `position`.
    pub timestamp: Timestamp,
    /// Place in the feed; the parts of a change share one.
    pub position: i64,
    /// Name of the tenant.
    pub tenant: String,
    /// Number of the tenant; 0 for what is told of tenants to all.
    pub(crate) tenant_number: i64,
    /// What was done.
    pub(crate) action: ChangeAction,
    /// What it is about.
    pub(crate) data: EventData,
    /// Name of the token that made the change; `None` for the operator.
    pub token: Option<String>,
    /// Id of the request.
    pub request: Option<String>,
}

/// What an event is about.
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
    /// Counts the changes of the tenant.
    pub(crate) version: i64,
    /// What was changed: `status` or `schemas`.
    pub(crate) changed: Vec<String>,
}

/// A resource that was created, changed or deleted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subject {
    /// Name of its type.
    pub(crate) resource_type: String,
    /// Id of the resource.
    pub(crate) id: Uuid,
    /// Path of the resource behind the base URL, such as `/Users/01a2…`.
    pub(crate) path: String,
    /// Version of the resource after the change.
    pub(crate) version: i64,
    /// Names of the attributes that were changed, those of extensions as `URN:name`.
    pub(crate) changed: Vec<String>,
    /// The columns of the directory; `None` for types that it does not show, or if the state is not known.
    pub(crate) record: Option<Map<String, Value>>,
    /// The columns that changed, as they were.
    pub(crate) previous: Option<Map<String, Value>>,
    /// JSON text of the resource as SCIM shows it, without members; `None` if the state is not known.
    pub(crate) scim: Option<String>,
    /// The attributes that changed, as SCIM showed them before; null where one was not there.
    pub(crate) scim_previous: Option<Map<String, Value>>,
    /// Who joined or left.
    pub(crate) members: Option<MemberChanges>,
    /// Whether the state is that of now, as none was kept with the change.
    pub(crate) is_reconstructed: bool,
}

/// Members that joined or left with a change, or a part of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberChanges {
    /// The members of this part.
    pub(crate) members: Vec<ChangedMember>,
    /// Which part it is, counted from 1.
    pub(crate) part: i64,
    /// How many parts there are.
    pub(crate) parts: i64,
    /// How many members joined or left in all parts.
    pub(crate) count: i64,
}

impl Event {
    /// The JSON text of the event. A large one is told without the SCIM resource, and says so.
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
