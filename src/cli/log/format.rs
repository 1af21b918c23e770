//! A request of the provisioning log, for people and for programs.

use crate::service::{LoggedRequest, NoteText, Outcome};
use serde_json::{Value, json};

/// One line, and below it why the request failed and what was omitted.
pub(in crate::cli) fn text(request: &LoggedRequest) -> String {
    let path = path(request);
    let mut text = format!(
        "{}  {}  {:6}  {path:43}  {:>6} ms  {}  {}  {}",
        request.at,
        request.status,
        request.method,
        request.micros / 1000,
        request.token_name,
        request.client.as_deref().unwrap_or("-"),
        request.request_id
    );
    for (name, value) in remarks(request) {
        text.push_str(&format!("\n    {name}: {value}"));
    }
    printable(&text)
}

/// A short form of a request, for the last request of a tenant.
pub(in crate::cli) fn summary(request: &LoggedRequest) -> String {
    let client = request
        .client
        .as_deref()
        .map(|client| format!(", {client}"))
        .unwrap_or_default();
    printable(&format!(
        "{}  {} {} {}{client}",
        request.at,
        request.method,
        path(request),
        request.status
    ))
}

/// All facts about a request.
pub(super) fn facts(request: &LoggedRequest) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("time", request.at.to_string()),
        ("request", request.request_id.clone()),
        (
            "token",
            format!("{} ({})", request.token_name, request.token_id),
        ),
        (
            "client",
            request.client.clone().unwrap_or_else(|| "-".to_owned()),
        ),
        ("asked", format!("{} {}", request.method, path(request))),
        ("status", request.status.to_string()),
        ("took", format!("{} ms", request.micros / 1000)),
    ];
    facts.extend(remarks(request));
    facts.extend(request.body.clone().map(|body| ("body", body)));
    facts
        .into_iter()
        .map(|(name, value)| (name, printable(&value)))
        .collect()
}

/// Facts that are printed below the line of a request.
fn remarks(request: &LoggedRequest) -> Vec<(&'static str, String)> {
    let kind = request
        .scim_type
        .as_ref()
        .map(|kind| format!("{kind}: "))
        .unwrap_or_default();
    let meant = what(request).map(|what| ("what", what));
    let detail = request
        .detail
        .as_ref()
        .map(|detail| ("why", format!("{kind}{detail}")));
    let filter = request.filter.clone().map(|filter| ("filter", filter));
    let changed = request
        .changed
        .as_ref()
        .map(|names| ("changed", names.replace(',', ", ")));
    let notes = NoteText::read(request.notes.as_deref().unwrap_or("[]"));
    let notes = notes.iter().map(|note| ("note", note.to_string()));
    meant
        .into_iter()
        .chain(detail)
        .chain(filter)
        .chain(changed)
        .chain(notes)
        .collect()
}

/// What the request meant, what became of it, and why; `None` for one that meant nothing in
/// particular, and for rows of earlier versions.
fn what(request: &LoggedRequest) -> Option<String> {
    let outcome = request.outcome?;
    if request.action.is_none() && outcome == Outcome::Ok {
        return None;
    }
    let action = request
        .action
        .as_ref()
        .map(|action| format!("{action} "))
        .unwrap_or_default();
    let reason = request
        .reason
        .as_ref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let proof = if request.unproved {
        " (not proved: only the public part of the token was sent)"
    } else {
        ""
    };
    Some(format!("{action}{}{reason}{proof}", outcome.as_str()))
}

/// The route with the id of the requested or created resource.
fn path(request: &LoggedRequest) -> String {
    match &request.resource {
        Some(id) if request.route.contains("{id}") => {
            request.route.replace("{id}", &id.to_string())
        }
        Some(id) => format!("{} {id}", request.route),
        None => request.route.clone(),
    }
}

/// The text without control characters, which could control a terminal.
pub(in crate::cli) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { '?' } else { c })
        .collect()
}

pub(in crate::cli) fn as_json(tenant: &str, request: &LoggedRequest) -> Value {
    let parsed = |text: &Option<String>| {
        text.as_deref()
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
    };
    let body = parsed(&request.body).or_else(|| request.body.clone().map(Value::from));
    let changed: Vec<&str> = request
        .changed
        .as_deref()
        .map(|names| names.split(',').collect())
        .unwrap_or_default();
    let mut shown = json!({
        "time": request.at.to_string(),
        "tenant": tenant,
        "token": &*request.token_name,
        "tokenId": &*request.token_id,
        "client": request.client,
        "method": request.method,
        "route": request.route,
        "resourceType": request.resource_type,
        "resource": request.resource.map(|id| id.to_string()),
        "status": request.status,
        "scimType": request.scim_type,
        "detail": request.detail,
        "filter": request.filter,
        "changed": changed,
        "notes": parsed(&request.notes).unwrap_or_else(|| json!([])),
        "milliseconds": request.micros / 1000,
        "request": request.request_id,
        "body": body,
        "outcome": request.outcome.map(Outcome::as_str),
        "action": request.action,
        "reason": request.reason,
    });
    if let (true, Some(members)) = (request.unproved, shown.as_object_mut()) {
        members.insert("unproved".to_owned(), true.into());
    }
    shown
}
