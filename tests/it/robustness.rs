//! What is too much, too deep or no text at all: refused in a few words, and the server goes on.

use crate::harness::wire::{RawAnswer, RawRequest};
use crate::harness::{Database, Options, Server, USER, user};
use scimd::http::HttpSettings;
use scimd::service::ServiceLimits;
use serde_json::{Value, json};

crate::on_both!(
    filters_have_bounds,
    patches_have_bounds,
    bodies_have_bounds,
    bytes_that_are_no_text,
    hostile_paths,
    tokens_of_any_size,
    answers_in_scim_json,
);

/// A request with a token; the path is sent as it stands here.
fn request(server: &Server, method: &str, path: &str) -> RawRequest {
    let request = RawRequest::new(method, &format!("{}{path}", server.base_path()));
    request.field("Authorization", format!("Bearer {}", server.token))
}

async fn post(server: &Server, body: impl Into<Vec<u8>>) -> RawAnswer {
    request(server, "POST", "/Users")
        .field("Content-Type", "application/scim+json")
        .body(body)
        .send(server.address())
        .await
}

fn verdict(answer: &RawAnswer) -> (u16, String) {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    assert_eq!(body["status"], answer.status.to_string(), "{answer:?}");
    (answer.status, body["scimType"].as_str().unwrap_or_default().to_owned())
}

async fn is_alive(server: &Server) {
    server.get("/Users?count=0").await.expect(200);
}

/// FIL-16: depth, length and number of terms; a URL that is too long is 414 before that.
async fn filters_have_bounds(server: Server) {
    let search =
        |filter: String| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
    let deep = |depth: usize| format!("{}userName pr{}", "(".repeat(depth), ")".repeat(depth));
    let wide = |terms: usize| vec!["userName pr"; terms].join(" or ");
    for (filter, fits) in
        [(deep(32), true), (deep(33), false), (deep(4000), false), (wide(100), true), (wide(101), false)]
    {
        let answer = server.post("/Users/.search", search(filter.clone())).await;
        if fits {
            answer.expect(200)
        } else {
            answer.refused(400, "invalidFilter")
        };
    }
    for filter in [
        deep(500_000),
        format!("userName eq \"{}\"", "a".repeat(1_000_000)),
        "not (".repeat(100_000),
        "emails[".repeat(1000),
    ] {
        server.post("/Users/.search", search(filter)).await.refused(400, "invalidFilter");
    }
    let long = format!("/Users?filter=userName%20eq%20%22{}%22", "a".repeat(20_000));
    assert_eq!(request(&server, "GET", &long).send(server.address()).await.status, 414);
    is_alive(&server).await;
}

/// PAT-38: operations, and the length and depth of their paths.
async fn patches_have_bounds(server: Server) {
    let path = format!("/Users/{}", server.post("/Users", user("ann")).await.expect(201).id());
    let operations = |count: usize| json!(vec![json!({"op": "replace", "path": "title", "value": "x"}); count]);
    server.patch(&path, operations(1000)).await.expect(200);
    server.patch(&path, operations(1001)).await.refused(413, "");
    let at = |path: String| json!([{"op": "replace", "path": path, "value": "x"}]);
    server
        .patch(&path, at(format!("emails[value eq \"{}\"].value", "a".repeat(2000))))
        .await
        .refused(400, "invalidPath");
    let deep = format!("emails[{}value pr{}].value", "(".repeat(40), ")".repeat(40));
    server.patch(&path, at(deep)).await.refused(400, "invalidFilter");
    let many: Vec<_> = (0..501).map(|i| json!({"value": format!("{i}@example.com")})).collect();
    server.patch(&path, json!([{"op": "add", "path": "emails", "value": many}])).await.refused(400, "invalidValue");
    is_alive(&server).await;
}

/// ROB-4, ROB-5: nesting, strings, arrays and bodies.
async fn bodies_have_bounds(server: Server) {
    let nested = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(verdict(&post(&server, nested).await), (400, "invalidSyntax".into()));
    let open = "{\"a\":".repeat(100_000);
    assert_eq!(verdict(&post(&server, open).await), (400, "invalidSyntax".into()));
    let titled = |title: String| json!({"schemas": [USER], "userName": "long", "title": title}).to_string();
    assert_eq!(verdict(&post(&server, titled("x".repeat(4 << 20))).await), (413, String::new()));
    assert_eq!(verdict(&post(&server, titled("x".repeat(100_000))).await), (400, "invalidValue".into()));
    let named = |name: String| json!({"schemas": [USER], "userName": name}).to_string();
    assert_eq!(verdict(&post(&server, named("x".repeat(2000))).await), (400, "invalidValue".into()));
    let emails: Vec<_> = (0..501).map(|i| json!({"value": format!("{i}@example.com")})).collect();
    let many = json!({"schemas": [USER], "userName": "many", "emails": emails}).to_string();
    assert_eq!(verdict(&post(&server, many).await), (400, "invalidValue".into()));
    assert_eq!(post(&server, titled("x".repeat(60_000))).await.status, 201);
    is_alive(&server).await;
}

/// ROB-2: text is UTF-8, without a mark before it.
async fn bytes_that_are_no_text(server: Server) {
    let body = |name: &[u8]| {
        [b"{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"userName\":\"", name, b"\"}"].concat()
    };
    let utf16: Vec<u8> = "{\"userName\":\"a\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [b"\xef\xbb\xbf".as_slice(), &body(b"a")].concat();
    for bytes in [body(b"\xff"), body(b"\xc0\xaf"), body(b"\xed\xa0\x80"), body(b"a\0b"), utf16, marked, vec![0; 64]] {
        assert_eq!(verdict(&post(&server, bytes.clone()).await), (400, "invalidSyntax".into()), "{bytes:?}");
    }
    assert_eq!(server.get("/Users").await.expect(200).body["totalResults"], 0);
}

/// ROB-7, RET-4, RET-7: no path leaves its place, and none is a fault of the server.
async fn hostile_paths(server: Server) {
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    for path in [
        "/Users/../Groups".to_owned(),
        "/Users/%2e%2e/Groups".to_owned(),
        "/Users/..%2f..%2fetc%2fpasswd".to_owned(),
        format!("/Users/{id}%00"),
        format!("/Users/{id}%0d%0aX: y"),
        format!("/Users/{}", "a".repeat(8000)),
        format!("/Users/{id}\\"),
        "/Users/%ff".to_owned(),
        "/Users/%zz".to_owned(),
        "/%2fUsers".to_owned(),
        format!("/Users/{}", id.to_uppercase()),
        format!("/Users/{{{id}}}"),
        format!("/Users/{}", id.replace('-', "")),
        format!("/Users/{id}'%20or%20'1'='1"),
        "/Schemas/../../x".to_owned(),
    ] {
        let answer = request(&server, "GET", &path.replace(' ', "%20")).send(server.address()).await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        verdict(&answer);
    }
    for path in [format!("/Users/{id}/"), format!("//Users/{id}"), format!("/Users//{id}")] {
        assert_eq!(request(&server, "GET", &path).send(server.address()).await.status, 200, "{path}");
    }
    let long = request(&server, "GET", "/Users").field("X-Long", "a".repeat(40_000)).send(server.address()).await;
    assert_eq!(long.status, 431);
    is_alive(&server).await;
}

/// AUTH-5: credentials of any size and kind are no fault.
async fn tokens_of_any_size(server: Server) {
    for token in [
        "".to_owned(),
        " ".to_owned(),
        "x".repeat(16_000),
        "scimd_".to_owned(),
        format!("scimd_{}", "é".repeat(40)),
        server.token.split_at(60).0.to_owned(),
        format!("{}x", server.token),
        server.token.to_uppercase(),
    ] {
        let asked = RawRequest::new("GET", &format!("{}/Users", server.base_path()));
        let answer = asked.field("Authorization", format!("Bearer {token}")).send(server.address()).await;
        assert_eq!(verdict(&answer), (401, String::new()), "{token}");
        assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    }
    is_alive(&server).await;
}

/// GEN-2: SCIM JSON is what comes, also when nothing is asked for.
async fn answers_in_scim_json(server: Server) {
    for accept in
        [None, Some("*/*"), Some("application/json;q=0.9, text/html"), Some("application/scim+json"), Some("")]
    {
        let asked = request(&server, "GET", "/Users");
        let asked = match accept {
            Some(accept) => asked.field("Accept", accept),
            None => asked,
        };
        let answer = asked.send(server.address()).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/scim+json")), "{accept:?}");
    }
}

/// PAG-6, PAG-9, QRY-4: whoever asks for all gets pages of the size that the server tells of.
#[tokio::test]
async fn pages_have_a_largest_size() {
    let limits = ServiceLimits { page_default: 2, page_max: 3, ..ServiceLimits::default() };
    let server = Server::with(Database::Sqlite, Options { limits, ..Options::default() }).await;
    for name in ["a", "b", "c", "d"] {
        server.post("/Users", user(name)).await.expect(201);
    }
    for (query, size) in [("", 2), ("?count=100000", 3), ("?count=1", 1), ("?filter=userName%20pr&count=1000", 3)] {
        let page = server.get(&format!("/Users{query}")).await.expect(200).body;
        assert_eq!((&page["totalResults"], page["Resources"].as_array().unwrap().len()), (&json!(4), size), "{query}");
        assert_eq!(page["itemsPerPage"], size);
    }
    let config = server.get("/ServiceProviderConfig").await.expect(200).body;
    assert_eq!((&config["filter"]["maxResults"], &config["pagination"]["maxPageSize"]), (&json!(3), &json!(3)));
}

/// ERR-6, QRK-23: too many requests of a token are told when to come again.
#[tokio::test]
async fn a_burst_is_told_to_wait() {
    let http = HttpSettings { requests_per_second: 1, burst: 3, ..HttpSettings::default() };
    let server = Server::with(Database::Sqlite, Options { http, ..Options::default() }).await;
    for _ in 0..3 {
        is_alive(&server).await;
    }
    let answer = server.get("/Users").await.refused(429, "");
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
}

/// SEC-9: who guesses tokens is slowed down; who has one is not.
#[tokio::test]
async fn guesses_are_told_to_wait() {
    let http = HttpSettings { bad_tokens: 3, ..Options::default().http };
    let server = Server::with(Database::Sqlite, Options { http, ..Options::default() }).await;
    let guess = || async { server.by("scimd_none").send(reqwest::Method::GET, "/Users", None, &[]).await };
    for _ in 0..3 {
        guess().await.expect(401);
    }
    assert!(guess().await.expect(429).header("retry-after").is_some());
    is_alive(&server).await;
}

/// GEN-8: any path can stand before the endpoints, and it is part of every address.
#[tokio::test]
async fn the_base_is_anywhere() {
    for base in ["/scim/v2", "/a/b/c", ""] {
        let http = HttpSettings { base_path: base.into(), ..Options::default().http };
        let server = Server::with(Database::Sqlite, Options { http, ..Options::default() }).await;
        let made = server.post("/Users", user("ann")).await.expect(201);
        let location = made.header("location").unwrap();
        assert_eq!(location, format!("{}/Users/{}", server.base, made.id()));
        server.get(&format!("/v2/Users/{}", made.id())).await.expect(200);
    }
}
