//! Checks and repairs of derived rows, and removal of whole tenants.

pub(in crate::store) mod finding;
pub(in crate::store) mod former_index;
pub(in crate::store) mod holders;
pub(in crate::store) mod leftovers;
pub(in crate::store) mod reindex;
pub(in crate::store) mod remove_tenant;
pub(in crate::store) mod restore;
mod stored_rows;
pub(in crate::store) mod verified;
pub(in crate::store) mod verify;
