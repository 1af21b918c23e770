//! What every statement about resources needs: the tenant and its types.

use crate::store::resources::ids::CatalogIds;
use std::sync::Arc;

/// A tenant's number and the numbers of its types: what every statement about resources needs.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(in crate::store) tenant: i64,
    /// Of the schemas that the types come from.
    pub(in crate::store) schema_revision: i64,
    pub(in crate::store) layout: Arc<CatalogIds>,
}

impl Scope {
    /// The types and their numbers.
    pub(crate) fn layout(&self) -> &CatalogIds {
        &self.layout
    }
}
