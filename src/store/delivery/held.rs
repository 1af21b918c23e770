//! Held events of an endpoint: events that wait for a retry, and failed events.

use crate::clock::Timestamp;
use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::operator::act::Act;
use uuid::Uuid;

/// An event that waits for a retry, or has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldEvent {
    /// Position in the feed.
    pub(crate) position: i64,
    /// Part of the change, from 1.
    pub(crate) part: i64,
    /// Database id of the tenant.
    pub(crate) tenant: i64,
    /// Id of the resource.
    pub(crate) resource: Uuid,
    /// Id of the event.
    pub event: String,
    /// Number of attempts.
    pub(crate) attempts: i64,
    /// Time of the next attempt; `None` if it waits for another event of its resource.
    pub(crate) due: Option<Timestamp>,
    /// Time at which it was marked as failed.
    pub(crate) failed: Option<Timestamp>,
}

/// The columns of events; 0 represents no time.
pub(in crate::store) fn held_table(held: &[HeldEvent]) -> Table {
    let ints = |of: fn(&HeldEvent) -> i64| Column::Ints(held.iter().map(of).collect());
    let moment = |at: Option<Timestamp>| at.map_or(0, Timestamp::as_micros);
    let moments = |of: fn(&HeldEvent) -> Option<Timestamp>| {
        Column::Ints(held.iter().map(|held| moment(of(held))).collect())
    };
    vec![
        ("position", ints(|held| held.position)),
        ("part", ints(|held| held.part)),
        ("tenant", ints(|held| held.tenant)),
        (
            "resource",
            Column::Uuids(held.iter().map(|held| held.resource).collect()),
        ),
        (
            "event",
            Column::Texts(held.iter().map(|held| Some(&held.event)).collect()),
        ),
        ("attempts", ints(|held| held.attempts)),
        ("due", moments(|held| held.due)),
        ("failed", moments(|held| held.failed)),
    ]
}

fn read_held(row: &Row) -> Result<HeldEvent, StoreError> {
    let moment =
        |column: usize| Ok::<_, StoreError>(row.opt_int(column)?.map(Timestamp::from_micros));
    Ok(HeldEvent {
        position: row.int(0)?,
        part: row.int(1)?,
        tenant: row.int(2)?,
        resource: row.uuid(3)?,
        event: row.text(4)?.to_owned(),
        attempts: row.int(5)?,
        due: moment(6)?,
        failed: moment(7)?,
    })
}

impl Store {
    /// Events of an endpoint that wait for a retry, or failed events, in order, up to a limit; only those after a
    /// position and part, if given.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn held_events(
        &self,
        endpoint: i64,
        has_failed: bool,
        (after, limit): (Option<(i64, i64)>, i64),
    ) -> Result<Vec<HeldEvent>, StoreError> {
        let mut sql = Sql::default();
        sql.raw(
            "select position, part, tenant, resource, event, attempts, due, failed from held_event where endpoint = ",
        );
        sql.int(endpoint);
        sql.raw(if has_failed {
            " and failed is not null"
        } else {
            " and failed is null"
        });
        if let Some((position, part)) = after {
            sql.raw(" and (position, part) > (").int(position);
            sql.raw(", ").int(part).raw(")");
        }
        sql.raw(" order by position, part {limit}").int(limit);
        let rows = self.engine.read(&sql.statement("held.list")).await?;
        rows.iter().map(read_held).collect()
    }

    /// The numbers of events of an endpoint that wait for a retry, and of failed ones.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn count_held(&self, endpoint: i64) -> Result<(i64, i64), StoreError> {
        let text =
            "select count(*) - count(failed), count(failed) from held_event where endpoint = $1";
        let statement = Statement::named("held.count", text, vec![Arg::Int(endpoint)]);
        let rows = self.engine.read(&statement).await?;
        rows.first()
            .map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
    }

    /// The number of failed events of an endpoint: of all, or with an id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn count_given_up(
        &self,
        endpoint: i64,
        event: Option<&str>,
    ) -> Result<i64, StoreError> {
        let mut sql = Sql::default();
        sql.raw("select count(*) from held_event");
        given_up(&mut sql, endpoint, event);
        let rows = self.engine.read(&sql.statement("held.given_up")).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// Schedules failed events for a retry: the one with an id, or all. `false` if their number is not `count`, or the
    /// endpoint does not exist.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn retry_held(
        &self,
        act: &Act<'_>,
        endpoint: i64,
        (event, count): (Option<&str>, i64),
    ) -> Result<bool, StoreError> {
        let batch = || {
            let mut acted = Sql::default();
            acted.raw("update endpoint set revision = revision + 1 where endpoint = ");
            acted.int(endpoint).raw(" and ").int(count);
            acted.raw(" = (select count(*) from held_event");
            given_up(&mut acted, endpoint, event);
            acted.raw(") returning endpoint");
            let acted = acted.step().returning(&["endpoint"]);
            let mut tried = Sql::default();
            tried.raw("update held_event set failed = null, attempts = 0, due = ");
            tried.int(act.at.as_micros());
            given_up(&mut tried, endpoint, event);
            tried.raw(" and exists (select 1 from {acted})");
            let batch = Batch::new("held.retry").then("acted", acted);
            act.end(batch.and(tried.step()), "acted", "endpoint")
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }
}

/// Appends the condition for failed events of an endpoint: all, or the one with an id.
fn given_up(sql: &mut Sql, endpoint: i64, event: Option<&str>) {
    sql.raw(" where endpoint = ").int(endpoint);
    sql.raw(" and failed is not null");
    if let Some(event) = event {
        sql.raw(" and event = ").arg(event.into());
    }
}
