//! `scimd check`.

use super::arguments::Globals;
use super::failure::Failure;
use super::output::{self, print_message};
use crate::config::{Config, DEFAULTS, Effective, Environment};
use crate::model;
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::Write;

/// Arguments of `scimd check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Prints the built-in configuration file, with every key explained, and checks nothing
    #[arg(long, conflicts_with = "json")]
    defaults: bool,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(
        &self,
        globals: &Globals,
        environment: &Environment,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if self.defaults {
            return Ok(out.write_all(DEFAULTS.as_bytes())?);
        }
        let config = globals.config(environment, &[])?;
        let files = config.schema_files()?.unwrap_or_default();
        let catalog =
            model::catalog(&files).map_err(|error| Failure::Misused(error.to_string()))?;
        config.directory()?;
        let print = if self.json { show_json } else { show };
        print(&config, out)?;
        for warning in config.warnings() {
            print_message(&format!("warning: {warning}"));
        }
        if let Err(refusal) = config.check_exposure() {
            print_message(&format!("warning: serve will refuse: {refusal}"));
        }
        let types: Vec<&str> = catalog
            .resource_types()
            .iter()
            .map(|t| t.name().as_ref())
            .collect();
        print_message(&format!(
            "Base URL:       {}",
            config.base_url(config.server.listen)
        ));
        print_message(&format!("Database:       {}", config.database));
        print_message(&format!(
            "Resource types: {} ({} schema files)",
            types.join(", "),
            files.len()
        ));
        Ok(())
    }
}

/// Prints the configuration as a TOML file, with the source of each value.
fn show(config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
    let mut current = String::new();
    for Effective {
        section,
        key,
        value,
        origin,
    } in config.effective()
    {
        if section != current {
            let gap = if current.is_empty() { "" } else { "\n" };
            writeln!(out, "{gap}[{section}]")?;
            current = section;
        }
        writeln!(out, "{:40} # {origin}", format!("{key} = {value}"))?;
    }
    Ok(())
}

fn show_json(config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
    let mut sections = Map::new();
    for Effective {
        section,
        key,
        value,
        origin,
    } in config.effective()
    {
        let shown = json!({"value": value, "origin": origin.to_string()});
        let keys = sections
            .entry(section)
            .or_insert_with(|| Value::Object(Map::new()));
        keys.as_object_mut()
            .and_then(|keys| keys.insert(key, shown));
    }
    output::json(out, &sections)
}
