//! A document to be written: its text, and the values that the store derives from it.

use crate::model::{display, takes_seat};
use crate::resource::{Attributes, Key, StoredDocument};
use crate::schema::ResourceType;
use crate::store::db::args::Arg;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::index;
use crate::store::resources::lookup::Looked;

/// A document to be written.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// The attributes, without memberships.
    pub attributes: Attributes,
    /// The attributes as stored text.
    pub document: StoredDocument,
    /// The password's digest, if the tenant stores passwords and this write sets one.
    pub password: Option<String>,
}

impl NewDocument {
    /// The attributes of a resource of a type, and the digest of its password.
    pub fn new(
        resource_type: &ResourceType,
        attributes: Attributes,
        password: Option<String>,
    ) -> Self {
        Self {
            document: StoredDocument::new(resource_type, &attributes),
            attributes,
            password,
        }
    }
}

/// Columns that the store derives from a document, in addition to its text and index rows.
pub(in crate::store) struct DerivedColumns {
    pub(in crate::store) display: Option<String>,
    pub(in crate::store) display_key: Option<String>,
    pub(in crate::store) takes_seat: bool,
    pub(in crate::store) looked: Looked,
    /// The searchable values that have no row in the index, as text.
    pub(in crate::store) scanned: String,
}

impl DerivedColumns {
    pub(in crate::store) fn of(of_type: &TypeIds, attributes: &Attributes) -> Self {
        let resource_type = &of_type.resource_type;
        let display = display(resource_type, attributes);
        Self {
            display: display.map(str::to_owned),
            display_key: display.map(|text| Key::text(text, false).as_str().to_owned()),
            takes_seat: takes_seat(resource_type, attributes),
            looked: of_type.lookups.values(attributes),
            scanned: index::scanned(of_type, attributes),
        }
    }
}

/// Values of the columns by name, for the statements that write a resource.
pub(in crate::store) fn column_values(
    row: &DerivedColumns,
    written: &NewDocument,
) -> [(&'static str, Arg); 9] {
    let [first, second, third] = row.looked.clone().map(Arg::OptText);
    [
        ("document", Arg::Text(written.document.as_str().to_owned())),
        ("display", Arg::OptText(row.display.clone())),
        ("display_key", Arg::OptText(row.display_key.clone())),
        ("password", Arg::OptText(written.password.clone())),
        ("takes_seat", Arg::Bool(row.takes_seat)),
        ("lookup_1", first),
        ("lookup_2", second),
        ("lookup_3", third),
        ("scanned", Arg::Text(row.scanned.clone())),
    ]
}
