//! Properties of resource types beyond their schemas: seats, passwords, display names, checked references.

mod annotation;
pub mod edit;
mod roles;
pub mod suggest;

pub(crate) use annotation::ANNOTATION;
pub use annotation::problems;
pub use roles::{TypeRoles, catalog, display, takes_seat};
