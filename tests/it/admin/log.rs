//! The request log and values derived from it, through the management API.

use super::is_problem;
use crate::harness::{Admin, Database, GROUP, Server, USER, operator_token, user};
use crate::on_both;
use reqwest::{Method, Response};
use scimd::store::{OperatorRole, TenantChange};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::timeout;

on_both!(
    the_log_is_searched,
    failures_are_grouped,
    bodies_are_recorded_for_a_period,
    a_resource_has_a_history,
    schemas_are_suggested_with_counts,
    a_stream_continues_at_its_position,
    a_stream_can_be_limited,
    failures_of_all_tenants_are_streamed,
    streams_are_bounded_and_end_with_the_server,
);

/// Longer than any expected wait.
const TIME_LIMIT: Duration = Duration::from_secs(20);

async fn get(admin: &Admin, server: &Server, path: &str) -> Value {
    server.service.recorder().finish().await;
    admin.ask(Method::GET, path, None).await.expect(200).body
}

/// The reference of the log for a userName.
async fn reference(admin: &Admin, name: &str) -> String {
    let find = json!({"userName": name});
    let path = "/tenants/default/log/users";
    let found = admin.ask(Method::POST, path, Some(find)).await.expect(200);
    found.body["user"].as_str().unwrap().to_owned()
}

async fn the_log_is_searched(server: Server) {
    let admin = Admin::over(&server).await;
    let tenant = get(&admin, &server, "/tenants/default").await;
    assert_eq!(tenant["health"], "never-connected");
    server.post("/Users", user("ann")).await.expect(201);
    let refused = server.post("/Users", user("ann")).await.expect(409);
    server.get("/Groups").await.expect(200);
    let page = get(&admin, &server, "/tenants/default/log?limit=2").await;
    assert_eq!(page["items"][0]["route"], "/Groups");
    assert_eq!(page["items"][1]["explanation"]["turn"], "customer");
    let next = page["next"].as_str().unwrap();
    let path = format!("/tenants/default/log?limit=2&cursor={next}");
    let rest = get(&admin, &server, &path).await;
    assert_eq!(rest["items"][0]["status"], 201);
    assert_eq!(
        (&rest["items"][1], &rest["next"]),
        (&Value::Null, &Value::Null)
    );
    let other = format!("/tenants/default/log?limit=2&outcome=ok&cursor={next}");
    is_problem(
        &admin.ask(Method::GET, &other, None).await,
        400,
        "invalid-request",
    );
    for (query, count) in [
        ("outcome=refused", 1),
        ("outcome=refused&action=user.create", 1),
        ("action=user.create", 2),
        (&format!("user={}", reference(&admin, "ANN").await), 2),
        (&format!("user={}", reference(&admin, "nobody").await), 0),
        ("token=test", 3),
        ("client=Okta", 0),
        ("since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z", 0),
    ] {
        let path = format!("/tenants/default/log?{query}");
        let found = get(&admin, &server, &path).await;
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{query}");
    }
    let bad = "/tenants/default/log?resource=x&outcome=bad&user=ann";
    let bad = admin.ask(Method::GET, bad, None).await;
    is_problem(&bad, 400, "invalid-request");
    let errors = bad.body["errors"].as_array().unwrap().iter();
    let pointers: Vec<_> = errors
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["resource", "outcome", "user"]);
    let id = refused.header("x-request-id").unwrap();
    let one = get(&admin, &server, &format!("/tenants/default/log/{id}")).await;
    assert_eq!(one["reason"], "user.exists");
    let none = admin.ask(Method::GET, "/tenants/default/log/none", None);
    is_problem(&none.await, 404, "not-found");
    let tenant = get(&admin, &server, "/tenants/default").await;
    assert_eq!(tenant["health"], "failing");
    assert!(tenant["lastRequestAt"].is_string(), "{tenant}");
    let failing = get(&admin, &server, "/tenants?health=failing").await;
    assert_eq!(failing["items"][0]["name"], "default");
    let silent = get(&admin, &server, "/tenants?health=silent").await;
    assert_eq!(silent["items"], json!([]));
    let figures = get(&admin, &server, "/tenants/default/statistics").await;
    let last = figures["series"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    // A new hour can have started.
    let series = figures["series"].as_array().unwrap();
    let sum = |name: &str| {
        series
            .iter()
            .map(|part| part[name].as_i64().unwrap())
            .sum::<i64>()
    };
    assert_eq!((sum("answered"), sum("refused"), sum("created")), (2, 1, 1));
    assert_eq!(
        (&last["seatsUsed"], &last["seats"]),
        (&json!(1), &Value::Null)
    );
    let days = get(&admin, &server, "/tenants/default/statistics?step=day").await;
    assert_eq!(days["series"].as_array().unwrap().len(), 49);
    let long = "/tenants/default/statistics?from=2020-01-01T00:00:00Z";
    is_problem(
        &admin.ask(Method::GET, long, None).await,
        400,
        "invalid-request",
    );
}

async fn failures_are_grouped(server: Server) {
    let admin = Admin::over(&server).await;
    for name in ["one", "two"] {
        let token = server.tenant(name, &TenantChange::default()).await;
        let by = server.by(&token);
        by.post("/Users", json!({"schemas": [USER]}))
            .await
            .expect(400);
        by.delete("/Users/x").await.expect(404);
        by.delete("/Users/x").await.expect(404);
    }
    let all = get(&admin, &server, "/log?outcome=refused").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 4);
    let gone = all["items"].as_array().unwrap().iter();
    let gone: Vec<_> = gone
        .filter(|group| group["reason"] == "resource.gone")
        .collect();
    assert_eq!(
        (&gone[0]["count"], &gone[0]["ongoing"]),
        (&json!(2), &json!(true))
    );
    let first = get(&admin, &server, "/log?outcome=refused&limit=3").await;
    let next = first["next"].as_str().unwrap();
    let path = format!("/log?outcome=refused&limit=3&cursor={next}");
    let rest = get(&admin, &server, &path).await;
    assert_eq!(rest["items"], json!([all["items"][3]]));
    let limited = operator_token(&server, OperatorRole::Support, &["two"]).await;
    let own = admin
        .call((&limited, Method::GET, "/log?outcome=refused"), None, &[])
        .await
        .expect(200);
    let items = own.body["items"].as_array().unwrap().clone();
    assert!(items.len() == 2 && items.iter().all(|group| group["tenant"] == "two"));
    let other = (&*limited, Method::GET, "/tenants/one/log");
    is_problem(&admin.call(other, None, &[]).await, 404, "not-found");
}

async fn bodies_are_recorded_for_a_period(server: Server) {
    let admin = Admin::over(&server).await;
    let path = "/tenants/default/log/bodies";
    let kept = admin
        .ask(Method::PUT, path, Some(json!({"for": "2h"})))
        .await
        .expect(200);
    assert!(kept.body["bodiesUntil"].is_string());
    for bad in [json!({"for": "25h"}), json!({"for": "soon"}), json!({})] {
        let refused = admin.ask(Method::PUT, path, Some(bad)).await;
        is_problem(&refused, 400, "invalid-request");
    }
    let answer = server.post("/Users", user("ann")).await.expect(201);
    let id = answer.header("x-request-id").unwrap().to_owned();
    let one = get(&admin, &server, &format!("/tenants/default/log/{id}")).await;
    assert_eq!(one["body"]["userName"], "ann");
    // Reading a body is an act, and bodies are read with the scope of the log only.
    for _ in 0..2 {
        get(&admin, &server, &format!("/tenants/default/log/{id}")).await;
        get(&admin, &server, "/tenants/default/log").await;
    }
    let read = get(&admin, &server, "/audit?action=directory.read").await;
    let read = read["items"].as_array().unwrap().iter();
    let mut targets: Vec<_> = read.map(|row| row["target"].as_str()).collect();
    targets.sort_unstable();
    assert_eq!(targets, [None, Some(id.as_str())]);
    let tenant = get(&admin, &server, "/tenants/default").await;
    assert_eq!(tenant["lastRequest"]["request"], id);
    assert_eq!(tenant["lastRequest"]["body"], Value::Null);
    admin.ask(Method::DELETE, path, None).await.expect(204);
    let answer = server.post("/Users", user("ben")).await.expect(201);
    let id = answer.header("x-request-id").unwrap().to_owned();
    let one = get(&admin, &server, &format!("/tenants/default/log/{id}")).await;
    assert_eq!(one["body"], Value::Null);
    let viewer = operator_token(&server, OperatorRole::Viewer, &[]).await;
    let refused = admin.call((&viewer, Method::DELETE, path), None, &[]).await;
    is_problem(&refused, 403, "scope-missing");
}

async fn a_resource_has_a_history(server: Server) {
    let admin = Admin::over(&server).await;
    let ann = server.post("/Users", user("ann")).await.expect(201).id();
    let ben = server.post("/Users", user("ben")).await.expect(201).id();
    let sales = json!({"schemas": [GROUP], "displayName": "Sales", "members": [{"value": ann}]});
    let group = server.post("/Groups", sales).await.expect(201).id();
    let path = format!("/Groups/{group}");
    let add = json!([{"op": "add", "path": "members", "value": [{"value": ben}]}]);
    let answer = server.patch(&path, add).await.expect(204);
    let remove = json!([{"op": "remove", "path": format!("members[value eq \"{ann}\"]")}]);
    server.patch(&path, remove).await.expect(204);
    let whole = get(
        &admin,
        &server,
        &format!("/tenants/default/history/{group}"),
    )
    .await;
    let items = whole["items"].as_array().unwrap();
    let shown: Vec<_> = items
        .iter()
        .map(|item| {
            (
                &item["action"],
                &item["version"],
                &item["added"],
                &item["removed"],
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (&json!("modify"), &json!(3), &json!([]), &json!([ann])),
            (&json!("modify"), &json!(2), &json!([ben]), &json!([])),
            (&json!("create"), &json!(1), &json!([ann]), &json!([]))
        ]
    );
    assert_eq!(items[1]["token"], "test");
    assert_eq!(items[1]["request"].as_str(), answer.header("x-request-id"));
    let first = get(
        &admin,
        &server,
        &format!("/tenants/default/history/{group}?limit=2"),
    )
    .await;
    let next = first["next"].as_str().unwrap();
    let rest = format!("/tenants/default/history/{group}?limit=2&cursor={next}");
    assert_eq!(
        get(&admin, &server, &rest).await["items"],
        json!([items[2]])
    );
    // Changes of a deleted resource are still found.
    server.delete(&format!("/Users/{ben}")).await.expect(204);
    let gone = get(&admin, &server, &format!("/tenants/default/history/{ben}")).await;
    assert_eq!(gone["items"][0]["action"], "delete");
    assert_eq!(gone["items"][1]["action"], "create");
    server.tenant("acme", &TenantChange::default()).await;
    for id in [group.as_str(), "x"] {
        let path = format!("/tenants/acme/history/{id}");
        is_problem(&admin.ask(Method::GET, &path, None).await, 404, "not-found");
    }
}

async fn schemas_are_suggested_with_counts(server: Server) {
    let admin = Admin::over(&server).await;
    let path = "/tenants/default/schemas/suggested";
    let nothing = get(&admin, &server, path).await;
    assert_eq!(
        (&nothing["schemas"], &nothing["attributes"]),
        (&json!([]), &json!([]))
    );
    for name in ["ann", "ben"] {
        let body = json!({"schemas": [USER], "userName": name, "shoeSize": 42});
        server.post("/Users", body).await.expect(201);
    }
    let found = get(&admin, &server, path).await;
    assert_eq!(found["attributes"][0]["name"], "shoeSize");
    assert_eq!(found["attributes"][0]["count"], 2);
    assert_eq!(found["schemas"][0]["attributes"][0]["name"], "shoeSize");
    let urn = found["schemas"][0]["id"].as_str().unwrap();
    let put = format!("/tenants/default/schemas/{urn}");
    admin
        .ask(Method::PUT, &put, Some(found["schemas"][0].clone()))
        .await
        .expect(200);
    assert_eq!(get(&admin, &server, path).await["schemas"], json!([]));
}

/// A stream of the log, read event by event.
struct Stream {
    answer: Response,
    text: String,
}

impl Stream {
    async fn open(admin: &Admin, token: &str, after: Option<&str>) -> Self {
        Self::open_of(admin, token, ("", after)).await
    }

    async fn open_of(admin: &Admin, token: &str, (query, after): (&str, Option<&str>)) -> Self {
        let path = format!("/api/v1/tenants/default/log/stream{query}");
        let url = format!("{}{path}", admin.root);
        let mut request = reqwest::Client::new().get(url).bearer_auth(token);
        if let Some(id) = after {
            request = request.header("last-event-id", id);
        }
        let answer = request.send().await.unwrap();
        Self {
            answer,
            text: String::new(),
        }
    }

    /// The next event, its lines by their names; `None` at the end.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let line = |name: &str| {
                    let mut lines = event.lines();
                    let found = lines.find_map(|line| line.strip_prefix(name));
                    found.unwrap_or_default().trim().to_owned()
                };
                if !event.starts_with(':') {
                    let data = serde_json::from_str(&line("data:")).unwrap();
                    return Some((line("event:"), line("id:"), data));
                }
            }
            let chunk = timeout(TIME_LIMIT, self.answer.chunk()).await.unwrap();
            let chunk = chunk.unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_has_the_requests_of_another_instance() {
    let first = Server::on(Database::Postgres).await;
    let second = first.second().await;
    let admin = Admin::over(&second).await;
    let mut stream = Stream::open(&admin, &admin.token, None).await;
    assert_eq!(stream.answer.status(), 200);
    assert_eq!(stream.answer.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.answer.headers()["cache-control"], "no-store");
    let begun = Instant::now();
    let answer = first.get("/Groups").await.expect(200);
    let (event, id, data) = stream.next().await.unwrap();
    // The limit is for a busy machine; an idle one takes a second.
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(
        (event.as_str(), &data["route"]),
        ("request", &json!("/Groups"))
    );
    assert_eq!(data["request"].as_str(), answer.header("x-request-id"));
    assert!(id.parse::<i64>().is_ok(), "{id}");
}

async fn a_stream_continues_at_its_position(server: Server) {
    let admin = Admin::over(&server).await;
    let mut stream = Stream::open(&admin, &admin.token, None).await;
    server.get("/Users").await.expect(200);
    let (_, id, _) = stream.next().await.unwrap();
    drop(stream);
    server.get("/Schemas").await.expect(200);
    server.service.recorder().finish().await;
    let mut again = Stream::open(&admin, &admin.token, Some(&id)).await;
    let mut routes = Vec::new();
    while routes.last() != Some(&json!("/Schemas")) {
        routes.push(again.next().await.unwrap().2["route"].clone());
    }
    server.get("/ResourceTypes").await.expect(200);
    assert_eq!(again.next().await.unwrap().2["route"], "/ResourceTypes");
    drop(again);
    server.run("delete from provisioning").await;
    let mut later = Stream::open(&admin, &admin.token, Some(&id)).await;
    assert_eq!(later.next().await.unwrap().0, "gap");
}

async fn a_stream_can_be_limited(server: Server) {
    let admin = Admin::over(&server).await;
    let open = async |query: &str| {
        let stream = Stream::open_of(&admin, &admin.token, (query, None)).await;
        assert_eq!(stream.answer.status(), 200, "{query}");
        stream
    };
    // The user does not exist yet: its id is learnt from the creation.
    let named = reference(&admin, "Ann").await;
    let mut about_ann = open(&format!("?user={named}")).await;
    let mut failures = open("?failed=true").await;
    let both_of = format!("?failed=true&user={named}");
    let mut both = open(&both_of).await;
    let mut created = open("?outcome=refused&action=user.create&token=test").await;
    let ann = server.post("/Users", user("ann")).await.expect(201).id();
    server.post("/Users", user("ben")).await.expect(201);
    server.post("/Users", user("ben")).await.expect(409);
    server.get(&format!("/Users/{ann}")).await.expect(200);
    server.post("/Users", user("ANN")).await.expect(409);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(about_ann.next().await.unwrap().2["status"].clone());
    }
    assert_eq!(statuses, [201, 200, 409]);
    server.delete(&format!("/Users/{ann}")).await.expect(204);
    let again = server.post("/Users", user("ann")).await.expect(201).id();
    server.get(&format!("/Users/{again}")).await.expect(200);
    for expected in ["DELETE", "POST", "GET"] {
        let (_, _, request) = about_ann.next().await.unwrap();
        assert_eq!(request["method"], expected);
    }
    let first = failures.next().await.unwrap();
    let second = failures.next().await.unwrap();
    assert_eq!(
        (&first.2["status"], &second.2["status"]),
        (&json!(409), &json!(409))
    );
    assert_ne!(first.2["request"], second.2["request"]);
    let refused = both.next().await.unwrap();
    assert_eq!(refused.2, second.2);
    assert_eq!(created.next().await.unwrap().2, first.2);
    assert_eq!(created.next().await.unwrap().2, second.2);
    // So it is for those before the stream was opened.
    let mut later = Stream::open_of(&admin, &admin.token, (&both_of, Some(&first.1))).await;
    assert_eq!(later.next().await.unwrap().2, second.2);
    let bad = Stream::open_of(&admin, &admin.token, ("?users=ann", None)).await;
    assert_eq!(bad.answer.status(), 400);
}

async fn failures_of_all_tenants_are_streamed(server: Server) {
    let admin = Admin::over(&server).await;
    let tokens = [
        server.tenant("one", &TenantChange::default()).await,
        server.tenant("two", &TenantChange::default()).await,
    ];
    let limited = operator_token(&server, OperatorRole::Support, &["two"]).await;
    let open = async |token: &str| {
        let url = format!("{}/api/v1/log/stream", admin.root);
        let request = reqwest::Client::new().get(url).bearer_auth(token);
        Stream {
            answer: request.send().await.unwrap(),
            text: String::new(),
        }
    };
    let (mut all, mut own) = (open(&admin.token).await, open(&limited).await);
    for token in &tokens {
        let by = server.by(token);
        by.get("/Users").await.expect(200);
        by.delete("/Users/x").await.expect(404);
    }
    let mut tenants = Vec::new();
    for _ in 0..2 {
        let (event, id, data) = all.next().await.unwrap();
        assert_eq!((event.as_str(), id.as_str()), ("request", ""));
        assert_eq!(data["status"], 404);
        tenants.push(data["tenant"].as_str().unwrap().to_owned());
    }
    tenants.sort();
    assert_eq!(tenants, ["one", "two"]);
    assert_eq!(own.next().await.unwrap().2["tenant"], "two");
}

async fn streams_are_bounded_and_end_with_the_server(server: Server) {
    let admin = Admin::over(&server).await;
    let viewer = operator_token(&server, OperatorRole::Viewer, &[]).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let stream = Stream::open(&admin, &viewer, None).await;
        assert_eq!(stream.answer.status(), 200);
        streams.push(stream);
    }
    let sixth = Stream::open(&admin, &viewer, None).await;
    assert_eq!(sixth.answer.status(), 429);
    let other = Stream::open(&admin, &admin.token, None).await;
    assert_eq!(other.answer.status(), 200);
    let backend = operator_token(&server, OperatorRole::Backend, &[]).await;
    let refused = Stream::open(&admin, &backend, None).await;
    assert_eq!(refused.answer.status(), 403);
    streams.push(other);
    let begun = Instant::now();
    server.operator.close_log_readers();
    for stream in &mut streams {
        assert!(stream.next().await.is_none());
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
}
