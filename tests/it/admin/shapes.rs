//! Commands with `--json` and the management API have the same JSON forms.

use crate::cli::json_beside;
use crate::harness::{Admin, Server, openapi};
use crate::on_both;
use reqwest::Method;
use serde_json::{Value, json};

on_both!(commands_and_the_api_have_one_shape);

/// The value without parts that depend on the address of the server.
fn without_urls(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, _| !["scimBaseUrl", "ownScimBaseUrl"].contains(&name.as_str()));
    }
    value
}

async fn commands_and_the_api_have_one_shape(server: Server) {
    let admin = Admin::over(&server).await;
    let body = json!({"name": "acme", "displayName": "Acme", "seats": 3});
    admin
        .ask(Method::POST, "/tenants", Some(body))
        .await
        .expect(201);
    let body = json!({"name": "okta", "expiresIn": "9d"});
    let issued = admin
        .ask(Method::POST, "/tenants/acme/tokens", Some(body))
        .await
        .expect(201);
    let by_api = async |path: &str| admin.ask(Method::GET, path, None).await.expect(200).body;
    let by_command = |arguments: &[&str]| json_beside(&server, arguments);
    assert_eq!(
        without_urls(by_command(&["tenant", "show", "acme"])),
        without_urls(by_api("/tenants/acme").await)
    );
    let listed = by_command(&["tenant", "list"]);
    let page = by_api("/tenants").await;
    assert_eq!(
        without_urls(listed[0].clone()),
        without_urls(page["items"][0].clone())
    );
    assert_eq!(
        by_command(&["token", "list", "--tenant", "acme"]),
        by_api("/tenants/acme/tokens").await["items"]
    );
    let members =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let by_hand = by_command(&["token", "issue", "--tenant", "acme", "--name", "entra"]);
    assert_eq!(members(&by_hand), members(&issued.body));
    assert_eq!(
        by_command(&["schema", "list"]),
        by_api("/schemas").await["items"]
    );
    let operators = by_command(&["operator", "list"]);
    let by_api_operators = by_api("/operators").await;
    assert_eq!(
        members(&operators[0]),
        members(&by_api_operators["items"][0])
    );
    let mapping = by_command(&["mapping", "show"]);
    let shown = by_api("/mapping").await;
    for part in ["users", "groups", "views"] {
        assert_eq!(mapping[part], shown[part], "{part}");
    }
    assert!(openapi::answered().contains("getMapping"));
}
