//! Bulk requests (RFC 7644 section 3.7).

use crate::harness::{Answer, Server, group, user};
use serde_json::{Value, json};

crate::on_both!(
    every_method,
    references_forward_and_in_circles,
    unresolvable_circular_references,
    operations_keep_their_order,
    text_is_not_a_reference,
    unknown_references_fail_their_operation,
    a_number_of_errors_ends_the_request,
    the_first_of_two_equal_names_wins,
    a_bulk_id_is_used_once,
    shapes_are_checked,
    a_thousand_creates
);
crate::on_pooler!(
    every_method,
    references_forward_and_in_circles,
    unresolvable_circular_references,
    operations_keep_their_order,
    text_is_not_a_reference,
    unknown_references_fail_their_operation,
    a_number_of_errors_ends_the_request,
    the_first_of_two_equal_names_wins,
    shapes_are_checked,
    a_thousand_creates
);

async fn bulk(server: &Server, operations: Value) -> Answer {
    server.post("/Bulk", request(&operations)).await
}

fn request(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations})
}

fn statuses(answer: &Answer) -> Vec<&str> {
    answer.body["Operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["status"].as_str().unwrap())
        .collect()
}

fn post(bulk_id: &str, path: &str, data: &Value) -> Value {
    json!({"method": "POST", "path": path, "bulkId": bulk_id, "data": data})
}

/// BLK-5: section 3.7, a bulkId is "unique within a bulk request".
async fn a_bulk_id_is_used_once(server: Server) {
    let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "t"}]});
    let answer = bulk(
        &server,
        json!([
            post("u", "/Users", &user("a")),
            post("u", "/Users", &user("b")),
            post("v", "/Users", &user("c")),
            {"method": "PATCH", "path": "/Users/bulkId:u", "bulkId": "v", "data": patch},
            {"method": "PATCH", "path": "/Users/bulkId:u", "data": patch},
            post("g", "/Groups", &group("G", &["bulkId:u".to_owned()])),
        ]),
    )
    .await
    .expect(200);
    assert_eq!(
        statuses(&answer),
        ["201", "400", "201", "400", "200", "201"]
    );
    for second in [1, 3] {
        let response = &answer.body["Operations"][second]["response"];
        assert_eq!(response["scimType"], "invalidValue");
        assert!(
            response["detail"]
                .as_str()
                .unwrap()
                .contains("is used by another operation"),
            "{response}"
        );
    }
    let list = server
        .get("/Users?filter=userName+eq+%22b%22")
        .await
        .expect(200);
    assert_eq!(list.body["totalResults"], 0);
    let group = server.get("/Groups").await.expect(200);
    let made = answer.body["Operations"][0]["location"].as_str().unwrap();
    assert!(
        made.ends_with(
            group.body["Resources"][0]["members"][0]["value"]
                .as_str()
                .unwrap()
        )
    );
}

/// BLK-1, BLK-2, BLK-3, BLK-4, BLK-7, BLK-10, BLK-11: sections 3.7, 3.7.3.
async fn every_method(server: Server) {
    let id = server.post("/Users", user("a")).await.expect(201).id();
    let path = format!("/Users/{id}");
    let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "title", "value": "t"}]});
    let answer = bulk(
        &server,
        json!([
            post("b", "/Users", &user("b")),
            {"method": "patch", "path": path, "data": patch},
            {"method": "PUT", "path": path, "version": "W/\"1\"", "data": user("a2")},
            {"method": "PUT", "path": path, "version": "W/\"2\"", "data": user("a3")},
            post("c", "/Users", &user("B")),
            {"method": "GET", "path": path},
            {"method": "DELETE", "path": path},
            {"method": "DELETE", "path": path},
            post("d", "/Robots", &user("x")),
        ]),
    )
    .await
    .expect(200);
    assert_eq!(
        statuses(&answer),
        [
            "201", "200", "412", "200", "409", "400", "204", "404", "404"
        ]
    );
    let operations = &answer.body["Operations"];
    assert_eq!(
        (
            &operations[0]["method"],
            &operations[0]["bulkId"],
            &operations[0]["version"]
        ),
        (&json!("POST"), &json!("b"), &json!("W/\"1\""))
    );
    assert!(
        operations[0]["location"]
            .as_str()
            .unwrap()
            .starts_with(&format!("{}/Users/", server.base))
    );
    assert_eq!(operations[3]["location"], format!("{}{path}", server.base));
    assert!(
        operations[4].get("location").is_none(),
        "a failed POST has no location"
    );
    assert_eq!(operations[4]["response"]["scimType"], "uniqueness");
    server.get(&path).await.expect(404);
}

/// BLK-5, BLK-6: sections 3.7.1, 3.7.2.
async fn references_forward_and_in_circles(server: Server) {
    let member = |name: &str| json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name, "members": [{"value": format!("bulkId:{}", if name == "A" { "b" } else { "a" })}]});
    let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "remove", "path": "members[value eq \"bulkId:u\"]"}]});
    let answer = bulk(&server, json!([
        post("g", "/Groups", &group("Sales", &["bulkId:u".to_owned(), "bulkId:v".to_owned()])),
        post("u", "/Users", &user("u")),
        post("v", "/Users", &json!({"schemas": [crate::harness::USER], "userName": "v", crate::harness::ENTERPRISE: {"manager": {"value": "bulkId:u"}}})),
        post("a", "/Groups", &member("A")),
        post("b", "/Groups", &member("B")),
        {"method": "PATCH", "path": "/Groups/bulkId:g", "data": patch},
    ])).await.expect(200);
    assert_eq!(
        statuses(&answer),
        ["201", "201", "201", "201", "201", "204"]
    );
    let path = |i: usize| {
        answer.body["Operations"][i]["location"]
            .as_str()
            .unwrap()
            .replace(&server.base, "")
    };
    let id = |i: usize| path(i).rsplit('/').next().unwrap().to_owned();
    let sales = server.get(&path(0)).await.expect(200).body;
    assert_eq!(
        sales["members"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["value"].clone())
            .collect::<Vec<_>>(),
        [json!(id(2))]
    );
    assert_eq!(
        server.get(&path(2)).await.body[crate::harness::ENTERPRISE]["manager"]["value"],
        id(1)
    );
    assert_eq!(
        server.get(&path(3)).await.body["members"][0]["value"],
        id(4)
    );
    assert_eq!(
        server.get(&path(4)).await.body["members"][0]["value"],
        id(3)
    );
    assert!(server.operator.verify(false).await.unwrap().is_empty());
}

/// BLK-6, BLK-8: an operation reported as failed has no effect; a resource reported as created is complete.
async fn unresolvable_circular_references(server: Server) {
    let circle = |name: &str, next: &str| group(name, &[format!("bulkId:{next}")]);
    let nameless = |next: &str| json!({"schemas": [crate::harness::GROUP], "members": [{"value": format!("bulkId:{next}")}]});
    let groups = async || {
        let list = server.get("/Groups").await.expect(200).body;
        list["totalResults"].as_u64().unwrap()
    };
    let without_location = |answer: &Answer| {
        let operations = answer.body["Operations"].as_array().unwrap();
        assert!(operations.iter().all(|o| o.get("location").is_none()));
    };
    for operations in [
        json!([
            post("1", "/Groups", &nameless("2")),
            post("2", "/Groups", &circle("B", "1"))
        ]),
        json!([
            post("2", "/Groups", &circle("B", "1")),
            post("1", "/Groups", &nameless("2"))
        ]),
        json!([
            post("2", "/Groups", &circle("B", "3")),
            post("3", "/Groups", &circle("C", "1")),
            post("4", "/Groups", &circle("D", "2")),
            post("1", "/Groups", &nameless("2")),
        ]),
    ] {
        let answer = bulk(&server, operations).await.expect(200);
        let failed = statuses(&answer);
        assert_eq!(failed.iter().filter(|status| **status == "400").count(), 1);
        assert!(
            failed.iter().all(|status| ["400", "409"].contains(status)),
            "{failed:?}"
        );
        without_location(&answer);
        assert_eq!(groups().await, 0);
    }
    let mut body = request(&json!([
        post("1", "/Groups", &circle("A", "2")),
        post("2", "/Groups", &nameless("3")),
        post("3", "/Groups", &circle("C", "1")),
    ]));
    body["failOnErrors"] = json!(1);
    let answer = server.post("/Bulk", body).await.expect(200);
    assert_eq!(statuses(&answer), ["409", "400"]);
    without_location(&answer);
    assert_eq!(groups().await, 0);
    let answer = bulk(
        &server,
        json!([
            post("1", "/Groups", &circle("A", "2")),
            post("2", "/Groups", &circle("B", "3")),
            post("3", "/Groups", &circle("C", "1")),
        ]),
    )
    .await
    .expect(200);
    assert_eq!(statuses(&answer), ["201", "201", "201"]);
    for operation in answer.body["Operations"].as_array().unwrap() {
        let path = operation["location"]
            .as_str()
            .unwrap()
            .replace(&server.base, "");
        let made = server.get(&path).await.expect(200).body;
        assert_eq!(made["members"].as_array().unwrap().len(), 1);
        assert_eq!(made["meta"]["version"], operation["version"]);
    }
    assert!(server.operator.verify(false).await.unwrap().is_empty());
}

/// BLK-9: a creation with an earlier reference to it is not executed before the deletion that frees its name.
async fn operations_keep_their_order(server: Server) {
    let old = server.post("/Users", user("n")).await.expect(201).id();
    let answer = bulk(
        &server,
        json!([
            post("g", "/Groups", &group("G", &["bulkId:u".to_owned()])),
            {"method": "DELETE", "path": format!("/Users/{old}")},
            post("u", "/Users", &user("n")),
            post("f", "/Groups", &group("F", &["bulkId:v".to_owned()])),
            {"method": "PATCH", "path": "/Groups/bulkId:f", "version": "", "data": {
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "remove", "path": "members"}]}},
            post("v", "/Users", &user("v")),
        ]),
    )
    .await
    .expect(200);
    assert_eq!(
        statuses(&answer),
        ["201", "204", "201", "201", "204", "201"]
    );
    let at = |i: usize| {
        let location = answer.body["Operations"][i]["location"].as_str().unwrap();
        location.replace(&server.base, "")
    };
    let made = server.get(&at(0)).await.expect(200).body;
    let id = made["members"][0]["value"].as_str().unwrap();
    assert!(at(2).ends_with(id));
    assert_eq!(
        answer.body["Operations"][0]["version"],
        made["meta"]["version"]
    );
    let emptied = server.get(&at(3)).await.expect(200).body;
    assert_eq!(emptied["members"], json!([]));
}

/// BLK-5: section 3.7.2, a reference is a complete value.
async fn text_is_not_a_reference(server: Server) {
    let titled = |name: &str, title: &str| json!({"schemas": [crate::harness::USER], "userName": name, "title": title, "password": "xxbulkId:zz"});
    let remove = |path: &str| {
        json!({"method": "PATCH", "path": "/Groups/bulkId:g", "data": {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "remove", "path": path}]}})
    };
    let members = ["bulkId:u", "bulkId:x/y\"]", "bulkId:w"];
    let answer = bulk(
        &server,
        json!([
            post("u", "/Users", &titled("u", "ask bulkId:u")),
            post("x/y\"]", "/Users", &titled("x", "see bulkId:x")),
            post("w", "/Users", &user("w")),
            post("g", "/Groups", &group("G", &members.map(str::to_owned))),
            remove("members[value eq 'bulkId:u']"),
            remove("members[value eq bulkId:w and type eq User]"),
        ]),
    )
    .await
    .expect(200);
    assert_eq!(
        statuses(&answer),
        ["201", "201", "201", "201", "204", "204"]
    );
    let location = |i: usize| {
        let location = answer.body["Operations"][i]["location"].as_str().unwrap();
        location.replace(&server.base, "")
    };
    for (i, title) in [(0, "ask bulkId:u"), (1, "see bulkId:x")] {
        assert_eq!(server.get(&location(i)).await.body["title"], title);
    }
    let left = server.get(&location(3)).await.body["members"].clone();
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert!(location(1).ends_with(left[0]["value"].as_str().unwrap()));
}

/// BLK-5, BLK-6.
async fn unknown_references_fail_their_operation(server: Server) {
    let answer = bulk(
        &server,
        json!([
            post("g", "/Groups", &group("G", &["bulkId:nobody".to_owned()])),
            post("bad", "/Users", &json!({"schemas": [crate::harness::USER]})),
            post("h", "/Groups", &group("H", &["bulkId:bad".to_owned()])),
            {"method": "DELETE", "path": "/Users/bulkId:nobody"},
        ]),
    )
    .await
    .expect(200);
    assert_eq!(statuses(&answer), ["409", "400", "409", "409"]);
    assert_eq!(server.get("/Groups").await.body["totalResults"], 0);
}

/// BLK-8: section 3.7.
async fn a_number_of_errors_ends_the_request(server: Server) {
    let mut body = request(&json!([
        post("a", "/Users", &user("a")),
        post("b", "/Users", &user("a")),
        post("c", "/Users", &user("c"))
    ]));
    body["failOnErrors"] = json!(1);
    let answer = server.post("/Bulk", body).await.expect(200);
    assert_eq!(statuses(&answer), ["201", "409"]);
    assert_eq!(server.get("/Users").await.body["totalResults"], 1);
}

/// BLK-9: the order of operations decides.
async fn the_first_of_two_equal_names_wins(server: Server) {
    let operations: Vec<_> = (0..20)
        .map(|i| {
            post(
                &format!("x{i}"),
                "/Users",
                &json!({"schemas": [crate::harness::USER], "userName": format!("U{}", i / 2), "title": i.to_string()}),
            )
        })
        .collect();
    let answer = bulk(&server, json!(operations)).await.expect(200);
    assert_eq!(statuses(&answer), ["201", "409"].repeat(10));
}

/// BLK-12, BLK-14: sections 3.7, 3.7.4.
async fn shapes_are_checked(server: Server) {
    server
        .post(
            "/Bulk",
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]}),
        )
        .await
        .refused(400, "invalidSyntax");
    let other =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": []});
    server
        .post("/Bulk", other)
        .await
        .refused(400, "invalidValue");
    server
        .post("/Bulk", json!({"Operations": []}))
        .await
        .expect(200);
    bulk(&server, json!({})).await.refused(400, "invalidSyntax");
    bulk(
        &server,
        json!([1, {"method": "POST"}, {"method": "POST", "path": "/Users", "data": user("a")}]),
    )
    .await
    .expect(200);
    let many: Vec<_> = (0..1001)
        .map(|_| json!({"method": "DELETE", "path": "/Users/x"}))
        .collect();
    let refused = bulk(&server, json!(many)).await.refused(413, "");
    assert!(refused.body["detail"].as_str().unwrap().contains("1000"));
}

/// BLK-14: a request with the maximum number of operations is accepted.
async fn a_thousand_creates(server: Server) {
    let many: Vec<_> = (0..1000)
        .map(|i| post(&i.to_string(), "/Users", &user(&format!("user{i}"))))
        .collect();
    let answer = bulk(&server, json!(many)).await.expect(200);
    assert!(statuses(&answer).iter().all(|status| *status == "201"));
    assert_eq!(
        server.get("/Users?count=0").await.body["totalResults"],
        1000
    );
    assert!(server.operator.verify(false).await.unwrap().is_empty());
}
