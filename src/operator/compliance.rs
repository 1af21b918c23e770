//! Stored resources that do not comply with the rules that their tenant has now: a schema or a
//! setting was tightened after they were stored.

use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::protocol::username_format::check_names;
use crate::resource::Attributes;
use crate::resource::check::{WriteKind, check};
use crate::schema::ResourceType;

impl Operator {
    /// How many resources of a tenant lack a value that its schemas require, or have a user name of
    /// another format than its settings ask for. They stay as they are, and are held to the rules where
    /// a request changes what does not comply. Reads all resources of the tenant.
    ///
    /// # Errors
    /// 404 if there is no tenant of that name, 503 if the database is away.
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
