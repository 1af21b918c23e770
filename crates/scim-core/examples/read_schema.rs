//! Reads a schema file that extends User, and prints the resulting attributes of the catalog.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use scim_core::schema::{Catalog, Named, SchemaFile};
use std::error::Error;

const ACME: &str = r#"{
  "id": "urn:ietf:params:scim:schemas:extension:acme:2.0:User",
  "name": "AcmeUser",
  "attributes": [
    {"name": "badge", "type": "string", "uniqueness": "server"},
    {"name": "sites", "type": "string", "multiValued": true}
  ],
  "x-scim": {"extends": ["User"]}
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let file = SchemaFile {
        origin: "acme_user.json".to_owned(),
        text: ACME.to_owned(),
    };
    let catalog = Catalog::new(&[file])?;
    for resource_type in catalog.resource_types() {
        println!("{} at {}", resource_type.name(), resource_type.endpoint());
        for extension in resource_type.extensions() {
            println!("  with {}", extension.schema.id());
        }
    }

    let user = catalog.by_name("User").ok_or("there is no User")?;
    let name = "urn:ietf:params:scim:schemas:extension:acme:2.0:User:badge";
    if let Some(Named::Attribute(path)) = user.named(name) {
        println!("{path} is unique: {}", path.end().is_unique());
    }

    // An error has the file and the JSON pointer.
    let wrong = SchemaFile {
        origin: "wrong.json".to_owned(),
        text: ACME.replace(
            "\"type\": \"string\", \"multi",
            "\"type\": \"text\", \"multi",
        ),
    };
    if let Err(error) = Catalog::new(&[wrong]) {
        println!("{error}");
    }
    Ok(())
}
