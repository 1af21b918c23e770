//! Resources in the database: reading and writing of documents, index rows and memberships.

pub(in crate::store) mod by_id;
pub(in crate::store) mod confirm;
pub(in crate::store) mod difference;
pub(in crate::store) mod document;
pub(in crate::store) mod ids;
pub(in crate::store) mod index;
pub(in crate::store) mod index_key;
pub(in crate::store) mod leftover;
pub(in crate::store) mod lookup;
pub(in crate::store) mod proof;
pub(in crate::store) mod read;
pub(in crate::store) mod scanned;
pub(in crate::store) mod scope;
pub(in crate::store) mod seq;
pub(in crate::store) mod write;
