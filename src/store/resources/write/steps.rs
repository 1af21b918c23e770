//! Steps and values that several writes of resources share.

use crate::store::changes::append::Entry;
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Step;
use crate::store::handle::Store;
use crate::store::resources::document::{DerivedColumns, NewDocument, column_values};
use crate::store::resources::proof::ScopeClaim;
use crate::store::resources::write::context::{WriteContext, WriteOutcome};

impl Store {
    /// Runs a batch that returns the new version, and retries it with fresh numbers after a conflict with another
    /// transaction. `none` is the outcome if nothing was written.
    pub(in crate::store) async fn retrying(
        &self,
        batch: impl Fn() -> Batch,
        none: WriteOutcome,
    ) -> Result<WriteOutcome, StoreError> {
        let rows = self.engine.write_retrying(batch).await?;
        self.changes_made.notify_one();
        match rows.first() {
            Some(row) => Ok(WriteOutcome::Done(row.int(0)?)),
            None => Ok(none),
        }
    }

    /// Counts resources and their seats.
    pub(super) fn count(
        &self,
        batch: Batch,
        writing: &WriteContext<'_>,
        live: i64,
        active: i64,
    ) -> Batch {
        let gone = i64::from(live < 0);
        let args = vec![
            writing.tenant(),
            Arg::Int(writing.of_type.type_id),
            Arg::Int(self.sequence.round_robin(SHARDS)),
            Arg::Int(live),
            Arg::Int(active),
            Arg::Int(gone),
        ];
        batch.then("counted", Step::new(COUNT, args))
    }

    /// The entry of the change log for a write.
    pub(in crate::store) fn entry<'a>(&self, writing: &WriteContext<'a>) -> Entry<'a> {
        Entry {
            tenant: writing.scope.tenant,
            number: self.sequence.for_change(writing.author.at),
            author: writing.author,
            keeps_documents: self.keeps_documents,
        }
    }
}

/// The values of every write of a document.
pub(super) fn document_columns(
    writing: &WriteContext<'_>,
    row: &DerivedColumns,
    written: &NewDocument,
) -> impl Iterator<Item = (&'static str, Arg)> {
    column_values(row, written).into_iter().chain([
        ("modified", writing.modified()),
        ("given_version", writing.given_version()),
        ("given_creation", writing.given_creation()),
        ("schema_revision", writing.schema_revision()),
    ])
}

/// The version of the resource in `{written}`.
pub(super) fn answer() -> Step {
    Step::new(ANSWER, vec![])
}

/// Adds the proof of a claim as a condition, unless the claim is confirmed.
pub(super) fn proving(sql: &mut Sql, claim: &ScopeClaim) {
    if !claim.needs_proof() {
        return;
    }
    sql.raw(" and exists (");
    claim.prove(sql);
    sql.raw(")");
}

/// Number of rows over which the count of a type is distributed.
pub(in crate::store) const SHARDS: i64 = 16;

/// Columns that the steps that write resources return.
pub(in crate::store) const WRITTEN: &[&str] = &["seq", "id", "version", "document", "created"];

pub(super) const ANSWER: &str = "select version from {written}";

const COUNT: &str = "insert into counter (tenant, kind, shard, live, active, gone) \
     select $1, $2, $3, $4, $5, $6 where exists (select 1 from {written}) \
     on conflict (tenant, kind, shard) do update set live = counter.live + excluded.live, \
     active = counter.active + excluded.active, gone = counter.gone + excluded.gone";
