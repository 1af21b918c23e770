//! A document as it is written: its text, and what the store keeps of it beside that.

use crate::resource::hidden::undeclared;
use crate::resource::{Key, Resource};
use crate::schema::ResourceType;
use crate::store::db::args::Arg;
use crate::store::resources::ids::TypeLayout;
use crate::store::resources::lookup::Looked;
use serde_json::{Map, Value};
use std::fmt::Write;

/// What is written of a resource's document.
#[derive(Debug, Clone)]
pub struct Written {
    /// The attributes, without memberships.
    pub attributes: Map<String, Value>,
    /// The same as text, as it is stored.
    pub document: String,
    /// The password's digest, if the tenant keeps passwords and this write sets one.
    pub password: Option<String>,
}

impl Written {
    /// The attributes of a resource of a type, and the digest of its password.
    pub fn new(
        resource_type: &ResourceType,
        attributes: Map<String, Value>,
        password: Option<String>,
    ) -> Self {
        Self {
            document: document_text(resource_type, &attributes),
            attributes,
            password,
        }
    }
}

/// What the store keeps of a document beside its text and its values.
pub(in crate::store) struct Row {
    pub(in crate::store) display: Option<String>,
    pub(in crate::store) display_key: Option<String>,
    pub(in crate::store) takes_seat: bool,
    pub(in crate::store) looked: Looked,
}

impl Row {
    pub(in crate::store) fn of(of_type: &TypeLayout, attributes: &Map<String, Value>) -> Self {
        let resource_type = &of_type.resource_type;
        let display = Resource::display(resource_type, attributes);
        Self {
            display: display.map(str::to_owned),
            display_key: display.map(|text| Key::text(text, false).as_str().to_owned()),
            takes_seat: Resource::takes_seat(resource_type, attributes),
            looked: of_type.lookups.values(attributes),
        }
    }
}

/// Values of the columns by name, for the statements that write a resource.
pub(in crate::store) fn row_values(row: &Row, written: &Written) -> [(&'static str, Arg); 8] {
    let [first, second, third] = row.looked.clone().map(Arg::OptText);
    [
        ("document", Arg::Text(written.document.clone())),
        ("display", Arg::OptText(row.display.clone())),
        ("display_key", Arg::OptText(row.display_key.clone())),
        ("password", Arg::OptText(written.password.clone())),
        ("takes_seat", Arg::Bool(row.takes_seat)),
        ("lookup_1", first),
        ("lookup_2", second),
        ("lookup_3", third),
    ]
}

/// `schemas` first, then the attributes: what a client reads between the braces, but for `id`,
/// `meta` and memberships. Among `schemas` is also what is hidden, so that it is known to be there.
fn document_text(resource_type: &ResourceType, attributes: &Map<String, Value>) -> String {
    let schemas = Resource::schemas(resource_type, attributes);
    let schemas: Value = schemas
        .chain(undeclared(resource_type, attributes))
        .collect();
    let mut text = String::with_capacity(1024);
    // Writing to a string cannot fail.
    let _ = write!(text, "{{\"schemas\":{schemas}");
    for (name, value) in attributes {
        let _ = write!(text, ",{}:{value}", Value::from(name.as_str()));
    }
    text.push('}');
    text
}

/// Names of the top-level attributes that differ.
pub fn changed_names<'a>(was: &'a Map<String, Value>, is: &'a Map<String, Value>) -> Vec<&'a str> {
    let names = was
        .keys()
        .chain(is.keys().filter(|name| !was.contains_key(*name)));
    names
        .filter(|name| was.get(*name) != is.get(*name))
        .map(String::as_str)
        .collect()
}

/// The attributes of these names.
pub(in crate::store) fn only(
    attributes: &Map<String, Value>,
    names: &[&str],
) -> Map<String, Value> {
    let named = names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), attributes.get(*name)?.clone())));
    named.collect()
}
