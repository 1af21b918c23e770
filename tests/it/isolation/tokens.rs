//! Permissions and lifetime of a token.

use super::{Tenant, all_routes, bulk, patch, search};
use crate::harness::{Answer, Database, Fleet, Options, Server, group, noon, user};
use reqwest::Method;
use scimd::clock::Clock;
use scimd::store::{Status, TenantChange, TokenScope};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

mod everywhere {
    crate::on_fleets!(
        a_suspension_holds_at_once,
        a_revocation_holds_at_once,
        a_cached_token_is_refused_at_once,
        settings_apply_at_once,
    );
    use super::{
        a_cached_token_is_refused_at_once, a_revocation_holds_at_once, a_suspension_holds_at_once,
        settings_apply_at_once,
    };
}
crate::on_both!(
    a_token_expires,
    a_read_only_token_reads,
    a_token_for_users_sees_no_groups,
    without_a_token_nothing_is_revealed,
);

fn detail(answer: &Answer) -> &str {
    answer.body["detail"].as_str().unwrap()
}

/// Checks that every route rejects a token with a status and an error code.
async fn refuses(server: &Server, token: &str, tenant: &Tenant, status: u16, word: &str) {
    for (method, path, body) in all_routes(&tenant.user, &tenant.group) {
        let answer = server
            .by(token)
            .send(method.clone(), &path, body, &[])
            .await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        let answer = answer.refused(status, "");
        assert!(
            detail(&answer).contains(word),
            "{method} {path}: {}",
            answer.body
        );
        let challenge = answer.header("www-authenticate");
        assert_eq!(
            challenge.is_some_and(|challenge| challenge.contains("error=\"invalid_token\"")),
            status == 401
        );
    }
}

async fn a_suspension_holds_at_once(fleet: Fleet) {
    let (one, two) = (
        Tenant::new(fleet.first(), "one").await,
        Tenant::new(fleet.first(), "two").await,
    );
    let before = one.everything(fleet.first()).await;
    let set = |status| TenantChange {
        status: Some(status),
        ..TenantChange::default()
    };
    for server in [fleet.of(1), fleet.of(0)] {
        server.by(&one.token).get("/Users").await.expect(200);
        fleet
            .first()
            .operator
            .change_tenant("one", &set(Status::Suspended))
            .await
            .unwrap();
        refuses(server, &one.token, &one, 403, "suspended").await;
        server.by(&two.token).get("/Users").await.expect(200);
        fleet
            .first()
            .operator
            .change_tenant("one", &set(Status::Active))
            .await
            .unwrap();
        server.by(&one.token).get("/Users").await.expect(200);
    }
    assert_eq!(one.everything(fleet.first()).await, before);
}

async fn a_revocation_holds_at_once(fleet: Fleet) {
    let one = Tenant::new(fleet.first(), "one").await;
    let operator = &fleet.first().operator;
    for server in [fleet.of(1), fleet.of(0)] {
        let issued = operator
            .issue_token("one", "second", TokenScope::ReadWrite, None)
            .await
            .unwrap();
        let token = issued.text.expose_secret();
        server.by(token).get("/Users").await.expect(200);
        operator.revoke_token(&issued.id).await.unwrap();
        refuses(server, token, &one, 401, "revoked").await;
        server.by(&one.token).get("/Users").await.expect(200);
    }
}

/// Each route is the first request after the change, on an instance that has just responded.
async fn a_cached_token_is_refused_at_once(fleet: Fleet) {
    let one = Tenant::new(fleet.first(), "one").await;
    let before = one.everything(fleet.first()).await;
    let operator = &fleet.first().operator;
    let set = |status| TenantChange {
        status: Some(status),
        ..TenantChange::default()
    };
    for (method, path, body) in all_routes(&one.user, &one.group) {
        let issued = operator
            .issue_token("one", "known", TokenScope::ReadWrite, None)
            .await
            .unwrap();
        let client = fleet.of(1).by(issued.text.expose_secret());
        for status in [Status::Suspended, Status::Active] {
            for _ in 0..2 {
                client
                    .get(&format!("/Users/{}", one.user))
                    .await
                    .expect(200);
            }
            let expected = match status {
                Status::Suspended => {
                    operator.change_tenant("one", &set(status)).await.unwrap();
                    403
                }
                Status::Active => {
                    operator.revoke_token(&issued.id).await.unwrap();
                    401
                }
            };
            let answer = client.send(method.clone(), &path, body.clone(), &[]).await;
            assert_eq!(answer.status, expected, "{method} {path}: {}", answer.body);
            operator
                .change_tenant("one", &set(Status::Active))
                .await
                .unwrap();
        }
    }
    assert_eq!(one.everything(fleet.first()).await, before);
}

/// Settings that affect a write, changed between two requests to another instance.
async fn settings_apply_at_once(fleet: Fleet) {
    let one = Tenant::new(fleet.first(), "one").await;
    let operator = &fleet.first().operator;
    let client = fleet.of(1).by(&one.token);
    for turn in 0..3 {
        for (seats, status) in [(Some(0), 403), (None, 201)] {
            client.get("/Users").await.expect(200);
            operator
                .change_tenant(
                    "one",
                    &TenantChange {
                        seats: Some(seats),
                        ..TenantChange::default()
                    },
                )
                .await
                .unwrap();
            client
                .post("/Users", user(&format!("seated{turn}")))
                .await
                .expect(status);
        }
        for (base_url, shown) in [(Some("https://a.example/scim/v2"), true), (None, false)] {
            client.get("/Users").await.expect(200);
            let base_url = Some(base_url.map(str::to_owned));
            operator
                .change_tenant(
                    "one",
                    &TenantChange {
                        base_url,
                        ..TenantChange::default()
                    },
                )
                .await
                .unwrap();
            let read = client
                .get(&format!("/Users/{}", one.user))
                .await
                .expect(200)
                .body;
            let location = read["meta"]["location"].as_str().unwrap();
            assert_eq!(
                location.starts_with("https://a.example/"),
                shown,
                "{location}"
            );
        }
    }
}

async fn at_noon(server: &Server) -> (Server, Clock) {
    let database = if server.is_postgres() {
        Database::Postgres
    } else {
        Database::Sqlite
    };
    let clock = Clock::standing(noon());
    (
        Server::with(
            database,
            Options {
                clock: clock.clone(),
                ..Options::default()
            },
        )
        .await,
        clock,
    )
}

/// RFC 6750 section 3.1.
async fn a_token_expires(server: Server) {
    let (server, clock) = at_noon(&server).await;
    let one = Tenant::new(&server, "one").await;
    let issued = server
        .operator
        .issue_token("one", "short", TokenScope::ReadWrite, Some(3600))
        .await
        .unwrap();
    let token = issued.text.expose_secret();
    clock.advance(3599);
    server.by(token).get("/Users").await.expect(200);
    let successor = server.operator.rotate_token(&issued.id, 600).await.unwrap();
    clock.advance(1);
    refuses(&server, token, &one, 401, "expired").await;
    clock.advance(3598);
    server
        .by(successor.text.expose_secret())
        .get("/Users")
        .await
        .expect(200);
    clock.advance(1);
    refuses(
        &server,
        successor.text.expose_secret(),
        &one,
        401,
        "expired",
    )
    .await;
}

async fn scoped(server: &Server, scope: TokenScope) -> String {
    server
        .operator
        .issue_token("one", "scoped", scope, None)
        .await
        .unwrap()
        .text
        .expose_secret()
        .to_owned()
}

/// SEC-8.
async fn a_read_only_token_reads(server: Server) {
    let one = Tenant::new(&server, "one").await;
    let before = one.everything(&server).await;
    let token = scoped(&server, TokenScope::ReadOnly).await;
    let client = server.by(&token);
    for (method, path, body) in all_routes(&one.user, &one.group) {
        let is_write =
            !matches!(method, Method::GET | Method::OPTIONS) && !path.ends_with(".search");
        let answer = client.send(method.clone(), &path, body, &[]).await;
        match (is_write, path.as_str()) {
            (true, "/Bulk") => assert_eq!(
                answer.body["Operations"][0]["status"], "403",
                "{}",
                answer.body
            ),
            (true, _) => assert!(
                detail(&answer.refused(403, "")).contains("read-only"),
                "{method} {path}"
            ),
            (false, "/Me") => assert_eq!(answer.status, 501),
            (false, "/nowhere") => assert_eq!(answer.status, 404),
            (false, _) => assert!(
                matches!(answer.status, 200 | 204),
                "{method} {path}: {}",
                answer.body
            ),
        }
    }
    assert_eq!(one.everything(&server).await, before);
}

async fn a_token_for_users_sees_no_groups(server: Server) {
    let one = Tenant::new(&server, "one").await;
    let token = scoped(&server, TokenScope::UsersOnly).await;
    let client = server.by(&token);
    let before = server.by(&one.token).get("/Groups").await.expect(200).body;
    for (method, path, body) in all_routes("01900000-0000-7000-8000-000000000000", &one.group) {
        if path.starts_with("/Groups") && method != Method::OPTIONS {
            let answer = client.send(method.clone(), &path, body, &[]).await;
            assert!(
                detail(&answer.refused(403, "")).contains("users only"),
                "{method} {path}"
            );
        }
    }
    for listed in [
        client.get("/").await,
        client.post("/.search", search("id pr")).await,
    ] {
        assert_eq!(types(&listed.expect(200).body), ["User"]);
    }
    for (method, path, data) in [
        ("POST", "/Groups".to_owned(), group("new", &[])),
        (
            "PATCH",
            format!("/Groups/{}", one.group),
            patch(&json!([{"op": "remove", "path": "members"}])),
        ),
        ("DELETE", format!("/Groups/{}", one.group), json!({})),
    ] {
        let operations = json!([{"method": method, "path": path, "bulkId": "1", "data": data}]);
        let answer = client
            .post("/Bulk", bulk(&operations))
            .await
            .expect(200)
            .body;
        assert_eq!(answer["Operations"][0]["status"], "403", "{answer}");
    }
    assert_eq!(
        server.by(&one.token).get("/Groups").await.expect(200).body,
        before
    );
    let made = client.post("/Users", user("new")).await.expect(201).id();
    client.delete(&format!("/Users/{made}")).await.expect(204);
}

fn types(list: &Value) -> Vec<&str> {
    list["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["meta"]["resourceType"].as_str().unwrap())
        .collect()
}

/// Rows AUTH-1, AUTH-5, AUTH-7: the same response for existing and other resources.
async fn without_a_token_nothing_is_revealed(server: Server) {
    let one = Tenant::new(&server, "one").await;
    let before = one.everything(&server).await;
    let mut details = Vec::new();
    for (method, path, body) in all_routes(&one.user, &one.group) {
        let url = format!("{}{path}", server.base);
        let mut request = reqwest::Client::new().request(method.clone(), url);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/scim+json")
                .body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401, "{method} {path}");
        assert_eq!(
            answer.headers()["www-authenticate"],
            "Bearer realm=\"scim\""
        );
        details.push(answer.text().await.unwrap());
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
    let (start, end) = one.token.split_at(one.token.len() / 2);
    let swapped = format!("{start}{}", end.chars().rev().collect::<String>());
    for token in ["x", start, end, &swapped, "é", &"a".repeat(16_000)] {
        let answer = server.by(token).get(&format!("/Users/{}", one.user)).await;
        assert!(matches!(answer.status, 401), "{}", answer.status);
    }
    assert_eq!(one.everything(&server).await, before);
}
