//! Users and groups through the management API.

use super::is_problem;
use crate::harness::{Admin, Database, Options, Server, group, noon, operator_token, user};
use crate::on_both;
use reqwest::Method;
use scimd::clock::Clock;
use scimd::store::OperatorRole;
use serde_json::json;

on_both!(
    resources_are_read,
    a_read_is_recorded_once_an_hour,
    an_operator_deactivates_and_deletes
);

async fn resources_are_read(server: Server) {
    let admin = Admin::over(&server).await;
    let ann = server.post("/Users", user("ann")).await.expect(201).id();
    server.post("/Users", user("ben")).await.expect(201);
    let base = "/tenants/default/scim";
    let path = format!("{base}/Users?filter=userName%20eq%20%22ann%22&attributes=userName");
    let listed = admin.ask(Method::GET, &path, None).await.expect(200);
    assert_eq!(listed.body["totalResults"], 1);
    assert_eq!(listed.body["Resources"][0]["id"], ann);
    let one = admin
        .ask(Method::GET, &format!("{base}/Users/{ann}"), None)
        .await
        .expect(200);
    assert_eq!(one.body["userName"], "ann");
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "userName sw \"b\"",
    });
    for path in [format!("{base}/Users/.search"), format!("{base}/.search")] {
        let found = admin
            .ask(Method::POST, &path, Some(search.clone()))
            .await
            .expect(200);
        assert_eq!(found.body["totalResults"], 1, "{path}");
    }
    let wrong = admin
        .ask(
            Method::GET,
            &format!("{base}/Users?filter=userName%20xx"),
            None,
        )
        .await
        .expect(400);
    assert_eq!(wrong.body["scimType"], "invalidFilter");
    admin
        .ask(Method::GET, &format!("{base}/Robots"), None)
        .await
        .expect(404);
    let trail = admin
        .ask(Method::GET, "/audit?action=directory.read", None)
        .await
        .expect(200);
    let targets = trail.body["items"].as_array().unwrap().iter();
    assert!(targets.filter(|row| row["target"] == ann).count() == 1);
}

async fn a_read_is_recorded_once_an_hour(server: Server) {
    let database = if server.is_postgres() {
        Database::Postgres
    } else {
        Database::Sqlite
    };
    let clock = Clock::standing(noon());
    let options = Options {
        clock: clock.clone(),
        ..Options::default()
    };
    let server = Server::with(database, options).await;
    let admin = Admin::over(&server).await;
    let mut ids = Vec::new();
    for name in ["ann", "ben"] {
        ids.push(server.post("/Users", user(name)).await.expect(201).id());
    }
    let read = async |token: &str, id: &str| {
        for path in ["scim/Users", "history"] {
            let path = format!("/tenants/default/{path}/{id}");
            admin
                .call((token, Method::GET, &path), None, &[])
                .await
                .expect(200);
        }
    };
    // Reads of one hour by one token, also concurrent ones, are one act.
    let first = || read(&admin.token, &ids[0]);
    tokio::join!(first(), first(), first(), first());
    clock.advance(1);
    read(&admin.token, &ids[1]).await;
    clock.advance(1);
    let other = operator_token(&server, OperatorRole::Support, &[]).await;
    read(&other, &ids[0]).await;
    clock.advance(3600);
    read(&admin.token, &ids[0]).await;
    let trail = admin
        .ask(Method::GET, "/audit?action=directory.read", None)
        .await
        .expect(200);
    let rows = trail.body["items"].as_array().unwrap().iter();
    let targets: Vec<_> = rows.map(|row| row["target"].as_str().unwrap()).collect();
    assert_eq!(targets, [&ids[0], &ids[0], &ids[1], &ids[0]]);
}

async fn an_operator_deactivates_and_deletes(server: Server) {
    let admin = Admin::over(&server).await;
    let ann = server.post("/Users", user("ann")).await.expect(201).id();
    let staff = server
        .post("/Groups", group("staff", std::slice::from_ref(&ann)))
        .await
        .expect(201)
        .id();
    let path = format!("/tenants/default/users/{ann}");
    admin
        .ask(Method::POST, &format!("{path}/deactivate"), None)
        .await
        .expect(204);
    let read = server.get(&format!("/Users/{ann}")).await.expect(200);
    assert_eq!(read.body["active"], false);
    let other = format!("/tenants/default/groups/{ann}");
    is_problem(
        &admin.ask(Method::DELETE, &other, None).await,
        404,
        "not-found",
    );
    admin.ask(Method::DELETE, &path, None).await.expect(204);
    server.get(&format!("/Users/{ann}")).await.expect(404);
    is_problem(
        &admin.ask(Method::DELETE, &path, None).await,
        404,
        "not-found",
    );
    let groups = format!("/tenants/default/groups/{staff}");
    admin.ask(Method::DELETE, &groups, None).await.expect(204);
    server.get(&format!("/Groups/{staff}")).await.expect(404);
    let trail = admin
        .ask(Method::GET, "/audit?tenant=default", None)
        .await
        .expect(200);
    let rows = trail.body["items"].as_array().unwrap();
    let acts: Vec<_> = rows
        .iter()
        .map(|row| (row["action"].as_str().unwrap(), row["target"].clone()))
        .take(3)
        .collect();
    assert_eq!(
        acts,
        [
            ("group.delete", json!(staff)),
            ("user.delete", json!(ann)),
            ("user.deactivate", json!(ann))
        ]
    );
}
