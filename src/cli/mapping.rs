//! `scimd mapping`, and bringing the mapping into force.

use super::failure::Failure;
use super::open;
use super::output::{self, say};
use super::progress::Progress;
use crate::config::Config;
use crate::mapping::{Directory, DirectoryColumn};
use crate::operator::{
    DirectoryState, Operator, directory_state_word, mapping_as_json, undeclared_text,
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::io::Write;

/// Commands of `scimd mapping`.
#[derive(Debug, Subcommand)]
pub(super) enum Mapping {
    /// Shows the attribute of each column, and the SQL of the views
    Show(Show),
    /// Checks the mapping against the schemas, and the views in the database against the mapping
    Check(Check),
}

/// Arguments of `scimd mapping show`.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `scimd mapping check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

impl Mapping {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Show(show) => show.run(config, out).await,
            Self::Check(check) => check.run(config, out).await,
        }
    }
}

impl Show {
    async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let directory = config.directory()?;
        let views = open::existing(config).await?.views(&directory).await?;
        if self.json {
            return output::json(out, &mapping_as_json(&directory, &views));
        }
        let tables = [
            ("directory_users", &directory.users),
            ("directory_groups", &directory.groups),
        ];
        let rows: Vec<_> = tables
            .iter()
            .flat_map(|(view, table)| table.columns.iter().map(|column| row(view, column)))
            .collect();
        output::table(
            out,
            &["VIEW", "COLUMN", "TYPE", "INDEXED", "ATTRIBUTE"],
            &rows,
        )?;
        for (name, query) in views.queries() {
            writeln!(out, "\ncreate view {name} as\n{query};")?;
        }
        Ok(())
    }
}

fn row(view: &str, column: &DirectoryColumn) -> Vec<String> {
    let indexed = if column.lookup.is_some() { "yes" } else { "-" };
    [
        view,
        &column.name,
        column.kind.as_str(),
        indexed,
        &column.paths.join(", else "),
    ]
    .map(str::to_owned)
    .to_vec()
}

impl Check {
    /// A mapping that cannot be is a wrong configuration; views that are others are a failure.
    async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let directory = config.directory()?;
        let operator = open::existing(config).await?;
        let state = operator.directory_state(&directory).await?;
        let found = operator.undeclared(&directory).await?;
        let undeclared: Vec<_> = found.iter().map(undeclared_text).collect();
        let word = directory_state_word(state);
        let told = match state {
            DirectoryState::Ready => "The views in the database match the mapping.",
            DirectoryState::Filling => {
                "The views in the database match the mapping. Lookup columns are still being filled; lookups \
                 are slow until then (scimd migrate completes this)."
            }
            DirectoryState::Different => {
                "The views in the database are of another mapping. Run scimd migrate to replace them."
            }
            DirectoryState::Missing => {
                "The database has no views yet. Run scimd migrate to create them."
            }
        };
        let is_right = matches!(state, DirectoryState::Ready | DirectoryState::Filling);
        if self.json {
            output::json(out, &json!({"views": word, "undeclared": undeclared}))?;
        } else {
            for path in &undeclared {
                writeln!(out, "note: {path}; the column is empty until one does")?;
            }
            writeln!(out, "{told}")?;
        }
        out.flush()?;
        if is_right {
            Ok(())
        } else {
            Err(Failure::Silent)
        }
    }
}

/// Makes the views and lets them find rows by their lookups; returns when that is done.
pub(super) async fn apply(operator: &Operator, directory: &Directory) -> Result<(), Failure> {
    if !operator.make_directory(directory).await? {
        let progress = Progress::new(None, "{spinner} filling lookup columns, {elapsed}");
        let filled = operator.fill_directory(directory).await;
        progress.finish();
        say(&format!("Filled lookup columns of {} rows", filled?));
    }
    Ok(())
}
