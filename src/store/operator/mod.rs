//! Rows of the operator: tenants, tokens, schemas, values shared by instances, imports, operator tokens, and the audit
//! trail.

pub(in crate::store) mod act;
pub(in crate::store) mod audit_list;
pub(in crate::store) mod feed_token;
pub(in crate::store) mod kept_answer;
pub(in crate::store) mod operator_token;
pub(in crate::store) mod schema;
pub(in crate::store) mod shared;
pub(in crate::store) mod tenant;
pub(in crate::store) mod tenant_figures;
pub(in crate::store) mod tenant_list;
pub(in crate::store) mod tenant_page;
pub(in crate::store) mod tenant_query;
pub(in crate::store) mod tenant_write;
pub(in crate::store) mod token;
mod token_end;
pub(in crate::store) mod token_list;
pub(in crate::store) mod transfer;
