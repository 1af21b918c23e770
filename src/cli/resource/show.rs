//! `scimd user show` and `scimd group show`.

use super::{Resources, Target, text};
use crate::cli::failure::Failure;
use crate::cli::management::{Pieces, Place};
use crate::cli::{log, output};
use clap::Args;
use serde_json::Value;
use std::io::Write;

/// Maximum number of bytes of a resource that is read completely; a longer one is streamed.
const WHOLE: usize = 1 << 20;

/// Maximum number of printed members.
const MEMBERS: usize = 1000;

/// Arguments of `scimd user show` and `scimd group show`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    target: Target,
}

impl Show {
    pub(super) async fn run(
        &self,
        type_name: &str,
        place: &Place,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let Target { resource, of, json } = &self.target;
        let resources = Resources::open(place, of, type_name).await?;
        let id = resources.id(resource).await?;
        let request = resources.request(&id);
        let mut pieces = resources.management.pieces(&request).await?;
        let mut begin = Vec::new();
        while begin.len() <= WHOLE
            && let Some(piece) = pieces.next().await?
        {
            begin.extend_from_slice(&piece);
        }
        let whole: Option<Value> = serde_json::from_slice(&begin).ok();
        match (whole, *json) {
            (Some(whole), true) => output::json(out, &whole),
            (None, true) => pass_on(&begin, pieces, out).await,
            (Some(whole), false) if !has_many(&whole) => print(&whole, false, out),
            (_, false) => {
                let has_members = resources.resource_type.members().is_some();
                print(&resources.read_alone(&id).await?, has_members, out)
            }
        }
    }
}

/// Whether a resource has more members than are shown.
fn has_many(resource: &Value) -> bool {
    let members = resource.get("members").and_then(Value::as_array);
    members.is_some_and(|members| members.len() > MEMBERS)
}

/// A long resource as a stream.
async fn pass_on(begin: &[u8], mut rest: Pieces, out: &mut dyn Write) -> Result<(), Failure> {
    out.write_all(begin)?;
    while let Some(piece) = rest.next().await? {
        out.write_all(&piece)?;
    }
    writeln!(out)?;
    Ok(())
}

/// The attributes, one per line, and below them those of each extension.
fn print(resource: &Value, many: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let (mut facts, mut extensions) = (Vec::new(), Vec::new());
    for (name, value) in resource
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "schemas")
    {
        match value {
            Value::Object(held) if name.contains(':') => extensions.push((name, held)),
            value => add(name, value, &mut facts),
        }
    }
    if many {
        facts.push((
            "members".to_owned(),
            "more than 1000; --json prints them all".to_owned(),
        ));
    }
    write_facts(&facts, out)?;
    for (urn, held) in extensions {
        writeln!(out, "\n{urn}")?;
        let mut facts = Vec::new();
        held.iter()
            .for_each(|(name, value)| add(name, value, &mut facts));
        write_facts(&facts, out)?;
    }
    Ok(())
}

fn write_facts(facts: &[(String, String)], out: &mut dyn Write) -> Result<(), Failure> {
    let facts: Vec<(&str, String)> = facts
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    output::facts(out, &facts)
}

/// A line for a simple value, for each sub-attribute, and for each element of a list.
fn add(name: &str, value: &Value, facts: &mut Vec<(String, String)>) {
    match value {
        Value::Object(parts) => parts
            .iter()
            .for_each(|(sub, value)| add(&format!("{name}.{sub}"), value, facts)),
        Value::Array(elements) => {
            facts.extend(
                elements
                    .iter()
                    .map(|element| (name.to_owned(), in_one_line(element))),
            );
        }
        Value::String(text) => {
            facts.push((name.to_owned(), log::printable(text).replace('\n', " ")));
        }
        value => facts.push((name.to_owned(), value.to_string())),
    }
}

/// An element of a list; `$ref` follows from `value`.
fn in_one_line(element: &Value) -> String {
    let shown = match element {
        Value::Object(parts) => {
            let parts = parts.keys().filter(|name| *name != "$ref");
            parts
                .map(|name| format!("{name}={}", text(element, name)))
                .collect::<Vec<_>>()
                .join(", ")
        }
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    log::printable(&shown).replace('\n', " ")
}
