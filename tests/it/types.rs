//! Resource types and extensions from schema files only, with the shipped examples.

use crate::harness::{Database, Options, Server, USER, group, user};
use scimd::schema::SchemaFile;
use serde_json::json;

const ACME: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";

fn files(folder: &str) -> Vec<SchemaFile> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("config")
        .join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| SchemaFile {
        origin: path.display().to_string(),
        text: std::fs::read_to_string(path).unwrap(),
    };
    paths.iter().map(read).collect()
}

async fn with(folder: &str, database: Database) -> Server {
    Server::with(
        database,
        Options {
            schema_files: Some(files(folder)),
            ..Options::default()
        },
    )
    .await
}

macro_rules! with_files {
    ($($name:ident: $folder:literal),* $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(super::with($folder, crate::harness::Database::Sqlite).await).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(super::with($folder, crate::harness::Database::Postgres).await).await;
            }
        }
    )*};
}

with_files! {
    a_vendor_namespace: "schemas",
    a_schema_is_removed_and_added_again: "schemas",
    devices: "examples/devices",
    names_keep_their_ids: "schemas",
    okta_entitlements: "examples/okta_entitlements",
    roles_of_the_draft: "examples/roles_entitlements_draft",
}

/// The worked example: created, returned, filtered, patched and shown without a line of code.
async fn a_vendor_namespace(server: Server) {
    let dn = "CN=Jane,OU=Sales,DC=example";
    let made = server
        .post(
            "/Users",
            json!({"schemas": [USER, ACME], "userName": "jane", ACME: {"distinguishedName": dn}}),
        )
        .await
        .expect(201);
    assert_eq!(
        (&made.body["schemas"], &made.body[ACME]["distinguishedName"]),
        (&json!([USER, ACME]), &json!(dn))
    );
    let path = format!("/Users/{}", made.id());
    let filter = |name: &str| {
        format!(
            "/Users?filter={ACME}:distinguishedName%20eq%20%22{}%22",
            name.replace(',', "%2C").replace('=', "%3D")
        )
    };
    assert_eq!(
        server
            .get(&filter(&dn.to_uppercase()))
            .await
            .expect(200)
            .body["totalResults"],
        1
    );
    let operations = json!([{"op": "replace", "path": format!("{ACME}:distinguishedName"), "value": "CN=J"},
        {"op": "add", "value": {format!("{ACME}:clearance"): 3}}, {"op": "add", "path": format!("{ACME}:badge.number"), "value": "7"}]);
    let patched = server.patch(&path, operations).await.expect(200).body;
    assert_eq!(
        patched[ACME],
        json!({"distinguishedName": "CN=J", "badge": {"number": "7"}, "clearance": 3})
    );
    assert_eq!(server.get(&filter("cn=j")).await.body["totalResults"], 1);
    assert_eq!(
        server
            .get(&format!("/Schemas/{ACME}"))
            .await
            .expect(200)
            .body["attributes"][0]["name"],
        "distinguishedName"
    );
    assert!(
        server.get("/ResourceTypes/User").await.body["schemaExtensions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|e| e["schema"] == ACME)
    );
    server
        .patch(&path, json!([{"op": "remove", "path": ACME}]))
        .await
        .expect(200);
    assert_eq!(server.get(&path).await.body["schemas"], json!([USER]));
}

/// RFC 9944 sections 3 to 7 (DEV-1, DEV-2, DEV-4).
async fn devices(server: Server) {
    const DEVICE: &str = "urn:ietf:params:scim:schemas:core:2.0:Device";
    const MAB: &str = "urn:ietf:params:scim:schemas:extension:ethernet-mab:2.0:Device";
    server
        .post(
            "/Devices",
            json!({"schemas": [DEVICE], "displayName": "Sensor"}),
        )
        .await
        .refused(400, "invalidValue");
    let made = server.post("/Devices", json!({"schemas": [DEVICE, MAB], "displayName": "Sensor", "active": true, MAB: {"deviceMacAddress": "2C:54:91:88:C9:E2"}})).await.expect(201);
    let path = format!("/Devices/{}", made.id());
    let sensors = server
        .post("/Groups", group("Sensors", &[made.id()]))
        .await
        .expect(201);
    assert_eq!(
        (
            &sensors.body["members"][0]["type"],
            &sensors.body["members"][0]["display"]
        ),
        (&json!("Device"), &json!("Sensor"))
    );
    assert_eq!(
        server.get(&path).await.expect(200).body["groups"][0]["display"],
        "Sensors"
    );
    assert_eq!(
        server
            .get("/Devices?filter=active%20eq%20true%20and%20groups.display%20eq%20%22sensors%22")
            .await
            .expect(200)
            .body["totalResults"],
        1
    );
    server
        .patch(
            &path,
            json!([{"op": "replace", "value": {"active": false}}]),
        )
        .await
        .expect(200);
    server
        .get(&format!("/Users/{}", made.id()))
        .await
        .refused(404, "");
    const APPS: &str = "urn:ietf:params:scim:schemas:extension:endpointAppsExt:2.0:Device";
    let app = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:EndpointApp"], "applicationType": "telemetry", "applicationName": "Meter",
        "certificateInfo": {"rootCA": "MIIB", "subjectName": "meter.example.com"}});
    let app = server.post("/EndpointApps", app).await.expect(201).id();
    let linked = |id: &str| json!([{"op": "add", "path": format!("{APPS}:applications"), "value": [{"value": id}]}]);
    server
        .patch(&path, linked(&made.id()))
        .await
        .refused(400, "invalidValue");
    server.patch(&path, linked(&app)).await.expect(200);
    assert!(
        server.get("/ResourceTypes").await.body["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .any(|t| t["endpoint"] == "/Devices")
    );
}

/// Okta reads every endpoint whose type has Okta's Role or Entitlement schema.
async fn okta_entitlements(server: Server) {
    let types = server.get("/ResourceTypes").await.expect(200).body;
    let role = types["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["schema"] == "urn:okta:scim:schemas:core:1.0:Role")
        .unwrap()
        .clone();
    assert_eq!(role["endpoint"], "/Roles");
    server
        .post(
            "/Roles",
            json!({"schemas": [role["schema"]], "displayName": "Admin"}),
        )
        .await
        .expect(201);
    let page = server
        .get("/Roles?count=1&startIndex=1")
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&page["itemsPerPage"], &page["Resources"][0]["displayName"]),
        (&json!(1), &json!("Admin"))
    );
    let user = json!({"schemas": [USER], "userName": "a", "roles": [{"value": page["Resources"][0]["id"], "display": "Admin"}]});
    assert_eq!(
        server.post("/Users", user).await.expect(201).body["roles"][0]["display"],
        "Admin"
    );
}

/// ROL-1, ROL-2.
async fn roles_of_the_draft(server: Server) {
    let config = server.get("/ServiceProviderConfig").await.expect(200).body;
    assert_eq!(config["RolesAndEntitlements"]["roles"]["supported"], true);
    let made = server
        .post(
            "/Roles",
            json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Role"], "value": "admin", "display": "Admin"}),
        )
        .await
        .expect(201);
    assert_eq!(
        (&made.body["value"], &made.body["supported"]),
        (&json!("admin"), &json!(true))
    );
    assert_eq!(server.get("/Roles").await.body["totalResults"], 1);
    server.post("/Users", user("a")).await.expect(201);
}

/// Removing a schema file hides its attributes and loses no data.
async fn a_schema_is_removed_and_added_again(server: Server) {
    let body = json!({"schemas": [USER, ACME], "userName": "jane", ACME: {"distinguishedName": "CN=J", "clearance": 3}});
    let path = format!(
        "/Users/{}",
        server.post("/Users", body).await.expect(201).id()
    );
    let without = server
        .other(Options {
            schema_files: Some(Vec::new()),
            ..Options::default()
        })
        .await;
    without
        .patch(
            &path,
            json!([{"op": "replace", "path": "title", "value": "Boss"}]),
        )
        .await
        .expect(200);
    without.put(&path, user("jane")).await.expect(200);
    without
        .get(&format!("/Schemas/{ACME}"))
        .await
        .refused(404, "");
    assert_eq!(
        server.get(&path).await.expect(200).body[ACME],
        serde_json::Value::Null
    );
    server
        .other(Options {
            schema_files: Some(files("schemas")),
            ..Options::default()
        })
        .await;
    let read = server.get(&path).await.expect(200).body;
    assert_eq!(
        read[ACME],
        json!({"distinguishedName": "CN=J", "clearance": 3})
    );
    let found = server
        .get(&format!("/Users?filter={ACME}:clearance%20eq%203"))
        .await
        .expect(200)
        .body;
    assert_eq!(found["totalResults"], 1);
}

/// A key can hold 127 types: a new type takes one number, and existing types take none.
async fn names_keep_their_ids(server: Server) {
    for folder in [
        "examples/devices",
        "examples/okta_entitlements",
        "examples/roles_entitlements_draft",
    ] {
        server
            .other(Options {
                schema_files: Some(files(folder)),
                ..Options::default()
            })
            .await;
    }
    assert_eq!(
        server.number("select max(kind) - count(*) from kind").await,
        0
    );
    assert_eq!(
        server
            .number("select max(attribute) - count(*) from attribute")
            .await,
        0
    );
}
