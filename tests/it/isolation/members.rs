//! Members of another tenant: ignored by lenient tenants, refused by strict ones.

use super::{Tenant, bulk, found, patch};
use crate::harness::{Answer, Server, group};
use reqwest::Method;
use scimd::resource::Conformance;
use scimd::store::TenantChange;
use serde_json::{Value, json};

crate::on_both!(lenient_tenants_leave_them_out, strict_tenants_refuse_them);

/// Requests that add another tenant's user and group to a group, together with an own user.
fn attempts(path: &str, own: &Tenant, other: &Tenant) -> Vec<(Method, String, Value)> {
    let all = [own.user.clone(), other.user.clone(), other.group.clone()];
    let members = group("x", &all)["members"].clone();
    let add = |value: &Value| patch(&json!([{"op": "add", "path": "members", "value": value}]));
    let by_reference = json!([{"value": own.user}, {"$ref": format!("https://example.com/scim/v2/Users/{}", other.user)}]);
    vec![
        (Method::PUT, path.into(), group("Team", &all)),
        (Method::PATCH, path.into(), add(&members)),
        (Method::PATCH, path.into(), add(&by_reference)),
        (
            Method::PATCH,
            path.into(),
            patch(&json!([{"op": "replace", "path": "members", "value": members}])),
        ),
        (
            Method::PATCH,
            path.into(),
            patch(&json!([{"op": "add", "value": {"members": members}}])),
        ),
        (
            Method::PATCH,
            path.into(),
            patch(&json!([
                {"op": "add", "path": "members", "value": [{"value": own.user}]},
                {"op": "add", "path": format!("members[value eq \"{}\"]", other.user), "value": {"value": other.user}},
            ])),
        ),
    ]
}

async fn stays_apart(server: &Server, own: &Tenant, other: &Tenant) {
    let groups = server
        .by(&other.token)
        .get(&format!("/Users/{}", other.user))
        .await
        .expect(200)
        .body["groups"]
        .clone();
    assert_eq!(groups.as_array().unwrap().len(), 1);
    let theirs = format!("members.value eq \"{}\"", other.user);
    assert_eq!(found(&server.by(&own.token), "/Groups", &theirs).await, 0);
    assert_eq!(found(&server.by(&other.token), "/Groups", &theirs).await, 1);
}

async fn lenient_tenants_leave_them_out(server: Server) {
    let (own, other) = (
        Tenant::new(&server, "one").await,
        Tenant::new(&server, "two").await,
    );
    let client = server.by(&own.token);
    let made = client
        .post(
            "/Groups",
            group("Made", &[own.user.clone(), other.user.clone()]),
        )
        .await
        .expect(201);
    assert_eq!(made.body["members"].as_array().unwrap().len(), 1);
    let bulked = json!([{"method": "POST", "path": "/Groups", "bulkId": "1", "data": group("Bulk", std::slice::from_ref(&other.user))}]);
    let answer = client.post("/Bulk", bulk(&bulked)).await.expect(200).body;
    assert_eq!(answer["Operations"][0]["status"], "201");
    for i in 0..6 {
        let path = format!(
            "/Groups/{}",
            client
                .post("/Groups", group("Team", &[]))
                .await
                .expect(201)
                .id()
        );
        let (method, path, body) = attempts(&path, &own, &other).remove(i);
        let changed = client.send(method, &path, Some(body), &[]).await;
        assert!(matches!(changed.status, 200 | 204), "{i}: {}", changed.body);
        let read = client.get(&path).await.expect(200).body;
        let members = read["members"].as_array().unwrap();
        assert_eq!(
            (members.len(), &members[0]["value"]),
            (1, &json!(own.user)),
            "{i}"
        );
        // Removing them changes nothing either.
        for remove in [
            json!([{"op": "remove", "path": "members", "value": [{"value": other.user}]}]),
            json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", other.user)}]),
        ] {
            let etag = client
                .patch(&path, remove)
                .await
                .expect(204)
                .header("etag")
                .map(str::to_owned);
            assert_eq!(etag.as_deref(), read["meta"]["version"].as_str());
        }
        client.delete(&path).await.expect(204);
    }
    stays_apart(&server, &own, &other).await;
    server.is_sound().await;
}

async fn strict_tenants_refuse_them(server: Server) {
    let strict = TenantChange {
        conformance: Some(Conformance::Rfc),
        ..TenantChange::default()
    };
    let (own, other) = (
        Tenant::with(&server, "one", &strict).await,
        Tenant::with(&server, "two", &strict).await,
    );
    let client = server.by(&own.token);
    let names_it = |answer: Answer| {
        let answer = answer.refused(400, "invalidValue");
        assert!(
            answer.body["detail"]
                .as_str()
                .unwrap()
                .contains("There is no resource"),
            "{}",
            answer.body
        );
    };
    names_it(
        client
            .post(
                "/Groups",
                group("Made", &[own.user.clone(), other.user.clone()]),
            )
            .await,
    );
    let path = format!(
        "/Groups/{}",
        client
            .post("/Groups", group("Team", &[]))
            .await
            .expect(201)
            .id()
    );
    for (i, (method, path, body)) in attempts(&path, &own, &other).into_iter().enumerate() {
        let answer = client.send(method, &path, Some(body), &[]).await;
        assert_eq!(answer.status, 400, "{i}");
        names_it(answer);
        let read = client.get(&path).await.expect(200);
        assert_eq!(
            (read.body.get("members"), read.header("etag")),
            (None, Some("W/\"1\"")),
            "{i}"
        );
    }
    assert_eq!(
        found(&client, "/Groups", "displayName eq \"made\"").await,
        0
    );
    stays_apart(&server, &own, &other).await;
    server.is_sound().await;
}
