//! The feed over HTTP: tokens, cursors, waiting, and a reader that starts without a gap.

use crate::harness::{Server, group, user};
use scimd::service::{Status, TenantChange, TokenScope};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, sleep};

crate::on_both!(
    pages_follow_each_other,
    a_cursor_that_is_gone_is_told,
    a_reader_waits,
    tokens_reach_what_they_are_for,
    a_new_reader_misses_nothing,
);

/// A reader of the feed with a token.
struct Reader {
    root: String,
    token: String,
    client: reqwest::Client,
}

impl Reader {
    async fn of_all(server: &Server) -> Self {
        let issued = server
            .operator
            .issue_feed_token("app", None, None)
            .await
            .unwrap();
        Self::with(server, issued.text.expose_secret())
    }

    async fn of(server: &Server, tenant: &str) -> Self {
        let issued = server
            .operator
            .issue_token(tenant, "app", TokenScope::Feed, None);
        Self::with(server, issued.await.unwrap().text.expose_secret())
    }

    fn with(server: &Server, token: &str) -> Self {
        Self {
            root: server.base.replace("/scim/v2", "/feed/v1"),
            token: token.to_owned(),
            client: reqwest::Client::new(),
        }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let request = self.client.get(format!("{}{path}", self.root));
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        let status = answer.status().as_u16();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let is_problem = answer.headers()["content-type"] == "application/problem+json";
        assert_eq!(is_problem, status >= 400);
        (status, answer.json().await.unwrap())
    }

    async fn read(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

async fn people(server: &Server, name: &str, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for i in 0..count {
        let created = server.post("/Users", user(&format!("{name}{i}"))).await;
        ids.push(created.expect(201).id());
    }
    server.feed().advance().await.unwrap();
    ids
}

async fn pages_follow_each_other(server: Server) {
    let ids = people(&server, "u", 7).await;
    let reader = Reader::of_all(&server).await;
    let (mut seen, mut after) = (Vec::new(), "start".to_owned());
    loop {
        let page = reader
            .read(&format!("/events?after={after}&limit=3&types=user.*"))
            .await;
        let events = page["events"].as_array().unwrap();
        assert!(events.len() <= 3);
        seen.extend(
            events
                .iter()
                .map(|event| text(&event["data"]["resource"]["id"]).to_owned()),
        );
        after = text(&page["cursor"]).to_owned();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(seen, ids);
    let head = reader.read("/head").await;
    assert_eq!(head["cursor"], after.as_str());
    let first = reader.read("/events?limit=1&types=user.created").await;
    let event = &first["events"][0];
    let again = reader
        .read(&format!("/events/{}", text(&event["id"])))
        .await;
    assert_eq!(again, *event);
    for (path, status) in [
        ("/events?limit=0", 400),
        ("/events?limit=1001", 400),
        ("/events?wait=26", 400),
        ("/events?types=user", 400),
        ("/events?after=x", 400),
        ("/events?aftr=start", 400),
        ("/events/evt_1", 404),
        ("/events?tenant=nobody", 404),
        ("/resources", 400),
        ("/resources?type=User&after=1", 400),
        ("/nothing", 404),
    ] {
        let (found, body) = reader.get(path).await;
        assert_eq!((found, &body["status"]), (status, &json!(status)), "{path}");
    }
}

async fn a_cursor_that_is_gone_is_told(server: Server) {
    people(&server, "u", 5).await;
    let reader = Reader::of_all(&server).await;
    let head = text(&reader.read("/head").await["cursor"]).to_owned();
    let first = text(&reader.read("/events?limit=1").await["cursor"]).to_owned();
    let (position, check) = head.split_once('-').unwrap();
    let ahead = format!("{}-{check}", position.parse::<i64>().unwrap() + 1);
    let other = format!(
        "{position}-{}",
        if check == "000000" {
            "000001"
        } else {
            "000000"
        }
    );
    for gone in [ahead, other] {
        let (status, problem) = reader.get(&format!("/events?after={gone}")).await;
        assert_eq!(status, 410, "{problem}");
        assert_eq!(problem["type"], "urn:scimd:problem:cursor-gone");
    }
    server.operator.forget_changes(-1).await.unwrap();
    let (status, problem) = reader.get(&format!("/events?after={first}")).await;
    assert_eq!(status, 410, "{problem}");
    let oldest = text(&problem["oldest"]);
    assert_eq!(oldest, text(&reader.read("/head").await["oldest"]));
    let page = reader.read(&format!("/events?after={oldest}")).await;
    assert_eq!(page["events"].as_array().unwrap().len(), 1);
    assert_eq!(
        reader.read(&format!("/events?after={head}")).await["events"],
        json!([])
    );
}

async fn a_reader_waits(server: Server) {
    people(&server, "u", 1).await;
    let reader = Reader::of_all(&server).await;
    let begun = Instant::now();
    let waiting = reader.read("/events?after=now&wait=20");
    let writing = async {
        sleep(Duration::from_millis(300)).await;
        people(&server, "later", 1).await;
    };
    let (page, ()) = tokio::join!(waiting, writing);
    assert_eq!(page["events"][0]["type"], "user.created");
    assert!(begun.elapsed() < Duration::from_secs(15));
    // A token that is revoked waits no longer, nor does anybody when the server stops.
    let waiting = reader.get("/events?after=now&wait=20");
    let revoking = async {
        sleep(Duration::from_millis(300)).await;
        let id = reader.token.split('_').nth(1).unwrap();
        server.operator.revoke_token(id).await.unwrap();
    };
    let ((status, _), ()) = tokio::join!(waiting, revoking);
    assert_eq!(status, 401);
    let reader = Reader::of_all(&server).await;
    let waiting = reader.read("/events?after=now&wait=20");
    let stopping = async {
        sleep(Duration::from_millis(300)).await;
        server.feed().close();
    };
    let (page, ()) = tokio::join!(waiting, stopping);
    assert_eq!(page["events"], json!([]));
    assert!(begun.elapsed() < Duration::from_secs(19));
}

async fn tokens_reach_what_they_are_for(server: Server) {
    let other = server.tenant("acme", &TenantChange::default()).await;
    let theirs = server
        .by(&other)
        .post("/Users", user("theirs"))
        .await
        .expect(201)
        .id();
    people(&server, "own", 2).await;
    let all = Reader::of_all(&server).await;
    let own = Reader::of(&server, "default").await;
    // A token of one API is no token of the other.
    for reader in [&all, &own] {
        let answer = server.by(&reader.token).get("/Users").await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body["detail"].as_str().unwrap().contains("feed"));
    }
    let (status, problem) = Reader::with(&server, &server.token).get("/events").await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (403, Some("urn:scimd:problem:wrong-scope"))
    );
    let (status, _) = Reader::with(&server, "scimd_x").get("/events").await;
    assert_eq!(status, 401);
    // A tenant's reader sees that tenant alone.
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
    // A suspended tenant is read on.
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
        .tokens(&scimd::service::TokenQuery {
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

/// What a reader knows: users with their versions and names, and members of groups.
#[derive(Debug, Default, PartialEq)]
struct Known {
    users: BTreeMap<String, (i64, Value)>,
    members: BTreeSet<(String, String)>,
}

impl Known {
    fn apply(&mut self, event: &Value) {
        let resource = &event["data"]["resource"];
        let (id, version) = (
            text(&resource["id"]).to_owned(),
            resource["version"].as_i64().unwrap(),
        );
        match text(&event["type"]) {
            "user.deleted" => {
                self.users.remove(&id);
            }
            name if name.starts_with("user.") => {
                if self
                    .users
                    .get(&id)
                    .is_none_or(|(stored, _)| *stored < version)
                {
                    self.users
                        .insert(id, (version, event["data"]["record"]["full_name"].clone()));
                }
            }
            "group.deleted" => self.members.retain(|(group, _)| *group != id),
            _ => {
                let changed = |how: &str| {
                    event["data"]["members"][how]
                        .as_array()
                        .cloned()
                        .unwrap_or_default()
                };
                for member in changed("added") {
                    self.members
                        .insert((id.clone(), text(&member["id"]).to_owned()));
                }
                for member in changed("removed") {
                    self.members
                        .remove(&(id.clone(), text(&member["id"]).to_owned()));
                }
            }
        }
    }
}

async fn a_new_reader_misses_nothing(server: Server) {
    people(&server, "old", 12).await;
    let ids = people(&server, "member", 6).await;
    let created = server.post("/Groups", group("Sales", &ids[..3])).await;
    let group = created.expect(201).id();
    let reader = Reader::of_all(&server).await;
    let writing = async {
        for round in 0..10 {
            let new = people(&server, &format!("new{round}-"), 1).await;
            let name =
                json!([{"op": "replace", "value": {"displayName": format!("Round {round}")}}]);
            server
                .patch(&format!("/Users/{}", ids[round % 6]), name)
                .await
                .expect(200);
            let add = json!([{"op": "add", "path": "members", "value": [{"value": new[0]}]}]);
            server
                .patch(&format!("/Groups/{group}"), add)
                .await
                .expect(204);
            if round % 4 == 0 {
                server
                    .delete(&format!("/Users/{}", new[0]))
                    .await
                    .expect(204);
            }
            server.feed().advance().await.unwrap();
        }
    };
    let reading = async {
        let (mut known, mut cursor) = (Known::default(), None);
        for kind in ["User", "Membership"] {
            let mut after = String::new();
            loop {
                // Each page with a reader of its own, as one that was killed would begin again.
                let page = reader
                    .read(&format!("/resources?type={kind}&limit=4{after}"))
                    .await;
                cursor.get_or_insert_with(|| text(&page["cursor"]).to_owned());
                for entry in page["resources"].as_array().unwrap() {
                    if kind == "User" {
                        let resource = &entry["resource"];
                        let version = resource["version"].as_i64().unwrap();
                        let name = entry["record"]["full_name"].clone();
                        known
                            .users
                            .insert(text(&resource["id"]).to_owned(), (version, name));
                    } else {
                        let ends = (
                            text(&entry["group"]).to_owned(),
                            text(&entry["member"]).to_owned(),
                        );
                        known.members.insert(ends);
                    }
                }
                let Some(next) = page["next"].as_str() else {
                    break;
                };
                after = format!("&after={next}");
                sleep(Duration::from_millis(20)).await;
            }
        }
        (known, cursor.unwrap())
    };
    let ((mut known, mut cursor), ()) = tokio::join!(reading, writing);
    server.feed().advance().await.unwrap();
    loop {
        let page = reader
            .read(&format!("/events?after={cursor}&limit=5"))
            .await;
        page["events"]
            .as_array()
            .unwrap()
            .iter()
            .for_each(|event| known.apply(event));
        cursor = text(&page["cursor"]).to_owned();
        if page["more"] == false {
            break;
        }
    }
    let mut expected = Known::default();
    let users = server.get("/Users?count=100").await.expect(200).body;
    for found in users["Resources"].as_array().unwrap() {
        let version = text(&found["meta"]["version"]).trim_matches(|c: char| !c.is_ascii_digit());
        let name = found.get("displayName").cloned().unwrap_or_default();
        expected.users.insert(
            text(&found["id"]).to_owned(),
            (version.parse().unwrap(), name),
        );
    }
    let found = server
        .get(&format!("/Groups/{group}"))
        .await
        .expect(200)
        .body;
    for member in found["members"].as_array().unwrap() {
        expected
            .members
            .insert((group.clone(), text(&member["value"]).to_owned()));
    }
    assert_eq!(known, expected);
}
