use super::*;
use crate::error::{Error, ErrorStatus, ScimType};
use crate::resource::{Attributes, Conformance, Meta, Resource};
use crate::schema::{Catalog, ResourceType, SchemaFile};
use crate::time::Timestamp;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use uuid::Uuid;

mod hostile;
mod meaning;
mod random;
mod reading;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let text = include_str!("tests/badge.json").to_owned();
    Catalog::new(&[SchemaFile {
        origin: "badge.json".into(),
        text,
    }])
    .unwrap()
});

fn resource_type(name: &str) -> Arc<ResourceType> {
    CATALOG.by_name(name).unwrap().clone()
}

fn parsed(text: &str) -> Filter {
    parse_filter(text, &FilterLimits::default(), Conformance::Lenient)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn resolved_for(type_name: &str, text: &str) -> Result<Predicate, Error> {
    resolve(
        &parsed(text),
        &resource_type(type_name),
        Conformance::Lenient,
    )
}

/// The text of the predicate of a filter on users, or of the error.
fn meaning(text: &str) -> String {
    resolved_for("User", text).map_or_else(
        |error| format!("error: {error}"),
        |predicate| predicate.to_string(),
    )
}

fn refusal(text: &str) -> String {
    let error = resolved_for("User", text).expect_err(text);
    assert_eq!(error.scim_type(), Some(ScimType::InvalidFilter), "{text}");
    error.to_string()
}

fn resource(type_name: &str, attributes: Value) -> Resource {
    let meta = Meta {
        version: 3,
        created: Timestamp::from_micros(1_700_000_000_123_000),
        modified: Timestamp::from_micros(1_800_000_000_000_000),
    };
    let Value::Object(attributes) = attributes else {
        panic!("no object")
    };
    Resource {
        resource_type: resource_type(type_name),
        id: Uuid::from_u128(7).to_string(),
        meta,
        attributes: Attributes::from_stored(attributes),
    }
}

fn user() -> Resource {
    resource(
        "User",
        json!({
            "externalId": "Ext-1", "userName": "Bjensen@Example.com", "displayName": "Straße",
            "name": {"givenName": "Barbara", "familyName": "Jensen"}, "nickName": "", "active": true,
            "profileUrl": "https://example.com/Babs",
            "emails": [
                {"value": "b@work.example", "type": "work", "primary": true},
                {"value": "b@home.example", "type": "home"}
            ],
            "x509Certificates": [{"value": "YQ=="}],
            "groups": [{"value": "g1", "$ref": "../Groups/g1", "display": "Sales", "type": "direct"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
                {"department": "Tour Operations", "manager": {"value": "m1"}},
            "urn:acme:params:scim:2.0:Badge": {
                "level": 3, "ratio": 0.5, "issued": "2024-05-01T10:00:00+02:00",
                "tags": ["red", "Green"], "sites": [{"floors": [1, 2]}, {"floors": [3]}]
            }
        }),
    )
}

fn matches(text: &str) -> bool {
    resolved_for("User", text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .matches(&user())
}
