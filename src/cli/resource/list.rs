//! `scimd user list` and `scimd group list`.

use super::{OfTenant, Resources, text};
use crate::cli::failure::Failure;
use crate::cli::management::{Place, members};
use crate::cli::output::{self, print_message};
use crate::model::TypeRoles;
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;

/// Arguments of `scimd user list` and `scimd group list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    of: OfTenant,
    /// Only resources that match a SCIM filter, such as 'active eq false'
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Maximum number of resources, up to limits.page_max of the configuration [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    limit: Option<i64>,
    /// Continues a list with the same options: the nextCursor that it printed
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    after: Option<String>,
    /// Prints JSON: the SCIM ListResponse, without memberships
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) async fn run(
        &self,
        type_name: &str,
        place: &Place,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if let Place::Database(config) = place {
            self.check_limit(config.limits.page_max)?;
        }
        let resources = Resources::open(place, &self.of, type_name).await?;
        let search = members([
            ("filter", self.filter.clone().map(Value::from)),
            ("count", self.limit.map(Value::from)),
            (
                "cursor",
                Some(self.after.as_deref().unwrap_or_default().into()),
            ),
            ("excludedAttributes", Some(json!(resources.memberships()))),
        ]);
        let request = resources.search(search.into());
        let page = resources.management.call(&request).await?;
        if page.get("nextCursor").is_some() {
            // A server returns fewer than requested if its pages are smaller.
            self.check_limit(page["itemsPerPage"].as_i64().unwrap_or(i64::MAX))?;
        }
        if self.json {
            return output::json(out, &page);
        }
        print(&resources, &page, out)
    }
}

impl List {
    fn check_limit(&self, max: i64) -> Result<(), Failure> {
        if self.limit.is_some_and(|limit| limit > max) {
            return Err(Failure::Misused(format!(
                "--limit can be {max} at most (limits.page_max)"
            )));
        }
        Ok(())
    }
}

fn print(resources: &Resources<'_>, page: &Value, out: &mut dyn Write) -> Result<(), Failure> {
    let columns = columns(resources);
    let headings: Vec<String> = columns
        .iter()
        .map(|name| name.to_uppercase())
        .chain(["CHANGED".to_owned()])
        .collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let found = page
        .get("Resources")
        .and_then(Value::as_array)
        .map_or(&[] as &[Value], Vec::as_slice);
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|resource| row(&columns, resource))
        .collect();
    output::table(out, &headings, &rows)?;
    if let Some(cursor) = page.get("nextCursor").and_then(Value::as_str) {
        let total = text(page, "totalResults");
        print_message(&format!(
            "{} of {total}; for the next page use --after {cursor}",
            rows.len()
        ));
    }
    Ok(())
}

/// The columns that the type has: id, name, display name, and whether it is active.
fn columns<'a>(resources: &'a Resources<'_>) -> Vec<&'a str> {
    let resource_type = &resources.resource_type;
    let display = resource_type.display().first().copied();
    let seat = resource_type
        .seat()
        .map(|attribute| attribute.name().as_ref());
    let mut columns = vec!["id", resources.name_attribute()];
    columns.extend(display.filter(|name| *name != resources.name_attribute()));
    columns.extend(seat);
    columns
}

fn row(columns: &[&str], resource: &Value) -> Vec<String> {
    let changed = resource
        .pointer("/meta/lastModified")
        .and_then(Value::as_str)
        .unwrap_or("-");
    columns
        .iter()
        .map(|name| text(resource, name))
        .chain([changed.to_owned()])
        .collect()
}
