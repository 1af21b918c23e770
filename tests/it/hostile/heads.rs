//! Header lines that are invalid, ambiguous, or too many.

use super::{JSON, Target, is_understandable};
use crate::harness::{Server, user};
use serde_json::json;

crate::on_both!(
    content_types_are_checked,
    conditions_are_parsed_or_do_not_match,
    ambiguous_heads_are_refused,
    tokens_are_read_strictly
);

async fn content_types_are_checked(server: Server) {
    let target = Target::new(&server, scimd::resource::Conformance::Lenient).await;
    for (i, (fields, status)) in [
        ("Content-Type: text/plain\r\n", 415),
        ("Content-Type: text/xml\r\n", 415),
        ("Content-Type: application/x-www-form-urlencoded\r\n", 415),
        ("Content-Type: multipart/form-data; boundary=x\r\n", 415),
        ("Content-Type: application/json-patch+json\r\n", 415),
        ("Content-Type: application\r\n", 415),
        ("Content-Type: \u{e9}\r\n", 415),
        ("Content-Type: ,\r\n", 415),
        ("Content-Encoding: gzip\r\n", 415),
        ("Content-Encoding: br\r\nContent-Type: application/json\r\n", 415),
        ("Content-Type:\r\n", 201),
        ("", 201),
        ("Content-Type: APPLICATION/SCIM+JSON;;;charset=\"\r\n", 201),
        ("Content-Type: application/json; charset=utf-16\r\n", 201),
        ("Accept: text/html\r\n", 201),
        ("Accept: */*;q=x, application/scim+json;q=0\r\n", 201),
        ("Accept-Encoding: \u{e9};q=nan, *;q=0\r\n", 201),
        ("X-HTTP-Method-Override: DELETE\r\n", 201),
        ("X-Request-Id: a\tb\r\nTraceparent: 00-00-00-00\r\nX-Forwarded-For: ,,\r\nForwarded: for=\r\n", 201),
        ("X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: gopher\r\n", 201),
    ]
    .into_iter()
    .enumerate()
    {
        let body = user(&format!("u{i}")).to_string();
        let answer = target.ask_with("POST", "/Users", fields, body.as_bytes()).await;
        assert_eq!(answer.status, status, "{fields:?}: {}", answer.body);
        assert!(!answer.body.contains("evil") && answer.body.matches("http://127.0.0.1").count() < 2);
    }
    target.is_alive().await;
}

/// RFC 9110 section 13.1: a value that is not a list of tags matches nothing.
async fn conditions_are_parsed_or_do_not_match(server: Server) {
    let target = Target::new(&server, scimd::resource::Conformance::Lenient).await;
    let path = format!("/Users/{}", target.user);
    let garbage = [
        "",
        "\"",
        "\"\"",
        "W/",
        "W/\"",
        "w/\"1\"",
        "1",
        "W/1",
        "W/\"1",
        "'1'",
        "\"01\"",
        "\"+1\"",
        "\"1 \"",
        "**",
        "*, *",
        "\"99999999999999999999999\"",
        "\"-1\"",
        "\"\u{e9}\"",
        ",,,",
        ";",
        "W/\"1;\"",
        "\\\"1\\\"",
    ];
    for tag in garbage {
        for (method, body) in [
            ("PUT", user("other").to_string()),
            ("DELETE", String::new()),
        ] {
            let answer = target
                .ask_with(
                    method,
                    &path,
                    &format!("{JSON}If-Match: {tag}\r\n"),
                    body.as_bytes(),
                )
                .await;
            assert_eq!(answer.status, 412, "{method} {tag:?}: {}", answer.body);
        }
        let answer = target
            .ask_with("GET", &path, &format!("If-None-Match: {tag}\r\n"), b"")
            .await;
        assert_eq!(answer.status, 200, "{tag:?}");
    }
    let many = vec!["\"x\""; 5000].join(",");
    for (fields, status) in [
        (format!("If-Match: {many}\r\n"), 412),
        (format!("If-Match: {many}, W/\"1\"\r\n"), 200),
        ("If-Match: \"x\"\r\nIf-Match: \"1\"\r\n".into(), 200),
        ("If-Match: W/\"1\"\r\nIf-None-Match: *\r\n".into(), 304),
        ("If-None-Match: \"x\" , \"1\"\r\n".into(), 304),
        ("If-Modified-Since: Sat, 29 Oct 2094 19:43:31 GMT\r\nIf-Unmodified-Since: x\r\nIf-Range: x\r\nRange: bytes=0-1\r\n".into(), 200),
    ] {
        let answer = target.ask_with("GET", &path, &fields, b"").await;
        assert_eq!(answer.status, status, "{fields:.60}");
    }
    target.is_alive().await;
}

async fn ambiguous_heads_are_refused(server: Server) {
    let target = Target::new(&server, scimd::resource::Conformance::Lenient).await;
    let bearer = format!("Authorization: Bearer {}\r\n", target.token);
    let start = "POST /scim/v2/Users HTTP/1.1\r\n";
    let body = json!({"schemas": [crate::harness::USER], "userName": "smuggled"}).to_string();
    let smuggled = format!(
        "0\r\n\r\nPOST /scim/v2/Users HTTP/1.1\r\nHost: a\r\n{bearer}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let length = body.len();
    for (bytes, status) in [
        (
            format!(
                "{start}Host: a\r\n{bearer}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{smuggled}"
            ),
            400,
        ),
        (
            format!(
                "{start}Host: a\r\n{bearer}Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n{smuggled}"
            ),
            400,
        ),
        (
            format!(
                "{start}Host: a\r\n{bearer}Transfer-Encoding: identity, chunked, x\r\n\r\n{smuggled}"
            ),
            400,
        ),
        (
            format!(
                "{start}Host: a\r\n{bearer}Content-Length: {length}\r\nContent-Length: 1\r\n\r\n{body}"
            ),
            400,
        ),
        (
            format!("{start}Host: a\r\n{bearer}Content-Length: -1\r\n\r\n{body}"),
            400,
        ),
        (
            format!(
                "{start}Host: a\r\n{bearer}Content-Length: 99999999999999999999999\r\n\r\n{body}"
            ),
            400,
        ),
        (
            format!("{start}Host: a\r\n{bearer}Content-Length: {length}, {length}\r\n\r\n{body}"),
            400,
        ),
        (
            format!("{start}{bearer}Content-Length: {length}\r\n\r\n{body}"),
            400,
        ),
        (
            format!("{start}Host: a\r\nHost: b\r\n{bearer}Content-Length: {length}\r\n\r\n{body}"),
            400,
        ),
        (
            format!("{start}Host: a/../b\r\n{bearer}Content-Length: {length}\r\n\r\n{body}"),
            400,
        ),
        (
            format!("{start}Host: a\r\n{bearer}{bearer}Content-Length: {length}\r\n\r\n{body}"),
            400,
        ),
        (
            format!("{start}Host: a\r\n{bearer}Content-Length : {length}\r\n\r\n{body}"),
            400,
        ),
        (
            format!("{start}Host: a\r\n{bearer}Content-Length: {length}\r\n folded\r\n\r\n{body}"),
            400,
        ),
        (
            format!("{start}Host: a\r\n{bearer}X: a\0b\r\nContent-Length: {length}\r\n\r\n{body}"),
            400,
        ),
        (
            format!("{start}Host: a\r\n{bearer}X: a\rb\r\nContent-Length: {length}\r\n\r\n{body}"),
            400,
        ),
        (
            format!(
                "{}Host: a\n{}Content-Length: {length}\n\n{body}",
                start.replace('\r', ""),
                bearer.replace('\r', "")
            ),
            400,
        ),
        (
            format!("{start}Host: a\n{bearer}Content-Length: {length}\r\n\r\n{body}"),
            400,
        ),
        (
            format!(
                "{}Host: a\r\n{bearer}Content-Length: {length}\r\n\r\n{body}",
                start.replace("1.1", "1.2")
            ),
            400,
        ),
        (
            format!(
                "{}Host: a\r\n{bearer}Content-Length: {length}\r\n\r\n{body}",
                start.replace(" /", "  /")
            ),
            400,
        ),
        (
            format!("{start}Host: a\r\n{}{bearer}\r\n", "X: y\r\n".repeat(200)),
            431,
        ),
        (
            format!(
                "{start}Host: a\r\n{bearer}X: {}\r\n\r\n",
                "y".repeat(40_000)
            ),
            431,
        ),
    ] {
        let answer = server.say(bytes.as_bytes()).await;
        assert_eq!(answer.status, status, "{bytes:.300}: {}", answer.body);
        assert_eq!(
            answer.body.matches("HTTP/1").count(),
            0,
            "one answer: {bytes:.300}"
        );
        is_understandable(&answer);
    }
    let absolute = format!(
        "GET http://evil.example/scim/v2/Users HTTP/1.1\r\nHost: a\r\n{bearer}Connection: close\r\n\r\n"
    );
    let answer = server.say(absolute.as_bytes()).await;
    assert!(
        answer.status < 500 && !answer.body.contains("evil"),
        "{answer:?}"
    );
    assert_eq!(
        target
            .ask("GET", "/Users?filter=userName%20eq%20%22smuggled%22", b"")
            .await
            .json()["totalResults"],
        0
    );
    target.is_alive().await;
}

/// Rows AUTH-4 and AUTH-5.
async fn tokens_are_read_strictly(server: Server) {
    let target = Target::new(&server, scimd::resource::Conformance::Lenient).await;
    let token = &target.token;
    let (long, doubled) = ("a".repeat(16_000), format!("{token} {token}"));
    for (value, status) in [
        (String::new(), 401),
        ("Bearer".into(), 401),
        ("Bearer ".into(), 401),
        ("Bearer\t".into(), 401),
        (token.clone(), 401),
        (format!("Basic {token}"), 401),
        (format!("Bearer{token}"), 401),
        (format!("Bearer,{token}"), 401),
        (format!("Bearer \"{token}\""), 401),
        (format!("Bearer {token}="), 401),
        (format!("Bearer {doubled}"), 401),
        (format!("Bearer {}", token.to_ascii_uppercase()), 401),
        (format!("Bearer {long}"), 401),
        ("Bearer ' or 1=1 --".into(), 401),
        ("Bearer é".into(), 401),
        ("Bearer scimd__".into(), 401),
        (format!("bEARER {token}"), 200),
        (format!("Bearer   {token}  "), 200),
    ] {
        let request = format!(
            "GET /scim/v2/Users HTTP/1.1\r\nHost: a\r\nAuthorization: {value}\r\nConnection: close\r\n\r\n"
        );
        let answer = server.say(request.as_bytes()).await;
        assert_eq!(answer.status, status, "{value:.80}: {}", answer.body);
        is_understandable(&answer);
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
    }
    for query in [
        format!("?access_token={token}"),
        format!("?token={token}"),
        format!("?authorization=Bearer%20{token}"),
    ] {
        let request =
            format!("GET /scim/v2/Users{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(
            server.say(request.as_bytes()).await.status,
            401,
            "{query:.20}"
        );
    }
    target.is_alive().await;
}
