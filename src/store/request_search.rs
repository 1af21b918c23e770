//! Paged search in the provisioning log of a tenant, latest first. A page scans a limited part of the log in its order,
//! so a filter with few matches costs no more than one with many. The next page continues at the end of that part.

use crate::clock::Timestamp;
use crate::store::db::args::{Arg, Column};
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::logged_request::{LogPosition, LoggedRequest, Outcome, TenantKey};
use crate::store::request_about::About;
use crate::store::request_filter::LogFilter;
use crate::store::request_log::{LISTED, LISTED_WIDTH, WITH_BODY, join_requests, read};
use crate::store::resources::seq::{milliseconds, moment_of};
use uuid::Uuid;

/// Maximum number of requests that a page scans, in the order of the log or of an index.
const LOOKED_THROUGH: i64 = 20_000;
const LOOKED_UP: i64 = 1_000;
/// Maximum time between a request and its row, in milliseconds.
const WRITTEN_WITHIN: i64 = 3_600_000;

/// A search for requests of a tenant, latest first.
#[derive(Debug, Clone, Default)]
pub struct LogSearch {
    /// Only these requests.
    pub filter: LogFilter,
    /// Only requests at this time or later.
    pub since: Option<Timestamp>,
    /// Only requests before this time.
    pub until: Option<Timestamp>,
    /// Only requests before this position.
    pub before: Option<LogPosition>,
    /// Maximum number of requests.
    pub limit: i64,
}

/// A page of requests.
#[derive(Debug, Clone)]
pub struct LogPage {
    /// The requests, latest first.
    pub requests: Vec<(LogPosition, LoggedRequest)>,
    /// The position before which the search continues; `None` at the end of the log.
    pub next: Option<LogPosition>,
}

/// Sources of entries, in the order of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Log,
    Failures,
    Noted,
    About(About),
}

impl LogSearch {
    /// The most selective sources of the requests.
    fn sources(&self) -> Vec<Source> {
        if let Some(user) = &self.filter.user {
            return user.keys().map(Source::About).collect();
        }
        let of_outcome = match self.filter.outcome {
            Some(Outcome::Refused | Outcome::Failed) => Source::Failures,
            _ if self.filter.failed => Source::Failures,
            Some(Outcome::Noted) => Source::Noted,
            Some(Outcome::Ok) | None => Source::Log,
        };
        let resource = self.filter.resource.map(About::Resource);
        vec![resource.map_or(of_outcome, Source::About)]
    }

    /// Whether a page can scan requests that do not match.
    fn passes_over(&self) -> bool {
        self.filter.outcome.is_some()
            || self.filter.failed
            || self.filter.action.is_some()
            || self.filter.user.is_some()
            || self.filter.token.is_some()
            || self.filter.client.is_some()
            || self.since.is_some()
            || self.until.is_some()
    }

    /// The number of requests of a source that a page scans.
    fn bound(&self) -> i64 {
        if self.sources() == [Source::Log] {
            LOOKED_THROUGH
        } else {
            LOOKED_UP
        }
    }

    /// Appends the range of positions.
    fn range(&self, sql: &mut Sql, entry: &'static str, from: Option<i64>) {
        if let Some(LogPosition(before)) = self.before {
            sql.raw(" and ").raw(entry).raw(" < ").int(before);
        }
        if let Some(until) = self.until {
            let latest = moment_of(until) + milliseconds(WRITTEN_WITHIN);
            sql.raw(" and ").raw(entry).raw(" < ").int(latest);
        }
        let since = self.since.map(moment_of);
        if let Some(from) = from.max(since) {
            sql.raw(" and ").raw(entry).raw(" >= ").int(from);
        }
    }

    /// Appends the conditions on `provisioning p`.
    fn conditions(&self, sql: &mut Sql) {
        let texts = [
            (
                " and p.outcome = ",
                self.filter.outcome.map(Outcome::as_str),
            ),
            (" and p.action = ", self.filter.action.as_deref()),
        ];
        for (condition, text) in texts {
            if let Some(text) = text {
                sql.raw(condition).arg(text.into());
            }
        }
        if self.filter.failed {
            sql.raw(" and exists (select 1 from provisioning_failure x where x.tenant = p.tenant and x.entry = p.entry)");
        }
        if let (Some(id), Some(_)) = (self.filter.resource, &self.filter.user) {
            sql.raw(" and p.resource = ").arg(Arg::Text(id.to_string()));
        }
        if let Some(token) = &self.filter.token {
            sql.raw(" and (p.token = ").arg(token.as_str().into());
            sql.raw(" or p.token_name = ")
                .arg(token.as_str().into())
                .raw(")");
        }
        if let Some(client) = &self.filter.client {
            sql.raw(" and {position}(p.client, ")
                .arg(client.as_str().into())
                .raw(") = 1");
        }
        if let Some(since) = self.since {
            sql.raw(" and p.at >= ").int(since.as_micros());
        }
        if let Some(until) = self.until {
            sql.raw(" and p.at < ").int(until.as_micros());
        }
    }
}

impl Source {
    /// Appends a query of its entries.
    fn entries(self, sql: &mut Sql, tenant: TenantKey) {
        let text = match self {
            Self::About(about) => return about.entries(sql, tenant),
            Self::Log | Self::Noted => "select e.entry from provisioning e where e.tenant = ",
            Self::Failures => "select e.entry from provisioning_failure e where e.tenant = ",
        };
        sql.raw(text).int(tenant.0);
        if self == Self::Noted {
            sql.raw(" and e.notes is not null");
        }
    }
}

impl Store {
    /// A page of the matching requests.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn search_requests(
        &self,
        tenant: TenantKey,
        search: &LogSearch,
    ) -> Result<LogPage, StoreError> {
        let sources = search.sources();
        if sources.is_empty() {
            return Ok(LogPage {
                requests: Vec::new(),
                next: None,
            });
        }
        let end = if search.passes_over() {
            self.end_of_part(tenant, search, &sources).await?
        } else {
            None
        };
        let mut sql = Sql::default();
        sql.raw(LISTED);
        if sources == [Source::Log] {
            sql.raw(" from provisioning p").raw(WITH_BODY);
            sql.raw(" where p.tenant = ").int(tenant.0);
            search.range(&mut sql, "p.entry", end);
        } else {
            sql.raw(" from (select entry from (");
            for (i, source) in sources.iter().enumerate() {
                sql.raw(if i > 0 { " union " } else { "" });
                source.entries(&mut sql, tenant);
                search.range(&mut sql, "e.entry", end);
            }
            sql.raw(") as u order by entry desc {limit}").int(LOOKED_UP);
            sql.raw(") f");
            join_requests(&mut sql, tenant);
            sql.raw(WITH_BODY).raw(" where 1 = 1");
        }
        search.conditions(&mut sql);
        let order = if sources == [Source::Log] {
            "p.entry"
        } else {
            "f.entry"
        };
        sql.raw(" order by ")
            .raw(order)
            .raw(" desc {limit}")
            .int(search.limit + 1);
        let rows = self
            .engine
            .read(&sql.statement("request_log.search"))
            .await?;
        let mut requests: Vec<_> = rows.iter().map(read).collect::<Result<_, _>>()?;
        let limit = usize::try_from(search.limit).unwrap_or(0);
        let has_more = requests.len() > limit;
        requests.truncate(limit);
        let last = requests.last().map(|(entry, _)| *entry);
        // The part ends with a scanned request.
        let next = if has_more { last } else { end.map(LogPosition) };
        Ok(LogPage { requests, next })
    }

    /// The position of the last request that a page scans; `None` if that is the end of the log.
    async fn end_of_part(
        &self,
        tenant: TenantKey,
        search: &LogSearch,
        sources: &[Source],
    ) -> Result<Option<i64>, StoreError> {
        let mut sql = Sql::default();
        sql.raw("select max(entry) from (");
        for (i, source) in sources.iter().enumerate() {
            sql.raw(if i > 0 { " union all " } else { "" });
            sql.raw("select entry from (");
            source.entries(&mut sql, tenant);
            search.range(&mut sql, "e.entry", None);
            sql.raw(" order by e.entry desc limit 1 offset ")
                .int(search.bound() - 1);
            sql.raw(") as part");
        }
        sql.raw(") as parts");
        let rows = self.engine.read(&sql.statement("request_log.part")).await?;
        rows.first().map_or(Ok(None), |row| row.opt_int(0))
    }

    /// A request of a tenant by its id. An id generated by the server contains its time.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn logged_request(
        &self,
        tenant: TenantKey,
        id: &str,
    ) -> Result<Option<LoggedRequest>, StoreError> {
        let made = Uuid::parse_str(id).ok().and_then(|id| id.get_timestamp());
        if let Some(made) = made {
            let (seconds, _) = made.to_unix();
            let micros = i64::try_from(seconds)
                .unwrap_or(0)
                .saturating_mul(1_000_000);
            let begin = moment_of(Timestamp::from_micros(micros)) - milliseconds(60_000);
            let range = begin..begin + milliseconds(WRITTEN_WITHIN);
            let found = self.request_within(tenant, id, Some(range)).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        self.request_within(tenant, id, None).await
    }

    async fn request_within(
        &self,
        tenant: TenantKey,
        id: &str,
        range: Option<std::ops::Range<i64>>,
    ) -> Result<Option<LoggedRequest>, StoreError> {
        let mut sql = Sql::default();
        sql.raw(LISTED).raw(" from provisioning p").raw(WITH_BODY);
        sql.raw(" where p.tenant = ").int(tenant.0);
        sql.raw(" and p.request = ").arg(id.into());
        if let Some(range) = range {
            sql.raw(" and p.entry >= ").int(range.start);
            sql.raw(" and p.entry < ").int(range.end);
        }
        sql.raw(" order by p.entry desc limit 1");
        let rows = self.engine.read(&sql.statement("request_log.find")).await?;
        let found = rows.first().map(read).transpose()?;
        Ok(found.map(|(_, request)| request))
    }

    /// Requests of a tenant after a position with the digests of their users, in the order of the log, except some
    /// positions.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn requests_after(
        &self,
        tenant: TenantKey,
        after: LogPosition,
        without: &[LogPosition],
        limit: i64,
    ) -> Result<Vec<(LogPosition, LoggedRequest)>, StoreError> {
        let text = format!("{LISTED}, p.digests from provisioning p{WITH_BODY}{AFTER}");
        let known = without.iter().map(|LogPosition(place)| *place).collect();
        let args = [tenant.0, after.0, limit].map(Arg::Int).into();
        let statement = Statement::named("request_log.after", text, args)
            .with_rows(vec![("entry", Column::Ints(known))]);
        let rows = self.engine.read(&statement).await?;
        let with_digests = |row: &Row| {
            let (entry, mut request) = read(row)?;
            let digests = row.opt_text(LISTED_WIDTH)?.unwrap_or_default().split(',');
            request.user_digests = digests.filter_map(|digest| digest.parse().ok()).collect();
            Ok((entry, request))
        };
        rows.iter().map(with_digests).collect()
    }

    /// Whether the log of a tenant has a request at a position or before it, so that none after it was deleted.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn reaches_back(
        &self,
        tenant: TenantKey,
        to: LogPosition,
    ) -> Result<bool, StoreError> {
        let mut sql = Sql::default();
        sql.raw("select 1 from provisioning where tenant = ")
            .int(tenant.0);
        sql.raw(" and entry <= ")
            .int(to.0)
            .raw(" order by entry desc limit 1");
        let rows = self
            .engine
            .read(&sql.statement("request_log.reaches"))
            .await?;
        Ok(!rows.is_empty())
    }
}

const AFTER: &str = " where p.tenant = $1 and p.entry > $2 and not exists (select 1 from {rows} where given.entry = p.entry) \
     order by p.entry {limit}$3";
