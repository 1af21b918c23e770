//! `scimd user show` and `scimd group show`.

use super::{Resources, Target, parsed, text};
use crate::cli::failure::Failure;
use crate::cli::{log, output};
use crate::config::Config;
use crate::protocol::{Reply, View};
use clap::Args;
use serde_json::Value;
use std::future::poll_fn;
use std::io::Write;

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
        config: &Config,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let Target { resource, of, json } = &self.target;
        let resources = Resources::open(config, of, type_name).await?;
        let id = resources.id(resource).await?;
        let reply = resources.read(&id, &View::default()).await?;
        if *json {
            return write_whole(reply, out).await;
        }
        // A long list of members comes in pieces.
        let (resource, many) = match reply {
            Reply { rest: Some(_), .. } => (resources.read_alone(&id).await?, true),
            Reply { body, .. } => (parsed(&body.unwrap_or_default())?, false),
        };
        print(&resource, many, out)
    }
}

/// The resource as a client reads it.
async fn write_whole(reply: Reply, out: &mut dyn Write) -> Result<(), Failure> {
    let body = reply.body.unwrap_or_default();
    let Some(mut rest) = reply.rest else {
        return output::json(out, &parsed(&body)?);
    };
    out.write_all(body.as_bytes())?;
    while let Some(piece) = poll_fn(|context| rest.poll_next(context)).await {
        out.write_all(piece?.as_bytes())?;
    }
    writeln!(out)?;
    Ok(())
}

/// The attributes, one on a line, and below them those of each extension.
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
