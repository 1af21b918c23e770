//! Reads data derived from the provisioning log.

use crate::clock::Timestamp;
use crate::store::activity::tally::{DAY, HOUR, HourCounts, hour_of};
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::logged_request::TenantKey;

/// An hour of a tenant with requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourFigures {
    /// Start of the hour.
    pub at: Timestamp,
    /// The requests of the hour.
    pub counts: HourCounts,
    /// Active users after the last request of the hour.
    pub seats_used: i64,
    /// Limit of seats.
    pub seats: Option<i64>,
}

/// Requests of a tenant that were refused or failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureGroup {
    /// Name of the tenant.
    pub tenant: String,
    /// The reason, in a keyword; empty if none was recorded.
    pub reason: String,
    /// Number of requests.
    pub count: i64,
    /// Time of the first request.
    pub first: Timestamp,
    /// Time of the latest request.
    pub last: Timestamp,
    /// Whether the latest request was within a day, and no success of its action followed.
    pub ongoing: bool,
    place: FailurePlace,
}

/// A position in the list of failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailurePlace {
    /// Time of the latest request of the group, in microseconds.
    pub(crate) last: i64,
    /// Database id of the tenant.
    pub(crate) tenant: i64,
    /// The reason.
    pub(crate) reason: String,
}

/// A query of failures, latest first.
#[derive(Debug, Clone)]
pub struct FailureQuery {
    /// Only failures of these tenants; `None` for all.
    pub tenants: Option<Vec<String>>,
    /// Only groups with a request at this time or later.
    pub since: Option<Timestamp>,
    /// Only groups after this position.
    pub after: Option<FailurePlace>,
    /// Maximum number of groups.
    pub limit: i64,
}

impl FailureGroup {
    /// The position after this group.
    pub fn place(&self) -> &FailurePlace {
        &self.place
    }
}

impl Store {
    /// The hours of a tenant with requests in a time range, earliest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn hours(
        &self,
        tenant: TenantKey,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<HourFigures>, StoreError> {
        let args = [tenant.0, hour_of(from), hour_of(to)];
        let args = args.into_iter().map(Arg::Int).collect();
        let rows = self
            .engine
            .read(&Statement::named("activity.hours", HOURS, args))
            .await?;
        rows.iter().map(read_hour).collect()
    }

    /// Failures by tenant and reason, latest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn failure_groups(
        &self,
        query: &FailureQuery,
        now: Timestamp,
    ) -> Result<Vec<FailureGroup>, StoreError> {
        let mut sql = Sql::default();
        sql.raw(GROUPS)
            .int(now.as_micros() - DAY)
            .raw(ONGOING_OF_GROUP)
            .int(query.since.map_or(0, Timestamp::as_micros));
        sql.raw(LATEST_OF_GROUP);
        if let Some(after) = &query.after {
            sql.raw(" and (f.last_at, f.tenant, f.reason) < (")
                .int(after.last);
            sql.raw(", ").int(after.tenant).raw(", ");
            sql.arg(after.reason.as_str().into()).raw(")");
        }
        if let Some(tenants) = &query.tenants {
            sql.raw(" and t.name in (null");
            for tenant in tenants {
                sql.raw(", ").arg(tenant.as_str().into());
            }
            sql.raw(")");
        }
        sql.raw(" order by f.last_at desc, f.tenant desc, f.reason desc {limit}")
            .int(query.limit);
        let rows = self
            .engine
            .read(&sql.statement("activity.failures"))
            .await?;
        rows.iter().map(read_group).collect()
    }
}

fn read_hour(row: &Row) -> Result<HourFigures, StoreError> {
    let mut fields = [0; 7];
    for (column, field) in (1..).zip(&mut fields) {
        *field = row.int(column)?;
    }
    Ok(HourFigures {
        at: Timestamp::from_micros(row.int(0)? * HOUR),
        counts: HourCounts::from_fields(fields),
        seats_used: row.int(8)?,
        seats: row.opt_int(9)?,
    })
}

fn read_group(row: &Row) -> Result<FailureGroup, StoreError> {
    let reason = row.text(2)?;
    Ok(FailureGroup {
        tenant: row.text(0)?.to_owned(),
        reason: reason.to_owned(),
        count: row.int(4)?,
        first: Timestamp::from_micros(row.int(5)?),
        last: Timestamp::from_micros(row.int(3)?),
        ongoing: row.int(6)? != 0,
        place: FailurePlace {
            last: row.int(3)?,
            tenant: row.int(1)?,
            reason: reason.to_owned(),
        },
    })
}

const HOURS: &str = "select hour, answered, noted, refused, failed, created, changed, deactivated, seats_used, seats \
     from tenant_hour where tenant = $1 and hour >= $2 and hour <= $3 order by hour";
/// A group is found by its latest row; adjacent rows have its other days and actions.
const GROUPS: &str = "select t.name, cast(f.tenant as bigint), f.reason, f.last_at, \
     (select cast(sum(g.requests) as bigint) from tenant_failure g where g.tenant = f.tenant and g.reason = f.reason), \
     (select min(g.first_at) from tenant_failure g where g.tenant = f.tenant and g.reason = f.reason), \
     (select cast(max(case when g.last_at > coalesce((select a.succeeded from tenant_action a where a.tenant = g.tenant and a.action = g.action), 0) \
       and g.last_at > ";
const ONGOING_OF_GROUP: &str = " then 1 else 0 end) as bigint) from tenant_failure g where g.tenant = f.tenant and g.reason = f.reason) \
     from tenant_failure f join tenant t on t.tenant = f.tenant where f.last_at >= ";
const LATEST_OF_GROUP: &str = " and not exists (select 1 from tenant_failure g where g.tenant = f.tenant and g.reason = f.reason \
     and (g.last_at, g.action, g.day) > (f.last_at, f.action, f.day))";
