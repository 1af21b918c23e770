//! Plans a change of schemas: validates it and reports what it would affect.

use super::refusal::{SchemaProblem, SchemaRefusal};
use super::schema_edit::{SchemaChange, SchemaEdit};
use super::survey::Survey;
use crate::access::catalogs::{Sources, origin};
use crate::model;
use crate::model::edit;
use crate::operator::handle::Operator;
use crate::schema::{Catalog, Schema, SchemaFile};
use crate::store::{KeptSchema, Tenant};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A valid planned change.
#[derive(Debug)]
pub struct SchemaPlan {
    pub(super) tenant: Option<Tenant>,
    /// The URN of the schema.
    pub(crate) urn: String,
    pub(super) before: Option<Map<String, Value>>,
    pub(super) after: Option<Map<String, Value>>,
    /// The schema after the change.
    pub(super) schema: Option<Arc<Schema>>,
    /// Names of attributes whose definition changes.
    pub(super) touched: BTreeSet<String>,
    pub(super) seen: i64,
    /// The resource type that the URN ends with, as usual for a schema of that type.
    named_type: Option<String>,
    /// The values of the tenants with the schema.
    pub(crate) surveys: Vec<Survey>,
}

impl SchemaPlan {
    /// The new schema file; `None` if it is removed.
    pub(crate) fn document(&self) -> Option<&Map<String, Value>> {
        self.after.as_ref()
    }

    /// Whether a schema with that URN existed.
    pub(crate) fn replaces(&self) -> bool {
        self.before.is_some()
    }

    /// The resource type that the URN of a new schema ends with, if the schema does not extend it.
    pub(crate) fn type_of_urn(&self) -> Option<&str> {
        let after = edit::extends(self.after.as_ref()?);
        let named = self.named_type.as_ref().filter(|_| self.before.is_none())?;
        (!after.contains(named)).then_some(named.as_str())
    }

    /// A possibly unintended effect on the resource types of the schema, as a text that completes "this …".
    pub(crate) fn other_types(&self) -> Option<String> {
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

    /// Names of attributes that become hidden, with the number of resources with values.
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

    /// Number of resources with hidden values that become visible again.
    pub(crate) fn restored(&self) -> u64 {
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

    /// Whether the index can be out of date afterwards: resources have values of changed attributes, or get them by a
    /// running write.
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
    /// Plans a change of the schemas of a tenant, or of all tenants.
    ///
    /// # Errors
    /// All its errors: in the file, in the resulting catalog of a tenant, and by values of resources.
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
        let sources = Sources::read(&self.store, None).await?;
        let SchemaEdit {
            urn,
            origin: edited_origin,
            before,
            after,
        } = SchemaEdit::by(change, tenant, &sources.kept)?;
        let ours = KeptSchema {
            tenant: tenant.map(str::to_owned),
            urn: urn.to_ascii_lowercase(),
            document: String::new(),
            change: 0,
            file: None,
            former: Vec::new(),
        };
        let catalog = with_schema(sources, &ours, after.as_ref())
            .check()
            .map_err(|error| {
                let problem = error.to_string();
                SchemaProblem::File(problem.replacen(&origin(&ours), &edited_origin, 1))
            })?;
        let named_type = named_type(&catalog, &urn);
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

    /// The stored values of the tenants with the schema.
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

/// The sources after a change: the schema is replaced by the document, or removed without one.
fn with_schema(
    sources: Sources,
    changed: &KeptSchema,
    after: Option<&Map<String, Value>>,
) -> Sources {
    let mut kept = sources.kept;
    kept.retain(|other| (&other.tenant, &other.urn) != (&changed.tenant, &changed.urn));
    kept.extend(after.map(|after| KeptSchema {
        document: edit::text(after),
        ..changed.clone()
    }));
    kept.sort_by(|a, b| (&a.tenant, &a.urn).cmp(&(&b.tenant, &b.urn)));
    Sources { kept, ..sources }
}

/// The resource type whose name is the last part of a URN.
fn named_type(catalog: &Catalog, urn: &str) -> Option<String> {
    let last = urn.rsplit(':').next().unwrap_or_default();
    let mut types = catalog.resource_types().iter();
    let named = types.find(|named| named.name().eq_ignore_ascii_case(last))?;
    Some(named.name().to_string())
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
