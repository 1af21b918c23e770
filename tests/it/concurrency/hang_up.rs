//! Clients that disconnect during a request: no acknowledged change is lost or partly applied, and the connections to
//! the database stay usable. In some drivers, a transaction whose beginning is cancelled loses later writes of other
//! requests.

use super::{add, members, new_group, new_users};
use crate::harness::{Chance, Fleet, Server, USER, group, user};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

crate::on_fleets!(acknowledged_writes_outlive_clients_that_hang_up);

const CLIENTS: usize = 16;
const FICKLE: usize = 60;
const HONEST: usize = 25;

/// Each client has its own user; other users are added to groups, and some are deleted.
struct Stage {
    own: Vec<String>,
    others: Vec<String>,
    doomed: Vec<String>,
    group: String,
}

async fn acknowledged_writes_outlive_clients_that_hang_up(fleet: Fleet) {
    let stage = Arc::new(Stage {
        own: new_users(&fleet, "own", CLIENTS).await,
        others: new_users(&fleet, "other", CLIENTS * 2).await,
        doomed: new_users(&fleet, "doomed", CLIENTS * FICKLE / 20).await,
        group: new_group(fleet.first(), "Sales", &[]).await,
    });
    let acknowledged = fleet
        .race(CLIENTS, |fleet, i| {
            let stage = stage.clone();
            async move {
                if i % 2 == 0 {
                    return honest(&fleet, i, &stage).await;
                }
                for turn in 0..FICKLE {
                    hang_up(
                        fleet.of(i + turn),
                        &mut Chance::of(i * FICKLE + turn),
                        (i, turn),
                        &stage,
                    )
                    .await;
                }
                Vec::new()
            }
        })
        .await;
    everything_is_there(&fleet, &stage, acknowledged.concat()).await;
    nothing_is_half_applied(&fleet).await;
    // Every connection of the pools works, and none still holds a transaction.
    fleet
        .race(32, |fleet, i| async move {
            fleet.of(i).get("/Users?count=1").await.expect(200)
        })
        .await;
    new_users(&fleet, "last", 32).await;
    for i in 0..2 {
        fleet.of(i).is_sound().await;
    }
    if fleet.first().is_postgres() {
        const HELD: &str = "select count(*) from pg_stat_activity where datname = current_database() \
             and state like 'idle in transaction%'";
        assert_eq!(fleet.first().number(HELD).await, 0);
    }
}

/// Waits for each response; returns the created users.
async fn honest(fleet: &Fleet, i: usize, stage: &Stage) -> Vec<String> {
    let mut made = Vec::new();
    for turn in 0..HONEST {
        let server = fleet.of(i + turn);
        let id = server
            .post("/Users", user(&format!("honest{i}.{turn}")))
            .await
            .expect(201)
            .id();
        server.patch(&stage.group, add(&id)).await.expect(204);
        server
            .patch(&format!("/Users/{}", stage.own[i]), titled(turn))
            .await
            .expect(200);
        made.push(id);
    }
    made
}

/// Two attributes that differ only after a partly applied change.
fn titled(turn: usize) -> Value {
    json!([
        {"op": "replace", "path": "title", "value": format!("{turn}")},
        {"op": "replace", "path": "nickName", "value": format!("{turn}")},
    ])
}

/// Sends a request, or a part of one, and disconnects within milliseconds.
async fn hang_up(server: &Server, chance: &mut Chance, (i, turn): (usize, usize), stage: &Stage) {
    let bytes = request(server, chance, (i, turn), stage);
    let sent = if chance.once_in(4) {
        chance.within(1..bytes.len())
    } else {
        bytes.len()
    };
    let patience = Duration::from_micros(chance.within(0..5000) as u64);
    let mut stream = server.connect().await;
    if chance.once_in(2) {
        stream.set_zero_linger().unwrap();
    }
    stream.write_all(&bytes[..sent]).await.unwrap();
    let mut answer = Vec::new();
    tokio::select! {
        () = sleep(patience) => {}
        _ = stream.read_to_end(&mut answer) => {
            let text = String::from_utf8_lossy(&answer);
            assert!(text.starts_with("HTTP/1.1 2") || text.starts_with("HTTP/1.1 404"), "{text}");
        }
    }
}

fn request(
    server: &Server,
    chance: &mut Chance,
    (i, turn): (usize, usize),
    stage: &Stage,
) -> Vec<u8> {
    let others = &stage.others[i * 2..i * 2 + 2];
    let pair: Vec<_> = others.iter().map(|id| json!({"value": id})).collect();
    let patch = |path: &str, operations: Value| {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        server.request("PATCH", path, body.to_string().as_bytes())
    };
    let own = format!("/Users/{}", stage.own[i]);
    match chance.within(0..12) {
        0 | 1 => server.request(
            "POST",
            "/Users",
            user(&format!("fickle{i}.{turn}")).to_string().as_bytes(),
        ),
        2 => {
            let body = group(&format!("fickle{i}.{turn}"), &stage.own[..5]);
            server.request("POST", "/Groups", body.to_string().as_bytes())
        }
        3 => patch(&stage.group, add(&others[turn % 2])),
        4..7 => patch(
            &stage.group,
            json!([{"op": chance.one_of(&["add", "remove"]), "path": "members", "value": pair}]),
        ),
        7 => patch(&own, titled(turn)),
        8 => {
            let body = json!({"schemas": [USER], "userName": format!("own{i}"), "title": "put", "nickName": "put"});
            server.request("PUT", &own, body.to_string().as_bytes())
        }
        9 => {
            let doomed = &stage.doomed[chance.within(0..stage.doomed.len())];
            server.request("DELETE", &format!("/Users/{doomed}"), b"")
        }
        10 => server.request(
            "GET",
            "/Users?filter=userName%20co%20%22o%22&sortBy=userName",
            b"",
        ),
        _ => server.request("GET", &stage.group, b""),
    }
}

async fn everything_is_there(fleet: &Fleet, stage: &Stage, made: Vec<String>) {
    assert_eq!(made.len(), HONEST * CLIENTS / 2);
    let listed = members(fleet.first(), &stage.group).await;
    assert!(made.iter().all(|id| listed.contains(id)));
    let paths: Arc<[String]> = made.iter().map(|id| format!("/Users/{id}")).collect();
    for chunk in 0..paths.len().div_ceil(16) {
        fleet
            .race(16, |fleet, i| {
                let path = paths.get(chunk * 16 + i).cloned();
                async move {
                    if let Some(path) = path {
                        fleet.of(i).get(&path).await.expect(200);
                    }
                }
            })
            .await;
    }
    for id in stage.own.iter().step_by(2) {
        let read = fleet.first().get(&format!("/Users/{id}")).await.expect(200);
        assert_eq!(read.body["title"], format!("{}", HONEST - 1));
    }
}

async fn nothing_is_half_applied(fleet: &Fleet) {
    let users = fleet
        .first()
        .get("/Users?count=1000&attributes=title,nickName")
        .await
        .expect(200)
        .body;
    for user in users["Resources"].as_array().unwrap() {
        assert_eq!(user["title"], user["nickName"]);
    }
    let groups = fleet
        .first()
        .get("/Groups?count=1000&filter=displayName%20sw%20%22fickle%22")
        .await
        .expect(200)
        .body;
    let groups = groups["Resources"].as_array().unwrap();
    assert!(!groups.is_empty(), "some requests were carried out");
    assert!(
        groups
            .iter()
            .all(|group| group["members"].as_array().unwrap().len() == 5)
    );
}
