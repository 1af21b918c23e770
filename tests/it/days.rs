//! Long sequences of requests of identity providers, with too many users for data files; responses to single requests
//! are tested in `tests/data/clients`.

use crate::harness::{GROUP, Server, USER, group, user};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::{Duration, Instant};

crate::on_both!(
    an_import,
    a_day_of_the_wizard,
    a_day_of_the_catalogue,
    a_day_of_entra
);

/// Less than Okta's time-out of a minute.
const TIME_LIMIT: Duration = Duration::from_secs(5);

async fn create_users(server: &Server, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for i in 0..count {
        let body = json!({
            "schemas": [USER], "userName": format!("user{i:03}@example.com"), "externalId": format!("00u{i}"),
            "name": {"givenName": "User", "familyName": i.to_string()}, "displayName": format!("User {i}"),
            "emails": [{"primary": true, "value": format!("user{i:03}@example.com"), "type": "work"}],
            "groups": [], "password": "Xk3!dd0fRq", "active": true
        });
        ids.push(server.post("/Users", body).await.expect(201).id());
    }
    ids
}

fn ids(page: &Value) -> Vec<String> {
    page["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

fn numbers(page: &Value) -> [i64; 3] {
    ["totalResults", "startIndex", "itemsPerPage"]
        .map(|name| page[name].as_i64().unwrap_or_else(|| panic!("{page}")))
}

fn values(ids: &[String]) -> Vec<Value> {
    ids.iter().map(|id| json!({"value": id})).collect()
}

async fn members(server: &Server, path: &str) -> HashSet<String> {
    let read = server.get(path).await.expect(200).body;
    let members = read["members"].as_array().cloned().unwrap_or_default();
    members
        .iter()
        .map(|member| member["value"].as_str().unwrap().to_owned())
        .collect()
}

fn set(ids: &[String]) -> HashSet<String> {
    ids.iter().cloned().collect()
}

/// Okta's import: pages of a hundred, one past the end; each user occurs once, in the order of creation. CLI-2, CLI-17,
/// QRK-15, PAG-1, PAG-2, PAG-4, PAG-8.
async fn an_import(server: Server) {
    let made = create_users(&server, 120).await;
    let mut met = Vec::new();
    for (start, size) in [(1, 100), (101, 20), (201, 0)] {
        let page = server
            .get(&format!("/Users?startIndex={start}&count=100"))
            .await
            .expect(200)
            .body;
        assert_eq!(numbers(&page), [120, start, size]);
        let found = ids(&page);
        assert_eq!(found.len() as i64, size);
        met.extend(found);
    }
    assert_eq!(met, made);
    server
        .patch(
            &format!("/Users/{}", made[7]),
            json!([{"op": "replace", "value": {"active": false}}]),
        )
        .await
        .expect(200);
    let again = server
        .get("/Users?startIndex=1&count=100")
        .await
        .expect(200)
        .body;
    assert_eq!(
        ids(&again),
        made[..100],
        "a change moves nobody to another place"
    );
    assert_eq!(
        again["Resources"][7]["active"], false,
        "who is inactive is imported too"
    );
}

/// An app of Okta's wizard sends GET, POST and PUT. CLI-4, CLI-12, QRK-5, QRK-11, PUT-1, PUT-9, VER-7.
async fn a_day_of_the_wizard(server: Server) {
    let all = create_users(&server, 300).await;
    let made = server
        .post(
            "/Groups",
            json!({"schemas": [GROUP], "displayName": "Everyone", "members": []}),
        )
        .await
        .expect(201);
    let path = format!("/Groups/{}", made.id());
    let pushed = |ids: &[String], name: &str| {
        let members: Vec<_> = ids
            .iter()
            .map(|id| json!({"value": id, "display": null}))
            .collect();
        json!({"schemas": [GROUP], "id": made.id(), "displayName": name, "members": members})
    };
    let started = Instant::now();
    let full = server
        .put(&path, pushed(&all, "Everyone"))
        .await
        .expect(200);
    assert!(started.elapsed() < TIME_LIMIT, "{:?}", started.elapsed());
    assert_eq!(full.body["members"].as_array().unwrap().len(), 300);
    let same = server
        .put(&path, pushed(&all, "Everyone"))
        .await
        .expect(200);
    assert_eq!(
        same.header("etag"),
        full.header("etag"),
        "the same list again is no change"
    );
    server
        .put(&path, pushed(&all[10..], "Everyone"))
        .await
        .expect(200);
    assert_eq!(members(&server, &path).await, set(&all[10..]));
    for id in [&all[0], &all[299]] {
        let read = server.get(&format!("/Users/{id}")).await.expect(200);
        let echoed = server
            .put(&format!("/Users/{id}"), read.body.clone())
            .await
            .expect(200);
        assert_eq!(
            echoed.body, read.body,
            "our own answer, sent back, changes nothing"
        );
        let mut changed = read.body.clone();
        changed["active"] = json!(false);
        let resting = server
            .put(&format!("/Users/{id}"), changed)
            .await
            .expect(200);
        assert_eq!(
            (&resting.body["active"], &resting.body["groups"]),
            (&json!(false), &read.body["groups"])
        );
    }
    server.delete(&path).await.expect(204);
    server.is_sound().await;
}

/// An app of Okta's catalogue sends PATCH. CLI-5, CLI-9, QRK-3, QRK-4, QRK-5, QRK-11, PAT-8, PAT-50.
async fn a_day_of_the_catalogue(server: Server) {
    let all = create_users(&server, 300).await;
    let made = server
        .post("/Groups", group("Everyone", &[]))
        .await
        .expect(201);
    let path = format!("/Groups/{}", made.id());
    let started = Instant::now();
    for batch in all.chunks(256) {
        let named: Vec<_> = batch
            .iter()
            .map(|id| json!({"value": id, "display": id}))
            .collect();
        server
            .patch(
                &path,
                json!([{"op": "add", "path": "members", "value": named}]),
            )
            .await
            .expect(204);
    }
    assert!(started.elapsed() < TIME_LIMIT, "{:?}", started.elapsed());
    let rename = json!([{"op": "replace", "value": {"id": made.id(), "displayName": "Everyone"}}]);
    let full = server.patch(&path, rename.clone()).await.expect(204);
    assert_eq!(members(&server, &path).await, set(&all));
    let gone: Vec<_> = all[..50]
        .iter()
        .map(|id| json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")}))
        .collect();
    server.patch(&path, json!(gone)).await.expect(204);
    server
        .patch(
            &path,
            json!([{"op": "remove", "path": "members", "value": values(&all[50..100])}]),
        )
        .await
        .expect(204);
    let renamed = server.patch(&path, rename).await.expect(204);
    assert_ne!(renamed.header("etag"), full.header("etag"));
    assert_eq!(members(&server, &path).await, set(&all[100..]));
    server
        .patch(
            &path,
            json!([{"op": "replace", "path": "members", "value": values(&all)}]),
        )
        .await
        .expect(204);
    assert_eq!(members(&server, &path).await, set(&all), "push now");
    let user_path = format!("/Users/{}", all[0]);
    for active in [false, true] {
        let changed = server
            .patch(
                &user_path,
                json!([{"op": "replace", "value": {"active": active}}]),
            )
            .await
            .expect(200);
        assert_eq!(
            (
                &changed.body["active"],
                changed.body["groups"][0]["display"].as_str()
            ),
            (&json!(active), Some("Everyone"))
        );
    }
    server.delete(&path).await.expect(204);
    assert!(
        server
            .get(&user_path)
            .await
            .expect(200)
            .body
            .get("groups")
            .is_none()
    );
    server.is_sound().await;
}

/// Requests of Entra ID: groups are filled in batches and never read with their members. CLI-6, CLI-9, CLI-14, QRK-2,
/// QRK-3, QRK-6, QRK-13, DEL-6.
async fn a_day_of_entra(server: Server) {
    let all = create_users(&server, 300).await;
    let made = server
        .post(
            "/Groups",
            json!({"schemas": [GROUP], "displayName": "Everyone", "externalId": "8aa1"}),
        )
        .await
        .expect(201);
    let path = format!("/Groups/{}", made.id());
    for batch in all.chunks(100) {
        let named: Vec<_> = batch
            .iter()
            .map(|id| json!({"$ref": null, "value": id}))
            .collect();
        server
            .patch(
                &path,
                json!([{"op": "Add", "path": "members", "value": named}]),
            )
            .await
            .expect(204);
    }
    let read = server
        .get(&format!("{path}?excludedAttributes=members"))
        .await
        .expect(200)
        .body;
    assert!(read.get("members").is_none());
    let listed = server
        .get("/Groups?excludedAttributes=members&filter=displayName+eq+%22everyone%22")
        .await
        .expect(200)
        .body;
    assert_eq!(
        (
            &listed["totalResults"],
            listed["Resources"][0].get("members")
        ),
        (&json!(1), None)
    );
    let asked = |id: &str| {
        format!(
            "/Groups?filter=id+eq+%22{}%22+and+members+eq+%22{id}%22",
            made.id()
        )
    };
    assert_eq!(
        server.get(&asked(&all[42])).await.expect(200).body["totalResults"],
        1
    );
    let gone: Vec<_> = all[..100]
        .iter()
        .map(|id| json!({"$ref": null, "value": id}))
        .collect();
    server
        .patch(
            &path,
            json!([{"op": "Remove", "path": "members", "value": gone}]),
        )
        .await
        .expect(204);
    assert_eq!(
        server.get(&asked(&all[42])).await.expect(200).body["totalResults"],
        0
    );
    for id in &all[100..110] {
        let user_path = format!("/Users/{id}");
        let resting = server
            .patch(
                &user_path,
                json!([{"op": "Replace", "path": "active", "value": "False"}]),
            )
            .await
            .expect(200);
        assert_eq!(resting.body["active"], false);
        server.delete(&user_path).await.expect(204);
    }
    assert_eq!(members(&server, &path).await, set(&all[110..]));
    server
        .post("/Users", user("USER100@example.com"))
        .await
        .expect(201);
    server.is_sound().await;
}
