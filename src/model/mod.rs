//! What scimd knows of resource types beside their schemas: seats, passwords, names that other
//! resources show, references that are checked.

mod annotation;
pub mod edit;
mod roles;
pub(crate) mod suggest;

pub(crate) use annotation::ANNOTATION;
pub(crate) use annotation::problems;
pub use roles::catalog;
pub(crate) use roles::{TypeRoles, display, takes_seat};
