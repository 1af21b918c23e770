//! `scimd webhook list` and `scimd stream list` and `show`.

use super::EndpointsAt;
use crate::admin_api::Method;
use crate::cli::failure::Failure;
use crate::cli::output::{self, facts, moment, table};
use clap::Args;
use serde_json::Value;
use std::io::Write;

/// Arguments of `scimd webhook list` and `scimd stream list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only those whose name or URL begins with this text; letter case does not count
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `scimd webhook show` and `scimd stream show`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// Name
    name: String,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

const HEADINGS: [&str; 8] = [
    "NAME", "STATUS", "TENANT", "TYPES", "PENDING", "PARKED", "FAILED", "URL",
];

impl List {
    pub(in crate::cli) async fn run(
        &self,
        these: EndpointsAt<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let request = these.request(Method::Get, &[]);
        let request = request.with_some("search", self.search.as_ref());
        let listed: Vec<Value> = these.management.latest(&request, i64::MAX).await?;
        if self.json {
            return output::json(out, &listed);
        }
        let rows: Vec<_> = listed.iter().map(row).collect();
        table(out, &HEADINGS, &rows)
    }
}

fn row(shown: &Value) -> Vec<String> {
    let member = |name: &str| match (&shown[name], name) {
        (Value::Null, "tenant") => "(all)".to_owned(),
        (value, _) => text(value),
    };
    let names = [
        "name", "status", "tenant", "types", "pending", "parked", "failed", "url",
    ];
    names.map(member).to_vec()
}

/// A simple value as text.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

impl Show {
    pub(in crate::cli) async fn run(
        &self,
        these: EndpointsAt<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let shown = these.read(&[&self.name]).await?;
        if self.json {
            return output::json(out, &shown);
        }
        let members = shown.as_object().into_iter().flatten();
        let lines: Vec<_> = members
            .map(|(name, value)| (name.as_str(), display(name, value)))
            .collect();
        facts(out, &lines)
    }
}

/// A member as text.
fn display(name: &str, value: &Value) -> String {
    match (name, value) {
        ("since" | "lastAccepted", value) => moment(value.as_str()),
        ("milliseconds", Value::Object(times)) => {
            let [p50, p99] = ["p50", "p99"].map(|name| times.get(name).map_or(String::new(), text));
            format!("p50 {p50}, p99 {p99}, of the last hour")
        }
        ("lastFailure", Value::Object(failure)) => {
            let member = |name: &str| failure.get(name).and_then(Value::as_str);
            let error = member("error").unwrap_or_default();
            format!("{} {error}", moment(member("at")))
        }
        (_, value) => text(value),
    }
}
