//! The result of a PUT (RFC 7644 section 3.5.1).

use super::accept::Accepted;
use super::attributes::{Attributes, in_schema_order};
use super::undeclared;
use crate::schema::{Attribute, ResourceType};
use serde_json::{Map, Value};
use std::sync::Arc;

impl Attributes {
    /// The attributes after a replacement (RFC 7644 section 3.5.1) by those of a body: the attributes of the body,
    /// unreadable attributes that the body does not contain, and values of removed schemas.
    #[must_use]
    pub fn replaced_by(&self, resource_type: &ResourceType, accepted: &Accepted) -> Self {
        let mut after = accepted.attributes.clone().into_map();
        self.keep_secrets(resource_type, accepted, &mut after);
        let mut kept = self.clone().into_map();
        undeclared::keep(resource_type, &mut kept);
        for (name, value) in kept {
            match (after.get_mut(&name), value) {
                (Some(Value::Object(held)), Value::Object(more)) => held.extend(more),
                (_, value) => drop(after.insert(name, value)),
            }
        }
        Self::validated(in_schema_order(resource_type, after))
    }

    fn keep_secrets(
        &self,
        resource_type: &ResourceType,
        accepted: &Accepted,
        after: &mut Map<String, Value>,
    ) {
        let is_secret = |attribute: &&Arc<Attribute>| attribute.is_secret();
        for attribute in resource_type.top_attributes().iter().filter(is_secret) {
            let name = attribute.name().as_ref();
            let kept = self.get(name);
            if let Some(kept) = kept.filter(|_| !accepted.asserted.contains(name)) {
                after.insert(name.to_owned(), kept.clone());
            }
        }
        for extension in resource_type.extensions() {
            let urn = extension.schema.id().as_ref();
            let Some(was) = self.get(urn).and_then(Value::as_object) else {
                continue;
            };
            for secret in extension.schema.attributes().iter().filter(is_secret) {
                let name = secret.name().as_ref();
                let is_asserted = accepted.asserted.contains(&format!("{urn}:{name}"));
                let Some(kept) = was.get(name).filter(|_| !is_asserted) else {
                    continue;
                };
                let held = after
                    .entry(urn)
                    .or_insert_with(|| Value::Object(Map::new()));
                if let Some(held) = held.as_object_mut() {
                    held.entry(name).or_insert_with(|| kept.clone());
                }
            }
        }
    }
}
