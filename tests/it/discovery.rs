//! Discovery as a whole; single responses are in `tests/data/http`.

use crate::harness::{Server, USER};
use serde_json::{Value, json};

crate::on_both!(
    listed_schemas_equal_single_ones,
    attributes_behave_as_published,
    passwords_are_not_stored_in_plain_text
);

/// DISC-6, DISC-8, DISC-9, DISC-12, SCH-1, SCH-2, SCH-3.
async fn listed_schemas_equal_single_ones(server: Server) {
    let listed = server
        .get("/Schemas?startIndex=2&count=1&sortBy=id")
        .await
        .expect(200)
        .body;
    let schemas = listed["Resources"].as_array().unwrap();
    assert_eq!(
        (
            listed["totalResults"].as_u64(),
            listed["startIndex"].as_u64()
        ),
        (Some(schemas.len() as u64), Some(1))
    );
    for schema in schemas {
        let id = schema["id"].as_str().unwrap();
        assert!(!id.contains(":api:messages:"), "{id}");
        assert_eq!(
            &server.get(&format!("/Schemas/{id}")).await.expect(200).body,
            schema
        );
        schema["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .for_each(|attribute| is_described(attribute, id));
    }
    let types = server.get("/ResourceTypes").await.expect(200).body;
    for kind in types["Resources"].as_array().unwrap() {
        let extensions = kind["schemaExtensions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|extension| &extension["schema"]);
        for urn in std::iter::once(&kind["schema"]).chain(extensions) {
            assert!(schemas.iter().any(|schema| &schema["id"] == urn), "{urn}");
        }
    }
}

fn is_described(attribute: &Value, owner: &str) {
    let text = |name: &str| {
        attribute[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name} in {owner}: {attribute}"))
    };
    let types = [
        "string",
        "boolean",
        "decimal",
        "integer",
        "dateTime",
        "binary",
        "reference",
        "complex",
    ];
    assert!(types.contains(&text("type")), "{attribute}");
    assert!(
        ["readOnly", "readWrite", "immutable", "writeOnly"].contains(&text("mutability")),
        "{attribute}"
    );
    assert!(
        ["always", "never", "default", "request"].contains(&text("returned")),
        "{attribute}"
    );
    assert!(
        ["none", "server", "global"].contains(&text("uniqueness")),
        "{attribute}"
    );
    for flag in ["multiValued", "required", "caseExact"] {
        assert!(
            attribute[flag].is_boolean(),
            "{flag} in {owner}: {attribute}"
        );
    }
    assert_eq!(
        attribute.get("referenceTypes").is_some(),
        text("type") == "reference",
        "{attribute}"
    );
    assert_eq!(
        attribute.get("subAttributes").is_some(),
        text("type") == "complex",
        "{attribute}"
    );
    let subs = attribute["subAttributes"].as_array().into_iter().flatten();
    subs.for_each(|sub| is_described(sub, text("name")));
}

/// SCH-5: each writable string attribute behaves as its published schema declares, when it is written, returned and
/// searched.
async fn attributes_behave_as_published(server: Server) {
    let schema = server
        .get(&format!("/Schemas/{USER}"))
        .await
        .expect(200)
        .body;
    let strings = schema["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|attribute| attribute["type"] == "string");
    let names: Vec<_> = strings
        .filter(|a| a["mutability"] == "readWrite")
        .map(|a| a["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"userName") && names.contains(&"title"));
    let mut body = json!({"schemas": [USER]});
    for name in &names {
        body[*name] = json!(format!("Value of {name}"));
    }
    let made = server.post("/Users", body.clone()).await.expect(201).body;
    for name in names {
        assert_eq!(made[name], body[name]);
        let found = server
            .get(&format!(
                "/Users?filter={name}%20eq%20%22VALUE%20OF%20{name}%22"
            ))
            .await
            .expect(200)
            .body;
        assert_eq!(found["totalResults"], 1, "{name}");
    }
}

/// SEC-3: passwords are neither in the document nor searchable.
async fn passwords_are_not_stored_in_plain_text(server: Server) {
    let policy = scimd::store::PasswordPolicy::Argon2id;
    let change = scimd::store::TenantChange {
        password_policy: Some(policy),
        ..Default::default()
    };
    let token = server.tenant("keeps", &change).await;
    let body = json!({"schemas": [USER], "userName": "ann", "password": "t1meMa$heen"});
    server
        .by(&token)
        .send(reqwest::Method::POST, "/Users", Some(body), &[])
        .await
        .expect(201);
    for query in [
        "select count(*) from resource where document like '%t1meMa%'",
        "select count(*) from attribute_value where key like '%t1mema%'",
    ] {
        assert_eq!(server.number(query).await, 0, "{query}");
    }
}
