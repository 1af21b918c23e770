//! Security event tokens of an event (RFC 8417, RFC 9967): their claims.

use crate::delivery::options::StreamMode;
use crate::feed::{Event, EventData, MemberChanges, Subject};
use crate::messages::patch_op;
use crate::resource::etag;
use crate::store::ChangeAction;
use serde_json::{Map, Value, json};

/// The prefix of event URIs (RFC 9967 section 2.4).
const PREFIX: &str = "urn:ietf:params:scim:event:prov:";

/// Size of the claims, in bytes, above which a token is a notice.
const LARGE: usize = 256 * 1024;

/// Claims that are common to the tokens of a stream.
#[derive(Debug, Clone)]
pub(super) struct StreamClaims {
    /// `iss`.
    pub(super) issuer: String,
    /// `aud`.
    pub(super) audience: Option<String>,
    /// Name of the stream.
    pub(super) stream: String,
    /// The content.
    pub(super) mode: StreamMode,
}

/// The claims of one token.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TokenClaims {
    /// Number of the token within its event, from 1.
    pub(super) number: i64,
    /// `jti`.
    pub(super) id: String,
    /// All claims.
    pub(super) claims: Value,
}

/// The tokens of an event: one for the change, another for activation or deactivation. For a change with many members
/// only the first part has tokens. Events of tenants have none.
pub(super) fn tokens_of(event: &Event, stream: &StreamClaims) -> Vec<TokenClaims> {
    let EventData::Resource(subject) = &event.data else {
        return Vec::new();
    };
    if subject
        .members
        .as_ref()
        .is_some_and(|members| members.part > 1)
    {
        return Vec::new();
    }
    let mut tokens = vec![change_token(event, subject, stream)];
    let switched = match event.event_type.verb() {
        "deactivated" => Some("deactivate"),
        "reactivated" => Some("activate"),
        _ => None,
    };
    if let Some(name) = switched {
        let payload = json!({"version": etag(subject.version)});
        tokens.push(token(event, subject, stream, (2, name, name), &payload));
    }
    tokens
}

/// The token of the change.
fn change_token(event: &Event, subject: &Subject, stream: &StreamClaims) -> TokenClaims {
    let has_members = subject.members.is_some();
    let name = match event.action {
        ChangeAction::Create => "create",
        // The new state would lack its members.
        ChangeAction::Replace if !has_members => "put",
        ChangeAction::Replace | ChangeAction::Modify => "patch",
        ChangeAction::Delete => {
            return token(event, subject, stream, (1, "delete", "delete"), &json!({}));
        }
    };
    if stream.mode == StreamMode::Full
        && let Some(data) = data(name, subject)
    {
        let payload = json!({"version": etag(subject.version), "data": data});
        let uri = format!("{name}:full");
        let full = token(event, subject, stream, (1, name, &uri), &payload);
        if full.claims.to_string().len() <= LARGE {
            return full;
        }
    }
    let payload = json!({"version": etag(subject.version), "attributes": subject.changed});
    let uri = format!("{name}:notice");
    token(event, subject, stream, (1, name, &uri), &payload)
}

fn token(
    event: &Event,
    subject: &Subject,
    stream: &StreamClaims,
    (number, name, uri): (i64, &str, &str),
    payload: &Value,
) -> TokenClaims {
    let id = format!("{}_{name}_{}", event.id, stream.stream);
    let mut subject_id = json!({
        "format": "scim",
        "uri": subject.path,
        "id": subject.id,
    });
    let external = resource(subject).and_then(|resource| resource.get("externalId").cloned());
    if let Some(external) = external {
        subject_id["externalId"] = external;
    }
    let mut claims = json!({
        "iss": stream.issuer,
        "iat": event.timestamp.as_micros().div_euclid(1_000_000),
        "jti": id,
        "txn": event.request.clone().unwrap_or_else(|| without_part(event)),
        "sub_id": subject_id,
        "events": {format!("{PREFIX}{uri}"): payload},
    });
    if let Some(audience) = &stream.audience {
        claims["aud"] = audience.as_str().into();
    }
    TokenClaims { number, id, claims }
}

/// The id of an event without its part.
fn without_part(event: &Event) -> String {
    let parts: Vec<_> = event.id.splitn(4, '_').take(3).collect();
    parts.join("_")
}

/// The resource after the change; `None` if unknown.
fn resource(subject: &Subject) -> Option<Map<String, Value>> {
    serde_json::from_str(subject.scim.as_ref()?).ok()
}

/// The data of a full token: the resource, or a PATCH from the previous to the new state. `None` if unknown, or in
/// several parts.
fn data(name: &str, subject: &Subject) -> Option<Value> {
    let members = subject.members.as_ref();
    if subject.is_reconstructed || members.is_some_and(|members| members.parts > 1) {
        return None;
    }
    let mut resource = resource(subject)?;
    if name != "patch" {
        if let Some(members) = members {
            let added = members.members.iter().filter(|member| member.added);
            let added =
                added.map(|member| json!({"value": member.id, "type": member.resource_type}));
            resource.insert("members".to_owned(), added.collect());
        }
        return Some(Value::Object(resource));
    }
    let of_members = members.map(|_| member_attribute(subject));
    let changed = subject.changed.iter();
    let changed = changed.filter(|name| Some(name.as_str()) != of_members);
    let mut operations: Vec<Value> = changed
        .map(|name| match value_of(&resource, name) {
            Some(value) => json!({"op": "replace", "path": name, "value": value}),
            None => json!({"op": "remove", "path": name}),
        })
        .collect();
    if let (Some(members), Some(attribute)) = (members, of_members) {
        operations.extend(member_operations(members, attribute));
    }
    Some(patch_op(&operations.into()))
}

/// The members attribute: the changed one that events omit.
fn member_attribute(subject: &Subject) -> &str {
    let mut changed = subject.changed.iter().rev();
    let named = changed.find(|name| name.as_str() == "members");
    let named = named.or(subject.changed.last());
    named.map_or("members", String::as_str)
}

fn member_operations(members: &MemberChanges, attribute: &str) -> Vec<Value> {
    let (added, removed): (Vec<_>, Vec<_>) = members.members.iter().partition(|one| one.added);
    let mut operations = Vec::new();
    if !added.is_empty() {
        let values = added.iter().map(|member| json!({"value": member.id}));
        let values: Value = values.collect();
        operations.push(json!({"op": "add", "path": attribute, "value": values}));
    }
    let removed = removed.iter();
    operations.extend(removed.map(|member| {
        json!({"op": "remove", "path": format!("{attribute}[value eq \"{}\"]", member.id)})
    }));
    operations
}

/// The value of an attribute, of an extension as `URN:name`.
fn value_of<'a>(resource: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    match name.rsplit_once(':') {
        Some((urn, name)) => resource.get(urn)?.get(name),
        None => resource.get(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::feed::EventType;
    use crate::protocol::EVENT_URIS;
    use crate::store::ChangedMember;
    use uuid::Uuid;

    const ID: &str = "44f6142d-f96b-4d61-8e75-21d9ab5d7e1c";

    fn subject(changed: &[&str]) -> Subject {
        let scim = json!({"id": ID, "externalId": "jdoe", "userName": "jdoe", "active": false,
            "urn:ext": {"department": "Sales"}});
        Subject {
            resource_type: "User".to_owned(),
            id: Uuid::parse_str(ID).unwrap(),
            path: format!("/Users/{ID}"),
            version: 7,
            changed: changed.iter().map(|name| (*name).to_owned()).collect(),
            record: None,
            previous: None,
            scim: Some(scim.to_string()),
            scim_previous: None,
            members: None,
            is_reconstructed: false,
        }
    }

    fn event(action: ChangeAction, verb: &'static str, subject: Subject) -> Event {
        Event {
            id: "evt_0000000000001_3".to_owned(),
            event_type: EventType::new("User", verb),
            timestamp: Timestamp::from_micros(1_458_496_404_123_000),
            position: 9,
            tenant: "acme".to_owned(),
            tenant_number: 3,
            action,
            data: EventData::Resource(Box::new(subject)),
            token: None,
            request: Some("r-1".to_owned()),
        }
    }

    fn stream(mode: StreamMode) -> StreamClaims {
        StreamClaims {
            issuer: "https://scim.example.com".to_owned(),
            audience: Some("https://events.example.com".to_owned()),
            stream: "app".to_owned(),
            mode,
        }
    }

    /// The URIs of the tokens with their payloads.
    fn events_in(event: &Event, mode: StreamMode) -> Vec<(String, Value)> {
        let tokens = tokens_of(event, &stream(mode));
        let events = tokens.iter().map(|token| {
            let events = token.claims["events"].as_object().unwrap();
            assert_eq!(events.len(), 1);
            let (uri, payload) = events.iter().next().unwrap();
            assert!(EVENT_URIS.contains(&uri.as_str()), "{uri}");
            (
                uri.strip_prefix(PREFIX).unwrap().to_owned(),
                payload.clone(),
            )
        });
        events.collect()
    }

    #[test]
    fn a_token_has_its_claims() {
        let created = event(ChangeAction::Create, "created", subject(&["userName"]));
        let tokens = tokens_of(&created, &stream(StreamMode::Notice));
        assert_eq!(tokens.len(), 1);
        assert_eq!(
            tokens[0].claims,
            json!({
                "iss": "https://scim.example.com",
                "aud": "https://events.example.com",
                "iat": 1_458_496_404,
                "jti": "evt_0000000000001_3_create_app",
                "txn": "r-1",
                "sub_id": {"format": "scim", "uri": format!("/Users/{ID}"), "id": ID, "externalId": "jdoe"},
                "events": {"urn:ietf:params:scim:event:prov:create:notice":
                    {"version": "W/\"7\"", "attributes": ["userName"]}},
            })
        );
    }

    #[test]
    fn each_change_has_its_events() {
        let notice = json!({"version": "W/\"7\"", "attributes": ["active"]});
        let version = json!({"version": "W/\"7\""});
        for (action, verb, expected) in [
            (
                ChangeAction::Create,
                "created",
                vec![("create:notice", notice.clone())],
            ),
            (
                ChangeAction::Replace,
                "updated",
                vec![("put:notice", notice.clone())],
            ),
            (
                ChangeAction::Modify,
                "updated",
                vec![("patch:notice", notice.clone())],
            ),
            (
                ChangeAction::Modify,
                "deactivated",
                vec![
                    ("patch:notice", notice.clone()),
                    ("deactivate", version.clone()),
                ],
            ),
            (
                ChangeAction::Replace,
                "reactivated",
                vec![
                    ("put:notice", notice.clone()),
                    ("activate", version.clone()),
                ],
            ),
            (ChangeAction::Delete, "deleted", vec![("delete", json!({}))]),
        ] {
            let changed = event(action, verb, subject(&["active"]));
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(uri, payload)| (uri.to_owned(), payload))
                .collect();
            assert_eq!(events_in(&changed, StreamMode::Notice), expected, "{verb}");
        }
    }

    #[test]
    fn a_full_token_has_the_resource_or_a_patch() {
        let full = |action| {
            events_in(
                &event(
                    action,
                    "updated",
                    subject(&["userName", "urn:ext:department", "title"]),
                ),
                StreamMode::Full,
            )
        };
        let resource: Value = serde_json::from_str(&subject(&[]).scim.unwrap()).unwrap();
        assert_eq!(full(ChangeAction::Create)[0].1["data"], resource);
        assert_eq!(
            full(ChangeAction::Replace)[0],
            (
                "put:full".to_owned(),
                json!({"version": "W/\"7\"", "data": resource})
            )
        );
        assert_eq!(
            full(ChangeAction::Modify)[0].1["data"],
            patch_op(&json!([
                {"op": "replace", "path": "userName", "value": "jdoe"},
                {"op": "replace", "path": "urn:ext:department", "value": "Sales"},
                {"op": "remove", "path": "title"}]))
        );
        let unknown = Subject {
            is_reconstructed: true,
            ..subject(&["title"])
        };
        let unknown = event(ChangeAction::Create, "created", unknown);
        assert_eq!(events_in(&unknown, StreamMode::Full)[0].0, "create:notice");
        let large = json!({"id": ID, "note": "x".repeat(LARGE)}).to_string();
        let large = Subject {
            scim: Some(large),
            ..subject(&["note"])
        };
        let large = event(ChangeAction::Create, "created", large);
        assert_eq!(events_in(&large, StreamMode::Full)[0].0, "create:notice");
    }

    #[test]
    fn members_are_a_difference() {
        let moved = |part, parts| {
            let member = |added| ChangedMember {
                id: Uuid::nil(),
                resource_type: Some("User".to_owned()),
                added,
            };
            let members = MemberChanges {
                members: vec![member(true), member(false)],
                part,
                parts,
                count: 2,
            };
            let subject = Subject {
                members: Some(members),
                ..subject(&["displayName", "members"])
            };
            event(ChangeAction::Replace, "members_changed", subject)
        };
        let [(uri, payload)] = events_in(&moved(1, 1), StreamMode::Full)
            .try_into()
            .unwrap();
        assert_eq!(uri, "patch:full");
        let nobody = Uuid::nil();
        assert_eq!(
            payload["data"]["Operations"],
            json!([
                {"op": "remove", "path": "displayName"},
                {"op": "add", "path": "members", "value": [{"value": nobody}]},
                {"op": "remove", "path": format!("members[value eq \"{nobody}\"]")}])
        );
        assert_eq!(
            events_in(&moved(1, 2), StreamMode::Full)[0].0,
            "patch:notice"
        );
        assert!(events_in(&moved(2, 2), StreamMode::Full).is_empty());
    }
}
