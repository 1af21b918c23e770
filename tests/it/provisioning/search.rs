//! Searching the log of a tenant: every filter, page by page.

use crate::harness::{Options, Server, USER, noon, user};
use reqwest::Method;
use scimd::clock::Clock;
use scimd::store::{LogFilter, LogSearch, Outcome, TenantChange, TokenScope};
use secrecy::ExposeSecret;
use serde_json::json;

crate::on_both!(
    every_filter_finds_its_requests,
    a_page_scans_a_part_of_the_log,
    a_request_is_found_by_its_id,
);

/// Results of the search, page by page, as statuses and routes of the requests, latest first.
async fn found(server: &Server, search: LogSearch) -> Vec<(u16, String)> {
    server.service.recorder().finish().await;
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let search = LogSearch {
            before: next,
            limit: 2,
            ..search.clone()
        };
        let page = server
            .operator
            .search_requests("default", &search)
            .await
            .unwrap();
        assert!(page.requests.len() <= 2);
        assert!(page.requests.is_sorted_by(|(a, _), (b, _)| a > b));
        for (entry, request) in page.requests {
            assert!(next.is_none_or(|next| entry < next));
            all.push((request.status, request.route));
        }
        next = page.next;
        if next.is_none() {
            return all;
        }
    }
}

async fn every_filter_finds_its_requests(server: Server) {
    server.service.recorder().finish().await;
    let begun = server.clock.now();
    let id = server.post("/Users", user("ann")).await.expect(201).id();
    let one = format!("/Users/{id}");
    server.get(&one).await.expect(200);
    server.post("/Users", user("ann")).await.expect(409);
    let odd = json!({"schemas": [USER], "userName": "ben", "shoeSize": 1});
    server.post("/Users", odd).await.expect(201);
    let issued = server
        .operator
        .issue_token("default", "second", TokenScope::ReadWrite, None)
        .await
        .unwrap();
    let okta = [("user-agent", "Okta SCIM Client 1.0.0")];
    server
        .by(issued.text.expose_secret())
        .send(Method::GET, "/Groups", None, &okta)
        .await
        .expect(200);
    server.delete(&one).await.expect(204);
    let acme = server.tenant("acme", &TenantChange::default()).await;
    server.by(&acme).get("/Users").await.expect(200);

    let row = |status: u16, route: &str| (status, route.to_owned());
    let all = [
        row(204, "/Users/{id}"),
        row(200, "/Groups"),
        row(201, "/Users"),
        row(409, "/Users"),
        row(200, "/Users/{id}"),
        row(201, "/Users"),
    ];
    let any = LogSearch::default;
    assert_eq!(found(&server, any()).await, all);
    let of = |indices: &[usize]| indices.iter().map(|i| all[*i].clone()).collect::<Vec<_>>();
    let text = |text: &str| Some(text.to_owned());
    let outcome = |outcome| LogSearch {
        filter: LogFilter {
            outcome: Some(outcome),
            ..LogFilter::default()
        },
        ..any()
    };
    assert_eq!(found(&server, outcome(Outcome::Refused)).await, of(&[3]));
    assert_eq!(found(&server, outcome(Outcome::Failed)).await, []);
    assert_eq!(found(&server, outcome(Outcome::Noted)).await, of(&[2]));
    assert_eq!(
        found(&server, outcome(Outcome::Ok)).await,
        of(&[0, 1, 4, 5])
    );
    let user = server.operator.logged_user("default", "ANN").await.unwrap();
    for (search, indices) in [
        (
            LogSearch {
                filter: LogFilter {
                    action: text("user.create"),
                    ..LogFilter::default()
                },
                ..any()
            },
            &[2, 3, 5][..],
        ),
        (
            LogSearch {
                filter: LogFilter {
                    user: Some(user.clone()),
                    ..LogFilter::default()
                },
                ..any()
            },
            &[0, 3, 4, 5],
        ),
        (
            LogSearch {
                filter: LogFilter {
                    user: Some(user),
                    outcome: Some(Outcome::Refused),
                    ..LogFilter::default()
                },
                ..any()
            },
            &[3],
        ),
        (
            LogSearch {
                filter: LogFilter {
                    resource: Some(id.parse().unwrap()),
                    ..LogFilter::default()
                },
                ..any()
            },
            &[0, 4, 5],
        ),
        (
            LogSearch {
                filter: LogFilter {
                    resource: Some(id.parse().unwrap()),
                    action: text("user.delete"),
                    ..LogFilter::default()
                },
                ..any()
            },
            &[0],
        ),
        (
            LogSearch {
                filter: LogFilter {
                    token: text("second"),
                    ..LogFilter::default()
                },
                ..any()
            },
            &[1],
        ),
        (
            LogSearch {
                filter: LogFilter {
                    token: Some(issued.id.clone()),
                    ..LogFilter::default()
                },
                ..any()
            },
            &[1],
        ),
        (
            LogSearch {
                filter: LogFilter {
                    client: text("Okta"),
                    ..LogFilter::default()
                },
                ..any()
            },
            &[1],
        ),
        (
            LogSearch {
                since: Some(begun),
                until: Some(server.clock.now().plus_seconds(1)),
                ..any()
            },
            &[0, 1, 2, 3, 4, 5],
        ),
        (
            LogSearch {
                until: Some(begun),
                ..any()
            },
            &[],
        ),
        (
            LogSearch {
                filter: LogFilter {
                    outcome: Some(Outcome::Ok),
                    ..LogFilter::default()
                },
                since: Some(server.clock.now().plus_seconds(1)),
                ..any()
            },
            &[],
        ),
    ] {
        assert_eq!(
            found(&server, search.clone()).await,
            of(indices),
            "{search:?}"
        );
    }
    let nobody = server.operator.logged_user("default", "zoe").await.unwrap();
    let search = LogSearch {
        filter: LogFilter {
            user: Some(nobody),
            ..LogFilter::default()
        },
        ..any()
    };
    assert_eq!(found(&server, search).await, []);
}

/// A filter that matches few requests returns empty pages and continues to the end.
async fn a_page_scans_a_part_of_the_log(server: Server) {
    server.get("/Groups").await.expect(200);
    server.service.recorder().finish().await;
    let copies = "insert into provisioning (tenant, entry, at, token, token_name, method, route, status, micros, request, action, outcome) \
        select p.tenant, p.entry + n.n, p.at, p.token, p.token_name, p.method, p.route, p.status, p.micros, p.request, 'user.list', 'ok' \
        from provisioning p cross join (select 10000 * a.n + 1000 * b.n + 100 * c.n + 10 * d.n + e.n + 1 as n from DIGITS a, DIGITS b, DIGITS c, DIGITS d, DIGITS e) n";
    let digits = "(select 0 as n union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 \
        union all select 6 union all select 7 union all select 8 union all select 9)";
    assert_eq!(server.run(&copies.replace("DIGITS", digits)).await, 100_000);
    let mut search = LogSearch {
        filter: LogFilter {
            action: Some("group.list".to_owned()),
            ..LogFilter::default()
        },
        limit: 10,
        ..LogSearch::default()
    };
    let (mut pages, mut seen) = (0, 0);
    loop {
        let page = server
            .operator
            .search_requests("default", &search)
            .await
            .unwrap();
        (pages, seen) = (pages + 1, seen + page.requests.len());
        search.before = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!((pages, seen), (6, 1));
}

async fn a_request_is_found_by_its_id(server: Server) {
    let answer = server.get("/Users").await.expect(200);
    let made = answer.header("x-request-id").unwrap().to_owned();
    let named = [("x-request-id", "r-1")];
    server
        .client()
        .send(Method::GET, "/Groups", None, &named)
        .await
        .expect(200);
    server.service.recorder().finish().await;
    let route = async |server: &Server, id: &str| {
        let found = server.operator.logged_request("default", id).await.unwrap();
        found.map(|request| request.route)
    };
    assert_eq!(route(&server, &made).await.as_deref(), Some("/Users"));
    assert_eq!(route(&server, "r-1").await.as_deref(), Some("/Groups"));
    assert_eq!(route(&server, "r-2").await, None);
    server.tenant("acme", &TenantChange::default()).await;
    let other = server.operator.logged_request("acme", &made).await.unwrap();
    assert!(other.is_none());
    // The clock of the log can differ much from the clock of the sender of the id.
    let standing = Options {
        clock: Clock::standing(noon()),
        ..Options::default()
    };
    let later = server.other(standing).await;
    let answer = later.get("/Groups").await.expect(200);
    let id = answer.header("x-request-id").unwrap().to_owned();
    later.service.recorder().finish().await;
    assert_eq!(route(&later, &id).await.as_deref(), Some("/Groups"));
}
