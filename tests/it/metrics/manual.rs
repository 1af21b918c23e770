//! Manual, rules and dashboard name the exported metrics. `SCIMD_BLESS=1 cargo test --test it metrics` rewrites the
//! list of the manual.

use super::feed::delivered;
use super::scrape::{Scrape, promtool};
use super::settled;
use crate::harness::{Database, Server, user};
use crate::webhooks::sink::Sink;
use crate::webhooks::{Sending, churn};
use scimd::metrics::ShownTenants;
use scimd::store::{TenantChange, TokenScope};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/operating/metrics.md";
const ALERTS: &str = "docs/operating/alerts.yml";
const ALERT_CASES: &str = "tests/data/alerts.yml";
const DASHBOARD: &str = "docs/operating/grafana-dashboard.json";
const BEGIN: &str = "<!-- generated: begin -->\n";
const END: &str = "<!-- generated: end -->\n";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// A page with a series of every metric.
async fn exported() -> Scrape {
    let server = Server::on(Database::Sqlite).await;
    server.post("/Users", user("ada")).await.expect(201);
    let limited = TenantChange {
        seats: Some(Some(3)),
        ..TenantChange::default()
    };
    server.tenant("limited", &limited).await;
    let week = Some(7 * 86_400);
    server
        .operator
        .issue_token("limited", "soon", TokenScope::ReadWrite, week)
        .await
        .unwrap();
    server
        .operator
        .measure_tenants(ShownTenants::Attention)
        .await
        .unwrap();
    let (sending, sink) = (Sending::of(&server), Sink::start().await);
    sending.add("app", &sink).await;
    churn(&server, "grace", 0).await;
    delivered(&server, "accepted", 1.0).await;
    sending.endpoints.measure().await.unwrap();
    sending.stop().await;
    settled(&server, 2.0).await
}

#[tokio::test]
async fn the_page_of_the_manual_lists_every_metric() {
    let page = exported().await;
    let mut list = "| Metric | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for (name, family) in &page.families {
        let labels: Vec<_> = family
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let meaning = family.help.trim_end_matches('.');
        let (kind, labels) = (&family.kind, labels.join(", "));
        list.push_str(&format!("| `{name}` | {kind} | {labels} | {meaning} |\n"));
    }
    list.push('\n');
    let manual = read(PAGE);
    let (head, rest) = manual.split_once(BEGIN).unwrap();
    let (written, tail) = rest.split_once(END).unwrap();
    if std::env::var_os("SCIMD_BLESS").is_some() {
        let text = format!("{head}{BEGIN}\n{list}{END}{tail}");
        std::fs::write(root().join(PAGE), text).unwrap();
        return;
    }
    assert_eq!(
        written.trim_start_matches('\n'),
        list,
        "{PAGE} does not list the metrics; SCIMD_BLESS=1 rewrites the list"
    );
}

/// The words of a text that are names of metrics of scimd.
fn named(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("scimd_"))
        .collect()
}

#[tokio::test]
async fn rules_and_dashboard_use_exported_metrics() {
    let exported = exported().await.names();
    for file in [ALERTS, DASHBOARD] {
        let text = read(file);
        let named = named(&text);
        assert!(named.len() > 5, "{file}: {named:?}");
        for name in named {
            assert!(exported.contains(name), "{file}: {name} is not exported");
        }
    }
}

#[test]
fn the_rules_are_accepted_and_fire_when_they_should() {
    let (rules, cases) = (read(ALERTS), read(ALERT_CASES));
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts {
        assert!(
            cases.contains(&format!("alertname: {alert}\n")),
            "{alert} has no case"
        );
    }
    for arguments in [["check", "rules", ALERTS], ["test", "rules", ALERT_CASES]] {
        let output = promtool(&arguments, "");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
}

/// Prometheus can parse each expression of the dashboard.
#[test]
fn the_dashboard_is_well_formed() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut rules = Vec::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_i64().unwrap()), "{panel}");
        assert!(
            panel["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty())
        );
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let expression = expression.replace("$__rate_interval", "5m");
            rules.push(json!({"record": format!("panel{}", rules.len()), "expr": expression}));
        }
    }
    assert!(rules.len() > 10);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dashboard.yml");
    // JSON is YAML.
    let text = json!({"groups": [{"name": "dashboard", "rules": rules}]}).to_string();
    std::fs::write(&file, text).unwrap();
    let output = promtool(&["check", "rules", path_text(&file)], "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
}

fn path_text(path: &Path) -> &str {
    path.to_str().unwrap()
}
