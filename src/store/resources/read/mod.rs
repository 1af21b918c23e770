//! Reading resources: one by its id, or a page of those that match, each with its memberships, in one statement.

pub(in crate::store) mod columns;
pub(in crate::store) mod fast_path;
pub(in crate::store) mod find;
pub(in crate::store) mod groups;
pub(in crate::store) mod list;
pub(in crate::store) mod member_stream;
pub(in crate::store) mod page;
pub(in crate::store) mod query;
pub(in crate::store) mod relation;
pub(in crate::store) mod scan;
pub(in crate::store) mod select;
pub(in crate::store) mod selectivity;
pub(in crate::store) mod stored;
pub(in crate::store) mod sweep;
