//! What scimd knows of resource types beside their schemas: seats, passwords, names that other
//! resources show, references that are checked.

mod roles;

pub use roles::{TypeRoles, catalog, display, takes_seat};
