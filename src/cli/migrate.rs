//! `scimd migrate`.

use super::failure::Failure;
use super::output::say;
use super::{mapping, open};
use crate::config::Config;

/// Brings the tables up to date, which opening does, and the views of the directory; behind a pooler it
/// also keeps the settings of the role. Waits for the database as `serve` does.
pub(super) async fn run(config: &Config) -> Result<(), Failure> {
    let directory = config.directory()?;
    let mut settings = open::settings(config)?;
    settings.pool.keeps_role = true;
    let service = open::patiently(config, &settings, &directory).await?;
    mapping::apply(&service, &directory).await?;
    say(&format!("The tables and views are up to date: {}", config.database));
    Ok(())
}
