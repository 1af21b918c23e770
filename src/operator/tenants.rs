//! Tenants in lists: a page for the operator, and all of them, one after the other, for work on each.

use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::store::{CountedTypes, HealthTime, Store, Tenant};
use crate::store::{TenantPage, TenantQuery};

/// What an operator sees of a tenant's resources.
pub(crate) const COUNTED: CountedTypes<'_> = CountedTypes {
    seated: "User",
    grouped: "Group",
};

/// All tenants in the order that they were created in, read slice by slice. One that is created
/// meanwhile comes too.
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
    /// How many tenants fit a query, wherever its list begins.
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

    /// The moment for which health is computed: now.
    pub(crate) fn health_time(&self) -> HealthTime {
        let now = self.clock.now();
        HealthTime {
            now,
            ending_until: now.plus_seconds(self.warn_days * 86_400),
        }
    }

    /// How many live resources all tenants have together.
    ///
    /// # Errors
    /// Any [`OperatorError`](crate::operator::OperatorError) of the database.
    pub(crate) async fn count_resources(&self) -> Result<i64> {
        Ok(self.store.count_resources().await?)
    }

    /// All tenants, for work on each.
    pub(crate) fn each_tenant(&self) -> EachTenant {
        EachTenant {
            store: self.store.clone(),
            last: 0,
            slice: Vec::new().into_iter(),
        }
    }
}
