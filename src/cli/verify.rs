//! `scimd verify`.

use super::failure::Failure;
use super::{open, output};
use crate::config::Config;
use clap::Args;
use std::io::Write;

/// Arguments of `scimd verify`.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Puts right what differs
    #[arg(long)]
    repair: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Differences that stay are a failure.
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let findings = open::existing(config).await?.verify(self.repair).await?;
        if self.json {
            output::json(out, &findings)?;
        } else {
            for finding in &findings {
                writeln!(out, "{finding}")?;
            }
        }
        match (findings.len(), self.repair) {
            (0, _) => output::say("Everything agrees."),
            (count, true) => output::say(&format!("Repaired: {count}")),
            (count, false) => {
                output::say(&format!("Differences: {count}; scimd verify --repair puts them right"));
                out.flush()?;
                return Err(Failure::Silent);
            }
        }
        Ok(())
    }
}
