//! Schemas change while clients write: no write fails because of it, and the index is correct in the end.

use super::{ACME, agrees, attributes, change, file, gone, with, without};
use crate::harness::Fleet;
use scimd::operator::SchemaStep;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

crate::on_fleets!(
    writes_go_on_while_schemas_change,
    a_bulk_request_continues_with_new_schemas
);

const CLIENTS: usize = 4;

async fn writes_go_on_while_schemas_change(fleet: Fleet) {
    let is_over = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            tokio::spawn(write(
                fleet.clone(),
                client,
                is_over.clone(),
                written.clone(),
            ))
        })
        .collect();
    let schema = |uniqueness: &str, case_exact: bool| {
        file(
            &json!({"id": ACME, "attributes": [{"name": "level", "type": "integer"},
            {"name": "code", "uniqueness": uniqueness, "caseExact": case_exact}]}),
        )
    };
    let steps = [
        attributes(json!([{"name": "level", "type": "integer"}, {"name": "code"}])),
        schema("server", false),
        without("level"),
        schema("none", true),
        gone(),
        schema("server", true),
        schema("server", false),
    ];
    for (i, step) in steps.iter().enumerate() {
        let before = written.load(Ordering::SeqCst);
        change(fleet.of(i), None, step).await.unwrap();
        // Some writes under each state affect resources of the previous one.
        while written.load(Ordering::SeqCst) < before + 2 * CLIENTS {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            assert!(
                !clients.iter().any(tokio::task::JoinHandle::is_finished),
                "a client ended"
            );
        }
    }
    is_over.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    agrees(fleet.first()).await;
}

/// The request is authenticated once, at the beginning; later writes use the schemas of that time.
async fn a_bulk_request_continues_with_new_schemas(fleet: Fleet) {
    let server = fleet.of(1);
    change(
        fleet.of(0),
        None,
        &attributes(json!([{"name": "level", "type": "integer"}])),
    )
    .await
    .unwrap();
    let create = |i: usize| {
        let data = with(&format!("u{i}"), &json!({"level": i}));
        json!({"method": "POST", "path": "/Users", "bulkId": format!("b{i}"), "data": data})
    };
    let operations: Vec<_> = (0..800).map(create).collect();
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    let bulk = {
        let fleet = fleet.clone();
        tokio::spawn(async move { fleet.of(1).post("/Bulk", body).await.expect(200).body })
    };
    let plan = fleet
        .of(0)
        .operator
        .plan_schema(None, &without("level"))
        .await
        .unwrap();
    while server.get("/Users?count=0").await.body["totalResults"] == 0 {
        tokio::task::yield_now().await;
    }
    let mut is_early = false;
    let mut on_step =
        |step: SchemaStep<'_>| is_early |= step == SchemaStep::Waiting && !bulk.is_finished();
    fleet
        .of(0)
        .operator
        .change_schema(&plan, &mut on_step)
        .await
        .unwrap();
    let done = bulk.await.unwrap();
    let statuses: Vec<_> = done["Operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].clone())
        .collect();
    assert!(is_early, "the schema outlasted the request");
    assert!(
        statuses.len() == 800 && statuses.iter().all(|status| status == "201"),
        "{done}"
    );
    agrees(server).await;
}

/// Creates, changes, replaces and deletes users with their own values until it is stopped.
async fn write(fleet: Fleet, client: usize, is_over: Arc<AtomicBool>, written: Arc<AtomicUsize>) {
    for i in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let server = fleet.of(client + i);
        let (name, code) = (format!("u{client}-{i}"), format!("Code-{client}-{i}"));
        let made = server
            .post("/Users", with(&name, &json!({"level": i, "code": code})))
            .await
            .expect(201);
        let path = format!("/Users/{}", made.id());
        let value = json!({ACME: {"level": i + 1}, "title": "x"});
        server
            .patch(&path, json!([{"op": "add", "value": value}]))
            .await
            .expect(200);
        match i % 3 {
            0 => drop(server.delete(&path).await.expect(204)),
            1 => drop(
                server
                    .put(&path, with(&name, &json!({"code": format!("{code}-2")})))
                    .await
                    .expect(200),
            ),
            _ => {
                let found = server.get(&path).await.expect(200).body;
                assert!(found[ACME] == Value::Null || found[ACME].is_object());
            }
        }
        written.fetch_add(1, Ordering::SeqCst);
    }
}
