//! Ambiguous, broken or too large requests get a SCIM error, and the connection is closed.

use super::*;

#[tokio::test]
async fn two_lengths_are_refused() {
    let server = Server::start().await;
    let [sized, coded] = ["Content-Length: 6\r\n", "Transfer-Encoding: chunked\r\n"];
    for fields in [format!("{sized}{coded}"), format!("{coded}{sized}")] {
        let smuggled = "0\r\n\r\nGET /scim/v2/x HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_refused(
            &server
                .say(request("POST", "read", &fields) + smuggled)
                .await,
            400,
        );
    }
    for fields in [
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: +1\r\n",
        "Transfer-Encoding: x\r\n",
    ] {
        assert_refused(
            &server.say(request("POST", "read", fields) + "{}").await,
            400,
        );
    }
}

#[tokio::test]
async fn a_request_has_one_host() {
    let server = Server::start().await;
    assert_refused(&server.say("GET /scim/v2/x HTTP/1.1\r\n\r\n").await, 400);
    assert_refused(&server.say(request("GET", "x", "Host: b\r\n")).await, 400);
    assert_refused(
        &server
            .say(request(
                "GET",
                "x",
                "Authorization: a\r\nAuthorization: b\r\n",
            ))
            .await,
        400,
    );
}

#[tokio::test]
async fn bare_line_ends_are_refused() {
    let server = Server::start().await;
    assert_refused(
        &server.say("GET /scim/v2/x HTTP/1.1\nHost: a\n\n").await,
        400,
    );
}

#[tokio::test]
async fn invalid_http_is_refused() {
    let server = Server::start().await;
    for text in [
        "hello\r\n\r\n",
        "GET /scim/v2/x y HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\nHost: a\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "\u{16}\u{3}\u{1}\r\n\r\n",
    ] {
        assert_refused(&server.say(text).await, 400);
    }
    assert_eq!(
        server
            .say("GET /scim/v2/x HTTP/1.1\r\nHost: a\r\nA: \0\r\n\r\n")
            .await
            .get(9..12),
        Some("400")
    );
}

#[tokio::test]
async fn heads_have_their_size() {
    let server = Server::start().await;
    let of = |length| "a".repeat(length);
    assert_refused(&server.say(get(&of(20_000))).await, 414);
    assert_refused(&server.say(get(&of(70_000))).await, 414);
    assert_refused(
        &server
            .say(request("GET", "x", &format!("A: {}\r\n", of(40_000))))
            .await,
        431,
    );
    assert_refused(
        &server
            .say(request("GET", "x", &format!("A: {}\r\n", of(99_000))))
            .await,
        431,
    );
    assert_refused(
        &server
            .say(request("GET", "x", &"A: b\r\n".repeat(150)))
            .await,
        431,
    );
    let fits = request(
        "GET",
        "x",
        &format!("A: {}\r\nConnection: close\r\n", of(30_000)),
    );
    assert_eq!(status(&server.say(fits).await), 200);
}

#[tokio::test]
async fn paths_are_decoded_or_refused() {
    let server = Server::start().await;
    for path in ["%zz", "%", "%ff", "a%c3%28"] {
        assert_refused(&server.say(get(path)).await, 400);
    }
    for path in ["%00", "a%2f..%2fb", "..", "%C3%A9"] {
        assert_eq!(status(&server.say(get(path)).await), 200, "{path}");
    }
}

#[tokio::test]
async fn bodies_have_their_size_and_time() {
    let server = Server::start().await;
    let post = |fields: &str, body: &str| {
        request("POST", "read", &format!("Connection: close\r\n{fields}")) + body
    };
    let sized = |body: &str| post(&format!("Content-Length: {}\r\n", body.len()), body);
    assert_eq!(status(&server.say(sized("{\"a\": 1}")).await), 200);
    let chunked = post("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n");
    assert_eq!(status(&server.say(chunked).await), 200);
    let long = format!("{{\"a\": \"{}\"}}", "b".repeat(900_000));
    let answer = server.say(sized(&long)).await;
    assert_refused(&answer, 413);
    assert!(answer.contains("larger than 1000 bytes"), "{answer}");
    let endless = "3e8\r\n".to_owned() + &"x".repeat(1000) + "\r\n";
    assert_refused(
        &server
            .say(post(
                "Transfer-Encoding: chunked\r\n",
                &(endless.repeat(3) + "0\r\n\r\n"),
            ))
            .await,
        413,
    );
    assert_refused(&server.say(post("Content-Length: 10\r\n", "{")).await, 408);
    assert_refused(
        &server
            .say(post("Content-Length: 5000\r\nExpect: 100-continue\r\n", ""))
            .await,
        413,
    );
}

/// The body is larger than the part that is read before the response: without further reading, a reset would lose the
/// response.
#[tokio::test]
async fn a_response_to_a_far_too_large_body_arrives() {
    let server = Server::start().await;
    for fields in [
        "Content-Length: 40000000\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let (mut reader, mut writer) = server.connect().await.into_split();
        let head = request("POST", "read", fields);
        let sent = tokio::spawn(async move {
            writer.write_all(head.as_bytes()).await?;
            if head.contains("chunked") {
                writer.write_all(b"2625a00\r\n").await?;
            }
            writer.write_all(&vec![b'x'; 40_000_000]).await?;
            Ok::<_, std::io::Error>(writer)
        });
        let _writer = timeout(Duration::from_secs(12), sent)
            .await
            .unwrap()
            .unwrap()
            .expect("all of it is taken");
        let mut answer = Vec::new();
        timeout(Duration::from_secs(5), reader.read_to_end(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert_refused(std::str::from_utf8(&answer).unwrap(), 413);
    }
}

#[tokio::test]
async fn broken_chunks_close_and_say_so() {
    let server = Server::start().await;
    for body in [
        "zz\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}x\r\n0\r\n\r\n",
        "-1\r\n",
        "2\r\n{}\r\n0\r\nA b\r\n\r\n",
    ] {
        let answer = server
            .say(request("POST", "read", "Transfer-Encoding: chunked\r\n") + body)
            .await;
        assert_refused(&answer, 400);
    }
}

#[tokio::test]
async fn a_waiting_client_gets_100_continue() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    let head = request(
        "POST",
        "read",
        "Content-Length: 2\r\nExpect: 100-continue\r\n",
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(
        answer(&mut stream)
            .await
            .starts_with("HTTP/1.1 100 Continue")
    );
    stream.write_all(b"{}").await.unwrap();
    assert_eq!(status(&answer(&mut stream).await), 200);
}

#[tokio::test]
async fn a_refused_body_does_not_break_the_answer() {
    let server = Server::start().await;
    let body = "x".repeat(3_000_000);
    let head = request(
        "POST",
        "refuse",
        &format!("Connection: close\r\nContent-Length: {}\r\n", body.len()),
    );
    let answer = server.say(head + &body).await;
    assert_eq!(status(&answer), 403, "{answer}");
    assert!(answer.ends_with("\"status\":\"403\"}"), "{answer}");
}
