//! Numbering: gives changes their positions in the feed on PostgreSQL.
//!
//! Transactions commit in another order than that in which they began or wrote, so a change is numbered after its
//! commit. A pass numbers what is visible to it and was not visible to the pass before: changes of transactions that
//! ran then or have begun since, which two index scans find. The primary key of `pass` lets one pass of that number
//! take effect, on whatever instance, so passes follow each other.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::engine::Database;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::resources::seq::{EPOCH_MICROS, milliseconds};

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pass {
    /// Changes that it numbered.
    numbered: i64,
    /// Whether the log has transactions that this cluster has not had: it was restored into a younger cluster.
    is_foreign: bool,
}

impl Store {
    /// Numbers changes that were committed and have no position yet, about `slice` of them; gives how many. SQLite
    /// numbers a change when it is made.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn number_changes(
        &self,
        slice: i64,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let Database::Postgres { .. } = self.engine.database else {
            return Ok(0);
        };
        let pass = self.pass("feed.pass", PASS, slice, now, []).await?;
        if !pass.is_foreign {
            return Ok(pass.numbered);
        }
        self.resume(slice, now).await
    }

    /// Finds out whether the log was restored into another cluster, before anything is written there: what is written
    /// under a transaction number that both clusters have had would else be taken for numbered.
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

    /// Marks the log as one whose order goes on in another cluster, unless it is marked.
    async fn suspend(&self) -> Result<(), StoreError> {
        let first = vec![Arg::OptInt(Some(1))];
        let statement = Statement::named("feed.suspend", SUSPEND, first);
        if !self.engine.write_one(statement).await?.is_empty() {
            tracing::warn!(
                "the database was restored into another cluster; the change feed goes on there"
            );
        }
        Ok(())
    }

    /// Goes on in a cluster that the log was restored into: numbers what has no position, about `slice` of it, and
    /// takes the snapshot anew when nothing is left. Until then each pass is told that the log is foreign.
    async fn resume(&self, slice: i64, now: Timestamp) -> Result<i64, StoreError> {
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
        Ok(self
            .pass("feed.resume", RESUME, slice, now, scale)
            .await?
            .numbered)
    }

    async fn pass(
        &self,
        name: &'static str,
        text: &'static str,
        slice: i64,
        now: Timestamp,
        more: impl IntoIterator<Item = Arg>,
    ) -> Result<Pass, StoreError> {
        // A first value of another type would be taken for a tenant.
        let first = [Arg::OptInt(Some(slice)), Arg::Int(now.as_micros())];
        let args = first.into_iter().chain(more).collect();
        let rows = self
            .engine
            .write_one(Statement::named(name, text, args))
            .await?;
        let pass = |row: &Row| {
            Ok(Pass {
                numbered: row.int(0)?,
                is_foreign: row.bool(1)?,
            })
        };
        rows.first().map_or(
            Ok(Pass {
                numbered: 0,
                is_foreign: false,
            }),
            pass,
        )
    }
}

/// Numbers what is new, in the order of transactions, and of one resource in the order of versions: `turn` and `nth`
/// are the greatest transaction and change among those of the resource up to a version.
macro_rules! number {
    () => {
        "turned as (select tenant, change, version, max(transaction) over w as turn, max(change) over w as nth \
           from fresh window w as (partition by tenant, seq order by version)), \
         numbered as (insert into feed (position, tenant, change) \
           select bound.position + row_number() over (order by turn, nth, version), tenant, change \
           from turned, made, bound returning 1) "
    };
}

/// A slice ends between two transactions. A foreign log is left to [`RESUME`].
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
    "select (select count(*) from numbered), exists (select 1 from last) and not exists (select 1 from own)"
);

/// Whether the newest pass, or a change, is of a transaction that this cluster has not had.
const IS_FOREIGN: &str = "select last.pass from (select pass, snapshot from pass order by pass desc limit $1) as last \
     where pg_snapshot_xmax(last.snapshot) > pg_snapshot_xmax(pg_current_snapshot()) \
     or exists (select 1 from change where transaction >= pg_snapshot_xmax(pg_current_snapshot()))";
/// A snapshot of the far future marks a log whose order goes on in another cluster.
const SUSPEND: &str = "insert into pass (pass, position, snapshot, at) \
     select pass + 1, position, '9223372036854775807:9223372036854775807:', at from \
       (select pass, position, snapshot, at from pass order by pass desc limit $1) as last \
     where pass = (select max(pass) from pass) and pg_snapshot_xmax(snapshot) < '9223372036854775807' \
     on conflict do nothing returning pass";
/// Transactions of another cluster become older than all of this one. Rows are few: what was written since the last
/// transaction number that both clusters have had.
const ADOPT: &str = "update change set transaction = '0' where (tenant, change) in \
     (select tenant, change from change where transaction >= pg_snapshot_xmax(pg_current_snapshot()) limit $1) returning tenant";

/// A change is committed within this time after it was made, in microseconds; clocks of instances may differ by as much.
const LATEST_COMMIT: i64 = 600_000_000;
/// Numbers a slice of what was made since the last pass and has no position. A change of the time shortly before may
/// have one. When there is nothing left, the pass has the snapshot of this cluster.
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
    "select (select count(*) from numbered), false"
);
