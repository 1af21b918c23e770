//! Reads a filter, resolves it against User, and evaluates it over resources in memory.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use scim_core::filter::{FilterLimits, parse_filter, resolve};
use scim_core::resource::accept::accept;
use scim_core::resource::limits::ValueLimits;
use scim_core::resource::{Acceptance, Conformance, Meta, Resource};
use scim_core::schema::Catalog;
use scim_core::time::Timestamp;
use serde_json::{Value, json};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let catalog = Catalog::new(&[])?;
    let user = catalog.by_name("User").ok_or("there is no User")?;
    let limits = ValueLimits::default();
    let now = Timestamp::from_micros(1_790_000_000_000_000);
    let meta = Meta {
        version: 1,
        created: now,
        modified: now,
    };

    let bodies = [
        json!({"userName": "ann", "active": true, "emails": [{"value": "ann@work.example", "type": "work"}]}),
        json!({"userName": "bob", "active": false, "emails": [{"value": "bob@work.example", "type": "work"}]}),
        json!({"userName": "cleo", "active": true, "emails": [{"value": "cleo@home.example", "type": "home"}]}),
    ];
    let mut resources = Vec::new();
    for (number, body) in bodies.into_iter().enumerate() {
        let Value::Object(body) = body else { continue };
        let mut acceptance = Acceptance::new(Conformance::Lenient, &limits);
        resources.push(Resource {
            resource_type: user.clone(),
            id: number.to_string(),
            meta,
            attributes: accept(user, body, &mut acceptance)?.attributes,
        });
    }

    let text = r#"active eq true and emails[type eq "work" and value ew "@WORK.example"]"#;
    let filter = parse_filter(text, &FilterLimits::default(), Conformance::Rfc)?;
    let predicate = resolve(&filter, user, Conformance::Rfc)?;
    println!("{predicate}");
    for resource in resources.iter().filter(|one| predicate.matches(one)) {
        println!("{}: {}", resource.id, resource.attributes["userName"]);
    }

    // An invalid filter is refused before the search, with the column.
    let wrong = parse_filter("userName eq", &FilterLimits::default(), Conformance::Rfc);
    if let Err(error) = wrong {
        println!("{error}");
    }
    Ok(())
}
