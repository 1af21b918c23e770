//! A schema of one tenant does not affect other tenants, even with the same URN.

use super::{ACME, agrees, attributes, change, filter, gone, with};
use crate::harness::Server;
use scimd::resource::Conformance;
use scimd::store::TenantChange;
use serde_json::{Value, json};

crate::on_both!(
    a_schema_is_its_tenants_alone,
    two_tenants_may_define_one_name_otherwise,
    a_tenant_is_deleted_with_its_schemas
);

async fn a_schema_is_its_tenants_alone(server: Server) {
    let strict = TenantChange {
        conformance: Some(Conformance::Rfc),
        ..TenantChange::default()
    };
    let acme = server.tenant("acme", &TenantChange::default()).await;
    let other = server.tenant("other", &strict).await;
    change(
        &server,
        Some("acme"),
        &attributes(json!([{"name": "level", "type": "integer"}])),
    )
    .await
    .unwrap();
    let (acme, other) = (server.by(&acme), server.by(&other));
    assert_eq!(
        acme.post("/Users", with("a", &json!({"level": 1})))
            .await
            .expect(201)
            .body[ACME]["level"],
        1
    );
    let ignored = server
        .post("/Users", with("a", &json!({"level": 1})))
        .await
        .expect(201)
        .body;
    assert_eq!(ignored[ACME], Value::Null);
    other
        .post("/Users", with("a", &json!({"level": 1})))
        .await
        .refused(400, "invalidValue");
    let asked = format!("/Users?{}", filter(&format!("{ACME}:level eq 1")));
    assert_eq!(acme.get(&asked).await.expect(200).body["totalResults"], 1);
    other.get(&asked).await.refused(400, "invalidFilter");
    acme.get(&format!("/Schemas/{ACME}")).await.expect(200);
    other.get(&format!("/Schemas/{ACME}")).await.expect(404);
    let types = other.get("/ResourceTypes/User").await.expect(200).body;
    assert!(!types["schemaExtensions"].to_string().contains(ACME));
    agrees(&server).await;
}

async fn two_tenants_may_define_one_name_otherwise(server: Server) {
    let acme = server.tenant("acme", &TenantChange::default()).await;
    let other = server.tenant("other", &TenantChange::default()).await;
    let number = json!([{"name": "level", "type": "integer", "uniqueness": "server"}]);
    change(&server, Some("acme"), &attributes(number))
        .await
        .unwrap();
    change(
        &server,
        Some("other"),
        &attributes(json!([{"name": "level", "type": "string"}])),
    )
    .await
    .unwrap();
    let (acme, other) = (server.by(&acme), server.by(&other));
    acme.post("/Users", with("a", &json!({"level": 10})))
        .await
        .expect(201);
    acme.post("/Users", with("b", &json!({"level": 10})))
        .await
        .refused(409, "uniqueness");
    acme.post("/Users", with("b", &json!({"level": 9})))
        .await
        .expect(201);
    for (name, level) in [("a", "10"), ("b", "10"), ("c", "9")] {
        other
            .post("/Users", with(name, &json!({"level": level})))
            .await
            .expect(201);
    }
    let names = |listed: Value| {
        let users = listed["Resources"].as_array().unwrap().clone();
        users
            .iter()
            .map(|user| user["userName"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let sorted = format!("/Users?sortBy={ACME}:level");
    assert_eq!(names(acme.get(&sorted).await.expect(200).body), ["b", "a"]);
    assert_eq!(
        names(other.get(&sorted).await.expect(200).body),
        ["a", "b", "c"]
    );
    change(&server, Some("acme"), &gone()).await.unwrap();
    assert_eq!(names(other.get(&sorted).await.expect(200).body).len(), 3);
    agrees(&server).await;
}

async fn a_tenant_is_deleted_with_its_schemas(server: Server) {
    let token = server.tenant("acme", &TenantChange::default()).await;
    change(
        &server,
        Some("acme"),
        &attributes(json!([{"name": "level"}])),
    )
    .await
    .unwrap();
    server
        .by(&token)
        .post("/Users", with("a", &json!({"level": "x"})))
        .await
        .expect(201);
    server.operator.delete_tenant("acme").await.unwrap();
    assert_eq!(server.number("select count(*) from schema_file").await, 0);
    let again = server.tenant("acme", &TenantChange::default()).await;
    server
        .by(&again)
        .get(&format!("/Schemas/{ACME}"))
        .await
        .expect(404);
    agrees(&server).await;
}
