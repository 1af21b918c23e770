//! Wrongly pasted tokens and wrong base URLs: the log of the tenant has the reason.

use super::{last, logged};
use crate::harness::{Database, Options, Server, noon};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use scimd::clock::Clock;
use scimd::scim_api::HttpSettings;
use scimd::store::{LoggedRequest, TenantChange, TokenQuery, TokenScope};
use secrecy::ExposeSecret;

crate::on_both!(
    a_token_that_was_pasted_wrongly_leaves_a_trace,
    a_wrong_path_leaves_a_trace,
    truncated_tokens_are_not_proved,
    strangers_leave_no_trace,
    known_tokens_are_not_guesses,
    look_ups_are_bounded,
    a_revoked_token_does_not_fill_the_log,
    a_valid_token_does_not_fill_the_log_either,
);

/// Sends an unmodified header to a path at the root of the server; returns the status.
async fn send(server: &Server, path: &str, authorization: Option<&str>) -> u16 {
    let root = server.base.strip_suffix("/scim/v2").unwrap();
    let mut request = reqwest::Client::new().get(format!("{root}{path}"));
    if let Some(value) = authorization {
        let value = reqwest::header::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request = request.header("authorization", value);
    }
    request.send().await.unwrap().status().as_u16()
}

fn summary(row: &LoggedRequest) -> (&str, &str, bool) {
    (
        row.reason.as_deref().unwrap_or(""),
        row.action.as_deref().unwrap_or(""),
        row.unproved,
    )
}

async fn a_token_that_was_pasted_wrongly_leaves_a_trace(server: Server) {
    let token = server.tenant("acme", &TenantChange::default()).await;
    let basic = format!("Basic {}", STANDARD.encode(format!("okta:{token}")));
    let (head, tail) = token.split_at(30);
    let mut count = 0;
    for (value, reason) in [
        (token.clone(), "token.no-scheme"),
        (format!("SSWS {token}"), "token.no-scheme"),
        (format!("Bearer Bearer {token}"), "token.scheme-twice"),
        (format!("Bearer \"{token}\""), "token.quoted"),
        (format!("Bearer \u{201c}{token}\u{201d}"), "token.quoted"),
        (format!("Bearer {head} {tail}"), "token.incomplete"),
        (basic, "token.basic"),
    ] {
        assert_eq!(
            send(&server, "/scim/v2/Users?startIndex=1&count=2", Some(&value)).await,
            401,
            "{reason}"
        );
        let rows = logged(&server, "acme").await;
        count += 1;
        assert_eq!(rows.len(), count, "{reason}");
        let row = rows.last().unwrap();
        assert_eq!(summary(row), (reason, "user.list", false));
        assert_eq!(
            (row.status, &*row.token_name, row.route.as_str()),
            (401, "test", "/Users")
        );
        assert!(!format!("{row:?}").contains(tail), "{reason}");
    }
    assert!(logged(&server, "default").await.is_empty());
}

async fn a_wrong_path_leaves_a_trace(server: Server) {
    let token = server.tenant("acme", &TenantChange::default()).await;
    let bearer = format!("Bearer {token}");
    for (path, status, route, reason) in [
        ("/Users", 404, "/Users", "path.base"),
        ("/", 404, "/", "path.base"),
        ("/scim/Users", 404, "/scim/Users", "path.base"),
        (
            "/scim/Users/ann@example.com",
            404,
            "/scim/Users/\u{2026}",
            "path.base",
        ),
        ("/scim/v1/Users", 400, "/scim/v1/Users", "path.base"),
        ("/t/acme/Users", 404, "/t/\u{2026}/Users", "path.base"),
        ("/scim/v2/Users/Users", 404, "unknown", "path.users-twice"),
        (
            "/scim/v2/Groups/Groups/1",
            404,
            "unknown",
            "path.users-twice",
        ),
        (
            "/scim/v2/Users/ServiceProviderConfig",
            404,
            "unknown",
            "path.users-twice",
        ),
        (
            "/t/default/scim/v2/Users",
            401,
            "/Users",
            "token.other-tenant",
        ),
    ] {
        let before = logged(&server, "acme").await.len();
        assert_eq!(send(&server, path, Some(&bearer)).await, status, "{path}");
        let rows = logged(&server, "acme").await;
        assert_eq!(rows.len(), before + 1, "{path}");
        let row = rows.last().unwrap();
        assert_eq!(
            (row.route.as_str(), row.status, summary(row).0),
            (route, status, reason),
            "{path}"
        );
        assert_eq!(row.outcome.unwrap().as_str(), "refused", "{path}");
    }
    // The response is the same without a token or with an unknown one, which leaves no entry.
    let before = logged(&server, "acme").await.len();
    for value in [None, Some("Bearer x"), Some("Basic x")] {
        assert_eq!(send(&server, "/Users", value).await, 404);
    }
    assert_eq!(logged(&server, "acme").await.len(), before);
}

async fn truncated_tokens_are_not_proved(server: Server) {
    let clock = Clock::standing(noon());
    let server = server
        .other(Options {
            clock: clock.clone(),
            ..Options::default()
        })
        .await;
    let token = server.tenant("acme", &TenantChange::default()).await;
    let (short, _) = token.split_at(60);
    for _ in 0..15 {
        assert_eq!(
            send(&server, "/scim/v2/Users", Some(&format!("Bearer {short}"))).await,
            401
        );
    }
    let rows = logged(&server, "acme").await;
    assert_eq!(rows.len(), 10, "strangers could send it");
    assert!(
        rows.iter()
            .all(|row| summary(row) == ("token.incomplete", "user.list", true)),
        "{rows:?}"
    );
    clock.advance(3600);
    assert_eq!(send(&server, "/Users", Some(short)).await, 404);
    assert_eq!(
        summary(logged(&server, "acme").await.last().unwrap()),
        ("path.base", "", true)
    );
}

async fn strangers_leave_no_trace(server: Server) {
    let mut forged = server.token.clone();
    forged.replace_range(forged.len() - 10..forged.len() - 8, "zz");
    let unknown = "scimd_AAAAAAAAAAAA_BBBBBBBBBBBBBBBBB";
    for value in [
        &*forged,
        "scimd_x_y",
        "a",
        unknown,
        &format!("Bearer {unknown}"),
        "Basic eDp5",
    ] {
        assert_eq!(send(&server, "/scim/v2/Users", Some(value)).await, 401);
        assert_eq!(send(&server, "/Users", Some(value)).await, 404);
    }
    assert!(logged(&server, "default").await.is_empty());
}

async fn limited(server: &Server, bad_tokens: u32) -> Server {
    let http = HttpSettings {
        bad_tokens,
        requests_per_second: 1000,
        burst: 1000,
        ..HttpSettings::default()
    };
    server
        .other(Options {
            http,
            ..Options::default()
        })
        .await
}

/// A client with an expired or misused token always gets the reason, without a limit on attempts.
async fn known_tokens_are_not_guesses(server: Server) {
    let server = limited(&server, 3).await;
    let issue = |seconds| {
        server
            .operator
            .issue_token("default", "old", TokenScope::ReadWrite, seconds)
    };
    let (expired, revoked) = (issue(Some(0)).await.unwrap(), issue(None).await.unwrap());
    server.operator.revoke_token(&revoked.id).await.unwrap();
    for _ in 0..5 {
        for (token, word) in [(&expired, "expired"), (&revoked, "revoked")] {
            let answer = server
                .by(token.text.expose_secret())
                .get("/Users")
                .await
                .expect(401);
            assert!(
                answer.body["detail"].as_str().unwrap().contains(word),
                "{}",
                answer.body
            );
        }
        assert_eq!(
            send(&server, "/scim/v2/Users", Some(&server.token)).await,
            401
        );
    }
    for status in [401, 401, 401, 429] {
        assert_eq!(
            send(&server, "/scim/v2/Users", Some("Bearer x")).await,
            status
        );
    }
    let answer = server.by(expired.text.expose_secret()).get("/Users").await;
    assert_eq!(answer.status, 401, "who guessed does not shut out others");
    server.get("/Users").await.expect(200);
}

async fn look_ups_are_bounded(server: Server) {
    let server = limited(&server, 3).await;
    let unknown = "Bearer scimd_AAAAAAAAAAAA_BBBBBBBBBBBBBBBBB";
    for _ in 0..3 {
        assert_eq!(send(&server, "/Users", Some(unknown)).await, 404);
    }
    // Now no token is looked up, not even a known one.
    assert_eq!(
        send(&server, "/Users", Some(&format!("Bearer {}", server.token))).await,
        404
    );
    assert_eq!(
        send(&server, "/scim/v2/Users", Some(&server.token)).await,
        429
    );
    assert!(logged(&server, "default").await.is_empty());
    server.get("/Users").await.expect(200);
    assert_eq!(
        send(&server, "/Users", Some(&format!("Bearer {}", server.token))).await,
        404
    );
    assert_eq!(summary(&last(&server).await).0, "path.base");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_near_miss_is_not_a_use_of_the_token() {
    let server = Server::on(Database::Sqlite).await;
    assert_eq!(
        send(&server, "/scim/v2/Users", Some(&server.token)).await,
        401
    );
    assert_eq!(logged(&server, "default").await.len(), 1);
    let tokens = server
        .operator
        .tokens(&TokenQuery {
            limit: 10,
            ..TokenQuery::default()
        })
        .await
        .unwrap();
    assert!(
        tokens.iter().all(|token| token.last_used.is_none()),
        "{tokens:?}"
    );
}

/// Burst of a token.
const BURST: u32 = 5;

/// A server over the same database with one request a second for each token.
async fn with_low_rate(server: &Server) -> Server {
    let http = HttpSettings {
        requests_per_second: 1,
        burst: BURST,
        ..Options::default().http
    };
    server
        .other(Options {
            http,
            ..Options::default()
        })
        .await
}

/// A client that keeps using a revoked token is limited to the rate of that token: above it the response is 429, and
/// the log of the tenant does not grow.
async fn a_revoked_token_does_not_fill_the_log(server: Server) {
    let server = with_low_rate(&server).await;
    server.tenant("acme", &TenantChange::default()).await;
    let issued = server
        .operator
        .issue_token("acme", "old", TokenScope::ReadWrite, None)
        .await
        .unwrap();
    server.operator.revoke_token(&issued.id).await.unwrap();
    let revoked = server.by(issued.text.expose_secret());
    let mut statuses = Vec::new();
    while statuses.len() < 10 * BURST as usize {
        statuses.push(revoked.get("/Users").await.status);
    }
    assert_eq!(statuses[..BURST as usize], [401; BURST as usize]);
    let counted = |status: u16| statuses.iter().filter(|found| **found == status).count();
    assert!(counted(429) > BURST as usize, "{statuses:?}");
    assert_eq!(counted(401) + counted(429), statuses.len(), "{statuses:?}");
    assert_eq!(logged(&server, "acme").await.len(), counted(401));
}

/// Requests beyond the rate of a valid token: one per second is recorded, with the number of the others.
async fn a_valid_token_does_not_fill_the_log_either(server: Server) {
    let server = with_low_rate(&server).await;
    let began = std::time::Instant::now();
    let mut refused = 0;
    while refused < 200 {
        let status = server.get("/Users?count=0").await.status;
        assert!(status == 200 || status == 429, "{status}");
        refused += usize::from(status == 429);
    }
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
    let entries = logged(&server, "default").await;
    let kept: Vec<_> = entries.iter().filter(|entry| entry.status == 429).collect();
    assert!(
        (2..=seconds + 3).contains(&kept.len()),
        "{} in {seconds} s",
        kept.len()
    );
    let others = kept.iter().filter_map(|entry| {
        let (text, _) = entry.detail.as_deref()?.split_once(" more requests")?;
        text.rsplit(' ').next()?.parse::<usize>().ok()
    });
    assert_eq!(others.sum::<usize>() + kept.len(), refused);
}
