//! `scimd webhook set` and `rotate`.

use super::add::Settings;
use crate::cli::arguments::span;
use crate::cli::failure::Failure;
use crate::cli::output::say;
use crate::config::duration;
use crate::delivery::Endpoints;
use clap::Args;
use secrecy::ExposeSecret;
use std::io::Write;

/// Arguments of `scimd webhook set`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Set {
    /// Name
    name: String,
    /// Where events are sent
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
    pub(in crate::cli) async fn run(&self, endpoints: &Endpoints) -> Result<(), Failure> {
        let settings = self
            .settings
            .read(self.url.as_deref(), self.allow_private)?;
        endpoints.set_webhook(&self.name, &settings).await?;
        say(&format!("Changed webhook {}.", self.name));
        Ok(())
    }
}

impl Rotate {
    pub(in crate::cli) async fn run(
        &self,
        endpoints: &Endpoints,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let secret = endpoints.rotate(&self.name, self.overlap, None).await?;
        say(&format!(
            "Events are also signed with the old secret for {}. The new secret:",
            duration::show(self.overlap)
        ));
        writeln!(out, "{}", secret.expose_secret())?;
        Ok(())
    }
}
