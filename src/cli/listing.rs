//! Lists that are read page by page, so that neither the command nor the server holds all of a long one.

use super::failure::Failure;
use super::output::{self, JsonList, say};
use crate::operator::OperatorError;
use clap::Args;
use serde_json::Value;
use std::io::Write;

/// Rows that are read at a time.
const PAGE: i64 = 1000;

/// Rows of a table when no number is given.
const TABLE: i64 = 100;

/// How much of a list is shown, and how.
#[derive(Debug, Args)]
pub(super) struct Paging {
    /// Maximum number of rows [default: 100; with --json all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: Option<i64>,
    /// Only rows after this one, the last row of the previous page
    #[arg(long, value_name = "LAST")]
    pub(super) after: Option<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// How the rows of a list are shown.
pub(super) struct Shape<'a, T> {
    /// The headings of a table.
    pub(super) headings: &'a [&'a str],
    /// The cells of a row.
    pub(super) row: &'a dyn Fn(&T) -> Vec<String>,
    /// A row as JSON.
    pub(super) json: &'a dyn Fn(&T) -> Value,
    /// What `--after` takes to go on behind a row.
    pub(super) key: &'a dyn Fn(&T) -> String,
}

impl Paging {
    /// Prints a list. `read` returns the rows after a key, up to a number; fewer are the last.
    pub(super) async fn print<T>(
        &self,
        shape: &Shape<'_, T>,
        read: impl AsyncFnMut(Option<String>, i64) -> Result<Vec<T>, OperatorError>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let next = if self.json {
            let mut list = JsonList::begin(out);
            let next = self
                .each(self.limit, shape, read, &mut |row| {
                    list.push(&(shape.json)(row))
                })
                .await?;
            list.end()?;
            next
        } else {
            let mut rows = Vec::new();
            let mut take = |row: &T| {
                rows.push((shape.row)(row));
                Ok(())
            };
            let next = self
                .each(Some(self.limit.unwrap_or(TABLE)), shape, read, &mut take)
                .await?;
            output::table(out, shape.headings, &rows)?;
            next
        };
        if let Some(last) = next {
            say(&format!("More rows: use --after {last}"));
        }
        Ok(())
    }

    /// Takes one row after the other; gives the key of the last one taken if there are more.
    async fn each<T>(
        &self,
        limit: Option<i64>,
        shape: &Shape<'_, T>,
        mut read: impl AsyncFnMut(Option<String>, i64) -> Result<Vec<T>, OperatorError>,
        take: &mut dyn FnMut(&T) -> Result<(), Failure>,
    ) -> Result<Option<String>, Failure> {
        let (mut after, mut left) = (self.after.clone(), limit);
        loop {
            let size = left.map_or(PAGE, |left| left.min(PAGE));
            // One row more than is taken tells whether there are more.
            let mut page = read(after.clone(), size + 1).await?.into_iter();
            for row in page.by_ref().take(usize::try_from(size).unwrap_or(0)) {
                take(&row)?;
                after = Some((shape.key)(&row));
            }
            left = left.map(|left| left - size);
            if page.next().is_none() {
                return Ok(None);
            }
            if left == Some(0) {
                return Ok(after);
            }
        }
    }
}
