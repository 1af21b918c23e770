//! Applies PATCH requests in the form of Entra ID: a change of a user, and of a group's members.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use scim_core::patch::{Patch, PatchLimits, read, resolve};
use scim_core::resource::accept::accept;
use scim_core::resource::check::{WriteKind, check};
use scim_core::resource::json::read_object;
use scim_core::resource::limits::ValueLimits;
use scim_core::resource::{Acceptance, Conformance};
use scim_core::schema::{Catalog, ResourceType};
use serde_json::Value;
use std::error::Error;

const USER: &[u8] = br#"{"userName": "ann@example.com", "active": true,
  "emails": [{"value": "ann@example.com", "type": "work"}]}"#;

const CHANGE: &[u8] = br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
  "Operations": [
    {"op": "Replace", "path": "active", "value": "False"},
    {"op": "Add", "path": "emails[type eq \"work\"].value", "value": "ann@new.example"},
    {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
     "value": "Sales"}]}"#;

const MEMBERS: &[u8] = br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
  "Operations": [{"op": "Add", "path": "members",
    "value": [{"value": "2819c223-7f76-453a-919d-413861904646"}]}]}"#;

fn patch(resource_type: &ResourceType, body: &[u8]) -> scim_core::error::Result<Patch> {
    let limits = PatchLimits::default();
    let values = ValueLimits::default();
    let mut acceptance = Acceptance::new(Conformance::Lenient, &values);
    let operations = read(read_object(body, 32)?, Conformance::Lenient, &limits)?;
    resolve(resource_type, operations, &limits.path, &mut acceptance)
}

fn main() -> Result<(), Box<dyn Error>> {
    let catalog = Catalog::new(&[])?;
    let user = catalog.by_name("User").ok_or("there is no User")?;
    let limits = ValueLimits::default();
    let mut acceptance = Acceptance::new(Conformance::Lenient, &limits);
    let before = accept(user, read_object(USER, 32)?, &mut acceptance)?.attributes;

    let change = patch(user, CHANGE)?;
    let after = change.apply(user, "42", before.clone())?;
    check(user, Some(&before), &after, WriteKind::Modify)?;
    println!("changed: {:?}", after.changed_names(&before));
    println!("{}", Value::from(after));

    // Memberships are not in the document: they are returned as changes, which need no member list.
    let group = catalog.by_name("Group").ok_or("there is no Group")?;
    let members = patch(group, MEMBERS)?;
    println!("needs the document: {}", members.touches_document());
    println!("{:?}", members.members());
    Ok(())
}
