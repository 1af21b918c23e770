//! Repairs the derived rows of one resource.

use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Step;
use crate::store::handle::Store;
use crate::store::resources::document::DerivedColumns;
use crate::store::resources::index::{self, IndexRow};
use crate::store::upkeep::finding::Unrepaired;
use std::collections::BTreeSet;

/// The result for a resource whose derived rows differed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Restored {
    Done,
    /// The resource was changed since it was read.
    Overtaken,
    /// Another resource has the same unique value.
    Taken,
}

impl Restored {
    /// Why it could not be repaired, if so.
    pub(in crate::store) fn unrepaired(self) -> Option<Unrepaired> {
        match self {
            Self::Done => None,
            Self::Overtaken => Some(Unrepaired::Overtaken),
            Self::Taken => Some(Unrepaired::Taken),
        }
    }
}

/// A resource with differences.
pub(in crate::store) struct Restoration {
    pub(in crate::store) store: Store,
    pub(in crate::store) tenant: i64,
    pub(in crate::store) seq: i64,
    pub(in crate::store) revision: i64,
    pub(in crate::store) derived: DerivedColumns,
    pub(in crate::store) surplus: BTreeSet<IndexRow>,
    pub(in crate::store) lacking: BTreeSet<IndexRow>,
}

impl Restoration {
    /// Deletes surplus rows first: one of them may hold a unique value that a missing row needs.
    pub(in crate::store) async fn run(self) -> Result<Restored, StoreError> {
        let mut revision = self.revision;
        if !self.surplus.is_empty() {
            let removing = || {
                index::remove(self.columns(revision), self.tenant, self.seq, &self.surplus)
                    .then("answer", Step::new(ANSWER, vec![]))
            };
            match self.store.engine.write_retrying(removing).await?.first() {
                Some(row) => revision = row.int(0)?,
                None => return Ok(Restored::Overtaken),
            }
            if self.lacking.is_empty() {
                return Ok(Restored::Done);
            }
        }
        let adding = || {
            index::add(self.columns(revision), self.tenant, self.seq, &self.lacking)
                .then("answer", Step::new(ANSWER, vec![]))
        };
        match self.store.engine.write_retrying(adding).await {
            Ok(rows) if rows.is_empty() => Ok(Restored::Overtaken),
            Err(StoreError::Unique(_)) => Ok(Restored::Taken),
            Ok(_) => Ok(Restored::Done),
            Err(error) => Err(error),
        }
    }

    /// Writes the derived columns, if the resource is unchanged since the read.
    fn columns(&self, revision: i64) -> Batch {
        let [first, second, third] = self.derived.looked.clone().map(Arg::OptText);
        let columns = vec![
            ("tenant", Arg::Int(self.tenant)),
            ("seq", Arg::Int(self.seq)),
            ("revision", Arg::Int(revision)),
            ("display", Arg::OptText(self.derived.display.clone())),
            (
                "display_key",
                Arg::OptText(self.derived.display_key.clone()),
            ),
            ("takes_seat", Arg::Bool(self.derived.takes_seat)),
            ("lookup_1", first),
            ("lookup_2", second),
            ("lookup_3", third),
            ("scanned", Arg::Text(self.derived.scanned.clone())),
        ];
        let step = Step::bound(RESTORE, columns).returning(&["seq", "revision"]);
        Batch::new("resource.restore").then("written", step)
    }
}

/// A write that waited for this repair does not see the new rows; the changed revision makes it read again.
const RESTORE: &str = "update resource set display = {:display}, display_key = {:display_key}, takes_seat = {:takes_seat}, \
     lookup_1 = {:lookup_1}, lookup_2 = {:lookup_2}, lookup_3 = {:lookup_3}, scanned = {:scanned}, \
     scanned_revision = revision + 1, revision = revision + 1 \
     where tenant = {:tenant} and seq = {:seq} and revision = {:revision} returning seq, revision";
const ANSWER: &str = "select revision from {written}";
