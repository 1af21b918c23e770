//! Access of tokens to the feed, and their limits.

use super::client::{FeedClient, text};
use super::users;
use crate::harness::{Options, Server, noon, user};
use crate::isolation::{Tenant, all_routes};
use reqwest::Method;
use scimd::clock::Clock;
use scimd::scim_api::HttpSettings;
use scimd::store::{Status, TenantChange, TokenScope};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

crate::on_both!(
    tokens_reach_what_they_are_for,
    other_tokens_reach_no_route,
    a_token_of_the_feed_reaches_no_route_of_scim,
    data_of_another_tenant_is_not_shown,
    guesses_get_retry_after,
    a_burst_gets_retry_after,
);

/// Every route of the feed.
fn routes(event: &str) -> Vec<(Method, String, Option<Value>)> {
    let paths = [
        "/events".to_owned(),
        "/events?after=now&wait=20".to_owned(),
        format!("/events/{event}"),
        "/head".to_owned(),
        "/resources?type=User".to_owned(),
        "/resources?type=Membership".to_owned(),
        "/nothing".to_owned(),
        String::new(),
    ];
    let mut routes: Vec<_> = paths
        .into_iter()
        .map(|path| (Method::GET, path, None))
        .collect();
    let poll = json!({"returnImmediately": true});
    routes.push((Method::POST, "/streams/app/poll".to_owned(), Some(poll)));
    routes
}

/// The id of the newest event.
async fn newest(reader: &FeedClient) -> String {
    let events = reader.read("/events?limit=1000").await;
    let last = events["events"].as_array().unwrap().last().unwrap().clone();
    text(&last["id"]).to_owned()
}

/// Every route of the feed refuses a token with a status and a problem.
async fn refuses(server: &Server, token: &str, event: &str, (status, kind): (u16, &str)) {
    let reader = FeedClient::with(server, token);
    for (method, path, body) in routes(event) {
        let answer = reader.send(method, &path, body).await;
        assert_eq!(answer.status(), status, "{path}");
        let challenge = answer.headers().get("www-authenticate");
        assert_eq!(challenge.is_some(), status == 401, "{path}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], format!("urn:scimd:problem:{kind}"));
        let text = problem.to_string();
        assert!(!text.contains(event), "{path}: {text}");
    }
}

async fn other_tokens_reach_no_route(server: Server) {
    users(&server, "u", 1).await;
    let event = newest(&FeedClient::of_all(&server).await).await;
    let scopes = [
        TokenScope::ReadWrite,
        TokenScope::ReadOnly,
        TokenScope::UsersOnly,
    ];
    for scope in scopes {
        let issued = server.operator.issue_token("default", "okta", scope, None);
        let token = issued.await.unwrap().text;
        refuses(&server, token.expose_secret(), &event, (403, "wrong-scope")).await;
    }
    let revoked = FeedClient::of_all(&server).await.token;
    let id = revoked.split('_').nth(1).unwrap();
    server.operator.revoke_token(id).await.unwrap();
    let good = FeedClient::of_all(&server).await.token;
    let last = if good.ends_with('z') { 'y' } else { 'z' };
    let wrong = format!("{}{last}", &good[..good.len() - 1]);
    for token in [revoked.as_str(), &wrong, "scimd_x", ""] {
        refuses(&server, token, &event, (401, "unauthenticated")).await;
    }
    let clock = Clock::standing(noon());
    let later = Options {
        clock: clock.clone(),
        ..Options::default()
    };
    let server = server.other(later).await;
    let issued = server
        .operator
        .issue_feed_token("app", Some(60), None)
        .await;
    let token = issued.unwrap().text;
    let reader = FeedClient::with(&server, token.expose_secret());
    reader.read("/head").await;
    clock.advance(61);
    refuses(
        &server,
        token.expose_secret(),
        &event,
        (401, "unauthenticated"),
    )
    .await;
}

async fn a_token_of_the_feed_reaches_no_route_of_scim(server: Server) {
    let tenant = Tenant::new(&server, "acme").await;
    let all = FeedClient::of_all(&server).await.token;
    let own = FeedClient::of(&server, "acme").await.token;
    for token in [all, own] {
        for (method, path, body) in all_routes(&tenant.user, &tenant.group) {
            let asked = server.by(&token).send(method, &path, body, &[]).await;
            let answer = asked.refused(403, "");
            assert!(text(&answer.body["detail"]).contains("feed"), "{path}");
        }
    }
}

async fn data_of_another_tenant_is_not_shown(server: Server) {
    server.tenant("acme", &TenantChange::default()).await;
    users(&server, "own", 2).await;
    let (all, theirs) = (
        FeedClient::of_all(&server).await,
        FeedClient::of(&server, "acme").await,
    );
    let (event, cursor) = (newest(&all).await, all.read("/head").await);
    // A cursor is a position among the events of all tenants, and reveals nothing about them.
    let cursor = text(&cursor["cursor"]).to_owned();
    let page = theirs.read(&format!("/events?after={cursor}")).await;
    assert_eq!(page["events"], json!([]));
    let swept = all
        .read("/resources?type=User&limit=1&tenant=default")
        .await;
    let next = text(&swept["next"]);
    for (path, status) in [
        (format!("/events/{event}"), 404),
        ("/events?tenant=default".to_owned(), 403),
        ("/events?tenant=nobody".to_owned(), 403),
        ("/resources?type=User&tenant=default".to_owned(), 403),
        (
            format!("/resources?type=User&tenant=default&after={next}"),
            403,
        ),
    ] {
        let (found, problem) = theirs.get(&path).await;
        assert_eq!(found, status, "{path}: {problem}");
    }
    for path in [
        "/events?after=start".to_owned(),
        "/resources?type=User".to_owned(),
        format!("/resources?type=User&after={next}"),
        "/resources?type=Membership".to_owned(),
    ] {
        let page = theirs.read(&path).await;
        let shown = page["events"].as_array().or(page["resources"].as_array());
        assert_eq!(shown, Some(&Vec::new()), "{path}: {page}");
    }
}

/// SEC-9: clients that guess tokens of the feed are slowed down, together with guesses at the SCIM endpoints; clients
/// with a valid token are not.
async fn guesses_get_retry_after(first: Server) {
    let http = HttpSettings {
        bad_tokens: 4,
        ..Options::default().http
    };
    let options = Options {
        http,
        ..Options::default()
    };
    let server = first.other(options).await;
    let guess = FeedClient::with(&server, "scimd_none");
    for _ in 0..2 {
        assert_eq!(guess.get("/head").await.0, 401);
        server.by("scimd_none").get("/Users").await.expect(401);
    }
    let answer = guess.send(Method::GET, "/head", None).await;
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
    server.by("scimd_none").get("/Users").await.expect(429);
    // Tokens of this server are not counted as guesses, even with another scope. A valid one resets the count.
    let scim = FeedClient::with(&server, &server.token);
    assert_eq!(scim.get("/head").await.0, 403);
    FeedClient::of_all(&server).await.read("/head").await;
    assert_eq!(guess.get("/head").await.0, 401);
}

/// ERR-6: responses to too many requests of a token have `Retry-After`, also those of rejected requests.
async fn a_burst_gets_retry_after(first: Server) {
    let http = HttpSettings {
        requests_per_second: 1,
        burst: 3,
        ..Options::default().http
    };
    let options = Options {
        http,
        ..Options::default()
    };
    let server = first.other(options).await;
    let (good, scim) = (
        FeedClient::of_all(&server).await,
        FeedClient::with(&server, &server.token),
    );
    for (reader, status) in [(good, 200), (scim, 403)] {
        for _ in 0..3 {
            assert_eq!(reader.get("/head").await.0, status);
        }
        let answer = reader.send(Method::GET, "/events", None).await;
        assert_eq!(answer.status(), 429);
        let wait = answer.headers()["retry-after"].to_str().unwrap();
        assert!(wait.parse::<u32>().unwrap() >= 1);
    }
}

async fn tokens_reach_what_they_are_for(server: Server) {
    let other = server.tenant("acme", &TenantChange::default()).await;
    let theirs = server
        .by(&other)
        .post("/Users", user("theirs"))
        .await
        .expect(201)
        .id();
    users(&server, "own", 2).await;
    let all = FeedClient::of_all(&server).await;
    let own = FeedClient::of(&server, "default").await;
    // A token of one API is invalid for the other.
    for reader in [&all, &own] {
        let answer = server.by(&reader.token).get("/Users").await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body["detail"].as_str().unwrap().contains("feed"));
    }
    let (status, problem) = FeedClient::with(&server, &server.token)
        .get("/events")
        .await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (403, Some("urn:scimd:problem:wrong-scope"))
    );
    let (status, _) = FeedClient::with(&server, "scimd_x").get("/events").await;
    assert_eq!(status, 401);
    // A reader of a tenant gets only events of that tenant.
    let events = all.read("/events?tenant=acme").await;
    let event = events["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(event["data"]["resource"]["id"], theirs.as_str());
    let id = text(&event["id"]);
    all.read(&format!("/events/{id}")).await;
    assert_eq!(own.get(&format!("/events/{id}")).await.0, 404);
    assert_eq!(own.get("/events?tenant=acme").await.0, 403);
    let seen = own.read("/events").await;
    assert!(
        seen["events"]
            .as_array()
            .unwrap()
            .iter()
            .all(|event| event["tenant"] == "default")
    );
    let page = all.read("/resources?type=User&tenant=acme&limit=1").await;
    let next = page["next"].as_str().map(str::to_owned);
    let page = all.read("/resources?type=User&limit=1").await;
    for next in next
        .into_iter()
        .chain(page["next"].as_str().map(str::to_owned))
    {
        let own = own
            .read(&format!("/resources?type=User&after={next}"))
            .await;
        let listed = own["resources"].as_array().unwrap();
        assert!(
            listed.iter().all(|entry| entry["tenant"] == "default"),
            "{own}"
        );
    }
    // The feed of a suspended tenant can be read.
    let status = TenantChange {
        status: Some(Status::Suspended),
        ..TenantChange::default()
    };
    server
        .operator
        .change_tenant("default", &status)
        .await
        .unwrap();
    own.read("/events").await;
    let listed = server
        .operator
        .tokens(&scimd::store::TokenQuery {
            limit: 100,
            ..Default::default()
        })
        .await
        .unwrap();
    assert!(
        listed
            .iter()
            .any(|token| token.tenant == "*" && token.name == "app")
    );
}
