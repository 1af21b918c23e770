//! `scimd webhook list` and `scimd stream list` and `show`.

use crate::cli::failure::Failure;
use crate::cli::output::{self, facts, moment, table};
use crate::delivery::{EndpointInfo, Endpoints};
use crate::store::EndpointKind;
use clap::Args;
use serde_json::Value;
use std::io::Write;

/// Arguments of `scimd webhook list` and `scimd stream list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
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
        (endpoints, kind): (&Endpoints, EndpointKind),
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let listed = endpoints.list(kind, None).await?;
        if self.json {
            let listed: Vec<_> = listed.iter().map(EndpointInfo::json).collect();
            return output::json(out, &listed);
        }
        let rows: Vec<_> = listed.iter().map(row).collect();
        table(out, &HEADINGS, &rows)
    }
}

fn row(info: &EndpointInfo) -> Vec<String> {
    let endpoint = &info.endpoint;
    let tenant = endpoint.tenant.as_ref();
    vec![
        endpoint.name.clone(),
        endpoint.status.as_str().to_owned(),
        tenant.map_or("(all)".to_owned(), |(_, name)| name.clone()),
        info.options.types.to_string(),
        info.pending.to_string(),
        info.parked.to_string(),
        info.failed.to_string(),
        info.options.url.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

impl Show {
    pub(in crate::cli) async fn run(
        &self,
        (endpoints, kind): (&Endpoints, EndpointKind),
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let listed = endpoints.list(kind, Some(&self.name)).await?;
        for info in &listed {
            if self.json {
                output::json(out, &info.json())?;
            } else {
                show(info, out)?;
            }
        }
        Ok(())
    }
}

fn show(info: &EndpointInfo, out: &mut dyn Write) -> Result<(), Failure> {
    let json = info.json();
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let mut lines = Vec::new();
    for (name, value) in json.as_object().into_iter().flatten() {
        match name.as_str() {
            "since" => lines.push(("since", moment(Some(info.endpoint.since)))),
            "lastAccepted" => lines.push(("lastAccepted", moment(info.endpoint.last_accepted))),
            "milliseconds" => {
                let times = info.times.map_or("-".to_owned(), |times| {
                    format!("p50 {}, p99 {}, of the last hour", times.p50, times.p99)
                });
                lines.push(("milliseconds", times));
            }
            "lastFailure" => {
                let failure = info.last_failure.as_ref();
                let told = failure.map_or("-".to_owned(), |failure| {
                    format!("{} {}", moment(Some(failure.at)), failure.error)
                });
                lines.push(("lastFailure", told));
            }
            name => lines.push((name, text(value))),
        }
    }
    facts(out, &lines)
}
