//! `scimd migrate`.

use super::failure::Failure;
use super::output::say;
use super::{mapping, open};
use crate::config::Config;

/// Brings the tables up to date, which opening does, and the views of the directory; waits for the
/// database as `serve` does.
pub(super) async fn run(config: &Config) -> Result<(), Failure> {
    let directory = config.directory()?;
    let service = open::patiently(config, &open::settings(config)?, &directory).await?;
    mapping::apply(&service, &directory).await?;
    say(&format!("The tables and views are up to date: {}", config.database));
    Ok(())
}
