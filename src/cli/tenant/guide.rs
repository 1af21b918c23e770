//! `scimd tenant guide`.

use super::urls::urls_of;
use crate::cli::arguments::keyword;
use crate::cli::failure::Failure;
use crate::cli::open;
use crate::cli::output::{self, say};
use crate::config::{Config, url};
use crate::guide::{self, AttributeRows, Provider, Section, Table, plain};
use crate::operator::TenantUrls;
use clap::Args;
use serde_json::{Map, Value, json};
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

impl Guide {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        let urls = urls_of(&operator.tenant(&self.name).await?, config);
        let guide =
            guide::Guide::of(self.provider, &self.name, &urls.scim).map_err(Failure::Failed)?;
        let rows = guide
            .attributes
            .rows(&operator.caller_in(&self.name).await?.catalog);
        match self.json {
            true => output::json(out, &self.as_json(&guide, &urls, &rows))?,
            false => self.print(&guide, &urls, &rows, out)?,
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

    fn as_json(&self, guide: &guide::Guide, urls: &TenantUrls, rows: &AttributeRows) -> Value {
        let sections = guide.sections.iter().map(|section| {
            let steps = section.steps.iter();
            let steps = steps.map(|step| json!({"text": plain(&step.text), "table": step.table.as_ref().map(records)}));
            json!({
                "title": section.title,
                "text": section.text.as_deref().map(plain),
                "steps": steps.collect::<Vec<_>>(),
                "table": section.table.as_ref().map(records),
            })
        });
        let attributes = &guide.attributes;
        json!({
            "tenant": self.name,
            "provider": self.provider.as_str(),
            "scimBaseUrl": urls.scim,
            "ownScimBaseUrl": urls.own,
            "checked": guide.checked,
            "sections": sections.collect::<Vec<_>>(),
            "customAttributes": {
                "text": plain(&attributes.intro),
                "table": records(&rows.table),
                "notEntered": rows.left_out,
                "steps": attributes.steps.iter().map(|step| plain(step)).collect::<Vec<_>>(),
                "note": plain(&attributes.note),
            },
        })
    }
}

/// An object for each row, by the headings.
fn records(table: &Table) -> Vec<Value> {
    let record = |row: &Vec<String>| {
        let cells = table
            .columns
            .iter()
            .zip(row)
            .map(|(column, cell)| (plain(column), plain(cell).into()));
        Value::Object(cells.collect::<Map<_, _>>())
    };
    table.rows.iter().map(record).collect()
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

/// The table below an empty line, behind an indent.
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

/// What an identity provider will not take.
fn warn_of(base_url: &str, provider: &str) {
    if !base_url.starts_with("https://") {
        say(&format!(
            "{provider} wants an https URL that it can reach: set server.public_url, or --base-url of the tenant."
        ));
    } else if url::host(base_url).contains('_') {
        say(&format!(
            "{provider} refuses a host name with an underscore: use another in server.public_url."
        ));
    }
}
