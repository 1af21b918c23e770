//! Rows that the operator changes: tenants, tokens, schemas, values that instances share, imports.

pub(in crate::store) mod feed_token;
pub(in crate::store) mod schema;
pub(in crate::store) mod shared;
pub(in crate::store) mod tenant;
pub(in crate::store) mod tenant_figures;
pub(in crate::store) mod tenant_list;
pub(in crate::store) mod token;
pub(in crate::store) mod token_list;
pub(in crate::store) mod transfer;
