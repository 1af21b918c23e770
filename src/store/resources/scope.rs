//! The scope of every statement about resources: the tenant and its types.

use crate::store::resources::ids::CatalogIds;
use std::sync::Arc;

/// A tenant's database id and the ids of its resource types.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(in crate::store) tenant: i64,
    /// Schema revision of the types.
    pub(in crate::store) schema_revision: i64,
    pub(in crate::store) layout: Arc<CatalogIds>,
}

impl Scope {
    /// The types and their ids.
    pub(crate) fn layout(&self) -> &CatalogIds {
        &self.layout
    }
}
