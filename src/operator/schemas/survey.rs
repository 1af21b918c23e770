//! A survey of the values of an extension in the resources of a tenant, and of their validity for a schema.

use crate::operator::error::Result;
use crate::operator::handle::Operator;
use crate::operator::schemas::refusal::SchemaProblem;
use crate::resource::{Acceptance, Conformance, Key, accept_value};
use crate::schema::{Attribute, Schema};
use crate::store::{Holder, Tenant};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};

/// The values of an extension in the resources of a tenant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Survey {
    /// Name of the tenant.
    pub(crate) tenant: String,
    /// Number of resources with any value.
    pub(crate) resources: u64,
    /// Number of resources with a value, by name of attribute.
    pub(crate) holders: BTreeMap<String, u64>,
    /// Number of resources with values that the change makes invalid, and the id of the first, by attribute.
    pub(crate) unfit: BTreeMap<String, (u64, String)>,
    /// Number of resources that share a value that must be unique after the change, and the id of the first, by
    /// attribute.
    pub(crate) repeated: BTreeMap<String, (u64, String)>,
}

impl Survey {
    /// A lower bound of the number of resources with a value of any of these attributes.
    pub(crate) fn most_of<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> u64 {
        let counts = names.into_iter().filter_map(|name| self.holders.get(name));
        counts.copied().max().unwrap_or(0)
    }

    /// The problems of a schema change, one for each attribute.
    pub(super) fn contradictions(&self) -> Vec<SchemaProblem> {
        let unfit = self
            .unfit
            .iter()
            .map(|(name, (count, first))| SchemaProblem::Unfit {
                tenant: self.tenant.clone(),
                count: *count,
                name: name.clone(),
                first: first.clone(),
            });
        let repeated = self
            .repeated
            .iter()
            .map(|(name, (count, first))| SchemaProblem::Repeated {
                tenant: self.tenant.clone(),
                count: *count,
                name: name.clone(),
                first: first.clone(),
            });
        unfit.chain(repeated).collect()
    }

    fn take(
        &mut self,
        holder: &Holder<'_>,
        schema: Option<&Schema>,
        keys: &mut Keys,
        fits: impl Fn(&Attribute, &Value) -> bool,
    ) {
        self.resources += 1;
        for (name, value) in holder.values {
            *self.holders.entry(name.clone()).or_default() += 1;
            let Some(attribute) = schema.and_then(|schema| schema.attribute(name)) else {
                continue;
            };
            if attribute.name().as_ref() != name || !fits(attribute, value) {
                count(&mut self.unfit, name, holder);
            }
            for (path, attribute, value) in simple_values(attribute, value) {
                if attribute.is_unique() && !keys.is_new(holder, &path, attribute, value) {
                    count(&mut self.repeated, &path, holder);
                }
            }
        }
    }
}

fn count(counts: &mut BTreeMap<String, (u64, String)>, name: &str, holder: &Holder<'_>) {
    let first = || (0, format!("{} {}", holder.resource_type.name(), holder.id));
    counts.entry(name.to_owned()).or_insert_with(first).0 += 1;
}

/// The values that can be unique: that of the attribute, or those of its sub-attributes.
fn simple_values<'a>(
    attribute: &'a Attribute,
    value: &'a Value,
) -> Vec<(String, &'a Attribute, &'a Value)> {
    if !attribute.is_complex() {
        return vec![(attribute.name().to_string(), attribute, value)];
    }
    let of_sub = |sub: &'a std::sync::Arc<Attribute>| {
        Some((
            format!("{}.{}", attribute.name(), sub.name()),
            sub.as_ref(),
            value.get(sub.name().as_ref())?,
        ))
    };
    attribute
        .sub_attributes()
        .iter()
        .filter_map(of_sub)
        .collect()
}

/// Digests of the visited keys, which need less memory than the keys.
#[derive(Default)]
struct Keys(HashSet<[u8; 16]>);

impl Keys {
    fn is_new(
        &mut self,
        holder: &Holder<'_>,
        path: &str,
        attribute: &Attribute,
        value: &Value,
    ) -> bool {
        let Some(key) = Key::of(attribute, value) else {
            return true;
        };
        let digest = Sha256::digest(format!(
            "{}\0{path}\0{}",
            holder.resource_type.name(),
            key.as_str()
        ));
        let mut short = [0; 16];
        short
            .iter_mut()
            .zip(digest)
            .for_each(|(to, from)| *to = from);
        self.0.insert(short)
    }
}

impl Operator {
    /// Surveys the values of a tenant's resources under a URN with the planned schema.
    pub(super) async fn survey(
        &self,
        tenant: &Tenant,
        urn: &str,
        schema: Option<&Schema>,
    ) -> Result<Survey> {
        let scope = tenant.scope(self.catalogs.of(&self.store, tenant).await?.layout.clone());
        let mut survey = Survey {
            tenant: tenant.name.clone(),
            ..Survey::default()
        };
        let mut keys = Keys::default();
        let limits = self.service.limits().values;
        let fits = |attribute: &Attribute, value: &Value| {
            let mut acceptance = Acceptance::new(Conformance::Rfc, &limits);
            let accepted =
                accept_value(attribute, value.clone(), attribute.name(), &mut acceptance);
            accepted.is_ok_and(|accepted| accepted.as_ref() == Some(value))
        };
        let mut visit = |holder: Holder<'_>| survey.take(&holder, schema, &mut keys, fits);
        self.store.visit_holders(&scope, urn, &mut visit).await?;
        Ok(survey)
    }
}
