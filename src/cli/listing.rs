//! Lists that are read page by page, so that neither the command nor the server holds a long list in memory.

use super::failure::Failure;
use super::management::{ApiRequest, Management, PAGE, Page, read_as};
use super::output::{self, JsonList, print_message};
use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::Write;

/// Default number of rows of a table.
const TABLE: i64 = 100;

/// The part of a list to print, and the format.
#[derive(Debug, Args)]
pub(super) struct Paging {
    /// Maximum number of rows [default: 100; with --json all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: Option<i64>,
    /// Only rows after this one, the last row of the previous page
    #[arg(long, value_name = "LAST", allow_hyphen_values = true)]
    pub(super) after: Option<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// The format of the rows of a list.
pub(super) struct Columns<'a, T> {
    /// The headings of a table.
    pub(super) headings: &'a [&'a str],
    /// The cells of a row.
    pub(super) row: &'a dyn Fn(&T) -> Vec<String>,
    /// The value of `--after` that continues after a row.
    pub(super) key: &'a dyn Fn(&T) -> String,
}

/// The request of a list, and the value of `--after` that continues after a row.
type Read<'a, T> = (&'a Management<'a>, &'a ApiRequest, &'a dyn Fn(&T) -> String);

impl Paging {
    /// Prints the list of a request.
    pub(super) async fn print<T: DeserializeOwned>(
        &self,
        columns: &Columns<'_, T>,
        (management, request): (&Management<'_>, &ApiRequest),
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let read = (management, request, columns.key);
        let next = if self.json {
            let mut list = JsonList::begin(out);
            let next = self
                .each(self.limit, read, &mut |row, _| list.push(row))
                .await?;
            list.end()?;
            next
        } else {
            let mut rows = Vec::new();
            let mut take = |_: &Value, row: &T| {
                rows.push((columns.row)(row));
                Ok(())
            };
            let limit = Some(self.limit.unwrap_or(TABLE));
            let next = self.each(limit, read, &mut take).await?;
            output::table(out, columns.headings, &rows)?;
            next
        };
        if let Some(last) = next {
            print_message(&format!("More rows: use --after {last}"));
        }
        Ok(())
    }

    /// Passes each row to a function; returns the key of the last one if there are more.
    async fn each<T: DeserializeOwned>(
        &self,
        limit: Option<i64>,
        (management, request, key): Read<'_, T>,
        take: &mut dyn FnMut(&Value, &T) -> Result<(), Failure>,
    ) -> Result<Option<String>, Failure> {
        let (mut after, mut left) = (self.after.clone(), limit);
        loop {
            let size = left.map_or(PAGE, |left| left.min(PAGE));
            let page = request.clone().with("limit", size);
            let page: Page = management
                .read(&page.with_some("after", after.as_ref()))
                .await?;
            for item in page.items {
                let row = read_as(item.clone())?;
                take(&item, &row)?;
                after = Some(key(&row));
            }
            left = left.map(|left| left - size);
            if page.next.is_none() {
                return Ok(None);
            }
            if left == Some(0) {
                return Ok(after);
            }
        }
    }
}
