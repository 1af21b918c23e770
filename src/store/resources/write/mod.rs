//! Writing resources and memberships.

pub(in crate::store) mod context;
mod create;
mod delete;
pub(in crate::store) mod gather;
pub(in crate::store) mod gather_steps;
pub(in crate::store) mod gathered;
pub(in crate::store) mod member;
pub(in crate::store) mod member_by_id;
pub(in crate::store) mod member_coalesce;
pub(in crate::store) mod member_delta;
pub(in crate::store) mod member_queue;
pub(in crate::store) mod member_steps;
mod replace;
mod seat;
pub(in crate::store) mod steps;
