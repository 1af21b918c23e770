//! Creating, reading, changing and deleting (RFC 7644 section 3).

use crate::harness::{Database, ENTERPRISE, Server, USER, group, user};
use reqwest::Method;
use scimd::operator::DatabaseTarget;
use scimd::store::TenantChange;
use secrecy::ExposeSecret;
use serde_json::json;

crate::on_both!(
    values_with_separators_are_different,
    wrong_counters_are_found_and_repaired,
    a_user_is_created_changed_and_deleted,
    a_group_has_members,
    lists_and_filters,
    conditions_on_versions,
    groups_of_groups,
    a_lower_seat_limit_deactivates_no_user,
);

async fn a_lower_seat_limit_deactivates_no_user(server: Server) {
    let seats = |seats| TenantChange {
        seats: Some(Some(seats)),
        ..TenantChange::default()
    };
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(server.post("/Users", user(name)).await.expect(201).id());
    }
    let info = server
        .operator
        .change_tenant("default", &seats(1))
        .await
        .unwrap();
    assert_eq!((info.active_users, info.used), (3, 3));
    let refused = server.post("/Users", user("d")).await.refused(403, "");
    let detail = "Seats of this application: 1; active users: 3. Deactivate 3 of them, or ask for more seats.";
    assert_eq!(refused.body["detail"], detail);
    for id in &ids {
        let off = json!([{"op": "replace", "path": "active", "value": false}]);
        server.patch(&format!("/Users/{id}"), off).await.expect(200);
    }
    server.post("/Users", user("d")).await.expect(201);
    server.post("/Users", user("e")).await.refused(403, "");
}

/// RFC 7644 sections 3.3, 3.4.1, 3.5.1, 3.5.2, 3.6.
async fn a_user_is_created_changed_and_deleted(server: Server) {
    let body = json!({
        "schemas": [USER, ENTERPRISE], "userName": "Jane@Example.com", "externalId": "00u1", "groups": [],
        "name": {"givenName": "Jane", "familyName": "Doe"}, "password": "secret",
        "emails": [{"primary": true, "value": "jane@example.com", "type": "work"}],
        ENTERPRISE: {"department": "Sales"},
    });
    let made = server.post("/Users", body).await.expect(201);
    let id = made.id();
    assert_eq!(
        made.header("location"),
        made.body["meta"]["location"].as_str()
    );
    assert_eq!(made.header("etag"), Some("W/\"1\""));
    assert_eq!(made.body["active"], true);
    assert!(made.body.get("password").is_none() && made.body.get("groups").is_none());
    assert_eq!(made.body["schemas"], json!([USER, ENTERPRISE]));
    let read = server.get(&format!("/Users/{id}")).await.expect(200);
    assert_eq!(read.body, made.body);
    server
        .post("/Users", user("JANE@example.COM"))
        .await
        .refused(409, "uniqueness");
    let again = server
        .put(&format!("/Users/{id}"), read.body.clone())
        .await
        .expect(200);
    assert_eq!(
        again.body, read.body,
        "a PUT of what was read changes nothing"
    );
    let patched = server
        .patch(
            &format!("/Users/{id}"),
            json!([{"op": "replace", "value": {"active": false}}]),
        )
        .await
        .expect(200);
    assert_eq!(
        (&patched.body["active"], &patched.body["meta"]["version"]),
        (&json!(false), &json!("W/\"2\""))
    );
    let found = server
        .get("/Users?filter=userName%20eq%20%22JANE@EXAMPLE.com%22&startIndex=1&count=100")
        .await
        .expect(200);
    assert_eq!(
        (&found.body["totalResults"], &found.body["Resources"][0]),
        (&json!(1), &patched.body)
    );
    let shown = server
        .get(&format!(
            "/Users/{id}?attributes=userName,emails.value,{ENTERPRISE}:department"
        ))
        .await
        .expect(200);
    assert_eq!(
        shown.body,
        json!({"schemas": [USER, ENTERPRISE], "id": id, "userName": "Jane@Example.com",
        "emails": [{"value": "jane@example.com"}], ENTERPRISE: {"department": "Sales"}})
    );
    server.delete(&format!("/Users/{id}")).await.expect(204);
    server.get(&format!("/Users/{id}")).await.refused(404, "");
    server
        .delete(&format!("/Users/{id}"))
        .await
        .refused(404, "");
    server
        .post("/Users", user("jane@example.com"))
        .await
        .expect(201);
    assert!(server.operator.verify(false).await.unwrap().is_empty());
}

/// RFC 7643 section 4.2; RFC 7644 section 3.5.2.
async fn a_group_has_members(server: Server) {
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        let body = json!({"schemas": [USER], "userName": name, "displayName": name});
        ids.push(server.post("/Users", body).await.expect(201).id());
    }
    let made = server
        .post("/Groups", group("Sales", &ids[..2]))
        .await
        .expect(201);
    let path = format!("/Groups/{}", made.id());
    assert_eq!(made.body["members"].as_array().unwrap().len(), 2);
    assert_eq!(made.body["members"][0]["display"], "a");
    server
        .post("/Groups", group("SALES", &[]))
        .await
        .refused(409, "uniqueness");
    let added = server
        .patch(&path, json!([{"op": "add", "path": "members", "value": [{"value": ids[2]}, {"value": ids[0]}]}]))
        .await
        .expect(204);
    assert_eq!(added.header("etag"), Some("W/\"2\""));
    let same = server
        .patch(
            &path,
            json!([{"op": "add", "path": "members", "value": [{"value": ids[2]}]}]),
        )
        .await
        .expect(204);
    assert_eq!(
        same.header("etag"),
        Some("W/\"2\""),
        "adding a member again changes nothing"
    );
    let removed = server
        .patch(
            &path,
            json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", ids[0])}]),
        )
        .await
        .expect(204);
    assert_eq!(removed.header("etag"), Some("W/\"3\""));
    let renamed = server
        .patch(
            &path,
            json!([{"op": "replace", "value": {"id": made.id(), "displayName": "Sales 2"}},
        {"op": "add", "path": "members", "value": [{"value": ids[0]}]}]),
        )
        .await
        .expect(204);
    assert_eq!(renamed.header("etag"), Some("W/\"4\""));
    let read = server.get(&path).await.expect(200);
    assert_eq!(read.body["members"].as_array().unwrap().len(), 3);
    let of_user = server.get(&format!("/Users/{}", ids[0])).await.expect(200);
    assert_eq!(
        (
            &of_user.body["groups"][0]["display"],
            &of_user.body["groups"][0]["type"]
        ),
        (&json!("Sales 2"), &json!("direct"))
    );
    server
        .delete(&format!("/Users/{}", ids[1]))
        .await
        .expect(204);
    let read = server.get(&path).await.expect(200);
    assert_eq!(
        (
            read.body["members"].as_array().unwrap().len(),
            &read.body["meta"]["version"]
        ),
        (2, &json!("W/\"5\""))
    );
    let kept = server
        .put(
            &path,
            json!({"schemas": read.body["schemas"], "displayName": "Sales 3"}),
        )
        .await
        .expect(200);
    assert_eq!(
        kept.body["members"].as_array().unwrap().len(),
        2,
        "a PUT without members keeps them"
    );
    let cleared = server
        .put(
            &path,
            json!({"schemas": read.body["schemas"], "displayName": "Sales 3", "members": []}),
        )
        .await
        .expect(200);
    assert_eq!(cleared.body["members"], json!([]));
    let found = server
        .get(&format!(
            "/Groups?filter=members.value%20eq%20%22{}%22",
            ids[0]
        ))
        .await
        .expect(200);
    assert_eq!(found.body["totalResults"], 0);
    server.delete(&path).await.expect(204);
    assert!(server.operator.verify(false).await.unwrap().is_empty());
}

/// RFC 7644 sections 3.4.2.2 to 3.4.2.4.
async fn lists_and_filters(server: Server) {
    for i in 0..7 {
        server.post("/Users", json!({"schemas": [USER], "userName": format!("u{i}"), "title": if i % 2 == 0 { "Boss" } else { "Clerk" },
            "emails": [{"value": format!("u{i}@work.example"), "type": "work"}, {"value": format!("u{i}@home.example"), "type": "home"}]})).await.expect(201);
    }
    for (filter, total) in [
        ("title eq \"boss\"", 4),
        ("title eq \"boss\" and userName eq \"u2\"", 1),
        ("not (title eq \"boss\")", 3),
        ("title ne \"boss\"", 3),
        ("emails[type eq \"work\" and value co \"u3@\"]", 1),
        (
            "emails[type eq \"home\" and value eq \"u3@work.example\"]",
            0,
        ),
        ("emails.value sw \"u1\" or emails.value sw \"u2\"", 2),
        ("nickName pr", 0),
        ("not (nickName pr)", 7),
        ("active eq true", 7),
        ("emails[not (type eq \"work\")]", 7),
        ("meta.created gt \"2020-01-01T00:00:00Z\"", 7),
        ("groups pr", 0),
        (
            "schemas eq \"urn:ietf:params:scim:schemas:core:2.0:User\"",
            7,
        ),
        ("id pr and title eq \"clerk\" and active eq true", 3),
        ("userName co \"%\"", 0),
        ("userName ew \"5\"", 1),
        ("id gt \"0\"", 7),
    ] {
        let query: String = url_encoded(filter);
        let found = server
            .get(&format!("/Users?filter={query}"))
            .await
            .expect(200);
        assert_eq!(found.body["totalResults"], total, "{filter}");
    }
    let page = server
        .get("/Users?startIndex=4&count=3")
        .await
        .expect(200)
        .body;
    assert_eq!(
        (
            &page["totalResults"],
            &page["startIndex"],
            &page["itemsPerPage"]
        ),
        (&json!(7), &json!(4), &json!(3))
    );
    assert_eq!(page["Resources"][0]["userName"], "u3");
    let past = server
        .get("/Users?startIndex=101&count=100")
        .await
        .expect(200)
        .body;
    assert_eq!(
        (
            &past["totalResults"],
            &past["itemsPerPage"],
            &past["Resources"]
        ),
        (&json!(7), &json!(0), &json!([]))
    );
    let sorted = server
        .get("/Users?sortBy=userName&sortOrder=descending&count=2")
        .await
        .expect(200)
        .body;
    assert_eq!(sorted["Resources"][0]["userName"], "u6");
    server
        .get("/Users?filter=userName%20xx%20%22a%22")
        .await
        .refused(400, "invalidFilter");
    server
        .get("/Users?filter=favouriteColour%20eq%20%22a%22")
        .await
        .refused(400, "invalidFilter");
}

/// RFC 7644 section 3.14.
async fn conditions_on_versions(server: Server) {
    let id = server.post("/Users", user("a")).await.expect(201).id();
    let path = format!("/Users/{id}");
    let same = server
        .client()
        .send(Method::GET, &path, None, &[("if-none-match", "W/\"1\"")])
        .await;
    assert_eq!((same.status, same.header("etag")), (304, Some("W/\"1\"")));
    let stale = server
        .client()
        .send(
            Method::PUT,
            &path,
            Some(user("b")),
            &[("if-match", "W/\"9\"")],
        )
        .await;
    stale.refused(412, "");
    let fits = server
        .client()
        .send(
            Method::PUT,
            &path,
            Some(user("b")),
            &[("if-match", "W/\"1\"")],
        )
        .await;
    assert_eq!(fits.expect(200).header("etag"), Some("W/\"2\""));
    server
        .client()
        .send(Method::DELETE, &path, None, &[("if-match", "\"1\"")])
        .await
        .refused(412, "");
    server
        .client()
        .send(Method::DELETE, &path, None, &[("if-match", "*")])
        .await
        .expect(204);
}

/// RFC 7643 section 4.1.2: direct and indirect groups.
async fn groups_of_groups(server: Server) {
    let user_id = server.post("/Users", user("a")).await.expect(201).id();
    let inner = server
        .post("/Groups", group("Inner", std::slice::from_ref(&user_id)))
        .await
        .expect(201)
        .id();
    let outer = server
        .post("/Groups", group("Outer", std::slice::from_ref(&inner)))
        .await
        .expect(201);
    assert_eq!(outer.body["members"][0]["type"], "Group");
    server
        .patch(
            &format!("/Groups/{inner}"),
            json!([{"op": "add", "path": "members", "value": [{"value": outer.id()}]}]),
        )
        .await
        .expect(204);
    let read = server
        .get(&format!("/Users/{user_id}"))
        .await
        .expect(200)
        .body;
    let types: Vec<_> = read["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| (g["display"].clone(), g["type"].clone()))
        .collect();
    assert_eq!(
        types,
        [
            (json!("Inner"), json!("direct")),
            (json!("Outer"), json!("indirect"))
        ]
    );
    for (filter, total) in [
        ("groups.display eq \"outer\"", 1),
        ("groups[display eq \"outer\" and type eq \"direct\"]", 0),
        ("groups[display eq \"outer\" and type eq \"indirect\"]", 1),
    ] {
        let found = server
            .get(&format!("/Users?filter={}", url_encoded(filter)))
            .await
            .expect(200);
        assert_eq!(found.body["totalResults"], total, "{filter}");
    }
}

fn url_encoded(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// Of several hosts, the one that accepts writes is used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_hosts() {
    let server = Server::on(Database::Postgres).await;
    let DatabaseTarget::Postgres { url } = &server.database else {
        panic!("no PostgreSQL")
    };
    let dead = url
        .expose_secret()
        .replacen("@127.0.0.1", "@127.0.0.1:1,127.0.0.1", 1);
    assert_ne!(dead, url.expose_secret());
    let second = Server::over(DatabaseTarget::Postgres { url: dead.into() }).await;
    let id = second.post("/Users", user("a")).await.expect(201).id();
    server.get(&format!("/Users/{id}")).await.expect(200);
}

/// `verify` finds counters that disagree with the resources, and corrects them with `--repair`.
async fn wrong_counters_are_found_and_repaired(server: Server) {
    server.post("/Users", user("a")).await.expect(201);
    miscount(&server.database).await;
    assert_eq!(server.get("/Users?count=0").await.body["totalResults"], 6);
    assert_eq!(server.operator.verify(false).await.unwrap().len(), 1);
    assert_eq!(server.operator.verify(true).await.unwrap().len(), 1);
    assert!(server.operator.verify(false).await.unwrap().is_empty());
    assert_eq!(server.get("/Users?count=0").await.body["totalResults"], 1);
}

async fn miscount(database: &DatabaseTarget) {
    use sqlx::{ConnectOptions, Executor};
    let wrong = "update counter set live = live + 5";
    match database {
        DatabaseTarget::Postgres { url } => {
            crate::harness::pooler::connect_behind(url.expose_secret())
                .await
                .execute(wrong)
                .await
                .unwrap();
        }
        DatabaseTarget::Sqlite { data_dir } => {
            let options =
                sqlx::sqlite::SqliteConnectOptions::new().filename(data_dir.join("scimd.db"));
            options
                .connect()
                .await
                .unwrap()
                .execute(wrong)
                .await
                .unwrap();
        }
    }
}

/// Values are compared part by part, because a value can contain any separator.
async fn values_with_separators_are_different(server: Server) {
    let emails = json!([{"value": "a", "display": "b"}, {"value": "a\u{2}display\u{1}b"}]);
    let mut body = user("a");
    body["emails"] = emails.clone();
    let made = server.post("/Users", body).await.expect(201);
    assert_eq!(made.body["emails"], emails);
    let path = format!("/Users/{}", made.id());
    let pair = json!([{"value": "c", "type": "work"}, {"value": "c\u{1}work"}]);
    let added = json!([{"op": "add", "path": "emails", "value": pair}]);
    assert_eq!(
        server.patch(&path, added).await.expect(200).body["emails"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
}
