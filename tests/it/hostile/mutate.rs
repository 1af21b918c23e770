//! Random mutations of valid requests.

use super::percent;
use crate::harness::{Chance, ENTERPRISE, GROUP, USER};
use serde_json::{Map, Value, json};

const TEXTS: &[&str] = &[
    "",
    " ",
    "\u{0}",
    "x",
    "true",
    "False",
    "null",
    "work",
    "jane",
    "JANE",
    "' or 1=1 --",
    "%",
    "\\",
    "\"",
    "\u{1f600}",
    "e\u{301}",
    "\u{fdfa}",
    "members",
    "emails",
    "emails.value",
    "emails[type eq \"work\"].value",
    "emails[type eq \"work\"]",
    "members[value eq \"x\"]",
    "name.givenName",
    "userName",
    "active",
    "id",
    "schemas",
    "meta.version",
    "groups",
    "password",
    "add",
    "Replace",
    "remove",
    "2026-01-31T08:15:00Z",
    "W/\"1\"",
    "bulkId:1",
    "bulkId:",
    "/Users",
    "/Users/bulkId:1",
    "urn:",
    USER,
    GROUP,
    ENTERPRISE,
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    "01900000-0000-7000-8000-000000000000",
];

const TOKENS: &[&str] = &[
    "userName",
    "title",
    "active",
    "emails",
    "emails.value",
    "emails.type",
    "members",
    "members.value",
    "groups",
    "groups.type",
    "meta.created",
    "meta.version",
    "id",
    "schemas",
    "password",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    "nothing",
    "eq",
    "ne",
    "co",
    "sw",
    "ew",
    "gt",
    "ge",
    "lt",
    "le",
    "pr",
    "and",
    "or",
    "not",
    "(",
    ")",
    "[",
    "]",
    "\"x\"",
    "\"\"",
    "\"jane\"",
    "\"%\"",
    "true",
    "false",
    "null",
    "1",
    "-1",
    "1.5",
    "1e9",
    "\"2026-01-31T08:15:00Z\"",
    "\"\\u0041\"",
    "\"",
    ".",
    ",",
    "\\",
];

fn value(chance: &mut Chance) -> Value {
    match chance.within(0..16) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(chance.within(0..3)),
        3 => json!(-1),
        4 => json!(u64::MAX),
        5 => json!(1.5e300),
        6 => json!([]),
        7 => json!({}),
        8 => json!([[]]),
        9 => json!({"value": chance.one_of(TEXTS)}),
        10 => json!([chance.one_of(TEXTS)]),
        11 => {
            json!([{"value": chance.one_of(TEXTS), "type": chance.one_of(TEXTS), "primary": true}])
        }
        12 => json!(chance.one_of(TEXTS).repeat(chance.within(1..400))),
        _ => json!(chance.one_of(TEXTS)),
    }
}

/// Number of values in a document.
fn size(document: &Value) -> usize {
    1 + match document {
        Value::Array(values) => values.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        _ => 0,
    }
}

/// Replaces one value by another, or mutates a name.
pub(super) fn document(chance: &mut Chance, document: &mut Value) {
    let place = chance.within(0..size(document));
    at(chance, document, &mut place.clone());
}

fn at(chance: &mut Chance, document: &mut Value, place: &mut usize) {
    if *place == 0 {
        *place = usize::MAX;
        return change(chance, document);
    }
    *place -= 1;
    let inner: Vec<&mut Value> = match document {
        Value::Array(values) => values.iter_mut().collect(),
        Value::Object(members) => members.values_mut().collect(),
        _ => return,
    };
    for value in inner {
        if *place == usize::MAX {
            return;
        }
        at(chance, value, place);
    }
}

fn change(chance: &mut Chance, place: &mut Value) {
    match place {
        Value::Object(members) if chance.once_in(2) && !members.is_empty() => {
            spoil_a_name(chance, members);
        }
        Value::Array(values) if chance.once_in(2) && !values.is_empty() => {
            let copied = values[chance.within(0..values.len())].clone();
            let copies = chance.within(1..4);
            values.extend(std::iter::repeat_n(copied, copies));
        }
        _ if chance.once_in(8) => *place = json!([place.clone()]),
        _ => *place = value(chance),
    }
}

fn spoil_a_name(chance: &mut Chance, members: &mut Map<String, Value>) {
    let name = members
        .keys()
        .nth(chance.within(0..members.len()))
        .unwrap()
        .clone();
    let held = members.remove(&name).unwrap();
    match chance.within(0..5) {
        0 => {}
        1 => drop(members.insert(name.to_ascii_uppercase(), held)),
        2 => drop(members.insert(chance.one_of(TEXTS).to_owned(), held)),
        3 => {
            members.insert(format!("{name}.value"), held.clone());
            members.insert(name, held);
        }
        _ => {
            members.insert(chance.one_of(TEXTS).to_owned(), value(chance));
            members.insert(name, held);
        }
    }
}

/// Flips, removes, duplicates and inserts bytes.
pub(super) fn bytes(chance: &mut Chance, bytes: &mut Vec<u8>) {
    for _ in 0..chance.within(1..4) {
        if bytes.is_empty() {
            return;
        }
        let from = chance.within(0..bytes.len());
        let to = (from + chance.within(1..9)).min(bytes.len());
        match chance.within(0..5) {
            0 => bytes[from] = chance.byte(),
            1 => bytes[from] ^= 1 << chance.within(0..8),
            2 => drop(bytes.drain(from..to)),
            3 => bytes.extend_from_within(from..to),
            _ => {
                let text = chance.one_of(TEXTS).as_bytes();
                bytes.splice(from..from, text.iter().copied());
            }
        }
    }
}

pub(super) fn filter(chance: &mut Chance) -> String {
    if chance.once_in(2) {
        let tokens: Vec<_> = (0..chance.within(1..12))
            .map(|_| chance.one_of(TOKENS))
            .collect();
        return tokens.join(" ");
    }
    expression(chance, 4)
}

/// A filter that can be parsed, but perhaps not resolved.
fn expression(chance: &mut Chance, depth: usize) -> String {
    let inner = depth.saturating_sub(1);
    match chance.within(0..if depth == 0 { 2 } else { 6 }) {
        0 => format!("{} pr", chance.one_of(&TOKENS[..16])),
        1 => format!(
            "{} {} {}",
            chance.one_of(&TOKENS[..17]),
            chance.one_of(&TOKENS[17..26]),
            json!(chance.one_of(TEXTS))
        ),
        2 => format!(
            "({} and {})",
            expression(chance, inner),
            expression(chance, inner)
        ),
        3 => format!(
            "({} or {})",
            expression(chance, inner),
            expression(chance, inner)
        ),
        4 => format!("not ({})", expression(chance, inner)),
        _ => {
            let (attribute, sub) = (
                chance.one_of(&["emails", "members", "groups", "addresses"]),
                chance.one_of(&["value", "type", "display", "primary"]),
            );
            format!(
                "{attribute}[{sub} {} {} or not (type pr)]",
                chance.one_of(&TOKENS[17..26]),
                json!(chance.one_of(TEXTS))
            )
        }
    }
}

/// A query string with parameters that a list has.
pub(super) fn query(chance: &mut Chance) -> String {
    let mut parts = Vec::new();
    for _ in 0..chance.within(1..4) {
        let text = chance.one_of(TEXTS);
        parts.push(match chance.within(0..8) {
            0 | 1 => format!("filter={}", percent(&filter(chance))),
            2 => format!("sortBy={}", percent(chance.one_of(&TOKENS[..17]))),
            3 => format!(
                "sortOrder={}",
                chance.one_of(&["ascending", "Descending", "", "x"])
            ),
            4 => format!(
                "startIndex={}",
                chance.one_of(&["0", "1", "2", "-5", "9223372036854775807", "x"])
            ),
            5 => format!(
                "count={}",
                chance.one_of(&["0", "1", "3", "-5", "9223372036854775807", ""])
            ),
            6 => format!(
                "{}={}",
                chance.one_of(&["attributes", "excludedAttributes"]),
                percent(&format!("{text},{}", chance.one_of(TEXTS)))
            ),
            _ => format!("cursor={}", percent(text)),
        });
    }
    format!("?{}", parts.join("&"))
}

/// A header line with an unexpected value.
pub(super) fn field(chance: &mut Chance) -> String {
    let name = chance.one_of(&[
        "If-Match",
        "If-None-Match",
        "Accept",
        "X-Request-Id",
        "Traceparent",
        "Accept-Language",
    ]);
    let value: String = chance
        .one_of(TEXTS)
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    format!("{name}: {value}\r\n")
}
