//! Pages of tenants with the counts of their resources, in several orders. A page is found in the order of an index and
//! starts after a position, so that its cost does not depend on the position; the details of its tenants are read
//! afterwards.

use crate::clock::Timestamp;
use crate::store::activity::health::{self, Health, HealthTime};
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::handle::Store;
use crate::store::operator::tenant::{COLUMNS, TenantInfo, WIDTH, read_tenant};
use crate::store::operator::tenant_query::{
    Source, TenantOrder, TenantPage, TenantPlace, TenantQuery,
};

/// Names of the resource types that are counted for a tenant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CountedTypes<'a> {
    /// The type with seats.
    pub(crate) seated: &'a str,
    /// The other counted type.
    pub(crate) grouped: &'a str,
}

/// A part of a list: tenants that are found in the order of one index.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// All tenants, by name.
    All,
    /// Tenants with a health, by name.
    Healthy(Health),
    /// Tenants with any other health, by name.
    Others,
    /// Tenants with a figure in this column of `tenant_status`, highest first.
    Figure(&'static str),
    /// Tenants without a figure, newest first.
    WithoutFigures,
}

/// Health values that need attention, most urgent first.
const URGENT: [Health; 3] = [Health::Failing, Health::TokenEnding, Health::Silent];

/// Up to this number the tenants of a source are read and sorted instead of found in order: fewer than the limit of a
/// source, so that none is missing if the number grows concurrently.
const FEW: i64 = 1000;

fn parts(order: TenantOrder) -> &'static [Part] {
    match order {
        TenantOrder::Name => &[Part::All],
        TenantOrder::LastRequest => &[Part::Figure("s.last_request"), Part::WithoutFigures],
        TenantOrder::ActiveUsers => &[Part::Figure("s.active_users"), Part::WithoutFigures],
        TenantOrder::Attention => {
            const {
                let [first, second, third] = URGENT;
                &[
                    Part::Healthy(first),
                    Part::Healthy(second),
                    Part::Healthy(third),
                    Part::Others,
                ]
            }
        }
    }
}

impl Part {
    /// The health of all its tenants, if it has an index.
    fn health(self) -> Option<Health> {
        match self {
            Self::Healthy(health) => Some(health),
            _ => None,
        }
    }

    /// Appends the query of the tenants of the part: `tenant`, `name` and `figure`, restricted to a source if given.
    fn push(
        self,
        sql: &mut Sql,
        query: &TenantQuery,
        after: &Start<'_>,
        few: Option<Source>,
        time: HealthTime,
    ) {
        sql.raw("select t.tenant, t.name, ");
        match self {
            Self::Figure(column) => sql.raw(column).raw(" as figure"),
            _ => sql.raw("cast(0 as bigint) as figure"),
        };
        match (self, few) {
            (_, Some(source)) => push_few(sql, query, source, time),
            // `cross join` prevents SQLite from starting with the tenants.
            (Self::Figure(_), None) => {
                sql.raw(" from tenant_status s cross join tenant t where t.tenant = s.tenant");
            }
            (_, None) => {
                sql.raw(FROM).raw(" where true");
            }
        }
        match self {
            Self::All | Self::Healthy(_) | Self::Others => {
                sql.raw(" and t.name > ").arg(after.name.into());
            }
            Self::Figure(column) => {
                sql.raw(" and (").raw(column).raw(", s.tenant) < (");
                sql.int(after.figure).raw(", ").int(after.tenant).raw(")");
            }
            Self::WithoutFigures => {
                sql.raw(" and s.tenant is null and t.tenant < ")
                    .int(after.tenant);
            }
        }
        match self {
            Self::Healthy(health) => health::require(sql, health, time),
            Self::Others => {
                sql.raw(" and ");
                health::push(sql, time);
                sql.raw(" not in (''");
                for urgent in URGENT {
                    sql.raw(", ").arg(urgent.as_str().into());
                }
                sql.raw(")");
            }
            Self::All | Self::Figure(_) | Self::WithoutFigures => {}
        }
    }

    /// Appends the order of the part, for its tenants or for a page of them.
    fn push_order(self, sql: &mut Sql, is_page: bool) {
        sql.raw(" order by ");
        match (self, is_page) {
            (Self::All | Self::Healthy(_) | Self::Others, _) => sql.raw("t.name"),
            (Self::Figure(_), true) => sql.raw("page.figure desc, page.tenant desc"),
            (Self::Figure(column), false) => sql.raw(column).raw(" desc, s.tenant desc"),
            (Self::WithoutFigures, _) => sql.raw("t.tenant desc"),
        };
    }
}

/// The limit of a page with at least this number of tenants. It is in the text: PostgreSQL plans a limit that is a
/// parameter as a tenth of all tenants, and then reads and sorts all of them.
fn bound(wanted: i64) -> &'static str {
    const { assert!(MOST == 200) }
    if wanted <= 11 {
        " limit 11"
    } else if wanted <= 51 {
        " limit 51"
    } else {
        " limit 201"
    }
}

/// The maximum number of tenants of a page.
const MOST: i64 = 200;

/// The position after which a part of a list starts: before all tenants, if it is read from its beginning.
struct Start<'a> {
    name: &'a str,
    figure: i64,
    tenant: i64,
}

impl<'a> Start<'a> {
    fn of(after: Option<&'a TenantPlace>) -> Self {
        Self {
            name: after.map_or("", |place| &place.name),
            figure: after.map_or(i64::MAX, |place| place.figure),
            tenant: after.map_or(i64::MAX, |place| place.tenant),
        }
    }
}

/// Appends `tenant t` with its `tenant_status s`, restricted to a source; conditions can follow.
fn push_few(sql: &mut Sql, query: &TenantQuery, source: Source, time: HealthTime) {
    sql.raw(" from (select distinct c.tenant from (");
    query.push_source(sql, source, time);
    sql.raw(") as c) as few cross join tenant t left join tenant_status s on s.tenant = t.tenant where t.tenant = few.tenant");
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

/// The number of columns that [`read_info`] reads.
const INFO_WIDTH: usize = WIDTH + 8;

/// Selects the columns of [`read_info`], from `tenant t` with its `tenant_status s`.
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
    sql.raw(", s.last_request, s.last_client");
    sql
}

impl Store {
    /// The tenant with that name, with the counts of its resources.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn tenant(
        &self,
        name: &str,
        counted: CountedTypes<'_>,
        time: HealthTime,
    ) -> Result<Option<TenantInfo>, StoreError> {
        let mut sql = select_info(counted, time);
        sql.raw(FROM).raw(" where t.name = ").arg(name.into());
        self.engine
            .read(&sql.statement("tenant.find"))
            .await?
            .first()
            .map(read_info)
            .transpose()
    }

    /// A page of tenants with the counts of their resources, [`MOST`] at most.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn tenants(
        &self,
        query: &TenantQuery,
        counted: CountedTypes<'_>,
        time: HealthTime,
    ) -> Result<TenantPage, StoreError> {
        let most = query.limit.min(MOST);
        let limit = usize::try_from(most).unwrap_or_default();
        let mut page = TenantPage {
            tenants: Vec::new(),
            next: None,
        };
        let parts = parts(query.order.unwrap_or(TenantOrder::Name));
        let own = parts.iter().filter_map(|part| Source::of(part.health()));
        let small = self.small(query, own.chain(query.sources()), time).await?;
        let mut after = query.after.as_ref();
        let first = after.map_or(0, |place| place.part);
        for (number, part) in (0..).zip(parts) {
            if number < first {
                continue;
            }
            let own = Source::of(part.health()).into_iter();
            let few = own.chain(query.sources()).find(|own| small.contains(own));
            let mut sql = select_info(counted, time);
            sql.raw(", page.figure from (");
            part.push(&mut sql, query, &Start::of(after.take()), few, time);
            query.conditions(&mut sql, time);
            part.push_order(&mut sql, false);
            // One more than requested shows whether there are more.
            let wanted = most + 1 - i64::try_from(page.tenants.len()).unwrap_or(0);
            sql.raw(bound(wanted)).raw(PAGE);
            part.push_order(&mut sql, true);
            for row in self.engine.read(&sql.statement("tenant.list")).await? {
                if page.tenants.len() == limit {
                    return Ok(page);
                }
                let info = read_info(&row)?;
                page.next = Some(TenantPlace {
                    part: number,
                    figure: row.int(INFO_WIDTH)?,
                    tenant: info.settings.number(),
                    name: info.settings.name.clone(),
                });
                page.tenants.push(info);
            }
        }
        page.next = None;
        Ok(page)
    }

    /// The sources of a list with few tenants, which are read and sorted. Otherwise the list is read in its order until
    /// the page is full.
    async fn small(
        &self,
        query: &TenantQuery,
        sources: impl Iterator<Item = Source>,
        time: HealthTime,
    ) -> Result<Vec<Source>, StoreError> {
        let mut sql = Sql::default();
        let mut between = "select ";
        let sources: Vec<_> = sources.collect();
        for source in &sources {
            sql.raw(between).raw("(select count(*) from (");
            query.push_source(&mut sql, *source, time);
            sql.raw(") as c)");
            between = ", ";
        }
        if sources.is_empty() {
            return Ok(sources);
        }
        let rows = self.engine.read(&sql.statement("tenant.count_few")).await?;
        let mut small = Vec::new();
        for (column, source) in sources.into_iter().enumerate() {
            let count = rows.first().map_or(Ok(0), |row| row.int(column))?;
            small.extend((count <= FEW).then_some(source));
        }
        Ok(small)
    }

    /// The number of tenants that match a query, regardless of its start.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn count_tenants(
        &self,
        query: &TenantQuery,
        time: HealthTime,
    ) -> Result<i64, StoreError> {
        let small = self.small(query, query.sources(), time).await?;
        let mut sql = Sql::default();
        sql.raw("select count(*)");
        match small.first() {
            Some(source) => push_few(&mut sql, query, *source, time),
            None => {
                sql.raw(FROM).raw(" where true");
            }
        }
        query.conditions(&mut sql, time);
        let rows = self.engine.read(&sql.statement("tenant.count")).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }
}

const FROM: &str = " from tenant t left join tenant_status s on s.tenant = t.tenant";
const PAGE: &str = ") as page join tenant t on t.tenant = page.tenant left join tenant_status s on s.tenant = t.tenant";
const LIVE: &str = "cast(coalesce((select sum(live) from counter c join kind k on k.kind = c.kind \
     where c.tenant = t.tenant and k.name = ";
const ACTIVE: &str =
    "cast(coalesce((select sum(active) from counter c where c.tenant = t.tenant), 0) as bigint), ";
