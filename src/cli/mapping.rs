//! `scimd mapping`, and applying the mapping.

use super::failure::Failure;
use super::management::{ApiRequest, Management, Place, read_as};
use super::output::{self, print_message};
use super::progress::Progress;
use crate::mapping::Directory;
use crate::operator::{ColumnShape, Operator};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
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
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        let management = place.open().await?;
        match self {
            Self::Show(show) => show.run(&management, out).await,
            Self::Check(check) => check.run(&management, out).await,
        }
    }
}

/// The mapping, and the result of its check.
async fn mapping(management: &Management<'_>) -> Result<Value, Failure> {
    management.call(&ApiRequest::get(&["mapping"])).await
}

impl Show {
    async fn run(&self, management: &Management<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        let mut shown = mapping(management).await?;
        let [users, groups, views] = ["users", "groups", "views"].map(|part| shown[part].take());
        if self.json {
            let shown = json!({"users": users, "groups": groups, "views": views});
            return output::json(out, &shown);
        }
        let mut rows = Vec::new();
        for (view, columns) in [("directory_users", users), ("directory_groups", groups)] {
            let columns: Vec<ColumnShape> = read_as(columns)?;
            rows.extend(columns.iter().map(|column| row(view, column)));
        }
        output::table(
            out,
            &["VIEW", "COLUMN", "TYPE", "INDEXED", "ATTRIBUTE"],
            &rows,
        )?;
        for (name, query) in read_as::<Map<String, Value>>(views)? {
            let query = query.as_str().unwrap_or_default();
            writeln!(out, "\ncreate view {name} as\n{query};")?;
        }
        Ok(())
    }
}

fn row(view: &str, column: &ColumnShape) -> Vec<String> {
    let indexed = if column.indexed { "yes" } else { "-" };
    [
        view,
        &column.column,
        &column.kind,
        indexed,
        &column.paths.join(", else "),
    ]
    .map(str::to_owned)
    .to_vec()
}

impl Check {
    /// An invalid mapping is a configuration error; different views are a failure.
    async fn run(&self, management: &Management<'_>, out: &mut dyn Write) -> Result<(), Failure> {
        let mut found = mapping(management).await?;
        let undeclared: Vec<String> = read_as(found["undeclared"].take())?;
        let state = found["state"].as_str().unwrap_or_default();
        let state_text = match state {
            "ready" => "The views in the database match the mapping.",
            "filling" => {
                "The views in the database match the mapping. Lookup columns are still being filled; lookups \
                 are slow until then (scimd migrate completes this)."
            }
            "different" => {
                "The views in the database are of another mapping. Run scimd migrate to replace them."
            }
            _ => "The database has no views yet. Run scimd migrate to create them.",
        };
        if self.json {
            output::json(out, &json!({"views": state, "undeclared": undeclared}))?;
        } else {
            for path in &undeclared {
                writeln!(out, "note: {path}; the column is empty until one does")?;
            }
            writeln!(out, "{state_text}")?;
        }
        out.flush()?;
        if ["ready", "filling"].contains(&state) {
            Ok(())
        } else {
            Err(Failure::Silent)
        }
    }
}

/// Creates the views and fills their lookup columns; returns when that is done.
pub(super) async fn apply(operator: &Operator, directory: &Directory) -> Result<(), Failure> {
    if !operator.make_directory(directory).await? {
        let progress = Progress::new(None, "{spinner} filling lookup columns, {elapsed}");
        let filled = operator.fill_directory(directory).await;
        progress.finish();
        print_message(&format!("Filled lookup columns of {} rows", filled?));
    }
    Ok(())
}
