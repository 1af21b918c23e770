//! Visits the documents of a tenant: all, or those with values of an extension, declared or hidden.

use crate::resource::{Attributes, StoredDocument};
use crate::schema::ResourceType;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::resources::scope::Scope;
use crate::store::resources::seq::type_id_of;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A resource with values of an extension.
#[derive(Debug)]
pub(crate) struct Holder<'a> {
    /// Type of the resource.
    pub(crate) resource_type: &'a ResourceType,
    /// Id of the resource.
    pub(crate) id: Uuid,
    /// The values, by name of attribute.
    pub(crate) values: &'a Map<String, Value>,
}

impl Store {
    /// Visits the resources of a tenant with their attributes.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn visit_resources(
        &self,
        scope: &Scope,
        visit: &mut (dyn FnMut(&ResourceType, &Attributes) + Send),
    ) -> Result<(), StoreError> {
        let mut rows = self.engine.rows(Statement::named(
            "resource.visit",
            RESOURCES,
            vec![Arg::Int(scope.tenant)],
        ));
        while let Some(row) = rows.recv().await.transpose()? {
            let Some(of_type) = scope.layout.by_type_id(type_id_of(row.int(0)?)) else {
                continue;
            };
            let document = StoredDocument::from_stored(row.text(1)?);
            visit(
                &of_type.resource_type,
                &document.attributes().unwrap_or_default(),
            );
        }
        Ok(())
    }

    /// Visits the resources of a tenant with values under a URN.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn visit_holders(
        &self,
        scope: &Scope,
        urn: &str,
        visit: &mut (dyn FnMut(Holder<'_>) + Send),
    ) -> Result<(), StoreError> {
        let args = vec![Arg::Int(scope.tenant), Arg::Text(format!("%\"{urn}\":{{%"))];
        let mut rows = self
            .engine
            .rows(Statement::named("resource.visit_holders", HOLDERS, args));
        while let Some(row) = rows.recv().await.transpose()? {
            let Some(of_type) = scope.layout.by_type_id(type_id_of(row.int(0)?)) else {
                continue;
            };
            let attributes = StoredDocument::from_stored(row.text(2)?)
                .attributes()
                .unwrap_or_default();
            if let Some(Value::Object(values)) = attributes.get(urn) {
                visit(Holder {
                    resource_type: &of_type.resource_type,
                    id: row.uuid(1)?,
                    values,
                });
            }
        }
        Ok(())
    }
}

const RESOURCES: &str = "select seq, document from resource where tenant = $1 order by seq";
// Wildcard characters in a URN can match other URNs, so the document is checked.
const HOLDERS: &str =
    "select seq, id, document from resource where tenant = $1 and document like $2 order by seq";
