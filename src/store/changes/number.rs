//! Numbering: assigns positions in the feed to changes on PostgreSQL.
//!
//! The order of commits differs from the order in which transactions begin or write, so a change is numbered after its
//! commit. A pass numbers changes that are visible to it and were not visible to the previous pass: changes of
//! transactions that were running then or began later, which two index scans find. By the primary key of `pass` only
//! one pass with a number takes effect among all instances, so passes are sequential.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::engine::Database;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::resources::seq::{EPOCH_MICROS, milliseconds};

/// The result of numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbering {
    /// Number of changes that got a position.
    pub numbered: i64,
    /// The newest position afterwards, 0 if there is none; `None` if another pass is needed.
    pub newest: Option<i64>,
}

/// The result of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pass {
    /// Number of changes that got a position.
    numbered: i64,
    /// The newest position before the pass; `None` if another pass with the same number took effect instead.
    newest: Option<i64>,
    /// Whether it numbered all changes that were committed before it.
    is_complete: bool,
    /// Whether the log has transaction numbers that this cluster has not reached: it was restored into a newer cluster.
    is_foreign: bool,
}

impl Store {
    /// Assigns positions to about `slice` committed changes without one. SQLite numbers a change at insertion.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn number_changes(
        &self,
        slice: i64,
        now: Timestamp,
    ) -> Result<Numbering, StoreError> {
        let Database::Postgres { .. } = self.engine.database else {
            let ends = self.feed_ends().await?;
            return Ok(Numbering {
                numbered: 0,
                newest: Some(ends.map_or(0, |ends| ends.newest.position)),
            });
        };
        let mut pass = self.pass("feed.pass", PASS, slice, now, []).await?;
        if pass.is_foreign {
            pass = self.resume(slice, now).await?;
        }
        let is_last = pass.is_complete || pass.numbered == 0;
        let newest = pass.newest.map(|newest| newest + pass.numbered);
        Ok(Numbering {
            numbered: pass.numbered,
            newest: newest.filter(|_| is_last),
        })
    }

    /// Detects whether the log was restored into another cluster, before the first write there: otherwise a change with
    /// a transaction number that both clusters have used would be treated as numbered.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(in crate::store) async fn notice_restore(&self) -> Result<(), StoreError> {
        let Database::Postgres { .. } = self.engine.database else {
            return Ok(());
        };
        let first = vec![Arg::OptInt(Some(1))];
        let statement = Statement::named("feed.is_foreign", IS_FOREIGN, first);
        match self.engine.read(&statement).await?.is_empty() {
            true => Ok(()),
            false => self.suspend().await,
        }
    }

    /// Marks the log as restored into another cluster, unless it is marked already.
    async fn suspend(&self) -> Result<(), StoreError> {
        let first = vec![Arg::OptInt(Some(1))];
        let statement = Statement::named("feed.suspend", SUSPEND, first);
        if !self.engine.write_one(statement).await?.is_empty() {
            tracing::warn!(
                "the database was restored into another cluster; the change feed continues there"
            );
        }
        Ok(())
    }

    /// Resumes numbering after a restore into another cluster: numbers about `slice` changes without a position, and
    /// records a new snapshot when none is left. Until then each pass reports that the log is foreign.
    async fn resume(&self, slice: i64, now: Timestamp) -> Result<Pass, StoreError> {
        self.suspend().await?;
        let adopt = || {
            let statement = Statement::named("feed.adopt", ADOPT, vec![Arg::OptInt(Some(slice))]);
            self.engine.write_one(statement)
        };
        while !adopt().await?.is_empty() {}
        let scale = [
            Arg::Int(EPOCH_MICROS + LATEST_COMMIT),
            Arg::Int(milliseconds(1)),
        ];
        self.pass("feed.resume", RESUME, slice, now, scale).await
    }

    async fn pass(
        &self,
        name: &'static str,
        text: &'static str,
        slice: i64,
        now: Timestamp,
        more: impl IntoIterator<Item = Arg>,
    ) -> Result<Pass, StoreError> {
        // The first value is the tenant unless it has another type.
        let first = [Arg::OptInt(Some(slice)), Arg::Int(now.as_micros())];
        let args = first.into_iter().chain(more).collect();
        let rows = self
            .engine
            .write_one(Statement::named(name, text, args))
            .await?;
        let row = rows
            .first()
            .ok_or(StoreError::Fault(sqlx::Error::RowNotFound))?;
        Ok(Pass {
            numbered: row.int(0)?,
            is_foreign: row.bool(1)?,
            newest: row.opt_int(2)?,
            is_complete: row.bool(3)?,
        })
    }
}

/// Numbers new changes in the order of transactions, and those of one resource in the order of versions: `turn` and
/// `nth` are the greatest transaction and change of the resource up to a version.
macro_rules! number {
    () => {
        "turned as (select tenant, change, version, max(transaction) over w as turn, max(change) over w as nth \
           from fresh window w as (partition by tenant, seq order by version)), \
         numbered as (insert into feed (position, tenant, change) \
           select bound.position + row_number() over (order by turn, nth, version), tenant, change \
           from turned, made, bound returning 1) "
    };
}

macro_rules! newest {
    () => {
        "select coalesce(max(position), 0) from feed"
    };
}

/// The newest position, 0 if there is none.
pub(in crate::store) const NEWEST: &str = newest!();

/// The newest position before a pass; null if the pass had changes to number and did not take effect.
macro_rules! newest_if_complete {
    () => {
        concat!(
            "case when exists (select 1 from made) or not exists (select 1 from fresh) then (",
            newest!(),
            ") end"
        )
    };
}

/// A slice ends between two transactions. A foreign log is handled by [`RESUME`].
const PASS: &str = concat!(
    "with last as materialized (select pass, position, snapshot, pg_current_snapshot() as now from pass \
       order by pass desc limit 1), \
     own as materialized (select * from last where pg_snapshot_xmax(snapshot) <= pg_snapshot_xmax(now) \
       and not exists (select 1 from change where transaction >= pg_snapshot_xmax(now))), \
     bound as materialized (select own.*, coalesce((select c.transaction from change c \
       where c.transaction >= pg_snapshot_xmax(own.snapshot) order by c.transaction offset $1 limit 1), \
       pg_snapshot_xmax(own.now)) as upto from own), \
     fresh as materialized ( \
       select c.tenant, c.change, c.seq, c.version, c.transaction from bound, change c \
         where c.transaction >= pg_snapshot_xmax(bound.snapshot) and c.transaction < bound.upto \
       union all \
       select c.tenant, c.change, c.seq, c.version, c.transaction \
         from bound, lateral pg_snapshot_xip(bound.snapshot) as running, change c \
         where c.transaction = running and running < bound.upto), \
     made as (insert into pass (pass, position, snapshot, at) \
       select bound.pass + 1, bound.position + (select count(*) from fresh), \
         cast(least(pg_snapshot_xmin(bound.now), bound.upto)::text || ':' || bound.upto::text || ':' || coalesce( \
           (select string_agg(running::text, ',' order by running) from pg_snapshot_xip(bound.now) as running \
           where running < bound.upto), '') as pg_snapshot), $2 \
       from bound where exists (select 1 from fresh) on conflict do nothing returning pass), ",
    number!(),
    "select (select count(*) from numbered), exists (select 1 from last) and not exists (select 1 from own), ",
    newest_if_complete!(),
    ", not exists (select 1 from bound where upto < pg_snapshot_xmax(now))"
);

/// Whether the newest pass, or a change, has a transaction number that this cluster has not reached.
const IS_FOREIGN: &str = "select last.pass from (select pass, snapshot from pass order by pass desc limit $1) as last \
     where pg_snapshot_xmax(last.snapshot) > pg_snapshot_xmax(pg_current_snapshot()) \
     or exists (select 1 from change where transaction >= pg_snapshot_xmax(pg_current_snapshot()))";
/// A snapshot of the far future marks a log that was restored into another cluster.
const SUSPEND: &str = "insert into pass (pass, position, snapshot, at) \
     select pass + 1, position, '9223372036854775807:9223372036854775807:', at from \
       (select pass, position, snapshot, at from pass order by pass desc limit $1) as last \
     where pass = (select max(pass) from pass) and pg_snapshot_xmax(snapshot) < '9223372036854775807' \
     on conflict do nothing returning pass";
/// Makes transactions of another cluster older than all of this cluster. Few rows are affected: those after the last
/// transaction number that both clusters have used.
const ADOPT: &str = "update change set transaction = '0' where (tenant, change) in \
     (select tenant, change from change where transaction >= pg_snapshot_xmax(pg_current_snapshot()) limit $1) returning tenant";

/// Maximum time between a change and its commit, in microseconds; clocks of instances may differ by the same time.
const LATEST_COMMIT: i64 = 600_000_000;
/// Numbers a slice of the changes since the last pass without a position. A change shortly before that time can have
/// one. When none is left, the pass gets the snapshot of this cluster.
const RESUME: &str = concat!(
    "with bound as materialized (select pass, position, snapshot, at, pg_current_snapshot() as now from pass \
       order by pass desc limit 1), \
     fresh as materialized (select c.tenant, c.change, c.seq, c.version, c.transaction \
       from bound, (select tenant from tenant union all select 0) as owner, change c \
       where c.tenant = owner.tenant and c.change >= (bound.at - $3) / 1000 * $4 \
       and (select f.position from feed f where f.change = c.change and f.tenant = c.tenant) is null \
       order by c.change limit $1), \
     made as (insert into pass (pass, position, snapshot, at) \
       select bound.pass + 1, bound.position + (select count(*) from fresh), \
         case when exists (select 1 from fresh) then bound.snapshot else bound.now end, \
         case when exists (select 1 from fresh) then bound.at else $2 end \
       from bound on conflict do nothing returning pass), ",
    number!(),
    "select (select count(*) from numbered), false, ",
    newest_if_complete!(),
    ", false"
);
