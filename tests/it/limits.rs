//! Limits, and their configuration.

use crate::harness::raw::RawRequest;
use crate::harness::{Database, Options, Server, user};
use scimd::protocol::ServiceLimits;
use scimd::scim_api::HttpSettings;
use serde_json::{Value, json};

crate::on_both!(limits_are_as_documented, answers_in_scim_json);

/// FIL-16, PAT-38: the largest accepted input, and the smallest refused one.
async fn limits_are_as_documented(server: Server) {
    let search = |filter: String| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
    let deep = |depth: usize| format!("{}userName pr{}", "(".repeat(depth), ")".repeat(depth));
    let wide = |terms: usize| vec!["userName pr"; terms].join(" or ");
    let long = |length: usize| format!("userName eq \"{}\"", "a".repeat(length - 14));
    for (last, first) in [
        (deep(32), deep(33)),
        (wide(100), wide(101)),
        (long(8192), long(8193)),
    ] {
        server
            .post("/Users/.search", search(last))
            .await
            .expect(200);
        server
            .post("/Users/.search", search(first))
            .await
            .refused(400, "invalidFilter");
    }
    let path = format!(
        "/Users/{}",
        server.post("/Users", user("ann")).await.expect(201).id()
    );
    let at = |path: String| json!([{"op": "add", "path": path, "value": "x"}]);
    let long = |length: usize| format!("emails[display eq \"{}\"].value", "a".repeat(length - 27));
    server.patch(&path, at(long(1024))).await.expect(200);
    server
        .patch(&path, at(long(1025)))
        .await
        .refused(400, "invalidPath");
    let operations = |count: usize| {
        Value::from(vec![
            json!({"op": "replace", "path": "title", "value": "x"});
            count
        ])
    };
    server.patch(&path, operations(1000)).await.expect(200);
    server.patch(&path, operations(1001)).await.refused(413, "");
}

/// GEN-2: the response is SCIM JSON, also without an `Accept` header.
async fn answers_in_scim_json(server: Server) {
    for accept in [
        None,
        Some("*/*"),
        Some("application/json;q=0.9, text/html"),
        Some("application/scim+json"),
        Some(""),
    ] {
        let asked = RawRequest::new("GET", "/scim/v2/Users")
            .field("Authorization", &format!("Bearer {}", server.token));
        let asked = match accept {
            Some(accept) => asked.field("Accept", accept),
            None => asked,
        };
        let answer = server.say(&asked.bytes()).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("application/scim+json")),
            "{accept:?}"
        );
    }
}

/// PAG-6, PAG-9, QRY-4: a query for all resources returns pages of the size that the server advertises.
#[tokio::test]
async fn pages_have_a_largest_size() {
    let limits = ServiceLimits {
        page_default: 2,
        page_max: 3,
        ..ServiceLimits::default()
    };
    let server = Server::with(
        Database::Sqlite,
        Options {
            limits,
            ..Options::default()
        },
    )
    .await;
    for name in ["a", "b", "c", "d"] {
        server.post("/Users", user(name)).await.expect(201);
    }
    for (query, size) in [
        ("", 2),
        ("?count=100000", 3),
        ("?count=1", 1),
        ("?filter=userName%20pr&count=1000", 3),
    ] {
        let page = server.get(&format!("/Users{query}")).await.expect(200).body;
        assert_eq!(
            (
                &page["totalResults"],
                page["Resources"].as_array().unwrap().len()
            ),
            (&json!(4), size),
            "{query}"
        );
        assert_eq!(page["itemsPerPage"], size);
    }
    let config = server.get("/ServiceProviderConfig").await.expect(200).body;
    assert_eq!(
        (
            &config["filter"]["maxResults"],
            &config["pagination"]["maxPageSize"]
        ),
        (&json!(3), &json!(3))
    );
}

/// A browser that opens the address gets one line about the server.
#[tokio::test]
async fn the_front_page_says_what_this_is() {
    let server = Server::on(Database::Sqlite).await;
    let ask = |method: &str| RawRequest::new(method, "/").bytes();
    let page = server.say(&ask("GET")).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/plain; charset=utf-8"))
    );
    assert!(
        page.body.starts_with("This is scimd, a SCIM 2.0 server") && page.body.contains("/scim/v2"),
        "{page:?}"
    );
    assert!(
        page.body.ends_with('\n') && page.body.lines().count() == 1,
        "{page:?}"
    );
    assert!(!page.body.contains(env!("CARGO_PKG_VERSION")), "{page:?}");
    let head = server.say(&ask("HEAD")).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(
        head.header("content-length"),
        Some(page.body.len().to_string().as_str())
    );
    assert_eq!(server.say(&ask("POST")).await.status, 405);
    assert_eq!(
        server.say(&ask("OPTIONS")).await.header("allow"),
        Some("GET, HEAD, OPTIONS")
    );
}

/// A page that would exceed the limit is rejected immediately, and a client that reads gets it.
#[tokio::test]
async fn pages_in_progress_are_limited() {
    let http = HttpSettings {
        token_memory_bytes: 300_000,
        ..Options::default().http
    };
    let server = Server::with(
        Database::Sqlite,
        Options {
            http,
            ..Options::default()
        },
    )
    .await;
    let title = "x".repeat(60_000);
    for name in ["a", "b", "c", "d"] {
        let mut body = user(name);
        body["title"] = title.clone().into();
        server.post("/Users", body).await.expect(201);
    }
    // One page is larger than half of the token's limit.
    let [first, second] = [server.connect().await, server.connect().await];
    let mut held = Vec::new();
    for mut stream in [first, second] {
        let request = format!(
            "GET /scim/v2/Users HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n\r\n",
            server.token
        );
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.repeat(100).as_bytes())
            .await
            .unwrap();
        held.push(stream);
    }
    // The operating system buffers a part; the server holds the rest of the pages.
    let began = std::time::Instant::now();
    let refused = loop {
        let answer = server.get("/Users").await;
        if answer.status != 200 {
            break answer.refused(429, "");
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(20));
    };
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(held);
    let began = std::time::Instant::now();
    while server.get("/Users").await.status != 200 {
        assert!(began.elapsed() < std::time::Duration::from_secs(20));
    }
}

/// ERR-6, QRK-23: responses to too many requests of a token have `Retry-After`.
#[tokio::test]
async fn a_burst_gets_retry_after() {
    let http = HttpSettings {
        requests_per_second: 1,
        burst: 3,
        ..HttpSettings::default()
    };
    let server = Server::with(
        Database::Sqlite,
        Options {
            http,
            ..Options::default()
        },
    )
    .await;
    for _ in 0..3 {
        server.get("/Users?count=0").await.expect(200);
    }
    let answer = server.get("/Users").await.refused(429, "");
    assert!(
        answer
            .header("retry-after")
            .unwrap()
            .parse::<u32>()
            .unwrap()
            >= 1
    );
}

/// SEC-9: clients that guess tokens are slowed down; clients with a valid token are not.
#[tokio::test]
async fn guesses_get_retry_after() {
    let http = HttpSettings {
        bad_tokens: 3,
        ..Options::default().http
    };
    let server = Server::with(
        Database::Sqlite,
        Options {
            http,
            ..Options::default()
        },
    )
    .await;
    let guess = || async {
        server
            .by("scimd_none")
            .send(reqwest::Method::GET, "/Users", None, &[])
            .await
    };
    for _ in 0..3 {
        guess().await.expect(401);
    }
    assert!(guess().await.expect(429).header("retry-after").is_some());
    server.get("/Users?count=0").await.expect(200);
}

/// GEN-8: any path can precede the endpoints, and it is part of every URL.
#[tokio::test]
async fn the_base_path_can_be_any_path() {
    for base in ["/scim/v2", "/a/b/c", ""] {
        let http = HttpSettings {
            base_path: base.into(),
            ..Options::default().http
        };
        let server = Server::with(
            Database::Sqlite,
            Options {
                http,
                ..Options::default()
            },
        )
        .await;
        let made = server.post("/Users", user("ann")).await.expect(201);
        let location = made.header("location").unwrap();
        assert_eq!(location, format!("{}/Users/{}", server.base, made.id()));
        server
            .get(&format!("/v2/Users/{}", made.id()))
            .await
            .expect(200);
    }
}
