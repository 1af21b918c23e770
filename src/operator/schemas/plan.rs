//! A change of schemas, thought through before it is made.

use super::list::file_of;
use super::refusal::SchemaRefusal;
use super::survey::Survey;
use crate::access::catalogs::{Sources, origin};
use crate::model;
use crate::model::{edit, problems};
use crate::operator::handle::Operator;
use crate::schema::{Catalog, Schema, SchemaFile};
use crate::store::{KeptSchema, Tenant};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The resource type that is extended where nothing is said.
const USUAL: &str = "User";

/// What becomes of a schema that the database keeps.
#[derive(Debug, Clone)]
pub enum SchemaChange {
    /// Adds or replaces the schema of a file, which extends these resource types, or users, unless it names some
    /// itself.
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
    /// Removes the schema of this URN.
    Remove(String),
    /// Removes from the schema of this URN the attribute of this name.
    RemoveAttribute(String, String),
}

/// A change that can be made.
#[derive(Debug)]
pub struct SchemaPlan {
    pub(super) tenant: Option<Tenant>,
    /// The URN of the schema.
    pub urn: String,
    pub(super) before: Option<Map<String, Value>>,
    pub(super) after: Option<Map<String, Value>>,
    /// The schema afterwards, by the name of the tenant that it is looked at for.
    pub(super) schema: Option<Arc<Schema>>,
    /// Names of attributes that are defined otherwise before and after.
    pub(super) touched: BTreeSet<String>,
    pub(super) seen: i64,
    /// The resource type that the URN ends in, as that of a schema for it does.
    named_type: Option<String>,
    /// What the tenants that have the schema hold of it.
    pub surveys: Vec<Survey>,
}

impl SchemaPlan {
    /// The schema file as it would be kept; `None` if it goes.
    pub fn document(&self) -> Option<&Map<String, Value>> {
        self.after.as_ref()
    }

    /// Whether a schema of that URN was there.
    pub fn replaces(&self) -> bool {
        self.before.is_some()
    }

    /// The resource type that the URN of a new schema ends with, if the schema does not extend it.
    pub fn type_of_urn(&self) -> Option<&str> {
        let after = edit::extends(self.after.as_ref()?);
        let named = self.named_type.as_ref().filter(|_| self.before.is_none())?;
        (!after.contains(named)).then_some(named.as_str())
    }

    /// What the change does to the resource types of the schema that may not be meant, in words that
    /// complete "this …".
    pub fn other_types(&self) -> Option<String> {
        let after = edit::extends(self.after.as_ref()?);
        let extends = after.join(" and ");
        let Some(before) = self.before.as_ref().map(edit::extends) else {
            let named = self
                .named_type
                .as_ref()
                .filter(|named| !after.contains(named))?;
            return Some(format!(
                "extends {extends} by a schema whose URN ends in {named}"
            ));
        };
        if before.iter().all(|name| after.contains(name))
            && after.iter().all(|name| before.contains(name))
        {
            return None;
        }
        Some(format!(
            "makes a schema of {} one of {extends}",
            before.join(" and ")
        ))
    }

    /// Whether resources may lack a value that the schema requires afterwards.
    pub fn requires_values(&self) -> bool {
        fn requires(value: &Value) -> bool {
            match value {
                Value::Object(members) => {
                    members.get("required") == Some(&Value::Bool(true))
                        || members.values().any(requires)
                }
                Value::Array(values) => values.iter().any(requires),
                _ => false,
            }
        }
        self.after
            .as_ref()
            .is_some_and(|after| after.values().any(requires))
    }

    /// Names of attributes that nobody sees any more afterwards, with the number of resources that
    /// hold values of them.
    pub fn hidden(&self) -> BTreeMap<String, u64> {
        let names = self.before.iter().flat_map(edit::names);
        let gone = names.filter(|name| {
            self.after
                .as_ref()
                .is_none_or(|after| edit::attribute(after, name).is_none())
        });
        gone.map(|name| {
            (
                name.to_owned(),
                self.surveys
                    .iter()
                    .filter_map(|survey| survey.holders.get(name))
                    .sum(),
            )
        })
        .collect()
    }

    /// Resources that hold values which the change brings to light again.
    pub fn restored(&self) -> u64 {
        let was = |name: &String| {
            self.before
                .as_ref()
                .is_some_and(|before| edit::attribute(before, name).is_some())
        };
        let names: Vec<_> = self.touched.iter().filter(|name| !was(name)).collect();
        self.surveys
            .iter()
            .map(|survey| survey.most_of(names.iter().copied()))
            .sum()
    }

    /// Whether the index may say other than the schemas afterwards: resources hold values of what
    /// changes, or come to by a write that is under way.
    pub(super) fn may_lag(&self) -> bool {
        let was = |name: &String| {
            self.before
                .as_ref()
                .is_some_and(|before| edit::attribute(before, name).is_some())
        };
        self.touched.iter().any(was)
            || self
                .surveys
                .iter()
                .any(|survey| survey.most_of(&self.touched) > 0)
    }

    /// Names of the attributes before and after.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.before
            .iter()
            .chain(&self.after)
            .flat_map(edit::names)
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn tenant_number(&self) -> Option<i64> {
        self.tenant.as_ref().map(Tenant::number)
    }

    pub(super) fn key(&self) -> String {
        self.urn.to_ascii_lowercase()
    }
}

impl Operator {
    /// Thinks a change of the schemas of a tenant, or of all tenants, through.
    ///
    /// # Errors
    /// All that is wrong with it: with a file, with what it would make of the catalog of a tenant
    /// that has it, and with the values that resources hold.
    pub async fn plan_schema(
        &self,
        tenant: Option<&str>,
        change: &SchemaChange,
    ) -> Result<SchemaPlan, SchemaRefusal> {
        let seen = self.store.schema_changes().await?;
        let owner = match tenant {
            Some(name) => Some(self.tenant(name).await?.settings),
            None => None,
        };
        let Sources {
            mut kept,
            searchable,
        } = Sources::read(&self.store, None).await?;
        let edited = edited(tenant, &kept, change)?;
        let (urn, before, after) = (edited.urn, edited.before, edited.after);
        let ours = KeptSchema {
            tenant: tenant.map(str::to_owned),
            urn: urn.to_ascii_lowercase(),
            document: String::new(),
            change: 0,
            file: None,
            former: Vec::new(),
        };
        kept.retain(|there| (&there.tenant, &there.urn) != (&ours.tenant, &ours.urn));
        if let Some(after) = &after {
            kept.push(KeptSchema {
                document: edit::text(after),
                ..ours.clone()
            });
        }
        kept.sort_by(|a, b| (&a.tenant, &a.urn).cmp(&(&b.tenant, &b.urn)));
        let catalog = Sources { kept, searchable }.check().map_err(|error| {
            SchemaRefusal::one(
                error
                    .to_string()
                    .replacen(&origin(&ours), &edited.origin, 1),
            )
        })?;
        let last = urn.rsplit(':').next().unwrap_or_default();
        let named_type = catalog
            .resource_types()
            .iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(last));
        let named_type = named_type.map(|kind| kind.name().to_string());
        let (old, new) = (schema_of(before.as_ref()), schema_of(after.as_ref()));
        let touched = touched(old.as_deref(), new.as_deref());
        let mut plan = SchemaPlan {
            tenant: owner,
            urn,
            before,
            after,
            schema: new,
            touched,
            seen,
            named_type,
            surveys: Vec::new(),
        };
        plan.surveys = self.surveys(&plan).await?;
        let contradictions: Vec<_> = plan
            .surveys
            .iter()
            .flat_map(Survey::contradictions)
            .collect();
        if contradictions.is_empty() {
            Ok(plan)
        } else {
            Err(SchemaRefusal::Problems(contradictions))
        }
    }

    /// What the tenants that have the schema now store of it.
    pub(super) async fn surveys(&self, plan: &SchemaPlan) -> Result<Vec<Survey>, SchemaRefusal> {
        let mut surveys = Vec::new();
        for tenant in self.having(plan).await? {
            surveys.push(
                self.survey(&tenant, &plan.urn, plan.schema.as_deref())
                    .await?,
            );
        }
        Ok(surveys)
    }

    /// The tenants that have the schema, as they are now.
    pub(super) async fn having(&self, plan: &SchemaPlan) -> Result<Vec<Tenant>, SchemaRefusal> {
        if let Some(tenant) = &plan.tenant {
            return Ok(vec![self.tenant(&tenant.name).await?.settings]);
        }
        let (mut all, mut tenants) = (Vec::new(), self.each_tenant());
        while let Some(tenant) = tenants.next().await? {
            all.push(tenant);
        }
        Ok(all)
    }
}

fn edited(
    tenant: Option<&str>,
    kept: &[KeptSchema],
    change: &SchemaChange,
) -> Result<Edited, SchemaRefusal> {
    let edited = match change {
        SchemaChange::File(file, extends) => {
            Edited::of_file(file, extends, |urn| there(kept, tenant, urn))?
        }
        SchemaChange::Attributes {
            urn,
            definitions,
            extends,
        } => Edited::with(urn, there(kept, tenant, urn), definitions, extends)?,
        SchemaChange::Remove(urn) => Edited::without(urn, there(kept, tenant, urn)),
        SchemaChange::RemoveAttribute(urn, name) => {
            Edited::without_attribute(urn, there(kept, tenant, urn), name)?
        }
    };
    if let Some(file) = file_of(kept, &edited.urn) {
        let problem = format!(
            "{} comes from the file {file}: change it there, or take it out of the folder that schemas.dir names, and \
             start the server again",
            edited.urn
        );
        return Err(SchemaRefusal::one(problem));
    }
    if Catalog::is_built_in(&edited.urn) {
        let problem = format!(
            "{} is built in: attributes of your own need a URN of their own",
            edited.urn
        );
        return Err(SchemaRefusal::one(problem));
    }
    if edited.before.is_none() && edited.after.is_none() {
        return Err(not_there(kept, tenant, &edited.urn));
    }
    Ok(edited)
}

/// The schema that is kept under a URN for a tenant, or for all.
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
struct Edited {
    urn: String,
    /// What complaints begin with.
    origin: String,
    before: Option<Map<String, Value>>,
    after: Option<Map<String, Value>>,
}

impl Edited {
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
            let problem = format!(
                "{}: /x-scimd/extends: the file says {}, but {} was requested: change the file or request none",
                file.origin,
                own.join(", "),
                extends.join(", ")
            );
            return Err(SchemaRefusal::one(problem));
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
                let problem = format!(
                    "{urn} has an attribute {name}, or it is given twice; to change one, remove it first or add a file"
                );
                return Err(SchemaRefusal::one(problem));
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
            let names: Vec<_> = edit::names(after).collect();
            let problem = format!("{urn} has no attribute {name}, but {}", names.join(", "));
            return Err(SchemaRefusal::one(problem));
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

/// A schema file that nothing is wrong with by itself.
fn read(file: &SchemaFile) -> Result<Map<String, Value>, SchemaRefusal> {
    let found: Vec<_> = problems(file).iter().map(ToString::to_string).collect();
    if !found.is_empty() {
        return Err(SchemaRefusal::Problems(found));
    }
    let document: Map<String, Value> = serde_json::from_str(&file.text).unwrap_or_default();
    if !document.contains_key("attributes") {
        let problem = format!(
            "{}: /endpoint: a resource type is not a schema; put the file into the folder that schemas.dir names",
            file.origin
        );
        return Err(SchemaRefusal::one(problem));
    }
    Ok(document)
}

fn schema_of(document: Option<&Map<String, Value>>) -> Option<Arc<Schema>> {
    let document = document?;
    let urn = document.get("id")?.as_str()?;
    let mut alone = document.clone();
    edit::strip(&mut alone);
    let catalog = model::catalog(&[SchemaFile {
        origin: urn.to_owned(),
        text: edit::text(&alone),
    }])
    .ok()?;
    catalog.schema(urn).cloned()
}

fn touched(old: Option<&Schema>, new: Option<&Schema>) -> BTreeSet<String> {
    let described = |schema: Option<&Schema>| -> BTreeMap<String, Value> {
        let listed = schema.and_then(|schema| schema.document().get("attributes")?.as_array());
        let named = listed
            .into_iter()
            .flatten()
            .filter_map(|a| Some((a.get("name")?.as_str()?.to_owned(), a.clone())));
        named.collect()
    };
    let (old, new) = (described(old), described(new));
    old.keys()
        .chain(new.keys())
        .filter(|name| old.get(*name) != new.get(*name))
        .cloned()
        .collect()
}
