//! The operator as a caller: it has all permissions within a tenant, and no token in the change log.

use crate::access::{Caller, answered};
use crate::audit::{Actor, AuditEntry};
use crate::messages::SearchRequest;
use crate::model::TypeRoles;
use crate::operator::acting::Once;
use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::schema::{Attribute, ResourceType};
use crate::store::{AuditedChange, Relations};
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// The maximum number of resources with the same name that are listed by id.
const NAMESAKES: i64 = 10;

impl Operator {
    /// The operator as a caller of the protocol's operations in a tenant.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub(crate) async fn caller_in(&self, tenant: &str) -> Result<Arc<Caller>> {
        let tenant = self.tenant(tenant).await?.settings;
        Ok(Arc::new(self.service.access().operator(tenant).await?))
    }

    /// The operator as a caller in a tenant, whose changes are acts of the actor of the handle; the response of `once`
    /// is stored for repetitions of the request, with the change.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub(crate) async fn acting_caller(
        &self,
        tenant: &str,
        entry: AuditEntry,
        once: Option<Once<'_, ()>>,
    ) -> Result<Arc<Caller>> {
        let settings = self.tenant(tenant).await?.settings;
        let caller = self.service.access().operator(settings).await?;
        let audited = AuditedChange {
            by: Actor::clone(&self.actor),
            entry,
            answer: self.kept(once, &())?,
        };
        Ok(Arc::new(caller.acting(audited)))
    }

    /// The ids of the resources of a type for a text: the one with that id, or else those with that name, which can be
    /// several if names are not unique.
    ///
    /// # Errors
    /// 503 if the database is unavailable.
    pub(crate) async fn ids_of(
        &self,
        caller: &Caller,
        resource_type: &Arc<ResourceType>,
        text: &str,
    ) -> Result<Vec<String>> {
        if let Ok(id) = Uuid::parse_str(text)
            && self
                .store
                .find(caller.scope(), resource_type, id, Relations::default())
                .await?
                .1
                .is_some()
        {
            return Ok(vec![id.to_string()]);
        }
        let Some(name) = naming_attribute(resource_type) else {
            return Ok(Vec::new());
        };
        let query = SearchRequest {
            filter: Some(format!("{} eq {}", name.name(), Value::from(text))),
            count: Some(NAMESAKES),
            attributes: vec!["id".to_owned()],
            ..SearchRequest::default()
        };
        let found = answered(self.service.list(caller, Some(resource_type), &query).await)?;
        let found = found.text().await?;
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

/// The attribute with the name of a resource of a type: the first unique one of its schema, or else the display
/// attribute.
pub(crate) fn naming_attribute(resource_type: &ResourceType) -> Option<&Arc<Attribute>> {
    let unique = resource_type
        .schema()
        .attributes()
        .iter()
        .find(|attribute| attribute.is_unique());
    unique.or_else(|| resource_type.top_attribute(resource_type.display().first().copied()?))
}
