//! Removed attributes are not visible, survive every write, and reappear with their schema.

use super::{ACME, agrees, attributes, change, file, filter, found, gone, with, without};
use crate::harness::{Server, USER, user};
use scimd::operator::ExportRequest;
use serde_json::{Value, json};

crate::on_both!(
    removed_attributes_are_hidden_and_reappear,
    a_single_attribute_is_hidden,
    hidden_required_attributes_are_not_required,
    a_file_in_place_of_another_hides_what_it_lacks,
);

fn both() -> Value {
    json!([{"name": "level", "type": "integer"}, {"name": "code", "uniqueness": "server"}])
}

async fn exported(server: &Server) -> String {
    let mut text = String::new();
    let mut sink = |line: &str| -> Result<(), scimd::operator::OperatorError> {
        text.push_str(line);
        Ok(())
    };
    server
        .operator
        .export(
            &ExportRequest {
                tenant: "default",
                with_secrets: true,
            },
            &mut sink,
        )
        .await
        .unwrap();
    text
}

async fn removed_attributes_are_hidden_and_reappear(server: Server) {
    change(&server, None, &attributes(both())).await.unwrap();
    let made = server
        .post("/Users", with("a", &json!({"level": 1, "code": "A"})))
        .await
        .expect(201);
    let path = format!("/Users/{}", made.id());
    server
        .post("/Users", with("b", &json!({"level": 2})))
        .await
        .expect(201);

    let plan = server.operator.plan_schema(None, &gone()).await.unwrap();
    assert_eq!(
        plan.hidden().into_iter().collect::<Vec<_>>(),
        [("code".to_owned(), 1), ("level".to_owned(), 2)]
    );
    assert_eq!(
        server
            .operator
            .change_schema(&plan, &mut |_| ())
            .await
            .unwrap()
            .reindexed,
        2
    );
    agrees(&server).await;
    for read in [
        &path,
        "/Users?sortBy=userName",
        "/Users?attributes=userName&sortBy=userName",
    ] {
        let text = server.get(read).await.expect(200).body.to_string();
        assert!(
            !text.contains("acme") && !text.contains("\"code\""),
            "{text}"
        );
    }
    assert!(!exported(&server).await.contains("acme"));
    server
        .get(&format!("/Users?{}", filter(&format!("{ACME}:level eq 1"))))
        .await
        .refused(400, "invalidFilter");

    let replaced = server.put(&path, user("a2")).await.expect(200).body;
    assert_eq!(
        (&replaced["schemas"], &replaced[ACME]),
        (&json!([USER]), &Value::Null)
    );
    let patch = json!([{"op": "replace", "path": "title", "value": "Boss"}]);
    assert_eq!(
        server.patch(&path, patch).await.expect(200).body[ACME],
        Value::Null
    );
    agrees(&server).await;

    change(&server, None, &attributes(both())).await.unwrap();
    let back = server.get(&path).await.expect(200).body;
    assert_eq!(
        (&back["schemas"], &back[ACME]),
        (&json!([USER, ACME]), &json!({"level": 1, "code": "A"}))
    );
    assert_eq!(
        found(&server, &filter(&format!("{ACME}:level le 2"))).await,
        ["a2", "b"]
    );
    server
        .post("/Users", with("c", &json!({"code": "a"})))
        .await
        .refused(409, "uniqueness");
    agrees(&server).await;
}

async fn a_single_attribute_is_hidden(server: Server) {
    change(&server, None, &attributes(both())).await.unwrap();
    let made = server
        .post("/Users", with("a", &json!({"level": 1, "code": "A"})))
        .await
        .expect(201);
    let path = format!("/Users/{}", made.id());
    assert_eq!(
        change(&server, None, &without("LEVEL"))
            .await
            .unwrap()
            .reindexed,
        1
    );
    assert_eq!(server.get(&path).await.body[ACME], json!({"code": "A"}));
    assert_eq!(
        server.get("/Users").await.body["Resources"][0][ACME],
        json!({"code": "A"})
    );
    agrees(&server).await;

    // Each request removes only visible values.
    let remove = |path: &str| json!([{"op": "remove", "path": path}]);
    for operations in [
        remove(&format!("{ACME}:code")),
        remove(ACME),
        json!([{"op": "replace", "value": {ACME: null}}]),
    ] {
        let shown = server
            .patch(&path, operations.clone())
            .await
            .expect(200)
            .body;
        assert_eq!(
            (&shown["schemas"], &shown[ACME]),
            (&json!([USER]), &Value::Null),
            "{operations}"
        );
        let set = json!([{"op": "add", "path": format!("{ACME}:code"), "value": "B"}]);
        assert_eq!(
            server.patch(&path, set).await.expect(200).body[ACME],
            json!({"code": "B"})
        );
    }
    assert_eq!(
        server.put(&path, user("a")).await.expect(200).body["schemas"],
        json!([USER])
    );
    assert_eq!(
        server
            .put(&path, with("a", &json!({"code": "C"})))
            .await
            .expect(200)
            .body[ACME],
        json!({"code": "C"})
    );
    agrees(&server).await;

    change(
        &server,
        None,
        &attributes(json!([{"name": "level", "type": "integer"}])),
    )
    .await
    .unwrap();
    assert_eq!(
        server.get(&path).await.body[ACME],
        json!({"code": "C", "level": 1})
    );
    assert_eq!(
        found(&server, &filter(&format!("{ACME}:level eq 1"))).await,
        ["a"]
    );
    agrees(&server).await;
}

/// A required attribute must have a value where its extension is used; hidden values do not count as use.
async fn hidden_required_attributes_are_not_required(server: Server) {
    let definitions = json!([{"name": "level"}, {"name": "code", "required": true}]);
    change(&server, None, &attributes(definitions))
        .await
        .unwrap();
    let path = format!(
        "/Users/{}",
        server
            .post("/Users", with("a", &json!({"level": "x", "code": "A"})))
            .await
            .id()
    );
    change(&server, None, &without("level")).await.unwrap();
    server.put(&path, user("b")).await.expect(200);
    server
        .patch(
            &path,
            json!([{"op": "add", "path": "title", "value": "Boss"}]),
        )
        .await
        .expect(200);
    server
        .post("/Users", with("c", &json!({"other": 1})))
        .await
        .expect(201);
    agrees(&server).await;
}

async fn a_file_in_place_of_another_hides_what_it_lacks(server: Server) {
    let schema =
        |attributes: Value| file(&json!({"id": ACME, "name": "Acme", "attributes": attributes}));
    change(&server, None, &schema(both())).await.unwrap();
    let path = format!(
        "/Users/{}",
        server
            .post("/Users", with("a", &json!({"level": 1, "code": "A"})))
            .await
            .id()
    );
    let code = json!([{"name": "code", "caseExact": true}]);
    assert_eq!(
        change(&server, None, &schema(code))
            .await
            .unwrap()
            .reindexed,
        1
    );
    assert_eq!(server.get(&path).await.body[ACME], json!({"code": "A"}));
    assert_eq!(
        found(&server, &filter(&format!("{ACME}:code eq \"a\""))).await,
        Vec::<String>::new()
    );
    server
        .post("/Users", with("b", &json!({"code": "A"})))
        .await
        .expect(201);
    agrees(&server).await;
    change(
        &server,
        None,
        &schema(json!([{"name": "level", "type": "integer"}, {"name": "code"}])),
    )
    .await
    .unwrap();
    assert_eq!(
        server.get(&path).await.body[ACME],
        json!({"level": 1, "code": "A"})
    );
    agrees(&server).await;
}
