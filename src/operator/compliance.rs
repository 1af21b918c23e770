//! Stored resources that do not comply with the current rules of their tenant, because a schema or a setting was
//! tightened later.

use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::protocol::username_format::check_names;
use crate::resource::Attributes;
use crate::resource::check::{WriteKind, check};
use crate::schema::ResourceType;

impl Operator {
    /// The number of resources of a tenant without a required value, or with a user name in another format than
    /// required. They stay unchanged, and the rules apply when a request changes these attributes. Reads all resources
    /// of the tenant.
    ///
    /// # Errors
    /// 404 for an unknown tenant, 503 if the database is unavailable.
    pub async fn noncompliant(&self, tenant: &str) -> Result<u64> {
        let settings = self.tenant(tenant).await?.settings;
        let layout = self
            .catalogs
            .of(&self.store, &settings)
            .await?
            .layout
            .clone();
        let mut count = 0;
        let mut visit = |resource_type: &ResourceType, attributes: &Attributes| {
            let complies = check(resource_type, None, attributes, WriteKind::Whole).is_ok()
                && check_names(&settings, resource_type, None, attributes).is_ok();
            count += u64::from(!complies);
        };
        self.store
            .visit_resources(&settings.scope(layout), &mut visit)
            .await?;
        Ok(count)
    }
}
