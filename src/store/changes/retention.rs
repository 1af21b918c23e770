//! Deletion of old changes and positions: by age, and with their tenant.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::engine::Database;
use crate::store::db::error::StoreError;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::resources::seq::moment_of;

/// Number of passes that are kept.
const PASSES: i64 = 1000;

/// Statements that each delete a slice of the rows of a tenant, until none is left. Positions stay, so that there are
/// no gaps; they are deleted by age.
pub(in crate::store) const DELETE_SLICE: [&str; 2] = [
    "delete from change_member where tenant = $1 and (change, id) in \
     (select change, id from change_member where tenant = $1 limit 2000) returning tenant",
    "delete from change where tenant = $1 and change in \
     (select change from change where tenant = $1 limit 2000) returning tenant",
];
/// Statements that delete all rows of a tenant, with names of steps.
pub(in crate::store) const DELETE_ALL: [(&str, &str); 2] = [
    (
        "change_members",
        "delete from change_member where tenant = $1",
    ),
    ("changes", "delete from change where tenant = $1"),
];

impl Store {
    /// Deletes changes before a time with their positions: oldest first, and never the last position. Returns their
    /// number.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn forget_changes(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut count = 0;
        loop {
            let forgotten = self.engine.write_retrying(|| trim(before)).await?.len();
            count += forgotten as u64;
            if forgotten == 0 {
                return Ok(count);
            }
        }
    }

    /// Deletes changes of a tenant before a time that never had a position, such as those of earlier versions of this
    /// program.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn forget_unnumbered_changes(
        &self,
        tenant: i64,
        before: Timestamp,
    ) -> Result<(), StoreError> {
        let args = vec![Arg::Int(tenant), Arg::Int(moment_of(before))];
        let batch = || {
            Batch::new("change.forget_unnumbered")
                .then(
                    "old",
                    Step::new(UNNUMBERED, args.clone()).returning(&["tenant", "change"]),
                )
                .then("members", Step::new(FORGET_MEMBERS, vec![]))
                .then("answer", Step::new("select change from {old}", vec![]))
        };
        while !self.engine.write_retrying(batch).await?.is_empty() {}
        Ok(())
    }

    /// Deletes passes that later passes do not need.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn forget_passes(&self) -> Result<(), StoreError> {
        let Database::Postgres { .. } = self.engine.database else {
            return Ok(());
        };
        let args = vec![Arg::OptInt(Some(PASSES))];
        self.engine
            .write_one(Statement::named("feed.forget_passes", FORGET_PASSES, args))
            .await
            .map(|_| ())
    }
}

fn trim(before: Timestamp) -> Batch {
    let args = vec![Arg::OptInt(Some(moment_of(before)))];
    Batch::new("feed.forget")
        .then(
            "old",
            Step::new(FORGET, args).returning(&["tenant", "change"]),
        )
        .then("members", Step::new(FORGET_MEMBERS, vec![]))
        .then("changes", Step::new(FORGET_CHANGES, vec![]))
        .then("answer", Step::new("select change from {old}", vec![]))
}

/// Positions are deleted in order: a change is not deleted before an earlier position.
const FORGET: &str = "delete from feed where position in (select position from feed order by position limit 1000) \
     and position < coalesce((select min(position) from (select position, change from feed order by position limit 1000) as oldest \
       where change >= $1), 9223372036854775807) \
     and position < (select max(position) from feed) returning tenant, change";
const FORGET_MEMBERS: &str =
    "delete from change_member where (tenant, change) in (select tenant, change from {old})";
const FORGET_CHANGES: &str =
    "delete from change where (tenant, change) in (select tenant, change from {old})";
const UNNUMBERED: &str = "delete from change where tenant = $1 and change in \
     (select change from change where tenant = $1 and change < $2 and created is null order by change limit 1000) \
     returning tenant, change";
const FORGET_PASSES: &str = "delete from pass where pass <= (select max(pass) from pass) - $1";
