//! A resource in the columns of the directory, as in the views.

use crate::mapping::{Directory, DirectoryColumn, DirectoryTable};
use crate::resource::Meta;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Maximum number of characters of a lookup value, as in the views.
const MAX_LOOKUP_LENGTH: usize = 512;

/// The columns of a resource type; `None` without a view.
pub(super) fn table<'a>(
    directory: &'a Directory,
    resource_type: &str,
) -> Option<&'a DirectoryTable> {
    [&directory.users, &directory.groups]
        .into_iter()
        .find(|table| table.resource_type == resource_type)
}

/// The columns with their values: `id`, those of the mapping, and metadata.
pub(super) fn record(
    table: &DirectoryTable,
    id: Uuid,
    meta: &Meta,
    document: &Map<String, Value>,
) -> Map<String, Value> {
    let mut record = Map::new();
    record.insert("id".into(), id.to_string().into());
    record.extend(mapped(table, document));
    record.insert("created".into(), meta.created.to_string().into());
    record.insert("modified".into(), meta.modified.to_string().into());
    record.insert("version".into(), meta.version.into());
    record
}

/// The changed columns, with their previous values.
pub(super) fn previous(
    table: &DirectoryTable,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Map<String, Value> {
    mapped(table, before)
        .zip(mapped(table, after))
        .filter(|((_, was), (_, is))| was != is)
        .map(|(was, _)| was)
        .collect()
}

fn mapped<'a>(
    table: &'a DirectoryTable,
    document: &'a Map<String, Value>,
) -> impl Iterator<Item = (String, Value)> + 'a {
    let value = |column: &DirectoryColumn| {
        let found = column
            .sources
            .iter()
            .find_map(|source| source.value(document));
        found.filter(|value| column.lookup.is_none() || is_kept(value))
    };
    table
        .columns
        .iter()
        .map(move |column| (column.name.clone(), value(column).unwrap_or_default()))
}

fn is_kept(value: &Value) -> bool {
    value
        .as_str()
        .is_none_or(|text| text.chars().nth(MAX_LOOKUP_LENGTH).is_none())
}
