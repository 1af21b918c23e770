//! Values that are searched without an index, and their index rows from earlier releases.

use crate::harness::{ENTERPRISE, Server, USER};
use serde_json::{Value, json};

crate::on_both!(
    rows_of_an_earlier_release_are_found_and_moved,
    a_value_that_does_not_fit_the_column_has_a_row,
);

/// Filters on scanned values, and the number of users of [`person`] that match.
const FILTERS: &[(&str, u32)] = &[
    ("active eq false", 2),
    ("active eq true or title eq \"boss\"", 4),
    (
        "emails[type eq \"work\" and value eq \"p3@work.example\"]",
        1,
    ),
    (
        "emails[type eq \"home\" and value eq \"p3@work.example\"]",
        0,
    ),
    ("emails[type eq \"home\"]", 6),
    ("emails[not (type eq \"home\")]", 6),
    ("emails[type eq \"home\" and primary eq true]", 0),
    ("emails.type co \"or\"", 6),
    ("emails.type sw \"ho\" and active eq false", 2),
    ("locale eq \"en-1\" and userName eq \"p1\"", 1),
    ("locale ge \"en-4\"", 3),
    ("locale ne \"en-4\"", 5),
    ("nickName pr", 0),
    ("emails.primary pr or nickName pr", 6),
    ("emails pr", 6),
    ("not (addresses pr)", 3),
    ("addresses.locality ew \"\\\"\\\\n\"", 3),
    ("not (active eq false)", 4),
];

fn person(number: u32) -> Value {
    let mut body = json!({
        "schemas": [USER, ENTERPRISE],
        "userName": format!("p{number}"),
        "active": !number.is_multiple_of(3),
        "title": if number == 2 { "Boss" } else { "Clerk" },
        "locale": format!("en-{number}"),
        "emails": [
            {"value": format!("p{number}@home.example"), "type": "home"},
            {"value": format!("p{number}@work.example"), "type": "work", "primary": true}
        ],
        ENTERPRISE: {"department": "Care", "costCenter": "", "employeeNumber": format!("{number}")}
    });
    if number.is_multiple_of(2) {
        body["addresses"] = json!([{"type": "work", "locality": "A [7,\"\\n", "country": "NL"}]);
    }
    body
}

async fn create_users(server: &Server) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 1..=6 {
        ids.push(server.post("/Users", person(number)).await.expect(201).id());
    }
    ids
}

async fn finds(server: &Server, filter: &str) -> Value {
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
    let found = server.post("/Users/.search", search).await.expect(200);
    found.body["totalResults"].clone()
}

async fn all_are_found(server: &Server) {
    for (filter, total) in FILTERS {
        assert_eq!(finds(server, filter).await, *total, "{filter}");
    }
    let sorted = server
        .get("/Users?sortBy=locale&sortOrder=descending")
        .await;
    let sorted = sorted.expect(200);
    let names = sorted.body["Resources"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|user| user["userName"].clone()).collect();
    assert_eq!(names, ["p6", "p5", "p4", "p3", "p2", "p1"]);
    server.is_sound().await;
}

/// Writes the index rows of an earlier release.
async fn make_former(server: &Server) {
    let (elements, column) = if server.is_postgres() {
        ("json_array_elements(cast(r.scanned as json))", "false")
    } else {
        ("json_each(r.scanned)", "0")
    };
    let rows = format!(
        "insert into attribute_value (tenant, attribute, element, is_unique, seq, key) \
         select r.tenant, cast(t.value ->> 0 as integer), cast(t.value ->> 2 as integer), {column}, r.seq, \
         coalesce(t.value ->> 1, '') from resource r cross join {elements} as t"
    );
    assert!(server.run(&rows).await > 0);
    server
        .run("update resource set scanned = null, scanned_revision = null")
        .await;
}

const SCANNED_ROWS: &str = "select count(*) from attribute_value v join attribute a on a.attribute = v.attribute \
     where a.path like '%.type' or a.path in ('active', 'locale', 'title')";

async fn rows_of_an_earlier_release_are_found_and_moved(server: Server) {
    let ids = create_users(&server).await;
    all_are_found(&server).await;
    assert_eq!(server.number(SCANNED_ROWS).await, 0);
    make_former(&server).await;
    assert!(server.number(SCANNED_ROWS).await > 0);
    all_are_found(&server).await;

    let path = |number: usize| format!("/Users/{}", ids[number - 1]);
    let replace = json!([{"op": "replace", "path": "title", "value": "Clerk"}]);
    server.patch(&path(2), replace).await.expect(200);
    assert_eq!(finds(&server, "title eq \"boss\"").await, 0);
    let replace = json!([{"op": "replace", "path": "title", "value": "Boss"}]);
    server.patch(&path(2), replace).await.expect(200);
    server.put(&path(3), person(3)).await.expect(200);
    server.delete(&path(6)).await.expect(204);
    server.post("/Users", person(6)).await.expect(201);
    all_are_found(&server).await;

    assert!(server.operator.move_scanned().await.unwrap() > 0);
    all_are_found(&server).await;
    assert_eq!(server.number(SCANNED_ROWS).await, 0);
    assert!(!server.operator.is_scanned_moved().await.unwrap());
    assert_eq!(server.operator.move_scanned().await.unwrap(), 0);
    assert!(server.operator.is_scanned_moved().await.unwrap());
}

async fn a_value_that_does_not_fit_the_column_has_a_row(server: Server) {
    let long = "x".repeat(700);
    let mut body = person(1);
    body["title"] = json!(long);
    body["locale"] = json!("line\nbreak");
    let id = server.post("/Users", body).await.expect(201).id();
    let rows = "select count(*) from attribute_value v join attribute a on a.attribute = v.attribute \
         where a.path in ('title', 'locale')";
    assert_eq!(server.number(rows).await, 2);
    for filter in [format!("title eq \"{long}\""), "locale sw \"line\"".into()] {
        assert_eq!(finds(&server, &filter).await, 1, "{filter}");
    }
    server.is_sound().await;
    server
        .put(&format!("/Users/{id}"), person(1))
        .await
        .expect(200);
    assert_eq!(server.number(rows).await, 0);
    assert_eq!(finds(&server, "title eq \"clerk\"").await, 1);
    server.is_sound().await;
}
