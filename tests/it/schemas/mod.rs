//! Schemas are added and removed while servers run: changes take effect with the next request, on every instance, for
//! the tenants of the schema, and the index is updated.

mod command;
mod files;
mod hidden;
mod load;
mod refusal;
mod suggestion;
mod tenants;

use crate::harness::{Fleet, Server, USER, user};
use scimd::operator::{SchemaChange, SchemaOutcome, SchemaRefusal};
use scimd::schema::SchemaFile;
use serde_json::{Value, json};

const ACME: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";

crate::on_fleets!(
    a_schema_holds_from_the_next_request_on,
    its_attributes_do_what_they_say
);

/// Makes a change; returns its errors.
async fn change(
    server: &Server,
    tenant: Option<&str>,
    change: &SchemaChange,
) -> Result<SchemaOutcome, Vec<String>> {
    let lines = |refusal: SchemaRefusal| match refusal {
        SchemaRefusal::Problems(problems) => problems.iter().map(ToString::to_string).collect(),
        SchemaRefusal::Failed(error) => vec![error.to_string()],
        other @ SchemaRefusal::NoSchema { .. } => vec![other.to_string()],
    };
    let plan = server
        .operator
        .plan_schema(tenant, change)
        .await
        .map_err(lines)?;
    server
        .operator
        .change_schema(&plan, &mut |_| ())
        .await
        .map_err(lines)
}

fn attributes(definitions: Value) -> SchemaChange {
    let Value::Array(definitions) = definitions else {
        panic!("{definitions}")
    };
    SchemaChange::Attributes {
        urn: ACME.to_owned(),
        definitions,
        extends: Vec::new(),
    }
}

fn file(document: &Value) -> SchemaChange {
    SchemaChange::File(
        SchemaFile {
            origin: "acme.json".to_owned(),
            text: document.to_string(),
        },
        Vec::new(),
    )
}

fn without(name: &str) -> SchemaChange {
    SchemaChange::RemoveAttribute(ACME.to_owned(), name.to_owned())
}

fn gone() -> SchemaChange {
    SchemaChange::Remove(ACME.to_owned())
}

/// The body of a user with attributes of the extension.
fn with(name: &str, held: &Value) -> Value {
    let mut body = user(name);
    body["schemas"] = json!([USER, ACME]);
    body[ACME] = held.clone();
    body
}

/// Checks that derived data agrees with its source.
async fn agrees(server: &Server) {
    assert_eq!(server.operator.verify(false).await.unwrap(), []);
}

/// Names of the users that match a filter, in the order of the response.
async fn found(server: &Server, query: &str) -> Vec<String> {
    let listed = server
        .get(&format!("/Users?{query}"))
        .await
        .expect(200)
        .body;
    let users = listed["Resources"].as_array().unwrap().iter();
    users
        .map(|user| user["userName"].as_str().unwrap().to_owned())
        .collect()
}

fn filter(text: &str) -> String {
    format!(
        "filter={}",
        text.replace(' ', "%20")
            .replace('"', "%22")
            .replace(':', "%3A")
    )
}

async fn a_schema_holds_from_the_next_request_on(fleet: Fleet) {
    let (here, there) = (fleet.of(0), fleet.of(1));
    let left_out = there
        .post("/Users", with("early", &json!({"level": 1})))
        .await
        .expect(201)
        .body;
    assert_eq!(
        (&left_out["schemas"], &left_out[ACME]),
        (&json!([USER]), &Value::Null)
    );
    there.get(&format!("/Schemas/{ACME}")).await.expect(404);

    change(
        here,
        None,
        &attributes(json!([{"name": "level", "type": "integer"}])),
    )
    .await
    .unwrap();
    let kept = there
        .post("/Users", with("late", &json!({"level": 2})))
        .await
        .expect(201);
    assert_eq!(
        (&kept.body["schemas"], &kept.body[ACME]["level"]),
        (&json!([USER, ACME]), &json!(2))
    );
    assert_eq!(
        there.get(&format!("/Users/{}", kept.id())).await.body[ACME],
        json!({"level": 2})
    );
    let schema = there
        .get(&format!("/Schemas/{ACME}"))
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&schema["name"], &schema["attributes"][0]["type"]),
        (&json!("AcmeUser"), &json!("integer"))
    );
    assert!(schema.get("x-scimd").is_none());
    let extensions = there.get("/ResourceTypes/User").await.body["schemaExtensions"].clone();
    assert!(
        extensions
            .as_array()
            .unwrap()
            .contains(&json!({"schema": ACME, "required": false})),
        "{extensions}"
    );

    change(
        there,
        None,
        &attributes(json!([{"name": "badges", "multiValued": true}])),
    )
    .await
    .unwrap();
    let body = with("later", &json!({"level": 3, "badges": ["a", "b"]}));
    assert_eq!(
        here.post("/Users", body).await.expect(201).body[ACME]["badges"],
        json!(["a", "b"])
    );
    change(here, None, &without("level")).await.unwrap();
    assert_eq!(
        there.get(&format!("/Users/{}", kept.id())).await.body[ACME],
        Value::Null
    );
    change(there, None, &gone()).await.unwrap();
    here.get(&format!("/Schemas/{ACME}")).await.expect(404);
    agrees(here).await;
}

async fn its_attributes_do_what_they_say(fleet: Fleet) {
    let (here, there) = (fleet.of(0), fleet.of(1));
    let definitions = json!([
        {"name": "code", "uniqueness": "server"}, {"name": "exact", "caseExact": true}, {"name": "level", "type": "integer"},
        {"name": "since", "type": "dateTime"}, {"name": "pin", "mutability": "writeOnly", "returned": "never"},
        {"name": "badges", "multiValued": true}, {"name": "note", "returned": "request"}]);
    change(here, None, &attributes(definitions)).await.unwrap();
    for (name, level) in [("b", 2), ("a", 10), ("c", 1)] {
        let held = json!({"code": format!("C-{name}"), "exact": name, "level": level, "since": "2026-01-01T00:00:00Z",
            "pin": "1234", "badges": [name, "all"], "note": "x"});
        let made = there
            .post("/Users", with(name, &held))
            .await
            .expect(201)
            .body;
        assert_eq!(made[ACME]["pin"], Value::Null);
    }
    assert_eq!(
        found(there, &format!("sortBy={ACME}:level")).await,
        ["c", "b", "a"]
    );
    assert_eq!(
        found(
            there,
            &filter(&format!("{ACME}:level gt 1 and {ACME}:badges eq \"ALL\""))
        )
        .await,
        ["b", "a"]
    );
    assert_eq!(
        found(there, &filter(&format!("{ACME}:exact eq \"A\""))).await,
        Vec::<String>::new()
    );
    assert_eq!(
        found(
            there,
            &filter(&format!("{ACME}:since lt \"2026-01-01T00:00:01Z\""))
        )
        .await
        .len(),
        3
    );
    there
        .get(&format!("/Users?{}", filter(&format!("{ACME}:pin pr"))))
        .await
        .refused(400, "invalidFilter");
    let shown = there
        .get(&format!("/Users?attributes={ACME}:note"))
        .await
        .expect(200)
        .body;
    assert_eq!(shown["Resources"][0][ACME], json!({"note": "x"}));

    there
        .post("/Users", with("d", &json!({"code": "c-A"})))
        .await
        .refused(409, "uniqueness");
    there
        .post("/Users", with("d", &json!({"level": "high"})))
        .await
        .refused(400, "invalidValue");
    let path = format!(
        "/Users/{}",
        here.post("/Users", with("d", &json!({"code": "D"})))
            .await
            .expect(201)
            .id()
    );
    let set = |name: &str, value: Value| json!([{"op": "replace", "path": format!("{ACME}:{name}"), "value": value}]);
    assert_eq!(
        there
            .patch(&path, set("level", json!(7)))
            .await
            .expect(200)
            .body[ACME]["level"],
        7
    );
    there
        .patch(&path, set("code", json!("c-a")))
        .await
        .refused(409, "uniqueness");
    there
        .patch(
            &path,
            json!([{"op": "add", "path": format!("{ACME}:badges"), "value": ["x"]}]),
        )
        .await
        .expect(200);
    assert_eq!(
        found(
            here,
            &filter(&format!("{ACME}:badges eq \"x\" and {ACME}:level eq 7"))
        )
        .await,
        ["d"]
    );
    agrees(here).await;
}
