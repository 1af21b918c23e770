//! Iteration over all tenants in slices, so that only a part is in memory.

use crate::clock::Timestamp;
use crate::store::activity::tally::hour_of;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::logged_request::TenantKey;
use crate::store::operator::tenant::{COLUMNS, Tenant, read_tenant};
use crate::store::resources::seq::moment_of;

/// Number of tenants in a slice.
const SLICE: i64 = 1000;

impl Store {
    /// A slice of the tenants after an id, in the order of ids; empty after the last.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn tenants_after(&self, number: i64) -> Result<Vec<Tenant>, StoreError> {
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

    /// The tenants in the slice after an id whose provisioning log or figures have requests written before a time; and
    /// the last tenant of the slice.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn tenants_with_requests_before(
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

    /// The total number of live resources of all tenants.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn count_resources(&self) -> Result<i64, StoreError> {
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

const WITH_REQUESTS: &str = "select t.tenant, (exists (select 1 from provisioning p where p.tenant = t.tenant and p.entry < $2) \
     or exists (select 1 from tenant_hour h where h.tenant = t.tenant and h.hour < $4)) \
     from tenant t where t.tenant > $1 order by t.tenant {limit}$3";
const RESOURCES: &str = "select cast(coalesce(sum(live), 0) as bigint) from counter";
