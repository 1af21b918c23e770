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
use super::output::say;
use super::progress::Progress;
use crate::config::Config;
use crate::operator::{Operator, SchemaOutcome, SchemaPlan, SchemaRefusal, SchemaStep};
use crate::schema::SchemaFile;
use clap::{Args, Subcommand};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

/// Commands of `scimd schema`.
#[derive(Debug, Subcommand)]
pub(super) enum Schema {
    /// Adds a schema from a file, or single attributes; running servers use it at once
    #[command(after_long_help = attribute_arg::GRAMMAR)]
    Add(add::Add),
    /// Lists the schemas and where each comes from
    List(list::List),
    /// Shows a schema with its attributes
    Show(show::Show),
    /// Checks a schema file without adding it: reports place and reason of every error
    Check(check::Check),
    /// Removes a schema or one attribute; reports first which data becomes hidden
    Remove(remove::Remove),
    /// Prints a schema for attributes that an identity provider sends and no schema declares
    Suggest(suggest::Suggest),
}

impl Schema {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(config, out).await,
            Self::List(list) => list.run(config, out).await,
            Self::Show(show) => show.run(config, out).await,
            Self::Check(check) => check.run(config, out).await,
            Self::Remove(remove) => remove.run(config, out).await,
            Self::Suggest(suggest) => suggest.run(config, out).await,
        }
    }
}

/// Whose schema.
#[derive(Debug, Args)]
struct Owner {
    /// Name of the only tenant that has the schema [default: all tenants]
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

impl Owner {
    fn name(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// For messages.
    fn told(&self) -> String {
        self.tenant
            .as_ref()
            .map_or("all tenants".to_owned(), |name| format!("tenant {name}"))
    }
}

/// The schemas of a file: it is one, or a list of them.
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

/// Which schema there is none of, and how to give the one that there is.
pub(super) fn located(refusal: &SchemaRefusal) -> String {
    let SchemaRefusal::NoSchema { owners, .. } = refusal else {
        return refusal.to_string();
    };
    let options: Vec<_> = owners
        .iter()
        .map(|owner| match owner {
            Some(tenant) => format!("--tenant {tenant}"),
            None => "leave --tenant out".to_owned(),
        })
        .collect();
    match options.as_slice() {
        [] => format!("{refusal}; scimd schema list shows the existing schemas"),
        options => format!("{refusal} ({})", options.join(", ")),
    }
}

/// A line for each problem, and what follows from them.
fn refused(refusal: SchemaRefusal, outcome: &str) -> Failure {
    match refusal {
        SchemaRefusal::Failed(error) => error.into(),
        SchemaRefusal::NoSchema { .. } => {
            refused(SchemaRefusal::Problems(vec![located(&refusal)]), outcome)
        }
        SchemaRefusal::Problems(problems) => {
            problems.iter().for_each(|problem| say(problem));
            Failure::Misused(format!(
                "{} found; {outcome}",
                counted(problems.len() as u64, "problem")
            ))
        }
    }
}

/// What a change does to the resource types of a schema that may not be meant, with the option that names
/// them.
pub(super) fn other_types(plan: &SchemaPlan) -> Option<String> {
    let doubt = plan.other_types()?;
    Some(match plan.type_of_urn() {
        Some(named) => format!("{doubt} (--resource-type {named} extends that)"),
        None => doubt,
    })
}

/// Makes a change, after a question if it hides what resources hold, or is of other resource types than
/// one would think.
async fn carry_out(
    operator: &Operator,
    plan: &SchemaPlan,
    yes: bool,
) -> Result<SchemaOutcome, Failure> {
    for doubt in [other_types(plan), hidden(plan)].into_iter().flatten() {
        if yes {
            say(&format!("This {doubt}."));
        } else {
            confirm(&doubt, &plan.urn, "the URN")?;
        }
    }
    let progress = Progress::new(Some(0), "{wide_bar} {pos} of {len} resources, {eta} {msg}");
    let mut tell = |step: SchemaStep<'_>| match step {
        SchemaStep::Waiting => progress.now("waiting for writes in progress"),
        SchemaStep::Tenant(_, resources) => {
            progress.expect(resources);
            progress.now("index");
        }
        SchemaStep::Resource => progress.advance(1),
    };
    let outcome = operator.change_schema(plan, &mut tell).await;
    progress.finish();
    let outcome = outcome.map_err(|refusal| refused(refusal, "nothing was changed"))?;
    if outcome.reindexed > 0 {
        say(&format!(
            "Reindexed {}.",
            counted(outcome.reindexed, "resource")
        ));
    }
    if outcome.is_unfinished {
        say("Some resources changed during reindexing. Run scimd verify --repair at a quiet time.");
    }
    Ok(outcome)
}

/// What data a change hides, if any; completes "this …".
fn hidden(plan: &SchemaPlan) -> Option<String> {
    let names = plan.hidden();
    if names.is_empty() {
        return None;
    }
    if names.values().sum::<u64>() == 0 {
        let names: Vec<_> = names.into_keys().collect();
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
