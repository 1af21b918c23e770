//! `scimd webhook set` and `rotate`.

use super::add::{Secret, Settings};
use crate::admin_api::Method;
use crate::cli::arguments::span;
use crate::cli::endpoint::EndpointsAt;
use crate::cli::failure::Failure;
use crate::cli::management::{members, read_as};
use crate::cli::output::print_message;
use crate::config::duration;
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;

/// Arguments of `scimd webhook set`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Set {
    /// Name
    name: String,
    /// URL of the receiver
    #[arg(long)]
    url: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// Whether addresses of this machine and of private networks may be called
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    allow_private: Option<bool>,
}

/// Arguments of `scimd webhook rotate`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Rotate {
    /// Name
    name: String,
    /// How long events are signed with the old secret too
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = span)]
    overlap: i64,
}

impl Set {
    pub(in crate::cli) async fn run(&self, these: EndpointsAt<'_>) -> Result<(), Failure> {
        let mut change = self.settings.body()?;
        change.extend(members([
            ("url", self.url.clone().map(Value::from)),
            ("allowPrivate", self.allow_private.map(Value::from)),
        ]));
        let request = these.request(Method::Patch, &[&self.name]);
        these.call(request.carrying(change.into())).await?;
        print_message(&format!("Changed webhook {}.", self.name));
        Ok(())
    }
}

impl Rotate {
    pub(in crate::cli) async fn run(
        &self,
        these: EndpointsAt<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let body = json!({"overlap": format!("{}s", self.overlap)});
        let rotated = these.act(&[&self.name, "rotate"], Some(body)).await?;
        print_message(&format!(
            "Events are also signed with the old secret for {}. The new secret:",
            duration::show(self.overlap)
        ));
        let Secret { secret } = read_as(rotated)?;
        writeln!(out, "{secret}")?;
        Ok(())
    }
}
