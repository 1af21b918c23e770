//! What the store keeps of a document: its text, and what is derived from it.

use super::index::{self, IndexRow};
use super::layout::TypeLayout;
use super::statement::Arg;
use super::write::Written;
use crate::resource::hidden::undeclared;
use crate::resource::{Key, Resource};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A document as the store keeps it.
pub(super) struct Row {
    pub(super) text: String,
    pub(super) display: Option<String>,
    pub(super) display_key: Option<String>,
    pub(super) takes_seat: bool,
    pub(super) values: BTreeSet<IndexRow>,
}

impl Row {
    pub(super) fn of(of_type: &TypeLayout, attributes: &Map<String, Value>) -> Self {
        let resource_type = &of_type.resource_type;
        let display = Resource::display(resource_type, attributes);
        Self {
            text: document_text(of_type, attributes),
            display: display.map(str::to_owned),
            display_key: display.map(|text| Key::text(text, false).as_str().to_owned()),
            takes_seat: Resource::takes_seat(resource_type, attributes),
            values: index::values(of_type, attributes),
        }
    }
}

/// The columns of a row that a change writes.
pub(super) fn row_args(row: &Row, written: &Written) -> [Arg; 5] {
    [
        Arg::Text(row.text.clone()),
        Arg::OptText(row.display.clone()),
        Arg::OptText(row.display_key.clone()),
        Arg::OptText(written.password.clone()),
        Arg::Bool(row.takes_seat),
    ]
}

/// `schemas` first, then the attributes: what a client reads between the braces, but for `id`,
/// `meta` and memberships. Among `schemas` is also what is hidden, so that it is known to be there.
pub(super) fn document_text(of_type: &TypeLayout, attributes: &Map<String, Value>) -> String {
    let mut document = Map::new();
    let schemas = Resource::schemas(&of_type.resource_type, attributes);
    document.insert("schemas".into(), schemas.chain(undeclared(&of_type.resource_type, attributes)).collect());
    document.extend(attributes.iter().map(|(name, value)| (name.clone(), value.clone())));
    Value::Object(document).to_string()
}
