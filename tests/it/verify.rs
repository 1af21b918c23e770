//! `scimd verify`: comparison of derived data with its source, and its repair.

use crate::harness::{Database, Options, Server, USER, group, user};
use scimd::schema::SchemaFile;
use scimd::store::{TenantChange, Unrepaired};
use serde_json::json;
use std::sync::Arc;

crate::on_both!(
    damaged_data_is_found_and_repaired,
    a_name_that_two_have_is_not_claimed,
    a_schema_is_removed_and_added_again,
    the_server_can_be_running,
);
crate::on_pooler!(
    damaged_data_is_found_and_repaired,
    a_name_that_two_have_is_not_claimed,
    a_schema_is_removed_and_added_again,
    the_server_can_be_running,
);

/// Changes of the tables, and the messages expected for them.
const SPOILT: &[(&str, &[&str])] = &[
    (
        "delete from attribute_value where key = 'jane'",
        &["User", "the index lacks rows for userName"],
    ),
    (
        "update attribute_value set key = 'ghost' where key = 'boss'",
        &[
            "lacks rows for name.familyName",
            "has extra rows for name.familyName",
        ],
    ),
    (
        "insert into attribute_value select * from attribute_value where key = 'boss'",
        &[
            "lacks rows for name.familyName",
            "has extra rows for name.familyName",
        ],
    ),
    (
        "update attribute_value set is_unique = not is_unique where key = 'jane'",
        &["has extra rows for userName"],
    ),
    (
        "update attribute_value set element = 1 where key = 'jane'",
        &["lacks rows for userName"],
    ),
    (
        "update attribute_value set tail = 'x' where key = 'boss'",
        &["lacks rows for name.familyName"],
    ),
    (
        "update attribute_value set attribute = 32000 where key = 'boss'",
        &["an attribute that is not searched"],
    ),
    (
        "update resource set display = 'x' where display = 'Jane'",
        &["the display name column is stale"],
    ),
    (
        "update resource set display_key = null where display = 'Jane'",
        &["the display name column is stale"],
    ),
    (
        "update resource set scanned = '[]' where display = 'Jane'",
        &["the column of scanned values is stale"],
    ),
    (
        "update resource set takes_seat = not takes_seat where display = 'Jane'",
        &["the seat column is stale"],
    ),
    (
        "update resource set lookup_1 = 'x' where display = 'Jane'",
        &["the lookup columns are stale"],
    ),
    (
        "update counter set live = live + 3, active = active - 1",
        &["type User: 2 resources, 2 active; the counter has"],
    ),
    (
        "delete from counter",
        &["type Group: 1 resources, 0 active; the counter has 0, 0 active"],
    ),
    (
        "update tenant set used = used + 2",
        &["2 seats are taken; the counter has 4"],
    ),
    (
        "delete from resource where display = 'Joe'",
        &[
            "a User that does not exist: it has values",
            "member of a Group, and one of them does not exist",
            "type User: 1",
        ],
    ),
];

async fn damaged_data_is_found_and_repaired(server: Server) {
    let seats = TenantChange {
        seats: Some(Some(10)),
        ..TenantChange::default()
    };
    server.change_tenant("default", &seats).await;
    let mut ids = Vec::new();
    for (name, display) in [("jane", "Jane"), ("joe", "Joe")] {
        let body = json!({"schemas": [USER], "userName": name, "displayName": display, "name": {"familyName": format!("{name}'s boss")},
            "emails": [{"value": format!("{name}@example.com"), "type": "work"}, {"value": "shared@example.com"}]});
        ids.push(server.post("/Users", body).await.expect(201).id());
    }
    server
        .patch(
            &format!("/Users/{}", ids[0]),
            json!([{"op": "replace", "path": "name.familyName", "value": "Boss"}]),
        )
        .await;
    server
        .post("/Groups", group("Sales", &ids))
        .await
        .expect(201);
    for (statement, said) in SPOILT {
        server.spoil(statement).await;
        let findings = server.operator.verify(false).await.unwrap();
        for said in *said {
            assert!(
                findings
                    .iter()
                    .any(|finding| finding.to_string().contains(said)),
                "{statement}: {findings:#?}"
            );
        }
        let repaired = server.operator.verify(true).await.unwrap();
        assert!(
            !repaired.is_empty() && repaired.iter().all(|finding| finding.unrepaired.is_none()),
            "{repaired:#?}"
        );
        assert_eq!(
            server.operator.verify(false).await.unwrap(),
            [],
            "{statement}"
        );
        let found = server
            .get("/Users?filter=userName%20eq%20%22JANE%22%20and%20name.familyName%20eq%20%22boss%22")
            .await;
        assert_eq!(found.expect(200).body["totalResults"], 1, "{statement}");
    }
}

async fn a_name_that_two_have_is_not_claimed(server: Server) {
    let shared = TenantChange {
        unique_group_names: Some(false),
        ..TenantChange::default()
    };
    server.change_tenant("default", &shared).await;
    for _ in 0..2 {
        server
            .post("/Groups", group("Twins", &[]))
            .await
            .expect(201);
    }
    assert_eq!(server.operator.verify(false).await.unwrap(), []);
    server
        .spoil("update tenant set unique_group_names = not unique_group_names")
        .await;
    let repaired = server.operator.verify(true).await.unwrap();
    let left: Vec<_> = repaired
        .iter()
        .filter(|finding| finding.unrepaired == Some(Unrepaired::Taken))
        .collect();
    assert_eq!((repaired.len(), left.len()), (2, 1), "{repaired:#?}");
    assert_eq!(server.operator.verify(false).await.unwrap().len(), 1);
}

/// Documents keep attributes without a current schema; they are indexed again when the schema returns.
async fn a_schema_is_removed_and_added_again(server: Server) {
    let text = include_str!("../../config/schemas/acme_user.json").to_owned();
    let schema_files = Some(vec![SchemaFile {
        origin: "acme_user.json".to_owned(),
        text,
    }]);
    let database = if server.is_postgres() {
        Database::Postgres
    } else {
        Database::Sqlite
    };
    let with_files = || Options {
        schema_files: schema_files.clone(),
        ..Options::default()
    };
    let knowing = Server::with(database, with_files()).await;
    let urn = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";
    let body = json!({"schemas": [USER, urn], "userName": "a", urn: {"clearance": 3}});
    knowing.post("/Users", body).await.expect(201);
    let without = knowing
        .other(Options {
            schema_files: Some(Vec::new()),
            ..Options::default()
        })
        .await;
    assert_eq!(without.operator.verify(true).await.unwrap().len(), 1);
    assert_eq!(without.operator.verify(false).await.unwrap(), []);
    knowing.other(with_files()).await;
    let findings = knowing.operator.verify(true).await.unwrap();
    assert!(
        findings.len() == 1 && findings[0].to_string().contains("the index lacks"),
        "{findings:#?}"
    );
    let found = knowing
        .get(&format!("/Users?filter={urn}:clearance%20eq%203"))
        .await
        .expect(200);
    assert_eq!(found.body["totalResults"], 1);
}

/// Every comparison uses one snapshot, so concurrent changes are not reported.
async fn the_server_can_be_running(server: Server) {
    let server = Arc::new(server);
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let server = server.clone();
            tokio::spawn(async move {
                for i in 0..20 {
                    let id = server.post("/Users", user(&format!("w{writer}-{i}"))).await.expect(201).id();
                    let path = format!("/Users/{id}");
                    let made =
                        server.post("/Groups", group(&format!("g{writer}-{i}"), std::slice::from_ref(&id))).await;
                    let change = json!([{"op": "replace", "value": {"displayName": "x", "active": i % 2 == 0}}]);
                    server.patch(&path, change).await.expect(200);
                    if i % 3 == 0 {
                        server.delete(&path).await.expect(204);
                        server.delete(&format!("/Groups/{}", made.id())).await.expect(204);
                    }
                }
            })
        })
        .collect();
    while writers.iter().any(|writer| !writer.is_finished()) {
        assert_eq!(server.operator.verify(true).await.unwrap(), []);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    server.is_sound().await;
}
