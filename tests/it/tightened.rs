//! Rules that became stricter after resources were stored: values that a request does not change cause no rejection,
//! above all of a deactivation.

use crate::harness::{Client, Server, USER, user};
use scimd::operator::SchemaChange;
use scimd::resource::Conformance;
use scimd::schema::SchemaFile;
use scimd::store::{TenantChange, UsernameFormat};
use serde_json::{Value, json};

crate::on_both!(
    a_format_of_user_names,
    an_attribute_becomes_required,
    an_extension_becomes_required
);

const BADGE: &str = "urn:example:badge:2.0:User";

/// A tenant in each mode, with its name and a token.
async fn tenants(server: &Server) -> Vec<(&'static str, String)> {
    let mut tenants = Vec::new();
    for (name, conformance) in [
        ("lenient", Conformance::Lenient),
        ("strict", Conformance::Rfc),
    ] {
        let change = TenantChange {
            conformance: Some(conformance),
            ..TenantChange::default()
        };
        tenants.push((name, server.tenant(name, &change).await));
    }
    tenants
}

/// Deactivates a user in each possible way, and activates it again.
async fn is_deactivated(client: &Client<'_>, path: &str, body: &Value) {
    let operation = |active: bool| json!([{"op": "replace", "path": "active", "value": active}]);
    assert_eq!(
        client.patch(path, operation(false)).await.expect(200).body["active"],
        false
    );
    assert_eq!(
        client.patch(path, operation(true)).await.expect(200).body["active"],
        true
    );
    let pathless = json!([{"op": "replace", "value": {"active": false}}]);
    assert_eq!(
        client.patch(path, pathless).await.expect(200).body["active"],
        false
    );
    let mut body = body.clone();
    for active in [true, false] {
        body["active"] = json!(active);
        assert_eq!(
            client.put(path, body.clone()).await.expect(200).body["active"],
            active
        );
    }
    let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operation(true)});
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "PATCH", "path": path, "data": patch}]});
    assert_eq!(
        client.post("/Bulk", bulk).await.expect(200).body["Operations"][0]["status"],
        "200"
    );
}

/// LEN-36: `username-format` applies only to a change of the name.
async fn a_format_of_user_names(server: Server) {
    for (tenant, token) in tenants(&server).await {
        let client = server.by(&token);
        let path = format!(
            "/Users/{}",
            client.post("/Users", user("ann")).await.expect(201).id()
        );
        client
            .post("/Users", user("bob@example.com"))
            .await
            .expect(201);
        let change = TenantChange {
            username_format: Some(UsernameFormat::Email),
            ..TenantChange::default()
        };
        server.change_tenant(tenant, &change).await;
        assert_eq!(server.operator.noncompliant(tenant).await.unwrap(), 1);
        is_deactivated(&client, &path, &user("ann")).await;
        client
            .patch(
                &path,
                json!([{"op": "add", "path": "title", "value": "Boss"}]),
            )
            .await
            .expect(200);
        client
            .put(&path, user("ann2"))
            .await
            .refused(400, "invalidValue");
        client
            .patch(
                &path,
                json!([{"op": "replace", "path": "userName", "value": "Ann"}]),
            )
            .await
            .refused(400, "invalidValue");
        client
            .post("/Users", user("cy"))
            .await
            .refused(400, "invalidValue");
        client.put(&path, user("ann@example.com")).await.expect(200);
        assert_eq!(server.operator.noncompliant(tenant).await.unwrap(), 0);
        client
            .put(&path, user("ann"))
            .await
            .refused(400, "invalidValue");
    }
}

/// Adds a schema with required attributes; `required` makes the schema itself required.
async fn add_badge(server: &Server, tenant: &str, required: bool) {
    let document = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": BADGE, "name": "Badge",
        "description": "What opens doors.",
        "attributes": [
            {"name": "number", "type": "string"},
            {"name": "colour", "type": "string", "required": required},
            {"name": "door", "type": "complex", "subAttributes": [
                {"name": "name", "type": "string"}, {"name": "floor", "type": "string", "required": required}]},
            {"name": "keys", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string"}, {"name": "room", "type": "string", "required": required}]}
        ],
        "x-scimd": {"extends": ["User"], "required": required}
    });
    let file = SchemaFile {
        origin: "badge.json".to_owned(),
        text: document.to_string(),
    };
    let plan = server
        .operator
        .plan_schema(Some(tenant), &SchemaChange::File(file, Vec::new()))
        .await
        .unwrap();
    assert_eq!(plan.requires_values(), required);
    server
        .operator
        .change_schema(&plan, &mut |_| ())
        .await
        .unwrap();
}

fn badged(name: &str, badge: &Value) -> Value {
    json!({"schemas": [USER, BADGE], "userName": name, BADGE: badge})
}

/// LEN-36: an attribute and a sub-attribute that become required for existing values.
async fn an_attribute_becomes_required(server: Server) {
    for (tenant, token) in tenants(&server).await {
        let client = server.by(&token);
        add_badge(&server, tenant, false).await;
        let badge = json!({"number": "1", "door": {"name": "main"}, "keys": [{"value": "a"}, {"value": "b"}]});
        let path = format!(
            "/Users/{}",
            client
                .post("/Users", badged("ann", &badge))
                .await
                .expect(201)
                .id()
        );
        let whole = json!({"number": "1", "colour": "red", "door": {"name": "main", "floor": "0"},
            "keys": [{"value": "a", "room": "1"}]});
        let fit = format!(
            "/Users/{}",
            client
                .post("/Users", badged("bob", &whole))
                .await
                .expect(201)
                .id()
        );
        add_badge(&server, tenant, true).await;
        assert_eq!(server.operator.noncompliant(tenant).await.unwrap(), 1);
        is_deactivated(&client, &path, &badged("ann", &badge)).await;
        let at = |name: &str| format!("{BADGE}:{name}");
        let change =
            |path: String, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
        client
            .patch(&path, change(at("number"), json!("2")))
            .await
            .expect(200);
        client
            .patch(&path, change(at("door.name"), json!("side")))
            .await
            .expect(200);
        client
            .patch(
                &path,
                json!([{"op": "remove", "path": format!("{BADGE}:keys[value eq \"b\"]")}]),
            )
            .await
            .expect(200);
        // New values must be complete, and complete values must stay complete.
        let key = json!([{"op": "add", "path": at("keys"), "value": [{"value": "c"}]}]);
        client.patch(&path, key).await.refused(400, "invalidValue");
        client
            .post("/Users", badged("cy", &badge))
            .await
            .refused(400, "invalidValue");
        client
            .put(&fit, badged("bob", &json!({"number": "1"})))
            .await
            .refused(400, "invalidValue");
        for name in ["colour", "door.floor"] {
            client
                .patch(&fit, json!([{"op": "remove", "path": at(name)}]))
                .await
                .refused(400, "mutability");
        }
        client
            .patch(&fit, change(at("colour"), json!("blue")))
            .await
            .expect(200);
    }
}

/// LEN-36: an extension that is required of users who do not have it.
async fn an_extension_becomes_required(server: Server) {
    for (tenant, token) in tenants(&server).await {
        let client = server.by(&token);
        let path = format!(
            "/Users/{}",
            client.post("/Users", user("ann")).await.expect(201).id()
        );
        add_badge(&server, tenant, true).await;
        assert_eq!(server.operator.noncompliant(tenant).await.unwrap(), 1);
        is_deactivated(&client, &path, &user("ann")).await;
        client
            .post("/Users", user("bob"))
            .await
            .refused(400, "invalidValue");
        let number = json!([{"op": "add", "path": format!("{BADGE}:number"), "value": "1"}]);
        client
            .patch(&path, number)
            .await
            .refused(400, "invalidValue");
        let badge = badged("ann", &json!({"colour": "red"}));
        client.put(&path, badge).await.expect(200);
        assert_eq!(server.operator.noncompliant(tenant).await.unwrap(), 0);
        client
            .put(&path, user("ann"))
            .await
            .refused(400, "invalidValue");
        client
            .patch(&path, json!([{"op": "remove", "path": BADGE}]))
            .await
            .refused(400, "mutability");
    }
}
