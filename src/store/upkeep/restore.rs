//! Puts right what is derived from one resource.

use crate::store::db::statement::{Arg, Batch, Statement};
use crate::store::resources::document::Row as Derived;
use crate::store::resources::index::{self, IndexRow};
use crate::store::{Store, StoreError};
use std::collections::BTreeSet;

/// What became of a resource whose derived rows differed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum Restored {
    Done,
    /// It was changed since it was read.
    Overtaken,
    /// Another resource has a value that must be unique.
    Taken,
}

impl Restored {
    /// Why it could not be repaired, if so.
    pub(in crate::store) fn why_not(self) -> Option<&'static str> {
        match self {
            Self::Done => None,
            Self::Overtaken => Some("it was changed meanwhile"),
            Self::Taken => Some("another resource has a value that must be unique"),
        }
    }
}

/// A resource that differs, as it was read.
pub(in crate::store) struct Restoration {
    pub(in crate::store) store: Store,
    pub(in crate::store) tenant: i64,
    pub(in crate::store) seq: i64,
    pub(in crate::store) revision: i64,
    pub(in crate::store) derived: Derived,
    pub(in crate::store) surplus: BTreeSet<IndexRow>,
    pub(in crate::store) lacking: BTreeSet<IndexRow>,
}

impl Restoration {
    /// First takes away what is too much: among it may be what stands in the way of what lacks.
    pub(in crate::store) async fn run(self) -> Result<Restored, StoreError> {
        let mut revision = self.revision;
        if !self.surplus.is_empty() {
            let removing = || {
                index::remove(self.columns(revision), self.tenant, self.seq, &self.surplus)
                    .then("answer", Statement::new(ANSWER, vec![]))
            };
            match self.store.write_retrying(removing).await?.first() {
                Some(row) => revision = row.int(0)?,
                None => return Ok(Restored::Overtaken),
            }
            if self.lacking.is_empty() {
                return Ok(Restored::Done);
            }
        }
        let adding = || {
            index::add(self.columns(revision), self.tenant, self.seq, &self.lacking)
                .then("answer", Statement::new(ANSWER, vec![]))
        };
        match self.store.write_retrying(adding).await {
            Ok(rows) if rows.is_empty() => Ok(Restored::Overtaken),
            Err(StoreError::Unique(_)) => Ok(Restored::Taken),
            Ok(_) => Ok(Restored::Done),
            Err(error) => Err(error),
        }
    }

    /// Writes what stands beside the document, if that is as it was read.
    fn columns(&self, revision: i64) -> Batch {
        let [first, second, third] = self.derived.looked.clone().map(Arg::OptText);
        let columns = vec![
            Arg::Int(self.tenant),
            Arg::Int(self.seq),
            Arg::Int(revision),
            Arg::OptText(self.derived.display.clone()),
            Arg::OptText(self.derived.display_key.clone()),
            Arg::Bool(self.derived.takes_seat),
            first,
            second,
            third,
        ];
        Batch::default().then("written", Statement::new(RESTORE, columns))
    }
}

/// A write that waited for this one does not see the rows that came with it: by the revision it
/// learns that it has to read again.
const RESTORE: &str = "update resource set display = $4, display_key = $5, takes_seat = $6, \
     lookup_1 = $7, lookup_2 = $8, lookup_3 = $9, revision = revision + 1 \
     where tenant = $1 and seq = $2 and revision = $3 returning seq, revision";
const ANSWER: &str = "select revision from {written}";
