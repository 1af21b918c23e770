//! `scimd verify`.

use super::failure::Failure;
use super::progress::Progress;
use super::{open, output};
use crate::config::Config;
use crate::store::Finding;
use clap::Args;
use std::io::Write;

/// Arguments of `scimd verify`.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Repairs the differences
    #[arg(long)]
    repair: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Compares, and repairs if requested. Differences that remain are a failure.
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        let whole = operator.count_resources().await?;
        let progress = Progress::new(
            u64::try_from(whole).ok(),
            "{wide_bar} {pos} of {len} compared, {eta}",
        );
        let verified = operator
            .verify_with_progress(self.repair, &mut || progress.advance(1))
            .await;
        progress.finish();
        let verified = verified?;
        if self.json {
            let texts = verified.findings.iter().map(Finding::to_string);
            output::json(out, &texts.collect::<Vec<_>>())?;
        } else {
            for finding in &verified.findings {
                writeln!(out, "{finding}")?;
            }
        }
        out.flush()?;
        if verified.unlisted > 0 {
            output::print_message(&format!("Not listed: {} more", verified.unlisted));
        }
        match (verified.count(), self.repair, verified.unrepaired) {
            (0, ..) => output::print_message("No differences found."),
            (count, true, 0) => output::print_message(&format!("Repaired: {count}")),
            (count, true, unrepaired) => {
                output::print_message(&format!(
                    "Repaired: {}; not repaired: {unrepaired}",
                    count - unrepaired
                ));
                return Err(Failure::Silent);
            }
            (count, false, _) => {
                output::print_message(&format!(
                    "Differences: {count}. Run scimd verify --repair to repair them."
                ));
                return Err(Failure::Silent);
            }
        }
        Ok(())
    }
}
