//! Schemas and the mapping through the management API.

use super::is_problem;
use crate::harness::{Admin, Server, operator_token};
use crate::on_both;
use reqwest::Method;
use scimd::store::{OperatorRole, TenantChange};
use serde_json::{Value, json};

on_both!(
    a_schema_has_a_life,
    schemas_are_paged_and_searched,
    the_mapping_is_shown
);

const URN: &str = "urn:example:params:scim:schemas:extension:acme:2.0:User";

fn schema(attribute: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": URN, "name": "Acme",
        "attributes": [{"name": attribute, "type": "string", "multiValued": false}],
    })
}

async fn schemas_are_paged_and_searched(server: Server) {
    let admin = Admin::over(&server).await;
    for tenant in ["one", "two"] {
        server.tenant(tenant, &TenantChange::default()).await;
        let path = format!("/tenants/{tenant}/schemas/{URN}");
        let put = admin.ask(Method::PUT, &path, Some(schema("badge")));
        put.await.expect(200);
    }
    let list = async |token: &str, query: &str| -> (Vec<String>, Option<String>) {
        let path = format!("/{query}");
        let page = admin.call((token, Method::GET, &path), None, &[]).await;
        let page = page.expect(200).body;
        let items = page["items"].as_array().unwrap().iter();
        let shown = items.map(|item| format!("{} {}", item["urn"], item["tenant"]));
        (shown.collect(), page["next"].as_str().map(str::to_owned))
    };
    for base in ["schemas", "tenants/two/schemas"] {
        let (all, none) = list(&admin.token, &format!("{base}?limit=200")).await;
        assert!(all.len() > 3 && none.is_none(), "{all:?}");
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let (page, next) = list(&admin.token, &format!("{base}?limit=2{cursor}")).await;
            assert!(page.len() <= 2);
            paged.extend(page);
            match next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(paged, all, "{base}");
    }
    let of = |tenants: &[&str]| -> Vec<String> {
        let of = |tenant: &&str| format!("\"{URN}\" \"{tenant}\"");
        tenants.iter().map(of).collect()
    };
    for query in ["schemas?search=acme", "schemas?search=URN:EXAMPLE"] {
        assert_eq!(list(&admin.token, query).await.0, of(&["one", "two"]));
    }
    assert!(
        list(&admin.token, "schemas?search=badge")
            .await
            .0
            .is_empty()
    );
    let limited = operator_token(&server, OperatorRole::Backend, &["two"]).await;
    let (page, next) = list(&limited, "schemas?search=acme&limit=1").await;
    assert_eq!((page, next), (of(&["two"]), None));
}

async fn a_schema_has_a_life(server: Server) {
    let admin = Admin::over(&server).await;
    admin
        .ask(Method::POST, "/schemas/check", Some(schema("badge")))
        .await
        .expect(200);
    let mut wrong = schema("badge");
    wrong["attributes"][0]["type"] = json!("strin");
    let refused = admin.ask(Method::POST, "/schemas/check", Some(wrong)).await;
    is_problem(&refused, 400, "invalid-request");
    for base in ["/schemas", "/tenants/default/schemas"] {
        let path = format!("{base}/{URN}");
        let dry = admin
            .ask(
                Method::PUT,
                &format!("{path}?dryRun=true"),
                Some(schema("badge")),
            )
            .await
            .expect(200);
        assert_eq!(
            (&dry.body["hides"], &dry.body["contradicts"]),
            (&json!(0), &json!([]))
        );
        is_problem(&admin.ask(Method::GET, &path, None).await, 404, "not-found");
        admin
            .ask(Method::PUT, &path, Some(schema("badge")))
            .await
            .expect(200);
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", URN], "userName": base, (URN): {"badge": "7"},
        });
        let made = server.post("/Users", body).await.expect(201);
        assert_eq!(made.body[URN]["badge"], "7");
        let read = admin.ask(Method::GET, &path, None).await.expect(200);
        let tag = read.header("etag").unwrap().to_owned();
        assert_eq!(read.body["schema"]["id"], URN);
        let stale = admin
            .call(
                (&admin.token, Method::DELETE, &path),
                None,
                &[("if-match", "\"other\"")],
            )
            .await;
        is_problem(&stale, 412, "precondition-failed");
        let dry = admin
            .ask(Method::DELETE, &format!("{path}?dryRun=true"), None)
            .await
            .expect(200);
        assert!(dry.body["hides"].as_i64().unwrap() >= 1);
        admin
            .call(
                (&admin.token, Method::DELETE, &path),
                None,
                &[("if-match", &tag)],
            )
            .await
            .expect(200);
        is_problem(
            &admin.ask(Method::DELETE, &path, None).await,
            404,
            "not-found",
        );
        let list = admin.ask(Method::GET, base, None).await.expect(200);
        assert!(list.body["items"].as_array().unwrap().len() >= 3);
    }
    let mut wrong = schema("badge");
    wrong["attributes"][0]["type"] = json!("strin");
    let other = (Method::PUT, "/schemas/urn:other", wrong.clone());
    let change = (Method::POST, "/schemas/changes", json!({"schema": wrong}));
    for ((method, path, body), places) in [
        (other, &["/id", "/attributes/0/type"][..]),
        (change, &["/schema/attributes/0/type"][..]),
    ] {
        let refused = admin.ask(method, path, Some(body)).await;
        is_problem(&refused, 400, "invalid-request");
        let errors = refused.body["errors"].as_array().unwrap().iter();
        let pointers: Vec<_> = errors
            .map(|error| error["pointer"].as_str().unwrap())
            .collect();
        assert_eq!(pointers, places, "{path}");
    }
    let trail = admin
        .ask(Method::GET, "/audit?action=schema.", None)
        .await
        .expect(200);
    assert_eq!(trail.body["items"].as_array().unwrap().len(), 4);
}

async fn the_mapping_is_shown(server: Server) {
    let admin = Admin::over(&server).await;
    let shown = admin.ask(Method::GET, "/mapping", None).await.expect(200);
    assert_eq!(shown.body["state"], "ready");
    assert!(shown.body["views"]["directory_users"].is_string());
}
