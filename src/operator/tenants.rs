//! Tenants in lists: a page for the operator, and iteration over all.

use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::store::{CountedTypes, HealthTime, Store, Tenant};
use crate::store::{TenantPage, TenantQuery};

/// The counted resource types of a tenant.
pub(crate) const COUNTED: CountedTypes<'_> = CountedTypes {
    seated: "User",
    grouped: "Group",
};

/// All tenants in the order of creation, read in slices. Concurrently created tenants are included.
#[derive(Debug)]
pub(crate) struct EachTenant {
    store: Store,
    last: i64,
    slice: std::vec::IntoIter<Tenant>,
}

impl EachTenant {
    /// The next tenant; `None` after the last.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub(crate) async fn next(&mut self) -> Result<Option<Tenant>> {
        if self.slice.len() == 0 {
            self.slice = self.store.tenants_after(self.last).await?.into_iter();
        }
        let next = self.slice.next();
        self.last = next.as_ref().map_or(self.last, Tenant::number);
        Ok(next)
    }
}

impl Operator {
    /// The number of tenants that match a query, regardless of its start.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub(crate) async fn count_tenants(&self, query: &TenantQuery) -> Result<i64> {
        Ok(self.store.count_tenants(query, self.health_time()).await?)
    }

    /// A page of tenants.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub async fn tenants(&self, query: &TenantQuery) -> Result<TenantPage> {
        Ok(self
            .store
            .tenants(query, COUNTED, self.health_time())
            .await?)
    }

    /// The time for which health is computed: the current time.
    pub(crate) fn health_time(&self) -> HealthTime {
        let now = self.clock.now();
        HealthTime {
            now,
            ending_until: now.plus_seconds(self.warn_days * 86_400),
        }
    }

    /// The total number of live resources of all tenants.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub(crate) async fn count_resources(&self) -> Result<i64> {
        Ok(self.store.count_resources().await?)
    }

    /// Iterates over all tenants.
    pub(crate) fn each_tenant(&self) -> EachTenant {
        EachTenant {
            store: self.store.clone(),
            last: 0,
            slice: Vec::new().into_iter(),
        }
    }
}
