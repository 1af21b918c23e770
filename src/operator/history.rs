//! The changes of one resource.

use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::store::ResourceChange;
use uuid::Uuid;

impl Operator {
    /// Changes of the resource of that id with versions before one, the latest first; none if the tenant never had
    /// such a resource, or its changes are no longer kept. A resource that was imported with an id of its own and
    /// deleted since is not found.
    ///
    /// # Errors
    /// 404 if there is no tenant of that name.
    pub async fn history(
        &self,
        tenant: &str,
        id: Uuid,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<ResourceChange>> {
        let key = self.tenant(tenant).await?.settings.key();
        Ok(self.store.history(key, id, before, limit).await?)
    }
}
