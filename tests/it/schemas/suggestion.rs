//! Suggested schemas for undeclared attributes.

use super::{ACME, agrees, change};
use crate::cli::{Served, printed, refused, run};
use crate::harness::{Server, USER, user};
use scimd::model::edit;
use scimd::operator::SchemaChange;
use scimd::schema::SchemaFile;
use scimd::store::TenantChange;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

crate::on_both!(undeclared_attributes_are_stored_after_their_schema_is_added);

const TIME_LIMIT: Duration = Duration::from_secs(60);

fn body(name: &str) -> Value {
    let mut body = user(name);
    body["schemas"] = json!([USER, ACME]);
    body[ACME] =
        json!({"distinguishedName": "CN=Babs", "level": 7, "badges": ["a"], "box": {"size": 1.5}});
    body["shoeSize"] = json!(42);
    body
}

async fn undeclared_attributes_are_stored_after_their_schema_is_added(server: Server) {
    let token = server.tenant("acme", &TenantChange::default()).await;
    let client = server.by(&token);
    assert_eq!(
        client.post("/Users", body("a")).await.expect(201).body[ACME],
        Value::Null
    );
    let until = Instant::now() + TIME_LIMIT;
    let sent = loop {
        let sent = server.operator.sent_without_schema("acme").await.unwrap();
        if sent.len() >= 2 {
            break sent;
        }
        assert!(Instant::now() < until, "{sent:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(
        server
            .operator
            .sent_without_schema("default")
            .await
            .unwrap(),
        []
    );
    let suggestion = server
        .operator
        .suggest_schemas("acme", None, &sent)
        .await
        .unwrap();
    assert_eq!(
        suggestion.schemas.keys().collect::<Vec<_>>(),
        [ACME],
        "what has no URN joins the one that came"
    );
    let schema = &suggestion.schemas[ACME];
    let mut names: Vec<_> = edit::names(schema).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["badges", "box", "distinguishedName", "level", "shoeSize"]
    );
    let file = SchemaFile {
        origin: "suggested".to_owned(),
        text: edit::text(schema),
    };
    change(&server, Some("acme"), &SchemaChange::File(file, Vec::new()))
        .await
        .unwrap();
    let taken = client.post("/Users", body("b")).await.expect(201).body;
    let mut held = body("b")[ACME].clone();
    held["shoeSize"] = json!(42);
    assert_eq!(
        taken[ACME], held,
        "a bare name means the one extension that declares it"
    );
    assert_eq!(
        server.operator.sent_without_schema("acme").await.unwrap(),
        []
    );
    agrees(&server).await;
}

#[tokio::test]
async fn a_suggested_schema_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut served = Served::start(folder, "--issue-token okta");
    let base = served.line("SCIM base URL: ");
    let token = served.line("Bearer token \"okta\" (shown once): ");
    let post = |body: Value| {
        let request = reqwest::Client::new()
            .post(format!("{base}/Users"))
            .bearer_auth(&token);
        let request = request
            .header("content-type", "application/scim+json")
            .body(body.to_string());
        async move {
            serde_json::from_str::<Value>(&request.send().await.unwrap().text().await.unwrap())
                .unwrap()
        }
    };
    assert_eq!(refused(folder, "schema suggest").0, Some(1));
    assert_eq!(post(body("a")).await[ACME], Value::Null);
    let until = Instant::now() + TIME_LIMIT;
    let output = loop {
        let output = run(folder, "schema suggest");
        if output.status.success() {
            break output;
        }
        assert!(
            Instant::now() < until,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let advice = String::from_utf8(output.stderr).unwrap();
    for said in [
        "scimd schema add FILE",
        "Okta sends shoeSize",
        "external namespace urn:",
    ] {
        assert!(advice.contains(said), "{advice}");
    }
    let all: Value = serde_json::from_str(&printed(folder, "schema suggest --all")).unwrap();
    assert_eq!(
        (all.as_array().unwrap().len(), &all[0]["id"]),
        (1, &json!(ACME))
    );
    let file = folder.join("suggested.json");
    std::fs::write(&file, &output.stdout).unwrap();
    printed(folder, &format!("schema check {}", file.display()));
    printed(folder, &format!("schema add {}", file.display()));
    let mut held = body("b")[ACME].clone();
    held["shoeSize"] = json!(42);
    assert_eq!(
        post(body("b")).await[ACME],
        held,
        "the server at work has it at once"
    );
    printed(folder, "verify");
}
