//! The output of each command, locally and remotely.

use super::{Ended, locally, remotely, through};
use crate::harness::{Admin, Following, Server, group, user};
use crate::on_both;
use scimd::store::TenantChange;
use serde_json::{Value, json};

on_both!(
    reads_are_the_same,
    changes_are_the_same,
    schema_changes_are_the_same,
    resource_changes_are_the_same,
    long_lists_are_complete,
    a_log_is_followed,
);

/// Runs a command locally and remotely, and fails unless the results are equal; returns the output.
#[track_caller]
pub(super) fn same(server: &Server, admin: &Admin, arguments: &[&str]) -> Ended {
    let (here, there) = (locally(server, arguments), remotely(admin, arguments));
    assert_eq!(here, there, "{arguments:?}");
    here
}

/// Fails unless a command succeeds with the same output locally and remotely, as text and as JSON.
#[track_caller]
pub(super) fn reads_the_same(server: &Server, admin: &Admin, line: &str) {
    let arguments: Vec<&str> = line.split(' ').collect();
    let text = same(server, admin, &arguments);
    assert_eq!(text.code, Some(0), "{line}: {}", text.stderr);
    let with_json: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let json = same(server, admin, &with_json);
    assert_eq!(json.code, Some(0), "{line} --json: {}", json.stderr);
    for value in json.out.split_inclusive("\n}\n") {
        let lines = value.lines();
        let is_json = serde_json::from_str::<Value>(value).is_ok()
            || lines
                .clone()
                .all(|line| serde_json::from_str::<Value>(line).is_ok());
        assert!(is_json, "{line}: {value}");
    }
}

async fn reads_are_the_same(server: Server) {
    let admin = Admin::over(&server).await;
    let change = TenantChange {
        seats: Some(Some(3)),
        display_name: Some(Some("Acme Ltd".to_owned())),
        ..TenantChange::default()
    };
    let token = server.tenant("acme", &change).await;
    let acme = server.by(&token);
    let mut ann = user("ann@example.com");
    ann["name"] = json!({"givenName": "Ann"});
    ann["urn:ietf:params:scim:schemas:extension:acme:2.0:User"] = json!({"badge": "7"});
    let ann = acme.post("/Users", ann).await.expect(201).id();
    acme.post("/Users", user("ann@example.com"))
        .await
        .expect(409);
    acme.post("/Groups", group("Sales", std::slice::from_ref(&ann)))
        .await
        .expect(201);
    let issue = [
        "token",
        "issue",
        "--tenant",
        "acme",
        "--name",
        "short",
        "--expires",
        "9d",
    ];
    assert_eq!(locally(&server, &issue).code, Some(0));
    server.service.recorder().finish().await;
    for line in [
        "tenant list",
        "tenant list --limit 1",
        "tenant list --search CM",
        "tenant list --health never-connected",
        "tenant show acme",
        "tenant show default",
        "tenant guide acme --for okta",
        "tenant guide acme --for entra",
        "token list",
        "token list --tenant acme --limit 1",
        "schema list",
        "schema list --tenant acme",
        "schema show urn:ietf:params:scim:schemas:core:2.0:User",
        "mapping show",
        "mapping check",
        "user list --tenant acme",
        "user list --tenant acme --limit 1",
        "user show ann@EXAMPLE.com --tenant acme",
        "group list --tenant acme",
        "group show sales --tenant acme",
        "log --tenant acme",
        "log --tenant acme --failed --limit 1",
        "log --tenant acme --user ann@example.com --since 1h",
        "log --all-tenants --failed",
        "audit --action token. --since 1h",
        "audit --action tenant. --limit 1",
    ] {
        reads_the_same(&server, &admin, line);
    }
    same(&server, &admin, &["schema", "suggest", "--tenant", "acme"]);
    same(
        &server,
        &admin,
        &["schema", "suggest", "--tenant", "acme", "--all"],
    );
    let logged = locally(&server, &["log", "--tenant", "acme", "--failed", "--json"]);
    let logged: Value = serde_json::from_str(logged.out.lines().next().unwrap()).unwrap();
    let request = logged["request"].as_str().unwrap();
    reads_the_same(
        &server,
        &admin,
        &format!("log --tenant acme --id {request}"),
    );
    let operators = same(&server, &admin, &["operator", "list", "--limit", "0"]);
    assert_eq!(operators.code, Some(2));
    for line in [
        "tenant show nobody",
        "tenant create acme",
        "tenant create Bad_Name",
        "tenant set nobody --seats 3",
        "tenant set acme",
        "tenant delete acme",
        "tenant guide nobody --for okta",
        "token revoke nothing",
        "token rotate nothing",
        "token list --after nothing",
        "token issue --tenant nobody --name a",
        "token issue --name=",
        "token issue --all-tenants --name app",
        "token issue --all-tenants --scope feed --name=",
        "user show zoe",
        "user show zoe --tenant nobody",
        "user list --filter userName",
        "user delete ann@example.com --tenant acme",
        "group show nothing",
        "schema show urn:x",
        "schema remove urn:x:User --yes",
        "schema add --urn acme --attribute a",
        "schema add --tenant nobody --urn urn:x:User --attribute a",
        "log --tenant nobody",
        "log --user nobody",
        "log --id nothing",
        "log bodies --tenant nobody --for 1h",
        "audit --action nothing",
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ended = same(&server, &admin, &arguments);
        assert!(
            ended.code != Some(0) || line.starts_with("audit"),
            "{line}: {ended:?}"
        );
    }
}

/// Masks values that differ between runs: ids, tokens, times.
fn masked(text: &str) -> String {
    let mask = |word: &str| {
        let mixed = word.contains(char::is_uppercase) && word.contains(char::is_lowercase);
        let is_mark = word.len() >= 6 && (word.contains(|c: char| c.is_ascii_digit()) || mixed);
        if is_mark {
            "#".to_owned()
        } else {
            word.to_owned()
        }
    };
    let lines = text.lines();
    let lines = lines.map(|line| {
        let words = line.split_whitespace().map(mask);
        words.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Runs a command for one tenant locally and for another remotely; fails unless the output is the same except for names
/// and ids. Returns the output.
#[track_caller]
pub(super) fn alike(server: &Server, admin: &Admin, line: &str) -> [Ended; 2] {
    let for_tenant = |name: &str| line.replace("TENANT", name);
    let split = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let [here, there] = ["one", "two"].map(|name| split(&for_tenant(name)));
    let words = |line: &[String]| {
        line.iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let here_line = words(&here);
    let here: Vec<&str> = here.iter().map(String::as_str).collect();
    let there: Vec<&str> = there.iter().map(String::as_str).collect();
    let (here, there) = (locally(server, &here), remotely(admin, &there));
    assert_eq!(here.code, Some(0), "{here_line}: {}", here.stderr);
    let plain = |ended: &Ended| {
        let name = |text: &str| {
            let text = text.replace("two", "one");
            // An operator token has a name, and a command has none.
            masked(&text.replace("\"createdBy\": \"admin\"", "\"createdBy\": null"))
        };
        (ended.code, name(&ended.out), name(&ended.stderr))
    };
    assert_eq!(plain(&here), plain(&there), "{here_line}");
    [here, there]
}

async fn changes_are_the_same(server: Server) {
    let admin = Admin::over(&server).await;
    for line in [
        "tenant create TENANT --seats 3 --display-name Acme",
        "tenant set TENANT --seats none --conformance rfc --support help@example.com",
        "tenant set TENANT --username-format email --json",
        "tenant suspend TENANT",
        "tenant resume TENANT --json",
        "token issue --tenant TENANT --name okta --expires 365d",
        "token issue --tenant TENANT --name app --scope feed --expires never --json",
        "token issue --tenant TENANT --name usual",
        "token issue --all-tenants --scope feed --name feed --expires 30d",
        "token issue --all-tenants --scope feed --name feed --json",
        "log bodies --tenant TENANT --for 2h",
        "log bodies --tenant TENANT --off --json",
    ] {
        alike(&server, &admin, line);
    }
    let tokens = alike(
        &server,
        &admin,
        "token issue --tenant TENANT --name turn --json",
    );
    let ids = tokens.map(|ended| {
        let issued: Value = serde_json::from_str(&ended.out).unwrap();
        let text = |name: &str| issued[name].as_str().unwrap().to_owned();
        (text("id"), text("token"))
    });
    // The complete token is accepted in place of its id, and is not sent in a URL.
    let rotate = |id: &str| ["token", "rotate", id, "--overlap", "1h"].map(str::to_owned);
    let [here, there] = [&ids[0], &ids[1]].map(|(_, token)| rotate(token));
    let here = locally(&server, &here.each_ref().map(String::as_str));
    let there = remotely(&admin, &there.each_ref().map(String::as_str));
    assert_eq!(here.code, Some(0), "{}", here.stderr);
    assert_eq!(
        (masked(&here.out), masked(&here.stderr)),
        (masked(&there.out), masked(&there.stderr))
    );
    for (id, _) in &ids {
        let again = same(&server, &admin, &["token", "rotate", id]);
        assert!(
            again.code == Some(1) && again.stderr.contains("was already rotated"),
            "{again:?}"
        );
    }
    let here = locally(&server, &["token", "revoke", &ids[0].0, "--json"]);
    let there = remotely(&admin, &["token", "revoke", &ids[1].0, "--json"]);
    assert_eq!(
        (here.code, there.code),
        (Some(0), Some(0)),
        "{here:?} {there:?}"
    );
    let [all, _] = alike(&server, &admin, "token revoke --all --tenant TENANT --yes");
    assert_eq!(all.stderr, "Revoked tokens: 4.\n");
    alike(&server, &admin, "tenant delete TENANT --yes");
    assert_eq!(remotely(&admin, &["tenant", "show", "two"]).code, Some(1));
    // The actors differ.
    let audit = locally(&server, &["audit", "--action", "tenant.delete", "--json"]);
    let kinds: Vec<Value> = audit
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["actor"]["kind"].clone())
        .collect();
    assert_eq!(kinds, ["cli", "operator"]);
}

async fn schema_changes_are_the_same(server: Server) {
    let admin = Admin::over(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, schema: &Value| {
        let file = folder.path().join(name);
        std::fs::write(&file, schema.to_string()).unwrap();
        file.display().to_string()
    };
    let urn = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";
    let attribute = |name: &str| json!({"name": name, "type": "string"});
    let file = write(
        "a.json",
        &json!({"id": urn, "attributes": [attribute("a"), attribute("b")]}),
    );
    let wrong = write(
        "wrong.json",
        &json!({"id": "acme", "attributes": [{"name": "a b"}]}),
    );
    for tenant in ["one", "two"] {
        server.tenant(tenant, &TenantChange::default()).await;
    }
    for line in [
        format!("schema check {file} --tenant TENANT"),
        format!("schema check {file} --tenant TENANT --json"),
        format!("schema add {file} --tenant TENANT"),
        format!("schema add --urn {urn} --attribute c:integer --tenant TENANT --json"),
        format!("schema show {urn} --tenant TENANT"),
        "schema list --tenant TENANT".to_owned(),
        format!("schema remove {urn} --attribute a --tenant TENANT --yes"),
        format!("schema remove {urn} --tenant TENANT --yes --json"),
    ] {
        alike(&server, &admin, &line);
    }
    for line in [
        format!("schema check {wrong}"),
        format!("schema check {wrong} --json"),
        format!("schema add {wrong}"),
        format!("schema add --urn {urn} --attribute a:string[]:unique"),
        format!("schema add {file} --resource-type Robot"),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        assert_eq!(same(&server, &admin, &arguments).code, Some(2), "{line}");
    }
    // A change that hides values needs a confirmation in both modes.
    assert_eq!(remotely(&admin, &["schema", "add", &file]).code, Some(0));
    let remove = ["schema", "remove", urn];
    let asked = same(&server, &admin, &remove);
    assert!(
        asked.code == Some(2) && asked.stderr.contains("--yes"),
        "{asked:?}"
    );
}

async fn resource_changes_are_the_same(server: Server) {
    let admin = Admin::over(&server).await;
    for tenant in ["one", "two"] {
        let token = server.tenant(tenant, &TenantChange::default()).await;
        let client = server.by(&token);
        let ann = client.post("/Users", user("ann")).await.expect(201).id();
        client
            .post("/Groups", group("Sales", &[ann]))
            .await
            .expect(201);
    }
    for line in [
        "user deactivate ann --tenant TENANT",
        "user deactivate ann --tenant TENANT --json",
        "user show ANN --tenant TENANT",
        "user delete ann --tenant TENANT --yes",
        "group delete sales --tenant TENANT --yes --json",
        "user list --tenant TENANT",
    ] {
        alike(&server, &admin, line);
    }
    server.is_sound().await;
}

async fn long_lists_are_complete(server: Server) {
    let admin = Admin::over(&server).await;
    let values: Vec<String> = (0..450)
        .map(|number| format!("('t{number:05}', 1)"))
        .collect();
    let insert = format!(
        "insert into tenant (name, created) values {}",
        values.join(", ")
    );
    server.run(&insert).await;
    let all = same(&server, &admin, &["tenant", "list", "--json"]);
    let listed: Vec<Value> = serde_json::from_str(&all.out).unwrap();
    assert_eq!(listed.len(), 451);
    let table = same(&server, &admin, &["tenant", "list"]);
    assert_eq!(table.stderr, "More rows: use --after t00098\n");
    let rest = same(
        &server,
        &admin,
        &["tenant", "list", "--after", "t00098", "--limit", "400"],
    );
    assert_eq!((rest.out.lines().count(), rest.stderr.as_str()), (352, ""));
}

async fn a_log_is_followed(server: Server) {
    let admin = Admin::over(&server).await;
    server.get("/Users").await.expect(200);
    server.service.recorder().finish().await;
    let follow = ["log", "--follow", "--json"];
    let following = Following::start(through(&admin.root, &admin.token, &follow));
    let next = || following.line()["route"].clone();
    assert_eq!(tokio::task::block_in_place(next), "/Users");
    for route in ["/Groups", "/Users", "/Groups"] {
        server.get(route).await.expect(200);
        assert_eq!(tokio::task::block_in_place(next), route);
    }
    following.interrupt().await;
}
