//! A resource as verification reads it, compared with what its document requires.

use crate::resource::StoredDocument;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::resources::document::DerivedColumns;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::index::IndexRow;
use crate::store::resources::lookup::{Looked, looked};
use crate::store::upkeep::finding::{IndexedPaths, StalePart};
use std::collections::BTreeSet;
use uuid::Uuid;

/// A stored resource with its index rows.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) seq: i64,
    pub(super) source: Option<Source>,
    pub(super) rows: BTreeSet<IndexRow>,
    /// Rows that exist more than once.
    pub(super) repeated: BTreeSet<IndexRow>,
}

/// The document of a resource, and the columns that are derived from it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) id: Uuid,
    pub(super) revision: i64,
    pub(super) document: StoredDocument,
    pub(super) display: Option<String>,
    pub(super) display_key: Option<String>,
    pub(super) takes_seat: bool,
    pub(super) looked: Looked,
    /// `None` if scanned values have rows in the index.
    pub(super) scanned: Option<String>,
}

impl Stored {
    pub(super) fn new(seq: i64) -> Self {
        Self {
            seq,
            source: None,
            rows: BTreeSet::new(),
            repeated: BTreeSet::new(),
        }
    }

    /// The missing rows and the extra rows. A duplicate row is both.
    pub(super) fn against(
        &self,
        expected: &BTreeSet<IndexRow>,
    ) -> (BTreeSet<IndexRow>, BTreeSet<IndexRow>) {
        let lacking = expected.difference(&self.rows);
        let again = self.repeated.intersection(expected);
        let surplus = self.rows.difference(expected).chain(&self.repeated);
        (
            lacking.chain(again).cloned().collect(),
            surplus.cloned().collect(),
        )
    }

    /// Adds a row of [`STORED`].
    pub(super) fn take(&mut self, row: &Row) -> Result<(), StoreError> {
        if row.int(1)? == 0 {
            self.source = Some(Source {
                id: row.uuid(2)?,
                revision: row.int(3)?,
                takes_seat: row.bool(5)?,
                document: StoredDocument::from_stored(row.text(6)?),
                display: row.opt_text(7)?.map(str::to_owned),
                display_key: row.opt_text(8)?.map(str::to_owned),
                looked: looked(row, 9)?,
                scanned: row.opt_text(12)?.map(str::to_owned),
            });
            return Ok(());
        }
        let value = IndexRow {
            attribute: row.int(3)?,
            element: row.int(4)?,
            is_unique: row.bool(5)?,
            key: row.text(6)?.to_owned(),
            tail: row.opt_text(7)?.map(str::to_owned),
        };
        if let Some(again) = self.rows.replace(value) {
            self.repeated.insert(again);
        }
        Ok(())
    }
}

/// The columns of a resource that differ from its document.
pub(super) fn stale_columns(source: &Source, derived: &DerivedColumns) -> Vec<StalePart> {
    let is_display =
        (&source.display, &source.display_key) != (&derived.display, &derived.display_key);
    let scanned = source.scanned.as_ref();
    let columns = [
        (is_display, StalePart::Display),
        (source.looked != derived.looked, StalePart::Lookups),
        (
            scanned.is_some_and(|scanned| *scanned != derived.scanned),
            StalePart::Scanned,
        ),
        (source.takes_seat != derived.takes_seat, StalePart::Seat),
    ];
    columns
        .into_iter()
        .filter_map(|(is_stale, part)| is_stale.then_some(part))
        .collect()
}

/// The attributes of index rows, if there are any rows.
pub(super) fn paths(of_type: &TypeIds, rows: &BTreeSet<IndexRow>) -> Option<IndexedPaths> {
    let attributes: BTreeSet<i64> = rows.iter().map(|row| row.attribute).collect();
    let path = |attribute: i64| {
        of_type
            .attributes
            .iter()
            .zip(of_type.resource_type.leaves())
            .find(|(own, _)| **own == Some(attribute))
            .map(|(_, path)| path.to_string())
    };
    (!attributes.is_empty()).then(|| attributes.into_iter().map(path).collect())
}

/// The resources of a tenant and their index rows, in the order of their keys.
pub(super) const STORED: &str = "select seq, 0, id, revision, 0, takes_seat, document, display, display_key, \
       lookup_1, lookup_2, lookup_3, case when scanned_revision = revision then scanned end from resource where tenant = $1 \
     union all select seq, 1, null, attribute, element, is_unique, key, tail, null, null, null, null, null from attribute_value v where tenant = $1 \
       and not exists (select 1 from deleted_resource g where g.tenant = $1 and g.seq = v.seq) \
     order by 1";
