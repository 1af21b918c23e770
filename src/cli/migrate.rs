//! `scimd migrate`.

use super::failure::Failure;
use super::output::{self, print_message};
use super::{mapping, open};
use crate::config::Config;
use clap::Args;
use serde_json::json;
use std::io::Write;

/// Arguments of `scimd migrate`.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Migrate {
    /// Migrates the tables, when the database is opened, and the views of the directory; behind a pooler it also sets
    /// the settings of the role. Waits for the database like `serve`.
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let directory = config.directory()?;
        let mut settings = open::settings(config)?;
        settings.pool.keeps_role = true;
        let operator = open::when_available(config, &settings, &directory).await?;
        mapping::apply(&operator, &directory).await?;
        if self.json {
            output::json(
                out,
                &json!({"database": config.database.to_string(), "upToDate": true}),
            )?;
        }
        print_message(&format!(
            "The tables and views are up to date: {}",
            config.database
        ));
        Ok(())
    }
}
