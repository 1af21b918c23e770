//! The mapping of the directory as JSON: one shape for commands and for the management API.

use crate::mapping::{Directory, DirectoryColumn, DirectoryTable, Undeclared};
use crate::store::{DirectoryState, Views};
use serde_json::{Map, Value, json};

/// The columns of a directory and the SQL of its views.
pub fn mapping_as_json(directory: &Directory, views: &Views) -> Value {
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

fn columns(table: &DirectoryTable) -> Vec<Value> {
    let column = |column: &DirectoryColumn| {
        json!({
            "column": column.name, "paths": column.paths, "type": column.kind.as_str(), "indexed": column.lookup.is_some(),
        })
    };
    table.columns.iter().map(column).collect()
}

/// The state of the views in the database, in a word.
pub fn directory_state_word(state: DirectoryState) -> &'static str {
    match state {
        DirectoryState::Ready => "ready",
        DirectoryState::Filling => "filling",
        DirectoryState::Different => "different",
        DirectoryState::Missing => "missing",
    }
}

/// A path of the mapping that no schema declares, in words.
pub fn undeclared_text(undeclared: &Undeclared) -> String {
    format!(
        "{}: no schema declares \"{}\"",
        undeclared.origin, undeclared.path
    )
}
