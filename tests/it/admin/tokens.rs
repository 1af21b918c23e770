//! Tokens of tenants through the management API.

use super::is_problem;
use crate::harness::{Admin, Server};
use crate::on_both;
use reqwest::Method;
use serde_json::json;

on_both!(
    a_token_has_a_life,
    tokens_that_end_soon_are_listed,
    tokens_are_searched,
);

async fn a_token_has_a_life(server: Server) {
    let admin = Admin::over(&server).await;
    admin
        .ask(Method::POST, "/tenants", Some(json!({"name": "acme"})))
        .await
        .expect(201);
    let body = json!({"name": "okta", "expiresIn": "365d"});
    let issued = admin
        .ask(Method::POST, "/tenants/acme/tokens", Some(body))
        .await
        .expect(201);
    let (id, secret) = (issued.id(), issued.body["token"].as_str().unwrap());
    assert_eq!(issued.body["createdBy"], "admin");
    assert_eq!(issued.body["daysLeft"], 365);
    server.by(secret).get("/Users").await.expect(200);
    let read = admin
        .ask(Method::GET, &format!("/tenants/acme/tokens/{id}"), None)
        .await
        .expect(200);
    assert_eq!(read.body["token"], json!(null));
    let elsewhere = admin
        .ask(Method::GET, &format!("/tenants/default/tokens/{id}"), None)
        .await;
    is_problem(&elsewhere, 404, "not-found");
    let path = format!("/tenants/acme/tokens/{id}/rotate");
    let rotated = admin
        .ask(Method::POST, &path, Some(json!({"overlap": "1h"})))
        .await
        .expect(201);
    assert_eq!(rotated.body["replaces"], id);
    let successor = rotated.body["token"].as_str().unwrap();
    server.by(successor).get("/Users").await.expect(200);
    server.by(secret).get("/Users").await.expect(200);
    is_problem(&admin.ask(Method::POST, &path, None).await, 409, "conflict");
    let path = format!("/tenants/acme/tokens/{}", rotated.id());
    admin.ask(Method::DELETE, &path, None).await.expect(204);
    server.by(successor).get("/Users").await.expect(401);
    let gone = admin.ask(Method::DELETE, &path, None).await;
    is_problem(&gone, 404, "not-found");
    let list = admin
        .ask(Method::GET, "/tenants/acme/tokens?limit=1", None)
        .await
        .expect(200);
    assert_eq!(list.body["items"][0]["state"], "rotated");
    let next = list.body["next"].as_str().unwrap();
    let path = format!("/tenants/acme/tokens?limit=1&cursor={next}");
    let list = admin.ask(Method::GET, &path, None).await.expect(200);
    assert_eq!(list.body["items"][0]["state"], "revoked");
    assert_eq!(list.body["next"], json!(null));
}

async fn tokens_that_end_soon_are_listed(server: Server) {
    let admin = Admin::over(&server).await;
    for (name, life) in [("later", "200d"), ("soon", "2d"), ("sooner", "1d")] {
        let body = json!({"name": name, "expiresIn": life});
        admin
            .ask(Method::POST, "/tenants/default/tokens", Some(body))
            .await
            .expect(201);
    }
    let all = admin.ask(Method::GET, "/tokens", None).await.expect(200);
    let names = all.body["items"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|token| token["name"].clone()).collect();
    assert_eq!(names, ["test", "later", "soon", "sooner"]);
    let first = admin
        .ask(Method::GET, "/tokens?state=expiring&limit=1", None)
        .await
        .expect(200);
    assert_eq!(first.body["items"][0]["name"], "sooner");
    let next = first.body["next"].as_str().unwrap();
    let path = format!("/tokens?state=expiring&limit=1&cursor={next}");
    let second = admin.ask(Method::GET, &path, None).await.expect(200);
    assert_eq!(second.body["items"][0]["name"], "soon");
    assert_eq!(second.body["next"], json!(null));
}

async fn tokens_are_searched(server: Server) {
    let admin = Admin::over(&server).await;
    for name in ["Okta", "okta 2", "entra", "an okta"] {
        let body = Some(json!({"name": name}));
        let issued = admin.ask(Method::POST, "/tenants/default/tokens", body);
        issued.await.expect(201);
    }
    let body = Some(json!({"name": "okta feed"}));
    let feed = admin
        .ask(Method::POST, "/feed-tokens", body)
        .await
        .expect(201);
    let id = feed.id().to_lowercase();
    for (path, expected) in [
        (
            "/tenants/default/tokens?search=OKTA",
            &["Okta", "okta 2"][..],
        ),
        ("/tokens?search=okta", &["okta feed", "Okta", "okta 2"]),
        (&format!("/tokens?search={id}"), &["okta feed"]),
        ("/tokens?state=expiring&search=okta", &[]),
        ("/feed-tokens?search=Okta", &["okta feed"]),
        ("/feed-tokens?search=entra", &[]),
        ("/operators?search=adm", &["admin"]),
        ("/operators?search=dmin", &[]),
    ] {
        let (mut names, mut path) = (Vec::new(), format!("{path}&limit=1"));
        let first = path.clone();
        loop {
            let page = admin.ask(Method::GET, &path, None).await.expect(200);
            let items = page.body["items"].as_array().unwrap().iter();
            names.extend(items.map(|item| item["name"].as_str().unwrap().to_owned()));
            match page.body["next"].as_str() {
                Some(next) => path = format!("{first}&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(names, expected, "{first}");
    }
}
