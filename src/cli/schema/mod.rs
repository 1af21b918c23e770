//! `scimd schema`.

mod add;
mod attribute_arg;
mod check;
mod list;
mod remove;
mod show;
mod suggest;

use super::confirm::confirm;
use super::failure::Failure;
use super::management::{ApiRequest, Management, Place, read_as};
use super::output::print_message;
use crate::admin_api::Method;
use crate::model::problems;
use crate::schema::SchemaFile;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

/// Commands of `scimd schema`.
#[derive(Debug, Subcommand)]
pub(super) enum Schema {
    /// Adds a schema from a file, or single attributes; running servers use it at once
    #[command(after_long_help = attribute_arg::GRAMMAR)]
    Add(add::Add),
    /// Lists the schemas with their origins
    List(list::List),
    /// Shows a schema with its attributes
    Show(show::Show),
    /// Checks a schema file without adding it: reports the position and reason of every error
    Check(check::Check),
    /// Removes a schema or one attribute; reports first which data becomes hidden
    Remove(remove::Remove),
    /// Prints a schema for attributes that an identity provider sends and no schema declares
    Suggest(suggest::Suggest),
}

impl Schema {
    pub(super) async fn run(&self, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(place, out).await,
            Self::List(list) => list.run(&place.open().await?, out).await,
            Self::Show(show) => show.run(&place.open().await?, out).await,
            Self::Check(check) => check.run(place, out).await,
            Self::Remove(remove) => remove.run(&place.open().await?, out).await,
            Self::Suggest(suggest) => suggest.run(&place.open().await?, out).await,
        }
    }
}

/// The owner of a schema.
#[derive(Debug, Args)]
struct Owner {
    /// Name of the only tenant that has the schema [default: all tenants]
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

impl Owner {
    /// A request to read below the schemas of the owner.
    fn request(&self, below: &[&str]) -> ApiRequest {
        self.request_by(Method::Get, below)
    }

    /// A request below the schemas of the owner.
    fn request_by(&self, method: Method, below: &[&str]) -> ApiRequest {
        let mut path = match &self.tenant {
            Some(tenant) => vec!["tenants", tenant],
            None => Vec::new(),
        };
        path.push("schemas");
        path.extend(below);
        ApiRequest::new(method, &path)
    }

    /// For messages.
    fn description(&self) -> String {
        self.tenant
            .as_ref()
            .map_or("all tenants".to_owned(), |name| format!("tenant {name}"))
    }
}

/// The schemas of a file: a single one, or a list.
fn files(path: &Path) -> Result<Vec<SchemaFile>, Failure> {
    let origin = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Misused(format!("{origin} cannot be read: {error}")))?;
    let Ok(list) = serde_json::from_str::<Vec<Value>>(&text) else {
        return Ok(vec![SchemaFile { origin, text }]);
    };
    if list.is_empty() {
        return Err(Failure::Misused(format!(
            "{origin} is a list without a schema"
        )));
    }
    let each = |(i, schema): (usize, &Value)| SchemaFile {
        origin: format!("{origin}/{i}"),
        text: schema.to_string(),
    };
    Ok(list.iter().enumerate().map(each).collect())
}

/// The document of a valid file, with the resource types that it extends.
fn of_file(file: &SchemaFile, resource_types: &[String]) -> Result<Value, Vec<String>> {
    let found = problems(file);
    if !found.is_empty() {
        return Err(found.iter().map(ToString::to_string).collect());
    }
    let schema: Value = serde_json::from_str(&file.text).unwrap_or_default();
    Ok(json!({"schema": schema, "origin": file.origin, "resourceTypes": resource_types}))
}

/// A planned or executed change.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Planned {
    urn: String,
    replaces: bool,
    hidden: BTreeMap<String, u64>,
    restored: u64,
    reindexed: u64,
    is_unfinished: bool,
    other_types: Option<String>,
    type_of_urn: Option<String>,
    noncompliant: BTreeMap<String, u64>,
}

impl Planned {
    /// A possibly unintended effect of the change on the resource types of a schema, with the option that sets them.
    fn doubt(&self) -> Option<String> {
        let doubt = self.other_types.as_ref()?;
        Some(match &self.type_of_urn {
            Some(named) => format!("{doubt} (--resource-type {named} extends that)"),
            None => doubt.clone(),
        })
    }
}

/// The effect of a change, as raw and parsed response.
async fn plan(
    (management, owner): (&Management<'_>, &Owner),
    change: &Value,
) -> Result<(Value, Planned), Failure> {
    let request = owner.request_by(Method::Post, &["changes"]);
    let request = request.with("dryRun", true).carrying(change.clone());
    let planned = management.call(&request).await?;
    Ok((planned.clone(), read_as(planned)?))
}

/// Executes a planned change, after a confirmation if it hides values, or affects unexpected resource types.
async fn carry_out(
    (management, owner): (&Management<'_>, &Owner),
    (change, planned): (Value, &Planned),
    yes: bool,
) -> Result<(Value, Planned), Failure> {
    for doubt in [planned.doubt(), hidden(planned)].into_iter().flatten() {
        if yes {
            print_message(&format!("This {doubt}."));
        } else {
            confirm(&doubt, &planned.urn, "the URN")?;
        }
    }
    let request = owner
        .request_by(Method::Post, &["changes"])
        .carrying(change);
    let changed = management.call(&request).await;
    let changed = changed.map_err(|failure| refused(failure, "nothing was changed"))?;
    let outcome: Planned = read_as(changed.clone())?;
    if outcome.reindexed > 0 {
        print_message(&format!(
            "Reindexed {}.",
            counted(outcome.reindexed, "resource")
        ));
    }
    if outcome.is_unfinished {
        print_message(
            "Some resources changed during reindexing. Run scimd verify --repair at a quiet time.",
        );
    }
    Ok((changed, outcome))
}

/// A line for each problem of a refused change, and the conclusion.
fn refused(failure: Failure, outcome: &str) -> Failure {
    match problems_of(failure) {
        Ok(problems) => faulty(&problems, outcome),
        Err(failure) => failure,
    }
}

/// The problems of a refused change; other failures are returned unchanged.
fn problems_of(failure: Failure) -> Result<Vec<String>, Failure> {
    let Failure::Refused(refusal) = failure else {
        return Err(failure);
    };
    if refusal.faults.is_empty() {
        return Err(Failure::Refused(refusal));
    }
    let lines = refusal.faults.into_iter();
    let lines = lines.map(|(pointer, detail)| match pointer.as_str() {
        "/urn" if refusal.status == 404 => located(&detail),
        _ => detail,
    });
    Ok(lines.collect())
}

/// A line for each problem, and the conclusion.
fn faulty(problems: &[String], outcome: &str) -> Failure {
    problems.iter().for_each(|problem| print_message(problem));
    Failure::Misused(format!(
        "{} found; {outcome}",
        counted(problems.len() as u64, "problem")
    ))
}

/// The error for a missing schema, with the options for an existing one.
fn located(detail: &str) -> String {
    if detail.contains("but there is one of") {
        format!("{detail} (without --tenant the command applies to the schema of all tenants)")
    } else {
        format!("{detail}; scimd schema list shows the existing schemas")
    }
}

/// The data that a change hides, if any; completes "this …".
fn hidden(planned: &Planned) -> Option<String> {
    let names = &planned.hidden;
    if names.is_empty() {
        return None;
    }
    if names.values().sum::<u64>() == 0 {
        let names: Vec<_> = names.keys().map(String::as_str).collect();
        return Some(format!(
            "removes {}, of which no resource has a value",
            names.join(", ")
        ));
    }
    let mut text = String::from("hides");
    for (i, (name, count)) in names.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma} {name} ({})", counted_holders(*count));
    }
    text.push_str(
        " from clients; the values stay stored and become visible when the definition is added again",
    );
    Some(text)
}

fn counted_holders(count: u64) -> String {
    match count {
        0 => "no resource has a value".to_owned(),
        1 => "1 resource has a value".to_owned(),
        count => format!("{count} resources have a value"),
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
