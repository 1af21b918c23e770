//! A server with few searchable attributes (`schemas.searchable`).

use crate::harness::{Database, Options, Server, USER, group};
use serde_json::json;

crate::on_both!(the_rest_is_refused_in_filters_and_nowhere_else);

async fn the_rest_is_refused_in_filters_and_nowhere_else(server: Server) {
    let database = if server.is_postgres() {
        Database::Postgres
    } else {
        Database::Sqlite
    };
    let options = Options {
        searchable: vec!["userName".into(), "emails.value".into()],
        ..Options::default()
    };
    let server = Server::with(database, options).await;
    let emails = json!([{"value": "a@work.example", "type": "work"}, {"value": "a@home.example", "type": "home"}]);
    let body = json!({"schemas": [USER], "userName": "a", "title": "Boss", "emails": emails});
    let id = server.post("/Users", body).await.expect(201).id();
    let path = server
        .post("/Groups", group("Sales", std::slice::from_ref(&id)))
        .await
        .expect(201)
        .id();
    let changed = json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@work.example"}]);
    let changed = server
        .patch(&format!("/Users/{id}"), changed)
        .await
        .expect(200);
    assert_eq!(changed.body["emails"][0]["value"], "b@work.example");
    for (endpoint, filter, total) in [
        ("/Users", "emails.value eq \"b@work.example\"".to_owned(), 1),
        (
            "/Users",
            format!("id eq \"{id}\" and meta.created gt \"2020-01-01T00:00:00Z\""),
            1,
        ),
        ("/Users", format!("schemas eq \"{USER}\" and groups pr"), 1),
        (
            "/Groups",
            format!("members[value eq \"{id}\" and type eq \"User\"] and displayName eq \"sales\""),
            1,
        ),
    ] {
        let found = search(&server, endpoint, &filter).await.expect(200);
        assert_eq!(found.body["totalResults"], total, "{filter}");
    }
    for filter in [
        "title pr",
        "emails pr",
        "emails.type eq \"work\"",
        "emails[not (value eq \"a\")]",
        "schemas co \"enterprise\"",
    ] {
        search(&server, "/Users", filter)
            .await
            .refused(400, "invalidFilter");
    }
    let left = json!([{"op": "remove", "path": format!("members[value eq \"{id}\" and type eq \"User\"]")}]);
    server
        .patch(&format!("/Groups/{path}"), left)
        .await
        .expect(204);
    assert_eq!(
        search(&server, "/Users", "groups pr")
            .await
            .expect(200)
            .body["totalResults"],
        0
    );
    server.is_sound().await;
}

async fn search(server: &Server, endpoint: &str, filter: &str) -> crate::harness::Answer {
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
    server.post(&format!("{endpoint}/.search"), search).await
}
