//! The mapping of the directory as JSON: one shape for commands and for the management API.

use crate::mapping::{Directory, DirectoryColumn, DirectoryTable, Undeclared};
use crate::store::{DirectoryState, Views};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The columns of a directory and the SQL of its views.
pub(crate) fn mapping_as_json(directory: &Directory, views: &Views) -> Value {
    let queries: Map<_, _> = views
        .queries()
        .map(|(name, query)| (name.to_owned(), query.into()))
        .collect();
    json!({
        "users": columns(&directory.users),
        "groups": columns(&directory.groups),
        "views": queries,
    })
}

/// The JSON form of a column of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnShape {
    /// Name of the column.
    pub(crate) column: String,
    /// Paths of its attributes; the first one with a value is used.
    pub(crate) paths: Vec<String>,
    /// Type of its values.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Whether it is a lookup column with an index.
    pub(crate) indexed: bool,
}

fn columns(table: &DirectoryTable) -> Value {
    let column = |column: &DirectoryColumn| ColumnShape {
        column: column.name.clone(),
        paths: column.paths.clone(),
        kind: column.kind.as_str().to_owned(),
        indexed: column.lookup.is_some(),
    };
    let columns: Vec<_> = table.columns.iter().map(column).collect();
    // Serializing texts and flags cannot fail.
    serde_json::to_value(columns).unwrap_or_default()
}

/// The state of the views in the database, a keyword.
pub(crate) fn directory_state_word(state: DirectoryState) -> &'static str {
    match state {
        DirectoryState::Ready => "ready",
        DirectoryState::Filling => "filling",
        DirectoryState::Different => "different",
        DirectoryState::Missing => "missing",
    }
}

/// The text for a path of the mapping that no schema declares.
pub(crate) fn undeclared_text(undeclared: &Undeclared) -> String {
    format!(
        "{}: no schema declares \"{}\"",
        undeclared.origin, undeclared.path
    )
}
