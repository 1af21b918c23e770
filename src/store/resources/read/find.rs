//! Reading one resource by its id.

use crate::schema::ResourceType;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::handle::Store;
use crate::store::resources::by_id::by_id;
use crate::store::resources::proof::{ConfirmedScope, ScopeClaim};
use crate::store::resources::read::fast_path::FastRead;
use crate::store::resources::read::query::resources;
use crate::store::resources::read::stored::{Documents, Relations, StoredResource};
use uuid::Uuid;

impl Store {
    /// A resource of a type by its id. The statement contains the proof of the claim.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] if the token or the tenant has changed.
    pub(crate) async fn find(
        &self,
        scope: &ScopeClaim,
        resource_type: &ResourceType,
        id: Uuid,
        relations: Relations,
    ) -> Result<(ConfirmedScope, Option<StoredResource>), StoreError> {
        let Some(of_type) = scope.layout.of_type(resource_type) else {
            return Ok((self.confirm(scope).await?, None));
        };
        let fast = self.fast_by_id(scope, of_type, id, relations).await?;
        if let FastRead::Answered((confirmed, found)) = fast {
            return Ok((confirmed, found.into_iter().next()));
        }
        let mut sql = Sql::default();
        sql.raw("with recursive found(seq, place) as materialized (select seq, 1 from resource where tenant + 0 = ");
        sql.int(scope.tenant).raw(" and ");
        by_id(&mut sql, id, &[of_type.type_id]);
        sql.raw(")");
        resources(&mut sql, scope, relations, Documents::All, false);
        let (confirmed, page) = self.page("resource.find", scope, relations, sql).await?;
        Ok((confirmed, page.found.into_iter().next()))
    }
}
