//! The changes of one resource.

use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::store::ResourceChange;
use uuid::Uuid;

impl Operator {
    /// Changes of the resource with that id and versions before the given one, latest first; none if the tenant never
    /// had the resource, or its changes were deleted. A resource that was imported with its own id and deleted is not
    /// found.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
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
