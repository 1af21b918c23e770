//! An invalid change is refused with place and reason, and changes nothing.

use super::{ACME, agrees, attributes, change, file, gone, with, without};
use crate::harness::{Database, ENTERPRISE, Options, Server, USER};
use scimd::operator::SchemaChange;
use scimd::schema::SchemaFile;
use scimd::store::TenantChange;
use serde_json::{Value, json};

crate::on_both!(
    schemas_that_cannot_be_are_refused,
    values_that_do_not_fit_are_counted,
    repeated_values_cannot_become_unique,
    a_change_that_was_overtaken_is_refused,
);

#[track_caller]
fn says(outcome: Result<impl std::fmt::Debug, Vec<String>>, said: &[&str]) {
    let problems = outcome.unwrap_err();
    for said in said {
        assert!(
            problems.iter().any(|problem| problem.contains(said)),
            "{said}: {problems:#?}"
        );
    }
}

async fn schemas_that_cannot_be_are_refused(server: Server) {
    server.tenant("acme", &TenantChange::default()).await;
    let level = || attributes(json!([{"name": "level"}]));
    let wrong = json!({"id": ACME, "attributes": [{"name": "1"}, {"name": "a", "type": "text"}]});
    says(
        change(&server, None, &file(&wrong)).await,
        &[
            "acme.json: /attributes/0/name:",
            "acme.json: /attributes/1/type:",
        ],
    );
    let robots =
        json!({"id": ACME, "attributes": [{"name": "a"}], "x-scimd": {"extends": ["Robot"]}});
    says(
        change(&server, None, &file(&robots)).await,
        &["acme.json: /x-scimd/extends: there is no resource type \"Robot\""],
    );
    for urn in [USER, ENTERPRISE] {
        let built_in = json!({"id": urn, "attributes": [{"name": "a"}]});
        says(
            change(&server, None, &file(&built_in)).await,
            &["is built in"],
        );
    }
    let kind = json!({"name": "Robot", "endpoint": "/Robots", "schema": USER});
    says(
        change(&server, None, &file(&kind)).await,
        &["a resource type is not a schema"],
    );
    says(
        change(&server, None, &gone()).await,
        &["the deployment has no schema"],
    );
    says(
        change(&server, Some("nobody"), &level()).await,
        &["There is no tenant \"nobody\""],
    );

    change(&server, Some("acme"), &level()).await.unwrap();
    says(
        change(&server, Some("acme"), &level()).await,
        &["has an attribute level"],
    );
    says(
        change(&server, Some("acme"), &without("colour")).await,
        &["has no attribute colour, but level"],
    );
    says(
        change(&server, None, &gone()).await,
        &["there is one of tenant acme"],
    );
    says(change(&server, None, &level()).await, &["is defined in"]);
    let listed = server.operator.all_schemas_after(None, 1000).await.unwrap();
    assert_eq!(
        listed
            .iter()
            .filter(|(_, schema)| schema.urn == ACME)
            .count(),
        1
    );
    let database = if server.is_postgres() {
        Database::Postgres
    } else {
        Database::Sqlite
    };
    let text = json!({"id": ACME, "attributes": [{"name": "a"}], "x-scimd": {"extends": ["User"]}})
        .to_string();
    let schema_files = Some(vec![SchemaFile {
        origin: "dir/acme.json".to_owned(),
        text,
    }]);
    let configured = Server::with(
        database,
        Options {
            schema_files,
            ..Options::default()
        },
    )
    .await;
    says(
        change(&configured, None, &level()).await,
        &["is from the file dir/acme.json"],
    );
    agrees(&server).await;
}

async fn values_that_do_not_fit_are_counted(server: Server) {
    change(
        &server,
        None,
        &attributes(json!([{"name": "level"}, {"name": "badges", "multiValued": true}])),
    )
    .await
    .unwrap();
    for (name, level) in [("a", "1"), ("b", "high"), ("c", "2")] {
        server
            .post(
                "/Users",
                with(name, &json!({"level": level, "badges": [name]})),
            )
            .await
            .expect(201);
    }
    let schema = |attributes: Value| file(&json!({"id": ACME, "attributes": attributes}));
    let number = schema(json!([{"name": "level", "type": "integer"}]));
    says(
        change(&server, None, &number).await,
        &["tenant default: 3 resources have values of level that do not match"],
    );
    let single = schema(json!([{"name": "level"}, {"name": "badges"}]));
    says(
        change(&server, None, &single).await,
        &["3 resources have values of badges that do not match"],
    );
    change(&server, None, &gone()).await.unwrap();
    says(
        change(&server, None, &number).await,
        &["3 resources have values of level that do not match"],
    );
    server.get(&format!("/Schemas/{ACME}")).await.expect(404);
    agrees(&server).await;
}

async fn repeated_values_cannot_become_unique(server: Server) {
    change(&server, None, &attributes(json!([{"name": "code"}])))
        .await
        .unwrap();
    for (name, code) in [("a", "X"), ("b", "x"), ("c", "y"), ("d", "x")] {
        server
            .post("/Users", with(name, &json!({"code": code})))
            .await
            .expect(201);
    }
    let schema = |uniqueness: &str| {
        file(&json!({"id": ACME, "attributes": [{"name": "code", "uniqueness": uniqueness}]}))
    };
    says(
        change(&server, None, &schema("server")).await,
        &["tenant default: 2 resources have the same value of code as another one"],
    );
    server
        .post("/Users", with("e", &json!({"code": "x"})))
        .await
        .expect(201);
    for name in ["b", "d", "e"] {
        let found = server
            .get(&format!("/Users?filter=userName%20eq%20%22{name}%22"))
            .await
            .body;
        server
            .delete(&format!(
                "/Users/{}",
                found["Resources"][0]["id"].as_str().unwrap()
            ))
            .await
            .expect(204);
    }
    assert_eq!(
        change(&server, None, &schema("server"))
            .await
            .unwrap()
            .reindexed,
        2
    );
    server
        .post("/Users", with("f", &json!({"code": "Y"})))
        .await
        .refused(409, "uniqueness");
    agrees(&server).await;
    assert_eq!(
        change(&server, None, &schema("none"))
            .await
            .unwrap()
            .reindexed,
        2
    );
    server
        .post("/Users", with("f", &json!({"code": "Y"})))
        .await
        .expect(201);
    agrees(&server).await;
}

async fn a_change_that_was_overtaken_is_refused(server: Server) {
    let plan = |name: &'static str| {
        let change = SchemaChange::Attributes {
            urn: ACME.to_owned(),
            definitions: vec![json!({"name": name})],
            extends: Vec::new(),
        };
        let operator = server.operator.clone();
        async move { operator.plan_schema(None, &change).await.unwrap() }
    };
    let (first, second) = (plan("a").await, plan("b").await);
    server
        .operator
        .change_schema(&first, &mut |_| ())
        .await
        .unwrap();
    let refusal = server
        .operator
        .change_schema(&second, &mut |_| ())
        .await
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("changed by another program"), "{refusal}");
    let schema = server
        .get(&format!("/Schemas/{ACME}"))
        .await
        .expect(200)
        .body;
    assert_eq!(schema["attributes"].as_array().unwrap().len(), 1);
}
