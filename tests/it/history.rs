//! The changes of one resource.

use crate::harness::{GROUP, Server, user};
use scimd::store::{ResourceChange, TenantChange};
use serde_json::json;

crate::on_both!(a_resource_has_a_history);

async fn history(
    server: &Server,
    tenant: &str,
    id: &str,
    before: Option<i64>,
) -> Vec<ResourceChange> {
    let id = id.parse().unwrap();
    server
        .operator
        .history(tenant, id, before, 2)
        .await
        .unwrap()
}

async fn a_resource_has_a_history(server: Server) {
    let ann = server.post("/Users", user("ann")).await.expect(201).id();
    let ben = server.post("/Users", user("ben")).await.expect(201).id();
    let sales = json!({"schemas": [GROUP], "displayName": "Sales", "members": [{"value": ann}]});
    let group = server.post("/Groups", sales).await.expect(201).id();
    let path = format!("/Groups/{group}");
    let add = json!([{"op": "add", "path": "members", "value": [{"value": ben}]}]);
    let answer = server.patch(&path, add).await.expect(204);
    let remove = json!([{"op": "remove", "path": format!("members[value eq \"{ann}\"]")}]);
    server.patch(&path, remove).await.expect(204);
    let latest = history(&server, "default", &group, None).await;
    let ids = |ids: &[uuid::Uuid]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let shown: Vec<_> = latest
        .iter()
        .map(|change| {
            (
                &*change.action,
                change.version,
                ids(&change.added),
                ids(&change.removed),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("modify", 3, vec![], vec![ann.clone()]),
            ("modify", 2, vec![ben.clone()], vec![])
        ]
    );
    assert_eq!(latest[1].token_name.as_deref(), Some("test"));
    assert_eq!(latest[1].request.as_deref(), answer.header("x-request-id"));
    assert_eq!(latest[1].attributes, ["members"]);
    let first = history(&server, "default", &group, Some(2)).await;
    assert_eq!((first.len(), &*first[0].action), (1, "create"));
    assert_eq!(ids(&first[0].added), [ann]);
    // Changes of a deleted resource are still found.
    server.delete(&format!("/Users/{ben}")).await.expect(204);
    let gone = history(&server, "default", &ben, None).await;
    let actions: Vec<_> = gone.iter().map(|change| &*change.action).collect();
    assert_eq!(actions, ["delete", "create"]);
    server.tenant("acme", &TenantChange::default()).await;
    assert_eq!(history(&server, "acme", &group, None).await, []);
    assert_eq!(history(&server, "acme", &ben, None).await, []);
}
