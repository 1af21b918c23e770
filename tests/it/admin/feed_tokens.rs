//! Tokens that read the change feed, through the management API.

use super::is_problem;
use crate::harness::{Admin, Answer, Server, operator_token};
use crate::on_both;
use reqwest::Method;
use scimd::store::{OperatorRole, TenantChange, TokenQuery};
use serde_json::{Value, json};

on_both!(
    a_feed_token_has_a_life,
    feed_tokens_are_listed,
    a_limited_operator_has_feed_tokens_of_its_tenants,
);

async fn issue(admin: &Admin, body: Value) -> Answer {
    admin
        .ask(Method::POST, "/feed-tokens", Some(body))
        .await
        .expect(201)
}

/// Response of the change feed to a token.
async fn read(server: &Server, token: &Answer) -> u16 {
    let url = server.base.replace("/scim/v2", "/feed/v1/head");
    let secret = token.body["token"].as_str().unwrap();
    let request = reqwest::Client::new().get(url).bearer_auth(secret);
    request.send().await.unwrap().status().as_u16()
}

async fn a_feed_token_has_a_life(server: Server) {
    let admin = Admin::over(&server).await;
    let all = issue(&admin, json!({"name": "all"})).await;
    let own = issue(&admin, json!({"name": "own", "tenant": "default"})).await;
    assert_eq!(
        (&all.body["tenant"], &all.body["scope"]),
        (&json!("*"), &json!("feed"))
    );
    assert_eq!(own.body["tenant"], "default");
    for token in [&all, &own] {
        assert_eq!(read(&server, token).await, 200);
        let secret = token.body["token"].as_str().unwrap();
        server.by(secret).get("/Users").await.expect(403);
        let path = format!("/feed-tokens/{}", token.id());
        assert_eq!(token.header("location").unwrap(), format!("/api/v1{path}"));
        let shown = admin.ask(Method::GET, &path, None).await.expect(200);
        assert_eq!(shown.body.get("token"), None);
        let rotate = format!("{path}/rotate");
        let next = admin.ask(Method::POST, &rotate, None).await.expect(201);
        assert_eq!(next.body["replaces"], token.id());
        assert_eq!(next.body["tenant"], token.body["tenant"]);
        assert_eq!(
            (read(&server, &next).await, read(&server, token).await),
            (200, 200)
        );
        admin.ask(Method::DELETE, &path, None).await.expect(204);
        assert_eq!(
            (read(&server, &next).await, read(&server, token).await),
            (200, 401)
        );
    }
    // Each act has a row, and tokens of other scopes are not in the list.
    let page = admin.ask(Method::GET, "/audit?action=token.", None).await;
    let rows = page.expect(200).body["items"].clone();
    let acts: Vec<_> = rows.as_array().unwrap().iter().rev().collect();
    let acts: Vec<_> = acts
        .iter()
        .filter(|row| row["actor"]["kind"] == "operator")
        .map(|row| {
            (
                row["action"].as_str().unwrap(),
                row["tenant"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        acts,
        [
            ("token.issue", "*"),
            ("token.issue", "default"),
            ("token.rotate", "*"),
            ("token.revoke", "*"),
            ("token.rotate", "default"),
            ("token.revoke", "default")
        ]
    );
    let scim = admin
        .ask(
            Method::POST,
            "/tenants/default/tokens",
            Some(json!({"name": "okta"})),
        )
        .await
        .expect(201);
    for (method, path) in [
        (Method::GET, format!("/feed-tokens/{}", scim.id())),
        (Method::DELETE, format!("/feed-tokens/{}", scim.id())),
        (Method::POST, format!("/feed-tokens/{}/rotate", scim.id())),
    ] {
        is_problem(&admin.ask(method, &path, None).await, 404, "not-found");
    }
}

/// Names of the tokens of all pages.
async fn names(admin: &Admin, token: &str) -> Vec<String> {
    let (mut names, mut path) = (Vec::new(), "/feed-tokens?limit=2".to_owned());
    loop {
        let page = admin.call((token, Method::GET, &path), None, &[]).await;
        let page = page.expect(200).body;
        let items = page["items"].as_array().unwrap();
        names.extend(
            items
                .iter()
                .map(|item| item["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            return names;
        };
        assert_eq!(items.len(), 2);
        path = format!("/feed-tokens?limit=2&cursor={next}");
    }
}

async fn feed_tokens_are_listed(server: Server) {
    let admin = Admin::over(&server).await;
    server.tenant("acme", &TenantChange::default()).await;
    let tenants = [None, Some("acme"), Some("default"), None, None];
    let mut expected = Vec::new();
    for (number, tenant) in tenants.into_iter().enumerate() {
        let name = format!("t{number}");
        issue(
            &admin,
            json!({"name": name, "tenant": tenant.unwrap_or("default")}),
        )
        .await;
        let of_all = format!("all{number}");
        issue(&admin, json!({"name": of_all})).await;
        expected.extend([name, of_all]);
    }
    assert_eq!(names(&admin, &admin.token).await, expected);
    // The list of all tokens also continues after a token for all tenants.
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let query = TokenQuery {
            tenant: None,
            after: after.clone(),
            limit: 3,
        };
        let page = server.operator.tokens(&query).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        listed.extend(page.into_iter().map(|token| (token.tenant, token.name)));
    }
    let of_all = listed.iter().take_while(|(tenant, _)| tenant == "*");
    assert_eq!(of_all.count(), 5);
    assert_eq!(listed.len(), 10 + 2, "{listed:?}");
}

async fn a_limited_operator_has_feed_tokens_of_its_tenants(server: Server) {
    let admin = Admin::over(&server).await;
    server.tenant("acme", &TenantChange::default()).await;
    let all = issue(&admin, json!({"name": "all"})).await;
    for number in 0..5 {
        issue(
            &admin,
            json!({"name": format!("d{number}"), "tenant": "default"}),
        )
        .await;
    }
    let token = operator_token(&server, OperatorRole::Backend, &["acme"]).await;
    let issue = async |body: Value| {
        let place = (token.as_str(), Method::POST, "/feed-tokens");
        admin.call(place, Some(body), &[]).await
    };
    is_problem(&issue(json!({"name": "x"})).await, 403, "scope-missing");
    let other = issue(json!({"name": "x", "tenant": "default"})).await;
    is_problem(&other, 404, "not-found");
    issue(json!({"name": "own", "tenant": "acme"}))
        .await
        .expect(201);
    assert_eq!(names(&admin, &token).await, ["own"]);
    let path = format!("/feed-tokens/{}", all.id());
    for method in [Method::GET, Method::DELETE] {
        let place = (token.as_str(), method, path.as_str());
        is_problem(&admin.call(place, None, &[]).await, 404, "not-found");
    }
}
