//! Each command that writes adds a row to the audit trail.

use super::{json_beside, output_and_stderr};
use crate::harness::{Server, group, user};
use crate::on_both;
use scimd::store::{AuditQuery, AuditRow};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

on_both!(every_act_of_a_command_has_a_row);

const URN: &str = "urn:acme:own:User";

/// Commands that write, each with the act in its audit rows. Words in braces are filled in: `{token}` and `{operator}`
/// are ids of valid tokens, `{urn}` is that of a schema, `{folder}` is an empty one.
const ACTS: [(&str, &str); 20] = [
    ("tenant create acme", "tenant.create"),
    ("tenant set acme --seats 5", "tenant.change"),
    ("tenant suspend acme", "tenant.change"),
    ("tenant resume acme", "tenant.change"),
    ("token issue --tenant acme --name okta", "token.issue"),
    ("token rotate {token}", "token.rotate"),
    ("token revoke {token}", "token.revoke"),
    ("token revoke --all --tenant acme --yes", "token.revoke"),
    (
        "operator issue --name backend --role backend",
        "operator.issue",
    ),
    ("operator rotate {operator}", "operator.rotate"),
    ("operator revoke {operator}", "operator.revoke"),
    (
        "schema add --urn {urn} --attribute code --tenant acme --yes",
        "schema.put",
    ),
    ("schema remove {urn} --tenant acme --yes", "schema.remove"),
    ("log bodies --tenant acme --for 1h", "log.bodies"),
    ("export --out {folder}/people", "export"),
    ("import {folder}/people --tenant acme", "import"),
    ("user deactivate ann", "user.deactivate"),
    ("user delete ann --yes", "user.delete"),
    ("group delete staff --yes", "group.delete"),
    ("tenant delete acme --yes", "tenant.delete"),
];

/// Commands without an audited change. `serve --issue-token` issues a token like `token issue`.
const OTHERS: [&str; 40] = [
    "serve",
    "login",
    "logout",
    "token list",
    "tenant list",
    "tenant show",
    "tenant guide",
    "user list",
    "user show",
    "group list",
    "group show",
    "schema list",
    "schema show",
    "schema check",
    "schema suggest",
    "operator list",
    "audit",
    "webhook list",
    "webhook show",
    "webhook failed",
    "webhook log",
    "stream list",
    "stream show",
    "stream failed",
    "stream log",
    "key generate",
    "key list",
    "log",
    "events list",
    "events show",
    "events head",
    "migrate",
    "check",
    "mapping show",
    "mapping check",
    "verify",
    "backup",
    "health",
    "doctor",
    "completions",
];

/// Commands on endpoints and keys, whose rows are tested with webhooks, streams and the management API.
const ON_ENDPOINTS: [&str; 17] = [
    "webhook add",
    "webhook set",
    "webhook test",
    "webhook pause",
    "webhook resume",
    "webhook remove",
    "webhook rotate",
    "webhook replay",
    "webhook retry",
    "stream add",
    "stream test",
    "stream pause",
    "stream resume",
    "stream remove",
    "stream replay",
    "stream retry",
    "key rotate",
];

/// The commands of the reference, without groups of others.
fn commands() -> BTreeSet<String> {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/cli.md");
    let text = std::fs::read_to_string(reference).unwrap();
    let all: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(" scimd "))
        .collect();
    // `log` is a command and a group.
    let is_group = |name: &str| {
        let below = format!("{name} ");
        name != "log" && all.iter().any(|other| other.starts_with(&below))
    };
    let single = all.iter().filter(|name| !is_group(name));
    single.map(|name| (*name).to_owned()).collect()
}

#[test]
fn every_command_is_classified() {
    let commands = commands();
    let of_act = |line: &str| {
        let named = commands.iter().filter(|name| line.starts_with(*name));
        named.max_by_key(|name| name.len()).cloned()
    };
    let acts = ACTS.iter().map(|(line, _)| of_act(line).expect(line));
    let others = OTHERS.iter().chain(&ON_ENDPOINTS);
    let sorted: BTreeSet<_> = acts.chain(others.map(|name| (*name).to_owned())).collect();
    assert_eq!(sorted, commands, "each command is in one of the tables");
}

async fn rows(server: &Server) -> Vec<AuditRow> {
    let query = AuditQuery {
        limit: 1000,
        ..AuditQuery::default()
    };
    server.operator.audit(&query).await.unwrap()
}

/// The id of a valid token in a list.
fn valid(listed: &Value) -> String {
    let listed = listed.as_array().unwrap();
    let found = listed.iter().find(|token| token["state"] == "active");
    let found = found.unwrap_or_else(|| panic!("{listed:?}"));
    found["id"].as_str().unwrap().to_owned()
}

async fn every_act_of_a_command_has_a_row(server: Server) {
    let ann = server.post("/Users", user("ann")).await.expect(201).id();
    let staff = group("staff", &[ann]);
    server.post("/Groups", staff).await.expect(201);
    let folder = tempfile::tempdir().unwrap();
    for (line, action) in ACTS {
        let mut line = line
            .replace("{urn}", URN)
            .replace("{folder}", folder.path().to_str().unwrap());
        if line.contains("{token}") {
            let listed = json_beside(&server, &["token", "list", "--tenant", "acme"]);
            line = line.replace("{token}", &valid(&listed));
        }
        if line.contains("{operator}") {
            let listed = json_beside(&server, &["operator", "list"]);
            line = line.replace("{operator}", &valid(&listed));
        }
        let before: BTreeSet<_> = rows(&server).await.iter().map(|row| row.id).collect();
        output_and_stderr(&server, &line.split(' ').collect::<Vec<_>>());
        let after = rows(&server).await;
        let new: Vec<_> = after
            .iter()
            .filter(|row| !before.contains(&row.id))
            .collect();
        assert!(!new.is_empty(), "{line} left no row");
        for row in new {
            assert_eq!(
                (row.action.as_str(), row.actor[0].as_str()),
                (action, "cli")
            );
        }
    }
}
