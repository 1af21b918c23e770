//! A request of the provisioning log, for people and for programs.

use crate::explanation::Explanation;
use crate::guide::plain;
use crate::request_log::NoteText;
use crate::store::{LoggedRequest, Outcome};

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
        .chain(explained(request))
        .chain(detail)
        .chain(filter)
        .chain(changed)
        .chain(notes)
        .collect()
}

/// What that means to people.
fn explained(request: &LoggedRequest) -> Vec<(&'static str, String)> {
    let Some(explanation) = Explanation::of(request) else {
        return Vec::new();
    };
    let turn = explanation.turn.as_str();
    vec![
        ("means", plain(&explanation.summary)),
        ("turn", turn.to_owned()),
        ("tell", plain(&explanation.tell)),
        ("retry", plain(&explanation.retry)),
    ]
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
