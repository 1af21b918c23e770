//! The stored form of ignored parts of a request: a JSON array of objects.

use super::context::LogNote;
use super::left_out::Note;
use super::shape::Shape;
use crate::clock::Timestamp;
use crate::schema::Type;
use serde_json::{Map, Value, json};
use std::fmt;

/// An undeclared attribute that clients send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAttribute {
    /// Name of the resource type of the request.
    pub resource_type: String,
    /// The attribute in attribute notation, with its URN; or the URN of an extension, with its attributes as
    /// sub-attributes.
    pub name: String,
    /// The shape of its values.
    pub shape: Shape,
    /// Number of requests with it.
    pub count: u64,
    /// Time of the last occurrence.
    pub last: Timestamp,
}

/// The text of the notes of a request.
pub(crate) fn encode(notes: &[LogNote], more: usize) -> Option<String> {
    if notes.is_empty() {
        return None;
    }
    let rest = (more > 0).then(|| json!({"more": more}));
    Some(Value::Array(notes.iter().map(note).chain(rest).collect()).to_string())
}

fn note(noted: &LogNote) -> Value {
    match noted {
        LogNote::LeftOut(kind, note) => {
            let mut members = match note {
                Note::UnknownAttribute(name, shape) => {
                    let mut members = described(shape);
                    members.shift_insert(0, "attribute".to_owned(), name.as_str().into());
                    members
                }
                Note::UndeclaredSchema(urn) => {
                    Map::from_iter([("schema".to_owned(), urn.as_str().into())])
                }
                Note::UnresolvedMember(id) => {
                    Map::from_iter([("member".to_owned(), id.as_str().into())])
                }
                Note::UnfitValue(name) => {
                    Map::from_iter([("unfit".to_owned(), name.as_str().into())])
                }
                Note::KeptValue(name) => {
                    Map::from_iter([("kept".to_owned(), name.as_str().into())])
                }
                Note::Omitted(name) => {
                    Map::from_iter([("omitted".to_owned(), name.as_str().into())])
                }
            };
            members.insert("resourceType".into(), kind.name().as_ref().into());
            Value::Object(members)
        }
        LogNote::Failed {
            operation,
            status,
            scim_type,
            detail,
        } => {
            json!({"operation": operation, "status": status, "scimType": scim_type, "detail": detail})
        }
    }
}

fn described(shape: &Shape) -> Map<String, Value> {
    let mut members = Map::new();
    members.extend(
        shape
            .kind
            .map(|kind| ("type".to_owned(), kind.as_str().into())),
    );
    if shape.multi_valued {
        members.insert("multiValued".into(), true.into());
    }
    if !shape.sub_attributes.is_empty() {
        let subs = shape.sub_attributes.iter().map(|(name, shape)| {
            let mut sub = described(shape);
            sub.shift_insert(0, "name".to_owned(), name.as_str().into());
            Value::Object(sub)
        });
        members.insert("subAttributes".into(), subs.collect());
    }
    members
}

fn shape(members: &Map<String, Value>) -> Shape {
    let subs = members.get("subAttributes").and_then(Value::as_array);
    let sub = |sub: &Value| {
        Some((
            text(sub.as_object()?, "name")?.to_owned(),
            shape(sub.as_object()?),
        ))
    };
    Shape {
        kind: text(members, "type").and_then(Type::from_keyword),
        multi_valued: members
            .get("multiValued")
            .and_then(Value::as_bool)
            .unwrap_or_default(),
        sub_attributes: subs.into_iter().flatten().filter_map(sub).collect(),
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str()
}

fn decode(notes: &str) -> Vec<Value> {
    serde_json::from_str(notes).unwrap_or_default()
}

/// Adds the unknown attributes in the notes of a request to those of others.
pub(crate) fn count_unknown(notes: &str, at: Timestamp, counted: &mut Vec<UnknownAttribute>) {
    for note in decode(notes) {
        let Some(members) = note.as_object() else {
            continue;
        };
        let (Some(name), Some(kind)) = (text(members, "attribute"), text(members, "resourceType"))
        else {
            continue;
        };
        let same = |known: &&mut UnknownAttribute| {
            known.resource_type == kind && known.name.eq_ignore_ascii_case(name)
        };
        match counted.iter_mut().find(same) {
            Some(known) => {
                known.count += 1;
                known.last = known.last.max(at);
                known.shape.join(shape(members));
            }
            None => counted.push(UnknownAttribute {
                resource_type: kind.to_owned(),
                name: name.to_owned(),
                shape: shape(members),
                count: 1,
                last: at,
            }),
        }
    }
}

/// Names of ignored attributes, schemas and values of a request, without members.
pub(crate) fn names_left_out(notes: &str) -> Vec<String> {
    let name = |note: &Value| {
        let members = note.as_object()?;
        let of = |key| text(members, key);
        of("attribute")
            .or_else(|| of("schema"))
            .or_else(|| of("unfit"))
            .or_else(|| of("kept"))
            .map(str::to_owned)
    };
    decode(notes).iter().filter_map(name).collect()
}

/// The error of the first operation of a bulk request that failed.
pub(crate) fn first_failure(notes: &str) -> Option<String> {
    let is_failure = |note: &Value| {
        let members = note.as_object()?;
        members.get("operation")?;
        text(members, "detail").map(str::to_owned)
    };
    decode(notes).iter().find_map(is_failure)
}

/// The notes of a request as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteText(String);

impl NoteText {
    /// One line for each kind of note.
    pub fn read(notes: &str) -> Vec<Self> {
        let notes = decode(notes);
        let named = |key: &str| {
            notes
                .iter()
                .filter_map(|note| text(note.as_object()?, key))
                .collect::<Vec<_>>()
        };
        let listed = [
            ("attributes that no schema declares", named("attribute")),
            ("schemas that the type does not have", named("schema")),
            ("members that do not exist", named("member")),
            ("values that do not fit their attribute", named("unfit")),
            ("the removal of values that stay", named("kept")),
        ];
        let left = listed.into_iter().filter(|(_, names)| !names.is_empty());
        let left = left.map(|(what, names)| format!("left out: {what}: {}", names.join(", ")));
        let omitted = named("omitted");
        let omitted = omitted.iter().map(|name| {
            format!("a PUT without {name} of a resource that has some: the setting put-without-members decides whether they stay")
        });
        let failed = notes.iter().filter_map(|note| {
            let members = note.as_object()?;
            let (operation, status) = (members.get("operation")?, members.get("status")?);
            let kind = text(members, "scimType")
                .map(|kind| format!(" {kind}"))
                .unwrap_or_default();
            Some(format!(
                "operation {operation}: {status}{kind}: {}",
                text(members, "detail")?
            ))
        });
        let more = notes
            .iter()
            .filter_map(|note| Some(format!("and {} more", note.as_object()?.get("more")?)));
        left.chain(omitted)
            .chain(failed)
            .chain(more)
            .map(Self)
            .collect()
    }
}

impl fmt::Display for NoteText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
