//! `scimd tenant guide`.

use crate::cli::arguments::keyword;
use crate::cli::failure::Failure;
use crate::cli::management::{ApiRequest, Management, read_as};
use crate::cli::output::{self, print_message};
use crate::config::url;
use crate::guide::{self, AttributeRows, Provider, Section, Table, plain};
use crate::operator::TenantUrls;
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::io::Write;

/// Arguments of `scimd tenant guide`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Guide {
    /// Name of the tenant
    name: String,
    /// The identity provider
    #[arg(long = "for", value_name = "PROVIDER", value_parser = keyword(Provider::KEYWORDS, Provider::from_keyword))]
    provider: Provider,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// The parts of a guide that are specific to the tenant.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filled {
    scim_base_url: String,
    own_scim_base_url: Option<String>,
    custom_attributes: CustomAttributes,
}

/// Attributes of the tenant's own schemas.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomAttributes {
    table: Vec<Map<String, Value>>,
    not_entered: Vec<String>,
}

impl CustomAttributes {
    fn rows(self) -> AttributeRows {
        let columns = self.table.first().map(|row| row.keys().cloned().collect());
        let cells = |row: &Map<String, Value>| -> Vec<String> {
            let cells = row.values().map(|cell| cell.as_str().unwrap_or_default());
            cells.map(str::to_owned).collect()
        };
        AttributeRows {
            table: Table {
                columns: columns.unwrap_or_default(),
                rows: self.table.iter().map(cells).collect(),
            },
            left_out: self.not_entered,
        }
    }
}

impl Guide {
    pub(super) async fn run(
        &self,
        management: &Management<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let request = ApiRequest::get(&["tenants", &self.name, "guide"]);
        let request = request.with("provider", self.provider.as_str());
        let shown = management.call(&request).await?;
        let filled: Filled = read_as(shown.clone())?;
        let urls = TenantUrls {
            scim: filled.scim_base_url,
            own: filled.own_scim_base_url,
        };
        let guide =
            guide::Guide::of(self.provider, &self.name, &urls.scim).map_err(Failure::Failed)?;
        match self.json {
            true => output::json(out, &shown)?,
            false => self.print(&guide, &urls, &filled.custom_attributes.rows(), out)?,
        }
        warn_of(&urls.scim, &guide.name);
        Ok(())
    }

    fn print(
        &self,
        guide: &guide::Guide,
        urls: &TenantUrls,
        rows: &AttributeRows,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        writeln!(out, "{} for tenant {}\n", guide.name, self.name)?;
        let mut facts = vec![("SCIM base URL", urls.scim.clone())];
        facts.extend(
            urls.own
                .clone()
                .map(|own| ("or, for this tenant alone", own)),
        );
        facts.push((
            "Token",
            format!(
                "scimd token issue --tenant {} --name {}",
                self.name,
                self.provider.as_str()
            ),
        ));
        output::facts(out, &facts)?;
        guide
            .sections
            .iter()
            .try_for_each(|section| print_section(section, out))?;
        print_attributes(guide, rows, &self.name, out)?;
        writeln!(
            out,
            "\nWhat to do when something fails: {}. Compared with {} in {}.",
            guide.more, guide.name, guide.checked
        )?;
        Ok(())
    }
}

fn print_section(section: &Section, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "\n{}\n", section.title)?;
    if let Some(text) = &section.text {
        writeln!(out, "{}", plain(text))?;
    }
    for (number, step) in (1..).zip(&section.steps) {
        writeln!(out, "{number}. {}", plain(&step.text))?;
        if let Some(table) = &step.table {
            print_table(table, "   ", out)?;
            writeln!(out)?;
        }
    }
    section
        .table
        .iter()
        .try_for_each(|table| print_table(table, "", out))
}

fn print_attributes(
    guide: &guide::Guide,
    rows: &AttributeRows,
    tenant: &str,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let attributes = &guide.attributes;
    writeln!(out, "\nCustom attributes\n")?;
    if rows.table.rows.is_empty() && rows.left_out.is_empty() {
        writeln!(
            out,
            "Tenant {tenant} has none: scimd schema add declares them."
        )?;
        return Ok(());
    }
    if !rows.table.rows.is_empty() {
        writeln!(out, "1. {}", plain(&attributes.intro))?;
        print_table(&rows.table, "   ", out)?;
        writeln!(out)?;
        for (number, step) in (2..).zip(&attributes.steps) {
            writeln!(out, "{number}. {}", plain(step))?;
        }
        writeln!(out, "{}", plain(&attributes.note))?;
    }
    if !rows.left_out.is_empty() {
        writeln!(
            out,
            "Not to be entered ({}): {}",
            plain(&attributes.left_out),
            rows.left_out.join(", ")
        )?;
    }
    Ok(())
}

/// Prints an empty line and the indented table.
fn print_table(table: &Table, indent: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let headings: Vec<String> = table
        .columns
        .iter()
        .map(|column| plain(column).to_uppercase())
        .collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| plain(cell)).collect())
        .collect();
    let mut text = Vec::new();
    output::table(&mut text, &headings, &rows)?;
    writeln!(out)?;
    for line in String::from_utf8_lossy(&text).lines() {
        writeln!(out, "{indent}{line}")?;
    }
    Ok(())
}

/// Warns about settings that the identity provider does not accept.
fn warn_of(base_url: &str, provider: &str) {
    if !base_url.starts_with("https://") {
        print_message(&format!(
            "{provider} requires a reachable https URL: set server.public_url, or --base-url of the tenant."
        ));
    } else if url::host(base_url).contains('_') {
        print_message(&format!(
            "{provider} refuses a host name with an underscore: use another in server.public_url."
        ));
    }
}
