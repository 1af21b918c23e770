//! `scimd schema show`.

use super::Owner;
use super::list::{known, origin};
use crate::cli::failure::Failure;
use crate::cli::management::{Management, read_as};
use crate::cli::output;
use crate::operator::SchemaShape;
use clap::Args;
use serde_json::Value;
use std::io::Write;

/// Arguments of `scimd schema show`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// URN of the schema
    #[arg(value_name = "URN")]
    urn: String,
    #[command(flatten)]
    owner: Owner,
    /// Prints JSON; its member "schema" is a schema file
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) async fn run(
        &self,
        management: &Management<'_>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let known = known(management, &self.owner, Some(&self.urn))
            .await?
            .into_iter();
        let known = known
            .map(read_as)
            .collect::<Result<Vec<SchemaShape>, _>>()?;
        let found: Vec<_> = known
            .iter()
            .filter(|schema| schema.urn.eq_ignore_ascii_case(&self.urn))
            .collect();
        match found.as_slice() {
            [] => Err(Failure::Failed(format!(
                "there is no schema {}; scimd schema list shows all",
                self.urn
            ))),
            [schema] => {
                let tenant = self.owner.tenant.clone().or(schema.tenant.clone());
                let request = Owner { tenant }.request(&[&schema.urn]);
                self.show(schema, &management.call(&request).await?, out)
            }
            several => {
                let owners: Vec<_> = several.iter().map(|schema| origin(schema)).collect();
                Err(Failure::Misused(format!(
                    "several tenants have a schema {}: use --tenant ({})",
                    self.urn,
                    owners.join(", ")
                )))
            }
        }
    }

    fn show(
        &self,
        schema: &SchemaShape,
        whole: &Value,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if self.json {
            return output::json(out, whole);
        }
        let facts = [
            ("urn", schema.urn.clone()),
            ("name", schema.name.clone()),
            ("resource types", schema.resource_types.join(", ")),
            ("from", origin(schema)),
        ];
        output::facts(out, &facts)?;
        writeln!(out)?;
        let mut rows = Vec::new();
        let definitions = whole
            .pointer("/schema/attributes")
            .and_then(Value::as_array);
        for definition in definitions.into_iter().flatten() {
            rows.push(row(definition, ""));
            let name = text(definition, "name", "");
            let subs = definition
                .get("subAttributes")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            rows.extend(subs.map(|sub| row(sub, &format!("{name}."))));
        }
        output::table(
            out,
            &["ATTRIBUTE", "TYPE", "MUTABILITY", "RETURNED", "SPECIAL"],
            &rows,
        )
    }
}

fn text(definition: &Value, key: &str, default: &str) -> String {
    definition
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or(default)
        .to_owned()
}

fn row(definition: &Value, above: &str) -> Vec<String> {
    let is = |key: &str| {
        definition
            .get(key)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    };
    let is_unique = text(definition, "uniqueness", "none") != "none";
    let special = [
        ("caseExact", is("caseExact")),
        ("unique", is_unique),
        ("required", is("required")),
    ];
    let special: Vec<_> = special
        .iter()
        .filter(|(_, holds)| *holds)
        .map(|(name, _)| *name)
        .collect();
    vec![
        format!("{above}{}", text(definition, "name", "")),
        format!(
            "{}{}",
            text(definition, "type", "string"),
            if is("multiValued") { "[]" } else { "" }
        ),
        text(definition, "mutability", "readWrite"),
        text(definition, "returned", "default"),
        special.join(", "),
    ]
}
