//! Paths without an endpoint, and unsupported methods.

use super::Target;
use crate::harness::{Server, USER};

crate::on_both!(
    strange_paths_lead_nowhere,
    unusual_ids_do_not_exist,
    methods_fit_their_routes
);

async fn strange_paths_lead_nowhere(server: Server) {
    let target = Target::new(&server, scimd::resource::Conformance::Lenient).await;
    let long = "a".repeat(10_000);
    for (path, status) in [
        ("/Users/%2f..%2fGroups", 404),
        ("/Users/..", 404),
        ("/Users/../Groups", 404),
        ("/Users/%2e%2e/Groups", 404),
        ("/%2e%2e/%2e%2e/etc/passwd", 404),
        ("/Users%2f", 404),
        ("/Users%00", 404),
        ("/Users;x=1", 404),
        ("/Users.json", 404),
        ("/users%0d%0aSet-Cookie:x", 404),
        ("/Users/x/y", 404),
        ("/Users/x/y/z/../../..", 404),
        ("/Users/.search/x", 404),
        ("/%55sers", 200),
        ("//Users//", 200),
        ("/v2/Users", 200),
        ("/v2/v2/Users", 404),
        ("/v3/Users", 400),
        ("/Nothing", 404),
        ("/__proto__", 404),
        ("/é", 404),
        ("/\u{1f600}", 404),
        ("/Users/\u{1f600}", 404),
        ("/Schemas/urn:x", 404),
        ("/Schemas/%00", 404),
        ("/Schemas/%27%3B--", 404),
        ("/ResourceTypes/__proto__", 404),
        ("/ResourceTypes/User/x", 404),
        ("/%", 400),
        ("/Users/%", 400),
        ("/Users/%4", 400),
        ("/Users/%zz", 400),
        ("/Users/%ff", 400),
        ("/Users/%c3%28", 400),
        ("/Users/%ed%a0%80", 400),
        ("?filter", 400),
        (long.as_str(), 404),
    ] {
        for method in ["GET", "DELETE"] {
            let answer = target.ask(method, path, b"").await;
            if method == "GET" {
                assert_eq!(answer.status, status, "{path:.80}: {}", answer.body);
            } else {
                assert!(
                    matches!(answer.status, 400 | 404 | 405),
                    "{method} {path:.80}: {}",
                    answer.body
                );
            }
        }
    }
    assert_eq!(
        target
            .ask("GET", &format!("/{}", "a".repeat(17_000)), b"")
            .await
            .status,
        414
    );
    target.is_alive().await;
}

/// An id has one spelling (RFC 7643 section 3.1: ids are case-exact; row RET-4).
async fn unusual_ids_do_not_exist(server: Server) {
    let target = Target::new(&server, scimd::resource::Conformance::Lenient).await;
    let id = target.user.clone();
    let upper = id.to_ascii_uppercase();
    let (simple, long) = (id.replace('-', ""), "0".repeat(10_000));
    let spellings = [
        upper.clone(),
        simple,
        format!("%7B{id}%7D"),
        format!("urn:uuid:{id}"),
        format!("{id}%20"),
        format!("%20{id}"),
        format!("{id}%00"),
        format!("{id}%0a"),
        format!("{id};"),
        format!("{id}."),
        format!("{id}%2f"),
        format!("{id}x"),
        format!(".{id}"),
        long,
        "0".into(),
        "-1".into(),
        "null".into(),
        "undefined".into(),
        "NaN".into(),
        "1%20or%201=1".into(),
        "%27%20or%20%271%27=%271".into(),
        "%F0%9F%98%80".into(),
        "%E2%80%AE".into(),
        "*".into(),
        "%25".into(),
        "00000000-0000-0000-0000-000000000000".into(),
        "ffffffff-ffff-ffff-ffff-ffffffffffff".into(),
    ];
    assert_ne!(upper, id);
    for spelling in &spellings {
        let path = format!("/Users/{spelling}");
        for method in ["GET", "DELETE"] {
            assert_eq!(
                target.ask(method, &path, b"").await.status,
                404,
                "{method} {path:.80}"
            );
        }
        let body = serde_json::json!({"schemas": [USER], "userName": "other"}).to_string();
        assert_eq!(
            target.ask("PUT", &path, body.as_bytes()).await.status,
            404,
            "{path:.80}"
        );
        let operations = serde_json::json!([{"op": "replace", "path": "title", "value": "x"}]);
        assert_eq!(
            target.patch(&path, &operations).await.status,
            404,
            "{path:.80}"
        );
    }
    assert_eq!(
        target
            .ask("GET", &format!("/Users/{id}"), b"")
            .await
            .header("etag"),
        Some("W/\"1\"")
    );
    target.is_alive().await;
}

async fn methods_fit_their_routes(server: Server) {
    let target = Target::new(&server, scimd::resource::Conformance::Lenient).await;
    let (user, schema) = (
        format!("/Users/{}", target.user),
        format!("/Schemas/{USER}"),
    );
    for (path, allowed) in [
        ("/", "GET, HEAD, OPTIONS"),
        ("/Users", "GET, HEAD, POST, OPTIONS"),
        ("/Groups", "GET, HEAD, POST, OPTIONS"),
        (&user, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ("/.search", "POST, OPTIONS"),
        ("/Users/.search", "POST, OPTIONS"),
        ("/Bulk", "POST, OPTIONS"),
        ("/ServiceProviderConfig", "GET, HEAD, OPTIONS"),
        ("/ResourceTypes", "GET, HEAD, OPTIONS"),
        ("/ResourceTypes/User", "GET, HEAD, OPTIONS"),
        ("/Schemas", "GET, HEAD, OPTIONS"),
        (&schema, "GET, HEAD, OPTIONS"),
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            if allowed.split(", ").any(|one| one == method) {
                continue;
            }
            for body in [&b""[..], b"{}", b"\xff"] {
                let answer = target.ask(method, path, body).await;
                assert_eq!(answer.status, 405, "{method} {path}: {}", answer.body);
                assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
            }
        }
        for method in ["TRACE", "PROPFIND", "get", "PATCHES", "X", "M-SEARCH"] {
            let answer = target.ask(method, path, b"").await;
            assert_eq!(answer.status, 501, "{method} {path}: {}", answer.body);
            assert!(!answer.body.contains("scimd_"), "SEC-7");
        }
    }
    target.is_alive().await;
}
