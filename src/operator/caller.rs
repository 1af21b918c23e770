//! The operator as a caller: everything is allowed within a tenant, and the change log has no token for it.

use crate::access::Caller;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::TypeRoles;
use crate::protocol::{ListQuery, Service, View};
use crate::schema::{Attribute, ResourceType};
use crate::store::{Author, Relations, TokenScope};
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// Resources that have one name and are told apart by their ids, at most.
const NAMESAKES: i64 = 10;

impl Caller {
    /// Who makes a change at a moment, for the change log.
    pub(crate) fn author(&self, at: Timestamp) -> Author {
        // Only the operator comes without a token.
        let token = Some(self.token_id.to_string()).filter(|id| !id.is_empty());
        Author { token, at }
    }
}

impl Service {
    /// The operator as a caller of the protocol's operations in a tenant.
    ///
    /// # Errors
    /// 404 if there is no tenant of that name.
    pub async fn operator(&self, tenant: &str) -> Result<Arc<Caller>> {
        let tenant = self.tenant(tenant).await?.settings;
        let numbered = self.catalogs.of(&self.store, &tenant).await?;
        Ok(Arc::new(Caller {
            tenant: tenant.name.as_str().into(),
            token_name: "operator".into(),
            token_id: "".into(),
            base_url: tenant
                .base_url
                .as_deref()
                .unwrap_or(&self.settings.public_url)
                .into(),
            catalog: numbered.catalog.clone(),
            scope: tenant.scope(numbered.layout.clone()),
            token_scope: TokenScope::ReadWrite,
            settings: tenant.into(),
            trail: Arc::default(),
        }))
    }

    /// The ids of the resources of a type that a text means: the one that has it as its id, or else
    /// those that have it as their name, which are several only where names need not be unique.
    ///
    /// # Errors
    /// 503 if the database is away.
    pub async fn ids_of(
        &self,
        caller: &Caller,
        resource_type: &Arc<ResourceType>,
        text: &str,
    ) -> Result<Vec<String>> {
        if let Ok(id) = Uuid::parse_str(text)
            && self
                .store
                .find(&caller.scope, resource_type, id, Relations::default())
                .await?
                .is_some()
        {
            return Ok(vec![id.to_string()]);
        }
        let Some(name) = naming_attribute(resource_type) else {
            return Ok(Vec::new());
        };
        let query = ListQuery {
            filter: Some(format!("{} eq {}", name.name(), Value::from(text))),
            count: Some(NAMESAKES),
            view: View {
                attributes: vec!["id".to_owned()],
                ..View::default()
            },
            ..ListQuery::default()
        };
        let found = self
            .list(caller, Some(resource_type), &query)
            .await?
            .text()
            .await?;
        let found: Value = serde_json::from_str(&found).unwrap_or_default();
        let resources = found
            .get("Resources")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        Ok(resources
            .filter_map(|resource| Some(resource.get("id")?.as_str()?.to_owned()))
            .collect())
    }
}

/// The attribute by which people name a resource of a type: the first unique one of its schema, or
/// else the one that other resources show.
pub fn naming_attribute(resource_type: &ResourceType) -> Option<&Arc<Attribute>> {
    let unique = resource_type
        .schema()
        .attributes()
        .iter()
        .find(|attribute| attribute.is_unique());
    unique.or_else(|| resource_type.top_attribute(resource_type.display().first().copied()?))
}
