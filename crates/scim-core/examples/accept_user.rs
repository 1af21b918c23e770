//! Processes the body of a POST in all steps of a create, and prints the response.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use scim_core::resource::accept::{accept, assign_defaults};
use scim_core::resource::check::{WriteKind, check};
use scim_core::resource::entries::entries;
use scim_core::resource::json::read_object;
use scim_core::resource::limits::ValueLimits;
use scim_core::resource::{Acceptance, Conformance, Meta, StoredDocument};
use scim_core::schema::Catalog;
use scim_core::time::Timestamp;
use serde_json::json;
use std::error::Error;

const BODY: &[u8] = br#"{
  "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
  "USERNAME": "bjensen@example.com",
  "name": {"givenName": "Barbara", "familyName": "Jensen"},
  "emails": [{"value": "bjensen@example.com", "type": "work", "primary": "True"}],
  "shoeSize": 38
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let catalog = Catalog::new(&[])?;
    let user = catalog.by_name("User").ok_or("there is no User")?;
    let limits = ValueLimits::default();
    let mut acceptance = Acceptance::new(Conformance::Lenient, &limits);

    let mut accepted = accept(user, read_object(BODY, 32)?, &mut acceptance)?;
    assign_defaults(user, &mut accepted);
    check(user, None, &accepted.attributes, WriteKind::Whole)?;
    for left_out in &acceptance.left_out {
        println!("left out: {left_out}");
    }

    // A store saves the text, and the keys for searches and unique indexes.
    let document = StoredDocument::new(user, &accepted.attributes);
    println!("stored: {document}");
    for entry in entries(user, &accepted.attributes) {
        let path = &user.leaves()[entry.leaf];
        println!("key: {path} = {:?}", entry.key.as_str());
    }

    // The response is the stored text with values that the server adds.
    let now = Timestamp::from_micros(1_790_000_000_000_000);
    let meta = Meta {
        version: 1,
        created: now,
        modified: now,
    };
    let id = "2819c223-7f76-453a-919d-413861904646";
    let shown = json!({
        "resourceType": user.name().as_ref(),
        "created": meta.created.to_string(),
        "lastModified": meta.modified.to_string(),
        "location": format!("https://example.com/scim/v2{}/{id}", user.endpoint()),
        "version": meta.etag(),
    });
    println!(
        "answer: {}",
        document.spliced(id, &format!(",\"meta\":{shown}"))
    );
    Ok(())
}
