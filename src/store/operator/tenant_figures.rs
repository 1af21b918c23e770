//! Figures of tenants for metrics.

use crate::clock::Timestamp;
use crate::metrics::TenantFigures;
use crate::store::activity::health::{self, Health, HealthTime};
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;

/// A query of figures of tenants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FiguresQuery {
    /// The current time.
    pub(crate) now: Timestamp,
    /// Tokens that expire before this time expire soon.
    pub(crate) until: Timestamp,
    /// Whether tenants without a seat limit and without an expiring token are included.
    pub(crate) everything: bool,
    /// Maximum number of tenants.
    pub(crate) limit: i64,
}

impl Store {
    /// The figures of tenants, in the order of the expiry of their tokens.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn tenant_figures(
        &self,
        query: &FiguresQuery,
    ) -> Result<Vec<TenantFigures>, StoreError> {
        let values = vec![
            Arg::Int(query.now.as_micros()),
            Arg::Int(query.until.as_micros()),
            Arg::Bool(query.everything),
            Arg::Int(query.limit),
        ];
        let statement = Statement::named("tenant.figures", FIGURES, values);
        let rows = self.engine.read(&statement).await?;
        rows.iter()
            .map(|row| {
                Ok(TenantFigures {
                    tenant: row.text(0)?.to_owned(),
                    seats_used: row.int(1)?,
                    seats: row.opt_int(2)?,
                    token_end: row.opt_int(3)?.map(Timestamp::from_micros),
                })
            })
            .collect()
    }
}

impl Store {
    /// The number of tenants by health, without zeros.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn tenants_by_health(
        &self,
        time: HealthTime,
    ) -> Result<Vec<(Health, i64)>, StoreError> {
        let mut sql = Sql::default();
        sql.raw("select health, count(*) from (select ");
        health::push(&mut sql, time);
        sql.raw(
            " as health from tenant t left join tenant_status s on s.tenant = t.tenant) as each_tenant group by health",
        );
        let rows = self
            .engine
            .read(&sql.statement("tenant.count_health"))
            .await?;
        rows.iter()
            .map(|row| {
                let health = Health::from_keyword(row.text(0)?).unwrap_or(Health::Receiving);
                Ok((health, row.int(1)?))
            })
            .collect()
    }
}

const FIGURES: &str = "select t.name, t.used, t.seats, min(k.expires) from tenant t \
     left join token k on k.tenant = t.tenant and k.revoked is null and k.successor is null and k.expires > $1 and k.expires <= $2 \
     where $3 or t.seats is not null or k.id is not null \
     group by t.tenant, t.name, t.used, t.seats order by 4 nulls last, t.name {limit}$4";
