//! Lists of tenants: page by page with the counts of their resources, and slice by slice for work on
//! all of them. None holds more than a part in memory.

use crate::clock::Timestamp;
use crate::store::activity::health::{self, Health, HealthTime};
use crate::store::activity::tally::hour_of;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::logged_request::TenantKey;
use crate::store::operator::tenant::{COLUMNS, Status, Tenant, TenantInfo, WIDTH, read_tenant};
use crate::store::resources::seq::moment_of;

/// Tenants that are read at a time for work on all of them.
const SLICE: i64 = 1000;

/// Which tenants are listed, in order of their names.
#[derive(Debug, Clone, Default)]
pub struct TenantQuery {
    /// Only those whose names come after this one.
    pub after: Option<String>,
    /// Only those whose names contain this text.
    pub search: Option<String>,
    /// Only those whose name, display name or reference begins with this text, which is in lower case.
    pub prefix: Option<String>,
    /// Only those of this status.
    pub status: Option<Status>,
    /// Only those of these names; `None`: any.
    pub among: Option<Vec<String>>,
    /// Only those of this health.
    pub health: Option<Health>,
    /// So many at most.
    pub limit: i64,
}

impl TenantQuery {
    /// Adds the conditions on `tenant t` with its `tenant_status s`, but for where the list begins.
    fn conditions(&self, sql: &mut Sql, time: HealthTime) {
        if let Some(text) = &self.search {
            sql.raw(" and {position}(t.name, ")
                .arg(text.as_str().into())
                .raw(") > 0");
        }
        if let Some(prefix) = &self.prefix {
            // Three ranges, each of an index of its own. What begins with a text comes before the text with the last
            // character behind it.
            let end = format!("{prefix}{}", char::MAX);
            for (start, column) in PREFIXED {
                sql.raw(start)
                    .raw(column)
                    .raw(" >= ")
                    .arg(prefix.as_str().into());
                sql.raw(" and ")
                    .raw(column)
                    .raw(" <= ")
                    .arg(Arg::Text(end.clone()));
            }
            sql.raw(")");
        }
        if let Some(status) = self.status {
            sql.raw(" and t.status = ").arg(status.as_str().into());
        }
        if let Some(among) = &self.among {
            sql.raw(" and t.name in (''");
            for name in among {
                sql.raw(", ").arg(name.as_str().into());
            }
            sql.raw(")");
        }
        if let Some(wanted) = self.health {
            health::narrow(sql, wanted, time);
            sql.raw(" and ");
            health::push(sql, time);
            sql.raw(" = ").arg(wanted.as_str().into());
        }
    }
}

/// The columns that a prefix is looked for in, each after what goes before it.
const PREFIXED: [(&str, &str); 3] = [
    (
        " and t.tenant in (select p.tenant from tenant p where ",
        "p.name",
    ),
    (
        " union all select p.tenant from tenant p where ",
        "p.display_key",
    ),
    (
        " union all select p.tenant from tenant p where ",
        "p.reference_key",
    ),
];

/// Names of the resource types that are counted for a tenant.
#[derive(Debug, Clone, Copy)]
pub struct CountedTypes<'a> {
    /// The type whose resources take seats.
    pub seated: &'a str,
    /// The type that is counted beside it.
    pub grouped: &'a str,
}

fn read_info(row: &Row) -> Result<TenantInfo, StoreError> {
    Ok(TenantInfo {
        settings: read_tenant(row)?,
        used: row.int(WIDTH)?,
        created: Timestamp::from_micros(row.int(WIDTH + 1)?),
        users: row.int(WIDTH + 2)?,
        active_users: row.int(WIDTH + 3)?,
        groups: row.int(WIDTH + 4)?,
        health: Health::from_keyword(row.text(WIDTH + 5)?).unwrap_or(Health::Receiving),
        last_request: row.opt_int(WIDTH + 6)?.map(Timestamp::from_micros),
        last_client: row.opt_text(WIDTH + 7)?.map(str::to_owned),
    })
}

/// Selects what [`read_info`] reads, from `tenant t`.
fn select_info(counted: CountedTypes<'_>, time: HealthTime) -> Sql {
    let mut sql = Sql::default();
    sql.raw("select ").raw(COLUMNS).raw(", t.used, t.created, ");
    sql.raw(LIVE)
        .arg(counted.seated.into())
        .raw("), 0) as bigint), ");
    sql.raw(ACTIVE)
        .raw(LIVE)
        .arg(counted.grouped.into())
        .raw("), 0) as bigint), ");
    health::push(&mut sql, time);
    sql.raw(", s.last_request, s.last_client from tenant t left join tenant_status s on s.tenant = t.tenant");
    sql
}

impl Store {
    /// The tenant of that name with the counts of its resources.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn tenant(
        &self,
        name: &str,
        counted: CountedTypes<'_>,
        time: HealthTime,
    ) -> Result<Option<TenantInfo>, StoreError> {
        let mut sql = select_info(counted, time);
        sql.raw(" where t.name = ").arg(name.into());
        self.engine
            .read(&sql.statement("tenant.find"))
            .await?
            .first()
            .map(read_info)
            .transpose()
    }

    /// A page of tenants with the counts of their resources.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn tenants(
        &self,
        query: &TenantQuery,
        counted: CountedTypes<'_>,
        time: HealthTime,
    ) -> Result<Vec<TenantInfo>, StoreError> {
        let mut sql = select_info(counted, time);
        sql.raw(" where t.name > ")
            .arg(query.after.as_deref().unwrap_or_default().into());
        query.conditions(&mut sql, time);
        sql.raw(" order by t.name {limit}").int(query.limit);
        self.engine
            .read(&sql.statement("tenant.list"))
            .await?
            .iter()
            .map(read_info)
            .collect()
    }

    /// How many tenants fit a query, wherever its list begins.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn count_tenants(
        &self,
        query: &TenantQuery,
        time: HealthTime,
    ) -> Result<i64, StoreError> {
        let mut sql = Sql::default();
        sql.raw("select count(*) from tenant t left join tenant_status s on s.tenant = t.tenant where t.tenant > 0");
        query.conditions(&mut sql, time);
        let rows = self.engine.read(&sql.statement("tenant.count")).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// The settings of the tenants that follow a number, in order of their numbers, a slice of them; none
    /// after the last.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn tenants_after(&self, number: i64) -> Result<Vec<Tenant>, StoreError> {
        let text = format!(
            "select {COLUMNS} from tenant t where t.tenant > $1 order by t.tenant {{limit}}$2"
        );
        let rows = self
            .engine
            .read(&Statement::named(
                "tenant.list_after",
                text,
                vec![Arg::Int(number), Arg::Int(SLICE)],
            ))
            .await?;
        rows.iter().map(read_tenant).collect()
    }

    /// Of a slice of the tenants that follow one, those whose provisioning log or figures have requests that
    /// were written before a moment; and the last one of the slice, after which the next begins.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn tenants_with_requests_before(
        &self,
        moment: Timestamp,
        after: Option<TenantKey>,
    ) -> Result<(Vec<TenantKey>, Option<TenantKey>), StoreError> {
        let after = after.map_or(0, |TenantKey(number)| number);
        let args = vec![
            Arg::Int(after),
            Arg::Int(moment_of(moment)),
            Arg::Int(SLICE),
            Arg::Int(hour_of(moment)),
        ];
        let (mut holding, mut last) = (Vec::new(), None);
        for row in self
            .engine
            .read(&Statement::named(
                "tenant.with_requests",
                WITH_REQUESTS,
                args,
            ))
            .await?
        {
            let key = TenantKey(row.int(0)?);
            last = Some(key);
            holding.extend(row.bool(1)?.then_some(key));
        }
        Ok((holding, last))
    }

    /// How many live resources all tenants have together.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn count_resources(&self) -> Result<i64, StoreError> {
        let rows = self
            .engine
            .read(&Statement::named(
                "tenant.count_resources",
                RESOURCES,
                vec![],
            ))
            .await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }
}

const LIVE: &str = "cast(coalesce((select sum(live) from counter c join kind k on k.kind = c.kind \
     where c.tenant = t.tenant and k.name = ";
const ACTIVE: &str =
    "cast(coalesce((select sum(active) from counter c where c.tenant = t.tenant), 0) as bigint), ";
const WITH_REQUESTS: &str = "select t.tenant, (exists (select 1 from provisioning p where p.tenant = t.tenant and p.entry < $2) \
     or exists (select 1 from tenant_hour h where h.tenant = t.tenant and h.hour < $4)) \
     from tenant t where t.tenant > $1 order by t.tenant {limit}$3";
const RESOURCES: &str = "select cast(coalesce(sum(live), 0) as bigint) from counter";
