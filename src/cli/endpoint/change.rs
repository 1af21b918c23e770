//! Commands that change an endpoint.

use super::start;
use crate::cli::arguments::span;
use crate::cli::confirm::confirm;
use crate::cli::failure::Failure;
use crate::cli::output::say;
use crate::config::Config;
use crate::delivery::{Endpoints, Start};
use crate::outbound::Outbound;
use crate::store::EndpointKind;
use clap::{ArgGroup, Args};
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
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true, value_parser = start)]
    from: Option<Start>,
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
    /// After this cursor of the feed, or start for the oldest event that is kept
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true, group = "place", value_parser = start)]
    from: Option<Start>,
    /// The events of this period, such as 2h
    #[arg(long, value_name = "SPAN", group = "place", value_parser = span)]
    since: Option<i64>,
    /// Only events of this tenant
    #[arg(long)]
    tenant: Option<String>,
}

impl Named {
    pub(in crate::cli) async fn pause(
        &self,
        (endpoints, kind): (&Endpoints, EndpointKind),
    ) -> Result<(), Failure> {
        endpoints.pause(kind, &self.name, None).await?;
        say(&format!("Paused {} {}.", kind.as_str(), self.name));
        Ok(())
    }
}

impl Test {
    pub(in crate::cli) async fn run(
        &self,
        (endpoints, kind): (&Endpoints, EndpointKind),
        config: &Config,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let outbound = Outbound::new(&config.for_outbound()?).map_err(Failure::Failed)?;
        let tested = endpoints.test(kind, &self.name, &outbound, None).await?;
        let status = tested
            .status
            .map_or("no answer".to_owned(), |status| format!("status {status}"));
        let from = tested
            .address
            .map_or(String::new(), |address| format!(" from {address}"));
        writeln!(out, "{status}{from} after {} ms", tested.took.as_millis())?;
        if tested.is_accepted {
            return Ok(());
        }
        Err(Failure::Failed(format!(
            "the receiver did not accept the event: {}",
            tested.error
        )))
    }
}

impl Resume {
    pub(in crate::cli) async fn run(
        &self,
        (endpoints, kind): (&Endpoints, EndpointKind),
    ) -> Result<(), Failure> {
        endpoints
            .resume(kind, &self.name, self.from.as_ref(), None)
            .await?;
        say(&format!("Resumed {} {}.", kind.as_str(), self.name));
        Ok(())
    }
}

impl Remove {
    pub(in crate::cli) async fn run(
        &self,
        (endpoints, kind): (&Endpoints, EndpointKind),
    ) -> Result<(), Failure> {
        endpoints.endpoint(kind, &self.name).await?;
        if !self.yes {
            confirm("deletes it with its pending events", &self.name, "its name")?;
        }
        endpoints.remove(kind, &self.name).await?;
        say(&format!("Removed {} {}.", kind.as_str(), self.name));
        Ok(())
    }
}

impl Replay {
    pub(in crate::cli) async fn run(
        &self,
        (endpoints, kind): (&Endpoints, EndpointKind),
    ) -> Result<(), Failure> {
        let start = match (&self.from, self.since) {
            (Some(start), _) => start.clone(),
            (None, Some(seconds)) => Start::Since(seconds),
            (None, None) => Start::Oldest,
        };
        let place = (&start, self.tenant.as_deref());
        endpoints.replay(kind, &self.name, place, None).await?;
        say(&format!(
            "The {} {} gets its events again.",
            kind.as_str(),
            self.name
        ));
        Ok(())
    }
}
