//! Reading the provisioning log, and keeping it from growing.

use super::notes::{UnknownAttribute, count_unknown};
use crate::clock::Timestamp;
use crate::error::{Result, ScimError};
use crate::service::{ListQuery, Service, View};
use crate::store::{Entry, LogQuery, LoggedRequest};
use serde_json::Value;
use uuid::Uuid;

/// Requests with notes that are looked through for unknown attributes: the latest.
const NOTED: i64 = 20_000;

impl Service {
    /// Requests of a tenant, the earliest first.
    ///
    /// # Errors
    /// 404 if there is no tenant of that name.
    pub async fn requests(&self, tenant: &str, query: &LogQuery) -> Result<Vec<(Entry, LoggedRequest)>> {
        let key = self.tenant(tenant).await?.settings.key();
        Ok(self.store.requests(key, query).await?)
    }

    /// The latest request of a tenant.
    ///
    /// # Errors
    /// 404 if there is no tenant of that name.
    pub async fn last_request(&self, tenant: &str) -> Result<Option<LoggedRequest>> {
        let latest = LogQuery { limit: 1, ..LogQuery::default() };
        Ok(self.requests(tenant, &latest).await?.pop().map(|(_, request)| request))
    }

    /// The attributes that clients of a tenant send and no schema declares, the most frequent
    /// first; of the latest requests that had some.
    ///
    /// # Errors
    /// 404 if there is no tenant of that name.
    pub async fn unknown_attributes(&self, tenant: &str) -> Result<Vec<UnknownAttribute>> {
        let key = self.tenant(tenant).await?.settings.key();
        let mut counted = Vec::new();
        for left in self.store.left_out(key, NOTED).await? {
            count_unknown(&left.notes, left.at, &mut counted);
        }
        counted.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        Ok(counted)
    }

    /// The id of a user of a tenant: the text itself, if it is an id, or that of whoever has it as
    /// userName.
    ///
    /// # Errors
    /// 404 if there is no tenant or no user of that name.
    pub async fn user_id(&self, tenant: &str, text: &str) -> Result<Uuid> {
        let caller = self.operator(tenant).await?;
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let names = caller.catalog.resource_types().iter().filter(|kind| kind.seat().is_some()).flat_map(|kind| {
            let unique = kind.schema().attributes().iter().filter(|attribute| attribute.is_unique());
            unique.map(move |attribute| (kind, attribute.name()))
        });
        for (kind, name) in names {
            let asked = ListQuery {
                filter: Some(format!("{name} eq {}", Value::from(text))),
                view: View { attributes: vec!["id".to_owned()], ..View::default() },
                ..ListQuery::default()
            };
            let found = self.list(&caller, Some(kind), &asked).await?.body.unwrap_or_default();
            let found: Value = serde_json::from_str(&found).unwrap_or_default();
            if let Some(id) = found.pointer("/Resources/0/id").and_then(Value::as_str).and_then(|id| id.parse().ok()) {
                return Ok(id);
            }
        }
        Err(ScimError::not_found(format!(
            "There is no user \"{text}\" in tenant \"{tenant}\"; of one that was deleted, give the id."
        )))
    }

    /// Deletes requests of all tenants that are older than so many days; how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_requests(&self, days: i64) -> Result<usize> {
        let before = self.clock.now().plus_seconds(-days * 86_400);
        let mut gone = 0;
        for tenant in self.tenants().await? {
            gone += self.store.forget_requests(tenant.settings.key(), before).await?;
        }
        Ok(gone)
    }

    /// Keeps the bodies of a tenant's requests until a moment, or none.
    ///
    /// # Errors
    /// 404 if there is no tenant of that name.
    pub async fn keep_bodies(&self, tenant: &str, until: Option<Timestamp>) -> Result<()> {
        let change = crate::store::TenantChange { bodies_until: Some(until), ..Default::default() };
        self.change_tenant(tenant, &change).await.map(|_| ())
    }
}
