//! Bodies that are not a JSON object, or that parsers interpret differently (RFC 8259).

use super::Target;
use crate::harness::{Server, USER};

crate::on_both!(
    broken_json_is_refused,
    invalid_json_is_refused_at_every_endpoint,
    size_has_a_bound
);

fn broken() -> Vec<Vec<u8>> {
    let texts = [
        "",
        " \r\n\t ",
        "null",
        "true",
        "1",
        "\"x\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{]",
        "{}{}",
        "{} x",
        "{'userName':'x'}",
        "{userName:\"x\"}",
        "{\"userName\":\"x\",}",
        "{\"userName\":\"x\"/* no */}",
        "{\"userName\":NaN}",
        "{\"userName\":Infinity}",
        "{\"userName\":01}",
        "{\"userName\":.5}",
        "{\"userName\":1e999}",
        "{\"userName\":-1e999}",
        "{\"userName\":0x10}",
        "{\"userName\":undefined}",
        "{\"userName\":\"x}",
        "{\"userName\":\"\\x\"}",
        "{\"userName\":\"\\u12\"}",
        "{\"userName\":\"a\nb\"}",
        "{\"userName\":\"\\u0000\"}",
        "{\"user\\u0000Name\":\"x\"}",
        "{\"userName\":\"\\ud800\"}",
        "{\"userName\":\"\\udc00\\ud800\"}",
        "{\"userName\":\"\\ud800x\"}",
        "{\"userName\":\"a\",\"userName\":\"b\"}",
        "{\"userName\":\"a\",\"USERNAME\":\"b\"}",
        "{\"userName\":\"a\",\"user\\u004eame\":\"b\"}",
        "{\"name\":{\"familyName\":\"a\",\"FamilyName\":\"b\"}}",
        "{\"unknown\":{\"a\":1,\"A\":2}}",
        "\u{feff}{}",
    ];
    let mut all: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    all.push(b"{\"userName\":\"\xff\"}".to_vec());
    all.push(b"{\"userName\":\"\xc3\x28\"}".to_vec());
    all.push(b"{\"userName\":\"\xed\xa0\x80\"}".to_vec());
    all.push(b"{\"userName\":\"\xc0\x80\"}".to_vec());
    all.push(b"{\"userName\":\"\0\"}".to_vec());
    all.push(b"{\"userName\":\"x\"}\0".to_vec());
    all.push(
        "{\"userName\":\"x\"}"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
    );
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        for depth in [40, 1000, 100_000] {
            let deep = format!("{{\"a\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            all.push(deep.into_bytes());
            all.push(open.repeat(depth).into_bytes());
        }
    }
    all
}

async fn broken_json_is_refused(server: Server) {
    for target in Target::both(&server).await {
        for body in broken() {
            let answer = target.ask("POST", "/Users", &body).await;
            let shown: String = String::from_utf8_lossy(&body).chars().take(60).collect();
            assert_eq!(
                (answer.status, &answer.json()["scimType"]),
                (400, &"invalidSyntax".into()),
                "{shown}"
            );
        }
        target.is_alive().await;
    }
}

async fn invalid_json_is_refused_at_every_endpoint(server: Server) {
    let target = Target::new(&server, scimd::resource::Conformance::Lenient).await;
    let (user, group) = (
        format!("/Users/{}", target.user),
        format!("/Groups/{}", target.group),
    );
    let routes = [
        ("PUT", user.as_str()),
        ("PATCH", &user),
        ("PUT", &group),
        ("PATCH", &group),
        ("POST", "/Groups"),
        ("POST", "/Bulk"),
        ("POST", "/.search"),
        ("POST", "/Users/.search"),
    ];
    let before = server.by(&target.token).get("/").await.expect(200).body;
    for (method, path) in routes {
        for body in broken().into_iter().step_by(3) {
            let answer = target.ask(method, path, &body).await;
            assert_eq!(
                (answer.status, &answer.json()["scimType"]),
                (400, &"invalidSyntax".into()),
                "{method} {path}"
            );
        }
    }
    assert_eq!(
        server.by(&target.token).get("/").await.expect(200).body,
        before
    );
    target.is_alive().await;
}

async fn size_has_a_bound(server: Server) {
    let target = Target::new(&server, scimd::resource::Conformance::Lenient).await;
    let body = |size: usize| {
        let mut text = format!("{{\"schemas\":[\"{USER}\"],\"userName\":\"large\",\"nothing\":\"");
        text.extend(std::iter::repeat_n(
            'x',
            size.saturating_sub(text.len() + 2),
        ));
        text + "\"}"
    };
    assert_eq!(
        target
            .ask("POST", "/Users", body((2 << 20) + 1).as_bytes())
            .await
            .status,
        413
    );
    assert_eq!(
        target
            .ask("POST", "/Users", body(5 << 20).as_bytes())
            .await
            .status,
        413
    );
    assert_eq!(
        target
            .ask("POST", "/Bulk", body((4 << 20) + 1).as_bytes())
            .await
            .status,
        413
    );
    // Without a declared length: in chunks, without an end.
    let mut endless = server.request_by(
        &target.token,
        "POST",
        "/Users",
        "Transfer-Encoding: chunked\r\n",
        b"",
    );
    let at = endless
        .windows(19)
        .position(|part| part == b"Content-Length: 0\r\n")
        .unwrap();
    endless.drain(at..at + 19);
    for _ in 0..40 {
        endless.extend_from_slice(b"10000\r\n");
        endless.extend_from_slice(&[b'x'; 0x10000]);
        endless.extend_from_slice(b"\r\n");
    }
    assert_eq!(server.say(&endless).await.status, 413);
    // Many undeclared members.
    let many: Vec<_> = (0..100_000).map(|i| format!("\"x{i}\":{i}")).collect();
    let many = format!(
        "{{\"schemas\":[\"{USER}\"],\"userName\":\"many\",{}}}",
        many.join(",")
    );
    assert_eq!(
        target.ask("POST", "/Users", many.as_bytes()).await.status,
        201
    );
    assert_eq!(
        target
            .ask("POST", "/Users", body(2 << 20).as_bytes())
            .await
            .status,
        201
    );
    target.is_alive().await;
}
