//! `scimd migrate`.

use super::failure::Failure;
use super::open;
use super::output::say;
use crate::config::Config;

/// Brings the tables up to date, which opening does; waits for the database as `serve` does.
pub(super) async fn run(config: &Config) -> Result<(), Failure> {
    open::patiently(config, &open::settings(config)?).await?;
    say(&format!("The tables are up to date: {}", config.database));
    Ok(())
}
