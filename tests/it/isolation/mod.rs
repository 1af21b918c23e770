//! Isolation of tenants (rows TEN-1 to TEN-4), and permissions of tokens.

mod ids;
mod members;
mod tokens;
mod urls;

use crate::harness::{Client, GROUP, Server, USER, group, user};
use reqwest::Method;
use scimd::store::TenantChange;
use serde_json::{Value, json};

/// A tenant with a user, and a group with the user as member. All tenants have the same names.
pub(crate) struct Tenant {
    token: String,
    pub(crate) user: String,
    pub(crate) group: String,
}

impl Tenant {
    pub(crate) async fn new(server: &Server, name: &str) -> Self {
        Self::with(server, name, &TenantChange::default()).await
    }

    async fn with(server: &Server, name: &str, change: &TenantChange) -> Self {
        let token = server.tenant(name, change).await;
        let client = server.by(&token);
        let body = json!({"schemas": [USER], "userName": "jane", "externalId": "00u1"});
        let user = client.post("/Users", body).await.expect(201).id();
        let mut body = group("Sales", std::slice::from_ref(&user));
        body["externalId"] = "00g1".into();
        let group = client.post("/Groups", body).await.expect(201).id();
        Self { token, user, group }
    }

    /// All data of the tenant, read with its token.
    async fn everything(&self, server: &Server) -> Value {
        server
            .by(&self.token)
            .get("/?count=1000")
            .await
            .expect(200)
            .body
    }
}

/// Every route with the ids of the resources, with each supported method.
fn routes_of(user_id: &str, group_id: &str) -> Vec<(Method, String, Option<Value>)> {
    let mut routes = Vec::new();
    for (path, body) in [
        (format!("/Users/{user_id}"), user("x")),
        (format!("/Groups/{group_id}"), group("x", &[])),
    ] {
        let deactivation =
            json!([{"op": "replace", "value": {"active": false, "displayName": "x"}}]);
        routes.push((Method::GET, path.clone(), None));
        routes.push((Method::GET, format!("{path}?attributes=id"), None));
        routes.push((Method::PUT, path.clone(), Some(body)));
        routes.push((Method::PATCH, path.clone(), Some(patch(&deactivation))));
        routes.push((
            Method::PATCH,
            format!("{path}?attributes=id"),
            Some(patch(&json!([]))),
        ));
        routes.push((Method::DELETE, path, None));
    }
    for op in ["remove", "add"] {
        let change = json!([{"op": op, "path": "members", "value": [{"value": user_id}]}]);
        let path = format!("/Groups/{group_id}");
        routes.push((Method::PATCH, path, Some(patch(&change))));
    }
    routes
}

/// All routes.
pub(crate) fn all_routes(user_id: &str, group_id: &str) -> Vec<(Method, String, Option<Value>)> {
    let mut routes = routes_of(user_id, group_id);
    for path in [
        "/",
        "/Users",
        "/Groups",
        "/ServiceProviderConfig",
        "/ResourceTypes",
        "/Schemas",
        "/Me",
        "/nowhere",
    ] {
        routes.push((Method::GET, path.into(), None));
        routes.push((Method::OPTIONS, path.into(), None));
    }
    for path in [
        "/ResourceTypes/User".to_owned(),
        format!("/Schemas/{USER}"),
        format!("/Schemas/{GROUP}"),
    ] {
        routes.push((Method::GET, path, None));
    }
    for path in ["/.search", "/Users/.search", "/Groups/.search"] {
        routes.push((Method::POST, path.into(), Some(search("id pr"))));
    }
    routes.push((Method::POST, "/Users".into(), Some(user("new"))));
    routes.push((Method::POST, "/Groups".into(), Some(group("new", &[]))));
    let operations = json!([{"method": "DELETE", "path": format!("/Users/{user_id}")}]);
    routes.push((Method::POST, "/Bulk".into(), Some(bulk(&operations))));
    routes
}

fn patch(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

fn search(filter: &str) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter})
}

fn bulk(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations})
}

/// The number of matches of a filter at an endpoint, which `GET` and `.search` must agree on.
async fn found(client: &Client<'_>, endpoint: &str, filter: &str) -> u64 {
    let query: String = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let listed = client
        .get(&format!("{endpoint}?filter={query}"))
        .await
        .expect(200)
        .body;
    let searched = client
        .post(&format!("{endpoint}/.search"), search(filter))
        .await
        .expect(200)
        .body;
    assert_eq!(listed, searched, "{endpoint} {filter}");
    let total = listed["totalResults"].as_u64().unwrap();
    assert_eq!(listed["Resources"].as_array().unwrap().len() as u64, total);
    total
}
