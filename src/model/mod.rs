//! Properties of resource types beyond their schemas: seats, passwords, display names, checked references.

mod annotation;
pub mod edit;
mod roles;
pub(crate) mod suggest;

pub(crate) use annotation::ANNOTATION;
pub(crate) use annotation::problems;
pub use roles::catalog;
pub(crate) use roles::{TypeRoles, display, takes_seat};
