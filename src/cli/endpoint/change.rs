//! Commands that change an endpoint.

use super::EndpointsAt;
use crate::admin_api::Method;
use crate::cli::arguments::span;
use crate::cli::confirm::confirm;
use crate::cli::failure::Failure;
use crate::cli::management::read_as;
use crate::cli::output::print_message;
use clap::{ArgGroup, Args};
use serde::Deserialize;
use serde_json::json;
use std::io::Write;

/// Arguments of a command about one endpoint.
#[derive(Debug, Args)]
pub(in crate::cli) struct Named {
    /// Name
    name: String,
}

/// Arguments of `scimd webhook test` and `scimd stream test`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Test {
    /// Name
    name: String,
}

/// Arguments of `scimd webhook resume` and `scimd stream resume`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Resume {
    /// Name
    name: String,
    /// Position at which it continues: now, start (the oldest available event), or a cursor [default: where it stopped]
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    from: Option<String>,
}

/// Arguments of `scimd webhook remove` and `scimd stream remove`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Remove {
    /// Name
    name: String,
    /// Skips the confirmation
    #[arg(long)]
    yes: bool,
}

/// Arguments of `scimd webhook replay` and `scimd stream replay`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("place").required(true))]
pub(in crate::cli) struct Replay {
    /// Name
    name: String,
    /// After this cursor of the feed, or start for the oldest available event
    #[arg(
        long,
        value_name = "CURSOR",
        allow_hyphen_values = true,
        group = "place"
    )]
    from: Option<String>,
    /// The events of this period, such as 2h
    #[arg(long, value_name = "SPAN", group = "place", value_parser = span)]
    since: Option<i64>,
    /// Only events of this tenant
    #[arg(long)]
    tenant: Option<String>,
}

/// Outcome of a test.
#[derive(Debug, Deserialize)]
struct TestOutcome {
    accepted: bool,
    status: Option<u16>,
    address: Option<String>,
    milliseconds: u64,
    error: Option<String>,
}

impl Named {
    pub(in crate::cli) async fn pause(&self, these: EndpointsAt<'_>) -> Result<(), Failure> {
        these.act(&[&self.name, "pause"], None).await?;
        print_message(&format!("Paused {} {}.", these.kind.as_str(), self.name));
        Ok(())
    }
}

impl Test {
    pub(in crate::cli) async fn run(
        &self,
        these: EndpointsAt<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let tested: TestOutcome = read_as(these.act(&[&self.name, "test"], None).await?)?;
        let status = tested
            .status
            .map_or("no answer".to_owned(), |status| format!("status {status}"));
        let from = tested
            .address
            .map_or(String::new(), |address| format!(" from {address}"));
        writeln!(out, "{status}{from} after {} ms", tested.milliseconds)?;
        if tested.accepted {
            return Ok(());
        }
        Err(Failure::Failed(format!(
            "the receiver did not accept the event: {}",
            tested.error.unwrap_or_default()
        )))
    }
}

impl Resume {
    pub(in crate::cli) async fn run(&self, these: EndpointsAt<'_>) -> Result<(), Failure> {
        let body = self.from.as_ref().map(|from| json!({"from": from}));
        these.act(&[&self.name, "resume"], body).await?;
        print_message(&format!("Resumed {} {}.", these.kind.as_str(), self.name));
        Ok(())
    }
}

impl Remove {
    pub(in crate::cli) async fn run(&self, these: EndpointsAt<'_>) -> Result<(), Failure> {
        these.read(&[&self.name]).await?;
        if !self.yes {
            confirm("deletes it with its pending events", &self.name, "its name")?;
        }
        let request = these.request(Method::Delete, &[&self.name]);
        these.call(request.with("confirm", &self.name)).await?;
        print_message(&format!("Removed {} {}.", these.kind.as_str(), self.name));
        Ok(())
    }
}

impl Replay {
    pub(in crate::cli) async fn run(&self, these: EndpointsAt<'_>) -> Result<(), Failure> {
        let mut body = match (&self.from, self.since) {
            (Some(from), _) => json!({"from": from}),
            (None, Some(seconds)) => json!({"since": format!("{seconds}s")}),
            (None, None) => json!({"from": "start"}),
        };
        if let Some(tenant) = &self.tenant {
            body["tenant"] = tenant.as_str().into();
        }
        these.act(&[&self.name, "replay"], Some(body)).await?;
        print_message(&format!(
            "The {} {} is sent events again.",
            these.kind.as_str(),
            self.name
        ));
        Ok(())
    }
}
