//! A request of the provisioning log, as text and as JSON.

use crate::operator::RequestShape;
use crate::request_log::NoteText;
use serde_json::Value;

/// A request in one line, followed by the error and the ignored parts.
pub(in crate::cli) fn text(request: &RequestShape) -> String {
    let path = path(request);
    let mut text = format!(
        "{}  {}  {:6}  {path:43}  {:>6} ms  {}  {}  {}",
        request.time,
        request.status,
        request.method,
        request.milliseconds,
        request.token,
        request.client.as_deref().unwrap_or("-"),
        request.request
    );
    for (name, value) in remarks(request) {
        text.push_str(&format!("\n    {name}: {value}"));
    }
    printable(&text)
}

/// A short form of a request, for the last request of a tenant.
pub(in crate::cli) fn summary(request: &RequestShape) -> String {
    let client = request
        .client
        .as_deref()
        .map(|client| format!(", {client}"))
        .unwrap_or_default();
    printable(&format!(
        "{}  {} {} {}{client}",
        request.time,
        request.method,
        path(request),
        request.status
    ))
}

/// All facts about a request.
pub(super) fn facts(request: &RequestShape) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("time", request.time.clone()),
        ("request", request.request.clone()),
        ("token", format!("{} ({})", request.token, request.token_id)),
        (
            "client",
            request.client.clone().unwrap_or_else(|| "-".to_owned()),
        ),
        ("asked", format!("{} {}", request.method, path(request))),
        ("status", request.status.to_string()),
        ("took", format!("{} ms", request.milliseconds)),
    ];
    facts.extend(remarks(request));
    facts.extend(request.body.as_ref().map(|body| ("body", body_text(body))));
    facts
        .into_iter()
        .map(|(name, value)| (name, printable(&value)))
        .collect()
}

/// Facts that are printed below the line of a request.
fn remarks(request: &RequestShape) -> Vec<(&'static str, String)> {
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
    let changed = Some(request.changed.join(", ")).filter(|_| !request.changed.is_empty());
    let changed = changed.map(|names| ("changed", names));
    let notes = NoteText::read(&request.notes.to_string());
    let notes = notes.iter().map(|note| ("note", note.to_string()));
    meant
        .into_iter()
        .chain(explained(request))
        .chain(detail)
        .chain(filter)
        .chain(changed)
        .chain(notes)
        .collect()
}

/// The explanation.
fn explained(request: &RequestShape) -> Vec<(&'static str, String)> {
    let Some(explanation) = &request.explanation else {
        return Vec::new();
    };
    vec![
        ("means", explanation.summary.clone()),
        ("turn", explanation.turn.clone()),
        ("tell", explanation.tell.clone()),
        ("retry", explanation.retry.clone()),
    ]
}

/// A recorded body: JSON or text.
fn body_text(body: &Value) -> String {
    match body {
        Value::String(text) => text.clone(),
        body => body.to_string(),
    }
}

/// The action, the outcome and the reason; `None` without an action, and for rows of earlier versions.
fn what(request: &RequestShape) -> Option<String> {
    let outcome = request.outcome.as_ref()?;
    if request.action.is_none() && outcome == "ok" {
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
    Some(format!("{action}{outcome}{reason}{proof}"))
}

/// The route with the id of the requested or created resource.
fn path(request: &RequestShape) -> String {
    match &request.resource {
        Some(id) if request.route.contains("{id}") => request.route.replace("{id}", id),
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
