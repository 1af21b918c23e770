//! The provisioning log: the requests of a tenant's clients, and their outcomes. Read by tenant, and deleted by age.

use crate::clock::Timestamp;
use crate::store::activity;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::logged_request::{LogPosition, LoggedRequest, Outcome, TenantKey};
use crate::store::request_about::{self, About, first_run};
use crate::store::resources::seq::moment_of;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Maximum number of rows that one statement deletes.
const SLICE: i64 = 1000;

/// Requests about a name that are searched for resources, at most.
const NAMING: i64 = 1000;

/// A user, in a search for requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoggedUser {
    /// Digests of the user's name.
    pub(crate) digests: Vec<i64>,
    /// The user's id, if the user exists now.
    pub(crate) resource: Option<Uuid>,
    /// Ids of other users that have or had the name, according to the log.
    pub(crate) earlier: Vec<Uuid>,
}

impl LoggedUser {
    /// What requests about the user are about.
    pub(in crate::store) fn keys(&self) -> impl Iterator<Item = About> {
        let names = self.digests.iter().map(|digest| About::Name(*digest));
        let ids = self.resource.iter().chain(&self.earlier);
        names.chain(ids.map(|id| About::Resource(*id)))
    }
}

/// Selects requests of a tenant.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// Only requests at this time or later.
    pub since: Option<Timestamp>,
    /// Only refused or failed requests.
    pub failed: bool,
    /// Only requests about this user.
    pub user: Option<LoggedUser>,
    /// Only the request with this id.
    pub request_id: Option<String>,
    /// Only requests after this position.
    pub after: Option<LogPosition>,
    /// Only requests before this position.
    pub before: Option<LogPosition>,
    /// The maximum number of requests; the latest ones are returned.
    pub limit: i64,
}

/// The ignored parts of one request.
#[derive(Debug, Clone)]
pub(crate) struct LeftOut {
    /// Time of the request.
    pub(crate) at: Timestamp,
    /// Ignored parts, as JSON.
    pub(crate) notes: String,
}

/// A refused or failed request, in a list of all tenants.
#[derive(Debug, Clone)]
pub struct FailedRequest {
    /// The position in the log of the tenant.
    pub entry: LogPosition,
    /// The request.
    pub request: LoggedRequest,
    /// Name of its tenant.
    pub tenant: String,
}

impl Store {
    /// Requests of a tenant, earliest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn requests(
        &self,
        tenant: TenantKey,
        query: &LogQuery,
    ) -> Result<Vec<(LogPosition, LoggedRequest)>, StoreError> {
        let mut sql = Sql::default();
        sql.raw(LISTED);
        match &query.user {
            Some(user) if user.keys().next().is_none() => return Ok(Vec::new()),
            Some(user) => about(&mut sql, tenant, user),
            None if query.failed => {
                sql.raw(FAILURES);
            }
            None => {
                sql.raw(REQUESTS);
            }
        }
        sql.raw(WITH_BODY).raw(" where p.tenant = ").int(tenant.0);
        if query.failed && query.user.is_some() {
            sql.raw(" and exists (select 1 from provisioning_failure x where x.tenant = p.tenant and x.entry = p.entry)");
        } else if query.failed {
            sql.raw(" and f.tenant = ").int(tenant.0);
        }
        if let Some(id) = &query.request_id {
            sql.raw(" and p.request = ").arg(Arg::Text(id.clone()));
        }
        latest(&mut sql, query);
        let rows = self.engine.read(&sql.statement("request_log.list")).await?;
        let mut found: Vec<_> = rows.iter().map(read).collect::<Result<_, _>>()?;
        // Instances write at different times.
        found.sort_by_key(|(entry, request)| (request.at, *entry));
        Ok(found)
    }

    /// The resources in successful requests about a name, whose digests these are: those that have had the name. Only a
    /// limited number of requests is read, the latest.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn resources_of_name(
        &self,
        tenant: TenantKey,
        digests: &[i64],
    ) -> Result<Vec<Uuid>, StoreError> {
        let mut found = BTreeSet::new();
        for digest in digests {
            let mut sql = Sql::default();
            sql.raw("select distinct p.resource from (");
            About::Name(*digest).entries(&mut sql, tenant);
            sql.raw(" order by e.entry desc {limit}").int(NAMING);
            sql.raw(") f");
            join_requests(&mut sql, tenant);
            sql.raw(" where p.resource is not null and p.outcome in ('ok', 'noted')");
            for row in self
                .engine
                .read(&sql.statement("request_log.named"))
                .await?
            {
                found.extend(row.text(0)?.parse::<Uuid>());
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Refused and failed requests of all tenants, earliest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn failures(
        &self,
        query: &LogQuery,
    ) -> Result<Vec<FailedRequest>, StoreError> {
        let mut sql = Sql::default();
        sql.raw(LISTED)
            .raw(", t.name")
            .raw(FAILURES)
            .raw(" cross join {each:tenant t} t.tenant = f.tenant{end_each:t}")
            .raw(WITH_BODY)
            .raw(" where 1 = 1");
        latest(&mut sql, query);
        let rows = self
            .engine
            .read(&sql.statement("request_log.failures"))
            .await?;
        let named = |row: &Row| {
            let (entry, request) = read(row)?;
            Ok(FailedRequest {
                entry,
                request,
                tenant: row.text(22)?.to_owned(),
            })
        };
        let mut found: Vec<FailedRequest> =
            rows.iter().map(named).collect::<Result<_, StoreError>>()?;
        found.sort_by_key(|failed| (failed.request.at, failed.entry));
        Ok(found)
    }

    /// Ignored parts of the latest requests of a tenant, latest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn left_out(
        &self,
        tenant: TenantKey,
        limit: i64,
    ) -> Result<Vec<LeftOut>, StoreError> {
        let rows = self
            .engine
            .read(&Statement::named(
                "request_log.left_out",
                NOTED,
                vec![Arg::Int(tenant.0), Arg::Int(limit)],
            ))
            .await?;
        let read = |row: &Row| {
            Ok(LeftOut {
                at: Timestamp::from_micros(row.int(0)?),
                notes: row.text(1)?.to_owned(),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Deletes rows written before a time, in slices; returns the number of requests.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn forget_requests(
        &self,
        tenant: TenantKey,
        before: Timestamp,
    ) -> Result<usize, StoreError> {
        let end = moment_of(before);
        let mut gone = 0;
        // Dependent rows first: one without its request would never be deleted.
        for (text, end) in [
            (FORGET_BODIES, end),
            (request_about::FORGET, first_run(end)),
            (request_about::FORGET_RUNS, first_run(end)),
            (FORGET_FAILURES, end),
            (FORGET, end),
        ] {
            let args = vec![Arg::Int(tenant.0), Arg::Int(end), Arg::Int(SLICE)];
            loop {
                let deleted = self
                    .engine
                    .write_one(Statement::named("request_log.forget", text, args.clone()))
                    .await?
                    .len();
                gone += if text == FORGET { deleted } else { 0 };
                if deleted == 0 {
                    break;
                }
                // Requests can run between two slices.
                tokio::task::yield_now().await;
            }
        }
        for (text, args) in activity::write::forget(tenant.0, before.as_micros()) {
            self.engine
                .write_one(Statement::named("activity.forget", text, args))
                .await?;
        }
        Ok(gone)
    }
}

/// Appends the requests about a user, who has a key, as tables: those with a digest of the name, and those with the id.
fn about(sql: &mut Sql, tenant: TenantKey, user: &LoggedUser) {
    sql.raw(" from (");
    for (i, about) in user.keys().enumerate() {
        sql.raw(if i > 0 { " union " } else { "" });
        about.entries(sql, tenant);
    }
    sql.raw(") f");
    join_requests(sql, tenant);
}

/// Appends the requests `p` of the entries `f` as a table. PostgreSQL looks them up one by one: while it expects few
/// requests it would read the log of the tenant.
pub(in crate::store) fn join_requests(sql: &mut Sql, tenant: TenantKey) {
    sql.raw(" cross join {each:provisioning p} p.tenant = ")
        .int(tenant.0)
        .raw(" and p.entry = f.entry{end_each:p}");
}

/// Selects the latest rows, up to the limit of the query.
fn latest(sql: &mut Sql, query: &LogQuery) {
    if let Some(since) = query.since {
        // A row is written after its request, so the key limits the time too.
        sql.raw(" and p.entry >= ")
            .int(moment_of(since))
            .raw(" and p.at >= ")
            .int(since.as_micros());
    }
    if let Some(LogPosition(after)) = query.after {
        sql.raw(" and p.entry > ").int(after);
    }
    if let Some(LogPosition(before)) = query.before {
        sql.raw(" and p.entry < ").int(before);
    }
    // In the order of the entries, no request beyond the limit is looked up.
    let entry = if query.failed || query.user.is_some() {
        "f.entry"
    } else {
        "p.entry"
    };
    sql.raw(" order by ")
        .raw(entry)
        .raw(" desc {limit}")
        .int(query.limit);
}

pub(in crate::store) fn read(row: &Row) -> Result<(LogPosition, LoggedRequest), StoreError> {
    let text = |column: usize| Ok::<_, StoreError>(row.opt_text(column)?.map(str::to_owned));
    let request = LoggedRequest {
        at: Timestamp::from_micros(row.int(1)?),
        token_id: row.text(2)?.into(),
        token_name: row.text(3)?.into(),
        client: text(4)?,
        method: row.text(5)?.to_owned(),
        route: row.text(6)?.to_owned(),
        resource_type: text(7)?,
        resource: row.opt_text(8)?.and_then(|id| id.parse().ok()),
        status: row.int(9)?.try_into().unwrap_or(0),
        scim_type: text(10)?,
        detail: text(11)?,
        filter: text(12)?,
        changed: text(13)?,
        notes: text(14)?,
        micros: row.int(15)?,
        request_id: row.text(16)?.to_owned(),
        body: text(17)?,
        action: text(18)?,
        outcome: row.opt_text(19)?.and_then(Outcome::from_keyword),
        reason: text(20)?,
        unproved: row.opt_int(21)?.is_some_and(|flag| flag != 0),
        user_digests: Vec::new(),
    };
    Ok((LogPosition(row.int(0)?), request))
}

pub(in crate::store) const LISTED: &str = "select p.entry, p.at, p.token, p.token_name, p.client, p.method, p.route, p.resource_type, p.resource, \
     p.status, p.scim_type, p.detail, p.filter, p.changed, p.notes, p.micros, p.request, b.body, \
     p.action, p.outcome, p.reason, p.unproved";
/// Number of these columns.
pub(in crate::store) const LISTED_WIDTH: usize = 22;
const REQUESTS: &str = " from provisioning p";
/// Refused and failed requests have a separate table, in the order of the log.
const FAILURES: &str = " from provisioning_failure f cross join {each:provisioning p} p.tenant = f.tenant and p.entry = f.entry{end_each:p}";
/// The body of a request `p`, or null.
pub(in crate::store) const WITH_BODY: &str = " left join {each:provisioning_body b} b.tenant = p.tenant and b.entry = p.entry{end_each:b}{postgres: on true}";
const NOTED: &str = "select at, notes from provisioning where tenant = $1 and notes is not null order by entry desc {limit}$2";
const FORGET_BODIES: &str = "delete from provisioning_body where tenant = $1 and entry in \
     (select entry from provisioning_body where tenant = $1 and entry < $2 order by entry {limit}$3) returning entry";
const FORGET_FAILURES: &str = "delete from provisioning_failure where tenant = $1 and entry in \
     (select entry from provisioning_failure where tenant = $1 and entry < $2 order by entry {limit}$3) returning entry";
const FORGET: &str = "delete from provisioning where tenant = $1 and entry in \
     (select entry from provisioning where tenant = $1 and entry < $2 order by entry {limit}$3) returning entry";
