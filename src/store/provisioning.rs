//! The provisioning log: what the clients of a tenant asked, and what they got. Written many
//! requests at a time, and deleted by age.

use super::row::Row;
use super::sequence::{milliseconds, moment_of};
use super::sql::Sql;
use super::statement::{Arg, Batch, Column, Statement, Table};
use super::{Store, StoreError};
use crate::clock::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// Rows that one statement deletes, at most.
const SLICE: i64 = 1000;

/// Names a tenant in statements of its provisioning log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantKey(pub(super) i64);

/// A place in the provisioning log of a tenant. Later ones are greater, but those of other
/// instances may come up to some seconds late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry(i64);

impl Entry {
    /// A place that was so many seconds earlier.
    #[must_use]
    pub fn earlier(self, seconds: i64) -> Self {
        Self(self.0.saturating_sub(milliseconds(seconds * 1000)))
    }
}

/// A request as the log keeps it: names and ids, never values.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedRequest {
    /// When it came.
    pub at: Timestamp,
    /// Public part of its token.
    pub token_id: Arc<str>,
    /// Name of its token.
    pub token_name: Arc<str>,
    /// What the client calls itself.
    pub client: Option<String>,
    /// HTTP method.
    pub method: String,
    /// Template of the route, such as `/Users/{id}`.
    pub route: String,
    /// Type of the resource.
    pub resource_type: Option<String>,
    /// Id of the resource.
    pub resource: Option<Uuid>,
    /// HTTP status of the answer.
    pub status: u16,
    /// SCIM error type of the answer.
    pub scim_type: Option<String>,
    /// What an error says, without values.
    pub detail: Option<String>,
    /// Attributes and operators of the filter.
    pub filter: Option<String>,
    /// Names of the attributes that changed, with a comma between.
    pub changed: Option<String>,
    /// What was ignored or left out, as JSON.
    pub notes: Option<String>,
    /// How long it took, in microseconds.
    pub micros: i64,
    /// Names the request in the answer and in the server's log.
    pub request_id: String,
    /// The body without secrets, if bodies are kept.
    pub body: Option<String>,
}

/// Which requests of a tenant are asked for.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// Only those that came at this moment or later.
    pub since: Option<Timestamp>,
    /// Only those that were refused or failed.
    pub failed: bool,
    /// Only those that name this resource.
    pub resource: Option<Uuid>,
    /// Only those of this name.
    pub request_id: Option<String>,
    /// Only those after this place.
    pub after: Option<Entry>,
    /// The latest of them, so many at most.
    pub limit: i64,
}

/// What was left out of one request.
#[derive(Debug, Clone)]
pub struct Left {
    /// When it came.
    pub at: Timestamp,
    /// What was ignored or left out, as JSON.
    pub notes: String,
}

impl Store {
    /// Writes requests at once, in the order given. Those of tenants that are gone are left out; the
    /// others are kept until they are written.
    ///
    /// # Errors
    /// If the database fails; then none is written.
    pub async fn record(&self, requests: &[(TenantKey, LoggedRequest)], now: Timestamp) -> Result<(), StoreError> {
        let count = i64::try_from(requests.len()).unwrap_or(i64::MAX);
        let batch = || {
            let first = self.sequence.for_requests(now, count);
            let entries: Vec<i64> = (first..).take(requests.len()).collect();
            let batch = Batch::default()
                .then("kept", Statement::new(KEEP, vec![]).with_rows(tenants(requests)))
                .and(Statement::new(RECORD, vec![]).with_rows(rows(requests, &entries)));
            match bodies(requests, &entries) {
                Some(bodies) => batch.and(Statement::new(RECORD_BODIES, vec![]).with_rows(bodies)),
                None => batch,
            }
        };
        self.write_retrying(batch).await.map(|_| ())
    }

    /// Requests of a tenant, the earliest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn requests(
        &self,
        tenant: TenantKey,
        query: &LogQuery,
    ) -> Result<Vec<(Entry, LoggedRequest)>, StoreError> {
        let mut sql = Sql::default();
        sql.raw(LISTED).int(tenant.0);
        if let Some(since) = query.since {
            // Written after it came, so the key bounds the time too.
            sql.raw(" and p.entry >= ").int(moment_of(since)).raw(" and p.at >= ").int(since.as_micros());
        }
        if let Some(Entry(after)) = query.after {
            sql.raw(" and p.entry > ").int(after);
        }
        if query.failed {
            sql.raw(" and p.status >= 400");
        }
        if let Some(id) = query.resource {
            sql.raw(" and p.resource = ").arg(Arg::Text(id.to_string()));
        }
        if let Some(id) = &query.request_id {
            sql.raw(" and p.request = ").arg(Arg::Text(id.clone()));
        }
        sql.raw(" order by p.entry desc limit ").int(query.limit);
        let rows = self.engine.read(&sql.finish()).await?;
        let mut found: Vec<_> = rows.iter().map(read).collect::<Result<_, _>>()?;
        // Other instances write at other moments.
        found.sort_by_key(|(entry, request)| (request.at, *entry));
        Ok(found)
    }

    /// What was left out of the latest requests of a tenant, the latest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn left_out(&self, tenant: TenantKey, limit: i64) -> Result<Vec<Left>, StoreError> {
        let rows = self.engine.read(&Statement::new(NOTED, vec![Arg::Int(tenant.0), Arg::Int(limit)])).await?;
        let read = |row: &Row| Ok(Left { at: Timestamp::from_micros(row.int(0)?), notes: row.text(1)?.to_owned() });
        rows.iter().map(read).collect()
    }

    /// Deletes what was written before a moment, slice by slice; how many requests that were.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_requests(&self, tenant: TenantKey, before: Timestamp) -> Result<usize, StoreError> {
        let args = vec![Arg::Int(tenant.0), Arg::Int(moment_of(before)), Arg::Int(SLICE)];
        let mut gone = 0;
        // Bodies first: one without its request would never be looked at again.
        for text in [FORGET_BODIES, FORGET] {
            loop {
                let deleted = self.write_one(Statement::new(text, args.clone())).await?.len();
                gone += if text == FORGET { deleted } else { 0 };
                if deleted == 0 {
                    break;
                }
                // Requests come between two slices.
                tokio::task::yield_now().await;
            }
        }
        Ok(gone)
    }
}

fn tenants(requests: &[(TenantKey, LoggedRequest)]) -> Table {
    let tenants: BTreeSet<i64> = requests.iter().map(|(tenant, _)| tenant.0).collect();
    vec![("tenant", Column::Ints(tenants.into_iter().collect()))]
}

fn rows(requests: &[(TenantKey, LoggedRequest)], entries: &[i64]) -> Table {
    let ints = |of: fn(&LoggedRequest) -> i64| Column::Ints(requests.iter().map(|(_, r)| of(r)).collect());
    let texts =
        |of: fn(&LoggedRequest) -> Option<&str>| Column::Texts(requests.iter().map(|(_, r)| of(r).map(fit)).collect());
    let ids = requests.iter().map(|(_, request)| request.resource.map(|id| id.to_string()));
    vec![
        ("tenant", Column::Ints(requests.iter().map(|(tenant, _)| tenant.0).collect())),
        ("entry", Column::Ints(entries.to_vec())),
        ("at", ints(|r| r.at.as_micros())),
        ("token", texts(|r| Some(&r.token_id))),
        ("token_name", texts(|r| Some(&r.token_name))),
        ("client", texts(|r| r.client.as_deref())),
        ("method", texts(|r| Some(&r.method))),
        ("route", texts(|r| Some(&r.route))),
        ("resource_type", texts(|r| r.resource_type.as_deref())),
        ("resource", Column::Texts(ids.collect())),
        ("status", ints(|r| i64::from(r.status))),
        ("scim_type", texts(|r| r.scim_type.as_deref())),
        ("detail", texts(|r| r.detail.as_deref())),
        ("filter", texts(|r| r.filter.as_deref())),
        ("changed", texts(|r| r.changed.as_deref())),
        ("notes", texts(|r| r.notes.as_deref())),
        ("micros", ints(|r| r.micros)),
        ("request", texts(|r| Some(&r.request_id))),
    ]
}

/// Without what PostgreSQL has no place for in a text.
fn fit(text: &str) -> String {
    text.replace('\0', "")
}

fn bodies(requests: &[(TenantKey, LoggedRequest)], entries: &[i64]) -> Option<Table> {
    let with_body = requests.iter().zip(entries).filter(|((_, request), _)| request.body.is_some());
    let (mut tenants, mut places, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for ((tenant, request), entry) in with_body {
        tenants.push(tenant.0);
        places.push(*entry);
        texts.push(request.body.as_deref().map(fit));
    }
    let table =
        vec![("tenant", Column::Ints(tenants)), ("entry", Column::Ints(places)), ("body", Column::Texts(texts))];
    table.first().is_some_and(|(_, column)| column.len() > 0).then_some(table)
}

fn read(row: &Row) -> Result<(Entry, LoggedRequest), StoreError> {
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
    };
    Ok((Entry(row.int(0)?), request))
}

const KEEP: &str = "select tenant from tenant where tenant in (select tenant from {rows}) order by tenant{keep}";
const RECORD: &str = "insert into provisioning (tenant, entry, at, token, token_name, client, method, route, resource_type, resource, \
     status, scim_type, detail, filter, changed, notes, micros, request) \
     select kept.tenant, entry, at, token, token_name, client, method, route, resource_type, resource, \
     given.status, scim_type, detail, filter, changed, notes, micros, request \
     from {rows} join {kept} on kept.tenant = given.tenant";
const RECORD_BODIES: &str = "insert into provisioning_body (tenant, entry, body) \
     select kept.tenant, entry, body from {rows} join {kept} on kept.tenant = given.tenant";
const LISTED: &str = "select p.entry, p.at, p.token, p.token_name, p.client, p.method, p.route, p.resource_type, p.resource, \
     p.status, p.scim_type, p.detail, p.filter, p.changed, p.notes, p.micros, p.request, b.body \
     from provisioning p left join provisioning_body b on b.tenant = p.tenant and b.entry = p.entry where p.tenant = ";
const NOTED: &str =
    "select at, notes from provisioning where tenant = $1 and notes is not null order by entry desc limit $2";
const FORGET_BODIES: &str = "delete from provisioning_body where tenant = $1 and entry in \
     (select entry from provisioning_body where tenant = $1 and entry < $2 order by entry limit $3) returning entry";
const FORGET: &str = "delete from provisioning where tenant = $1 and entry in \
     (select entry from provisioning where tenant = $1 and entry < $2 order by entry limit $3) returning entry";
