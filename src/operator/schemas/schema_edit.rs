//! The effect of a change on a schema file.

use super::list::file_of;
use super::refusal::{SchemaProblem, SchemaRefusal};
use crate::model::{edit, problems};
use crate::schema::{Catalog, SchemaFile};
use crate::store::KeptSchema;
use serde_json::{Map, Value};

/// The resource type that is extended by default.
const USUAL: &str = "User";

/// The change of a stored schema.
#[derive(Debug, Clone)]
pub enum SchemaChange {
    /// Adds or replaces the schema of a file. It extends the resource types that the file names, or else these, or else
    /// users.
    File(SchemaFile, Vec<String>),
    /// Adds attributes to a schema. A schema that does not exist is created and extends these resource types,
    /// or users.
    Attributes {
        /// URN of the schema.
        urn: String,
        /// Definitions of the attributes (RFC 7643 section 7).
        definitions: Vec<Value>,
        /// Names of resource types.
        extends: Vec<String>,
    },
    /// Removes the schema with this URN.
    Remove(String),
    /// Removes the attribute with this name from the schema with this URN.
    RemoveAttribute(String, String),
}

/// The stored schema with a URN, of a tenant or of all.
fn there(kept: &[KeptSchema], tenant: Option<&str>, urn: &str) -> Option<Map<String, Value>> {
    let key = urn.to_ascii_lowercase();
    let found = kept
        .iter()
        .find(|kept| (kept.tenant.as_deref(), &kept.urn) == (tenant, &key));
    found.and_then(|kept| serde_json::from_str(&kept.document).ok())
}

fn not_there(kept: &[KeptSchema], tenant: Option<&str>, urn: &str) -> SchemaRefusal {
    let key = urn.to_ascii_lowercase();
    let others = kept.iter().filter(|kept| kept.urn == key);
    SchemaRefusal::NoSchema {
        urn: urn.to_owned(),
        tenant: tenant.map(str::to_owned),
        owners: others.map(|kept| kept.tenant.clone()).collect(),
    }
}

/// A schema file before and after a change.
pub(super) struct SchemaEdit {
    pub(super) urn: String,
    /// The prefix of error messages.
    pub(super) origin: String,
    pub(super) before: Option<Map<String, Value>>,
    pub(super) after: Option<Map<String, Value>>,
}

impl SchemaEdit {
    /// The schema file before and after a change. `kept` are the stored schemas.
    ///
    /// # Errors
    /// The errors of the change itself.
    pub(super) fn by(
        change: &SchemaChange,
        tenant: Option<&str>,
        kept: &[KeptSchema],
    ) -> Result<Self, SchemaRefusal> {
        let edited = match change {
            SchemaChange::File(file, extends) => {
                SchemaEdit::of_file(file, extends, |urn| there(kept, tenant, urn))?
            }
            SchemaChange::Attributes {
                urn,
                definitions,
                extends,
            } => SchemaEdit::with(urn, there(kept, tenant, urn), definitions, extends)?,
            SchemaChange::Remove(urn) => SchemaEdit::without(urn, there(kept, tenant, urn)),
            SchemaChange::RemoveAttribute(urn, name) => {
                SchemaEdit::without_attribute(urn, there(kept, tenant, urn), name)?
            }
        };
        if let Some(file) = file_of(kept, &edited.urn) {
            let (urn, file) = (edited.urn, file.to_owned());
            return Err(SchemaProblem::Configured { urn, file }.into());
        }
        if Catalog::is_built_in(&edited.urn) {
            return Err(SchemaProblem::BuiltIn(edited.urn).into());
        }
        if edited.before.is_none() && edited.after.is_none() {
            return Err(not_there(kept, tenant, &edited.urn));
        }
        Ok(edited)
    }

    fn of_file(
        file: &SchemaFile,
        extends: &[String],
        there: impl Fn(&str) -> Option<Map<String, Value>>,
    ) -> Result<Self, SchemaRefusal> {
        let mut after = read(file)?;
        let urn = after
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let own = edit::extends(&after);
        if own.is_empty() {
            edit::extend(&mut after, &or_usual(extends));
        } else if !extends.is_empty() && own != extends {
            let problem = SchemaProblem::OtherTypes {
                origin: file.origin.clone(),
                own,
                requested: extends.to_vec(),
            };
            return Err(problem.into());
        }
        let before = there(&urn);
        if let Some(before) = &before {
            edit::hide(
                &mut after,
                edit::hidden(before)
                    .into_iter()
                    .chain(edit::names(before).map(str::to_owned)),
            );
        }
        Ok(Self {
            urn,
            origin: file.origin.clone(),
            before,
            after: Some(after),
        })
    }

    fn with(
        urn: &str,
        before: Option<Map<String, Value>>,
        definitions: &[Value],
        extends: &[String],
    ) -> Result<Self, SchemaRefusal> {
        let mut after = before.clone().unwrap_or_else(|| edit::extension(urn));
        let mut types = edit::extends(&after);
        let usual = if types.is_empty() {
            or_usual(extends)
        } else {
            extends.to_vec()
        };
        types.extend(
            usual
                .into_iter()
                .filter(|name| !types.contains(name))
                .collect::<Vec<_>>(),
        );
        edit::extend(&mut after, &types);
        for definition in definitions {
            let name = definition
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if edit::attribute(&after, name).is_some() {
                let (urn, name) = (urn.to_owned(), name.to_owned());
                return Err(SchemaProblem::HasAttribute { urn, name }.into());
            }
            edit::put(&mut after, definition.clone());
        }
        let origin = "the attributes given".to_owned();
        read(&SchemaFile {
            origin: origin.clone(),
            text: edit::text(&after),
        })?;
        let urn = after
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or(urn)
            .to_owned();
        Ok(Self {
            urn,
            origin,
            before,
            after: Some(after),
        })
    }

    fn without(urn: &str, before: Option<Map<String, Value>>) -> Self {
        let spelt = before
            .as_ref()
            .and_then(|before| before.get("id"))
            .and_then(Value::as_str);
        Self {
            urn: spelt.unwrap_or(urn).to_owned(),
            origin: "what is left".to_owned(),
            after: None,
            before,
        }
    }

    fn without_attribute(
        urn: &str,
        before: Option<Map<String, Value>>,
        name: &str,
    ) -> Result<Self, SchemaRefusal> {
        let mut edited = Self::without(urn, before);
        edited.after = edited.before.clone();
        if let Some(after) = &mut edited.after
            && !edit::remove(after, name)
        {
            let problem = SchemaProblem::NoAttribute {
                urn: urn.to_owned(),
                name: name.to_owned(),
                names: edit::names(after).map(str::to_owned).collect(),
            };
            return Err(problem.into());
        }
        Ok(edited)
    }
}

fn or_usual(extends: &[String]) -> Vec<String> {
    if extends.is_empty() {
        vec![USUAL.to_owned()]
    } else {
        extends.to_vec()
    }
}

/// Parses a schema file, and checks it without other schemas.
fn read(file: &SchemaFile) -> Result<Map<String, Value>, SchemaRefusal> {
    let problems = problems(file);
    if !problems.is_empty() {
        let problems = problems.iter().map(ToString::to_string);
        return Err(SchemaRefusal::Problems(
            problems.map(SchemaProblem::File).collect(),
        ));
    }
    let document: Map<String, Value> = serde_json::from_str(&file.text).unwrap_or_default();
    if !document.contains_key("attributes") {
        return Err(SchemaProblem::ResourceType(file.origin.clone()).into());
    }
    Ok(document)
}
