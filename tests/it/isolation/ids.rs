//! Ids and names of another tenant.

use super::{Tenant, bulk, found, routes_of};
use crate::harness::{ENTERPRISE, Server, USER, group, user};
use reqwest::Method;
use serde_json::json;

crate::on_both!(
    names_are_separate_for_each_tenant,
    resources_of_another_tenant_do_not_exist,
    another_tenants_ids_match_nothing,
    a_deleted_tenant_leaves_the_others,
);

/// TEN-3, TEN-4: resources of one tenant are not counted, listed or in conflict in another.
async fn names_are_separate_for_each_tenant(server: Server) {
    let (one, two) = (
        Tenant::new(&server, "one").await,
        Tenant::new(&server, "two").await,
    );
    for name in ["joe", "jim"] {
        server
            .by(&one.token)
            .post("/Users", user(name))
            .await
            .expect(201);
    }
    server
        .by(&two.token)
        .post("/Users", user("JANE"))
        .await
        .refused(409, "uniqueness");
    server
        .by(&two.token)
        .post("/Groups", group("SALES", &[]))
        .await
        .refused(409, "uniqueness");
    for (tenant, users) in [(&one, 3), (&two, 1)] {
        let client = server.by(&tenant.token);
        for (endpoint, total) in [("", users + 1), ("/Users", users), ("/Groups", 1)] {
            for query in ["", "sortBy=id", "cursor", "startIndex=2&count=1", "count=0"] {
                let listed = client
                    .get(&format!("{endpoint}/?{query}"))
                    .await
                    .expect(200)
                    .body;
                assert_eq!(listed["totalResults"], total, "{endpoint} {query}");
            }
            assert_eq!(found(&client, endpoint, "id pr").await, total);
        }
        assert_eq!(
            found(
                &client,
                "/Users",
                "userName eq \"jane\" and externalId eq \"00u1\""
            )
            .await,
            1
        );
        assert_eq!(
            found(&client, "/Groups", "displayName eq \"sales\"").await,
            1
        );
    }
    server
        .by(&one.token)
        .delete(&format!("/Users/{}", one.user))
        .await
        .expect(204);
    assert_eq!(
        found(&server.by(&two.token), "/Groups", "members pr").await,
        1
    );
    assert_eq!(
        found(&server.by(&one.token), "/Groups", "members pr").await,
        0
    );
    server.is_sound().await;
}

/// SEC-5: the response is the same as for an id that does not exist.
async fn resources_of_another_tenant_do_not_exist(server: Server) {
    let (one, two) = (
        Tenant::new(&server, "one").await,
        Tenant::new(&server, "two").await,
    );
    let nobody = "01900000-0000-7000-8000-000000000000";
    for (own, other) in [(&one, &two), (&two, &one)] {
        let (client, before) = (server.by(&own.token), other.everything(&server).await);
        let foreign = routes_of(&other.user, &other.group);
        for ((method, path, body), (_, nowhere, _)) in
            foreign.into_iter().zip(routes_of(nobody, nobody))
        {
            for headers in [
                &[][..],
                &[("if-match", "*")],
                &[("if-none-match", "W/\"1\"")],
            ] {
                let answer = client
                    .send(method.clone(), &path, body.clone(), headers)
                    .await
                    .refused(404, "");
                let absent = client
                    .send(method.clone(), &nowhere, body.clone(), headers)
                    .await
                    .refused(404, "");
                assert_eq!(answer.body, absent.body, "{method} {path}");
            }
        }
        // A tenant's own resource does not exist at the endpoint of another type either.
        for (method, path, body) in routes_of(&own.group, &own.user) {
            client.send(method, &path, body, &[]).await.refused(404, "");
        }
        let operations = json!([
            {"method": "DELETE", "path": format!("/Users/{}", other.user)},
            {"method": "PUT", "path": format!("/Groups/{}", other.group), "data": group("x", &[])},
            {"method": "PATCH", "path": format!("/Users/{}", other.user), "version": "W/\"1\"",
             "data": super::patch(&json!([{"op": "remove", "path": "externalId"}]))},
        ]);
        let answer = client
            .post("/Bulk", bulk(&operations))
            .await
            .expect(200)
            .body;
        assert!(
            answer["Operations"]
                .as_array()
                .unwrap()
                .iter()
                .all(|result| result["status"] == "404"),
            "{answer}"
        );
        assert_eq!(other.everything(&server).await, before);
    }
    server.is_sound().await;
}

async fn another_tenants_ids_match_nothing(server: Server) {
    let (one, two) = (
        Tenant::new(&server, "one").await,
        Tenant::new(&server, "two").await,
    );
    for (own, other) in [(&one, &two), (&two, &one)] {
        let (client, theirs) = (server.by(&own.token), server.by(&other.token));
        let (user, group) = (&other.user, &other.group);
        for (endpoint, filter) in [
            ("/Users", format!("id eq \"{user}\"")),
            ("/Users", format!("id sw \"{user}\"")),
            (
                "/Users",
                format!("userName eq \"jane\" and id eq \"{user}\""),
            ),
            ("/Users", format!("groups.value eq \"{group}\"")),
            ("/Users", format!("groups eq \"{group}\"")),
            (
                "/Users",
                format!("groups[value eq \"{group}\" and type eq \"direct\"]"),
            ),
            ("/Groups", format!("id eq \"{group}\"")),
            ("/Groups", format!("members eq \"{user}\"")),
            ("/Groups", format!("members.value eq \"{user}\"")),
            (
                "/Groups",
                format!("members[value eq \"{user}\" and type eq \"User\"]"),
            ),
            (
                "/Groups",
                format!(
                    "displayName eq \"sales\" and members.value ew \"{}\"",
                    last_part(user)
                ),
            ),
            ("", format!("id eq \"{group}\"")),
        ] {
            assert_eq!(found(&client, endpoint, &filter).await, 0, "{filter}");
            assert_eq!(found(&theirs, endpoint, &filter).await, 1, "{filter}");
        }
        for filter in [
            format!("not (id eq \"{user}\")"),
            format!("id gt \"{}\"", first_part(user)),
        ] {
            assert!(found(&client, "/Users", &filter).await <= 1, "{filter}");
        }
        cursors_are_a_tenants_own(&server, own, other).await;
        a_manager_is_only_text(&server, own, other).await;
    }
    server.is_sound().await;
}

fn first_part(id: &str) -> &str {
    id.split('-').next().unwrap()
}

fn last_part(id: &str) -> &str {
    id.rsplit('-').next().unwrap()
}

async fn cursors_are_a_tenants_own(server: &Server, own: &Tenant, other: &Tenant) {
    let page = server
        .by(&other.token)
        .get("/?cursor&count=1")
        .await
        .expect(200)
        .body;
    let path = format!("/?cursor={}&count=1", page["nextCursor"].as_str().unwrap());
    server
        .by(&own.token)
        .get(&path)
        .await
        .refused(400, "invalidCursor");
    server.by(&other.token).get(&path).await.expect(200);
}

/// An id in an attribute is text: no data of the resource with that id is returned.
async fn a_manager_is_only_text(server: &Server, own: &Tenant, other: &Tenant) {
    let manager =
        json!({"value": other.user, "displayName": "forged", "$ref": "https://example.com/x"});
    let body = json!({"schemas": [USER, ENTERPRISE], "userName": "report", ENTERPRISE: {"manager": manager}});
    let made = server.by(&own.token).post("/Users", body).await.expect(201);
    let shown = server
        .by(&own.token)
        .get(&format!("/Users/{}", made.id()))
        .await
        .expect(200)
        .body;
    assert_eq!(shown[ENTERPRISE]["manager"]["value"], other.user.as_str());
    assert_eq!(shown[ENTERPRISE]["manager"].get("displayName"), None);
    server
        .by(&own.token)
        .delete(&format!("/Users/{}", made.id()))
        .await
        .expect(204);
}

async fn a_deleted_tenant_leaves_the_others(server: Server) {
    let (one, two) = (
        Tenant::new(&server, "one").await,
        Tenant::new(&server, "two").await,
    );
    let before = two.everything(&server).await;
    server.operator.delete_tenant("one").await.unwrap();
    for (method, path, body) in super::all_routes(&one.user, &one.group) {
        server
            .by(&one.token)
            .send(method, &path, body, &[])
            .await
            .refused(401, "");
    }
    assert_eq!(two.everything(&server).await, before);
    // A new tenant with the same name is empty.
    let again = server
        .by(&server
            .tenant("one", &scimd::store::TenantChange::default())
            .await)
        .get("/")
        .await;
    assert_eq!(again.expect(200).body["totalResults"], 0);
    server
        .by(&two.token)
        .send(Method::GET, &format!("/Users/{}", two.user), None, &[])
        .await
        .expect(200);
    server.is_sound().await;
}
