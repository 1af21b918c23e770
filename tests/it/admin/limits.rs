//! Limits of a client of the management listener: rate, size of bodies and number of streams.

use super::is_problem;
use crate::harness::{Admin, Answer, Server, operator_token};
use crate::on_both;
use reqwest::{Method, Response, StatusCode};
use scimd::store::OperatorRole;
use std::time::{Duration, Instant};

on_both!(
    a_token_has_a_rate,
    guesses_of_an_address_are_counted,
    a_body_has_a_size,
    streams_of_an_instance_are_limited,
);

async fn entry(admin: &Admin, token: &str) -> Answer {
    admin.call((token, Method::GET, ""), None, &[]).await
}

async fn a_token_has_a_rate(server: Server) {
    let admin = Admin::limited(&server, |settings| {
        settings.requests_per_second = 1;
        settings.burst = 3;
    })
    .await;
    let other = operator_token(&server, OperatorRole::Viewer, &[]).await;
    let begun = Instant::now();
    let mut taken = 0_u64;
    let refused = loop {
        let answer = entry(&admin, &admin.token).await;
        if answer.status != 200 {
            break answer;
        }
        taken += 1;
        assert!(taken < 1000, "there is no limit");
    };
    is_problem(&refused, 429, "too-many-requests");
    let wait = refused.header("retry-after").unwrap();
    assert!(wait.parse::<u32>().unwrap() >= 1, "{wait}");
    // The burst, and one for each elapsed second.
    let most = 3 + begun.elapsed().as_secs() + 1;
    assert!((3..=most).contains(&taken), "{taken} of {most}");
    // The token is limited, not its address.
    entry(&admin, &other).await.expect(200);
}

async fn guesses_of_an_address_are_counted(server: Server) {
    let admin = Admin::limited(&server, |settings| settings.bad_tokens = 3).await;
    let mut bad = admin.token.clone();
    bad.pop();
    for _ in 0..3 {
        is_problem(&entry(&admin, &bad).await, 401, "token-unknown");
    }
    let refused = entry(&admin, &bad).await;
    is_problem(&refused, 429, "too-many-requests");
    assert!(refused.header("retry-after").is_some());
    // A valid token is accepted and resets the count of guesses.
    entry(&admin, &admin.token).await.expect(200);
    is_problem(&entry(&admin, &bad).await, 401, "token-unknown");
    // A revoked token is not counted as a guess.
    let revoked = operator_token(&server, OperatorRole::Viewer, &[]).await;
    let revoke = server.operator.revoke_operator_token(&revoked).await;
    revoke.unwrap();
    for _ in 0..6 {
        is_problem(&entry(&admin, &revoked).await, 401, "token-revoked");
    }
}

async fn a_body_has_a_size(server: Server) {
    let admin = Admin::over(&server).await;
    let bearer = format!("Bearer {}", admin.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let most = 256 << 10;
    for (bytes, status, kind) in [(most, 400, "invalid-request"), (most + 1, 413, "too-large")] {
        let start = "{\"name\":\"";
        let text = format!("{start}{}\"}}", "a".repeat(bytes - start.len() - 2));
        assert_eq!(text.len(), bytes);
        let path = "/api/v1/tenants";
        let answer = admin.send_text(Method::POST, path, Some(text), &headers);
        is_problem(&answer.await, status, kind);
    }
    for (depth, detail) in [(16, "no member"), (17, "deep")] {
        let text = format!(
            "{{\"x\":{}{}}}",
            "[".repeat(depth - 1),
            "]".repeat(depth - 1)
        );
        let path = "/api/v1/tenants";
        let answer = admin
            .send_text(Method::POST, path, Some(text), &headers)
            .await;
        is_problem(&answer, 400, "invalid-request");
        let text = answer.body.to_string();
        assert!(text.contains(detail), "{text}");
    }
}

async fn open(admin: &Admin, token: &str) -> Response {
    let url = format!("{}/api/v1/tenants/default/log/stream", admin.root);
    let request = reqwest::Client::new().get(url).bearer_auth(token);
    request.send().await.unwrap()
}

async fn streams_of_an_instance_are_limited(server: Server) {
    let admin = Admin::over(&server).await;
    let mut streams = Vec::new();
    for _ in 0..40 {
        let token = operator_token(&server, OperatorRole::Viewer, &[]).await;
        for _ in 0..5 {
            let stream = open(&admin, &token).await;
            assert_eq!(stream.status(), StatusCode::OK, "{}", streams.len());
            streams.push(stream);
        }
    }
    let refused = open(&admin, &admin.token).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    // Other requests get responses, and the end of a stream makes room for another.
    entry(&admin, &admin.token).await.expect(200);
    drop(streams.pop());
    let begun = Instant::now();
    while open(&admin, &admin.token).await.status() != StatusCode::OK {
        assert!(begun.elapsed() < Duration::from_secs(30), "no room is made");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
