//! What scimd knows of resource types beside their schemas: seats, passwords, names that other
//! resources show, references that are checked.

mod annotation;
pub mod edit;
mod roles;
pub mod suggest;

pub(crate) use annotation::ANNOTATION;
pub use annotation::problems;
pub use roles::{TypeRoles, catalog, display, takes_seat};
