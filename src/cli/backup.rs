//! `scimd backup`.

use super::failure::Failure;
use super::progress::Progress;
use super::{open, output};
use crate::config::Config;
use crate::operator::DatabaseTarget;
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `scimd backup`.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The new file; to restore it, stop the server and put it in the data folder as scimd.db
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        if matches!(config.database.target, DatabaseTarget::Postgres { .. }) {
            let message = "the database is PostgreSQL: use pg_dump, which copies it under load";
            return Err(Failure::Misused(message.to_owned()));
        }
        let operator = open::existing(config).await?;
        let progress = Progress::new(None, "{spinner} copying the database, {elapsed}");
        let bytes = operator.backup(&self.file).await?;
        let seconds = progress.finish();
        if self.json {
            return output::json(out, &json!({"bytes": bytes, "seconds": seconds}));
        }
        output::print_message(&format!(
            "Copied the database to {}: {bytes} bytes",
            self.file.display()
        ));
        Ok(())
    }
}
