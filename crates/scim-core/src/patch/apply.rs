//! A resolved patch, and its application to the attributes of a resource.

use super::MemberChange;
use super::change::{Action, Change, Step};
use super::values::apply_change;
use crate::error::{Error, Result};
use crate::resource::limits::ValueLimits;
use crate::resource::{Attributes, in_schema_order, undeclared};
use crate::schema::{AttributePath, ResourceType};
use serde_json::{Map, Value};

/// A PATCH request after it was resolved against a resource type: the remaining errors depend on the content of the
/// resource.
#[derive(Debug, Clone)]
pub struct Patch {
    steps: Vec<Step>,
    members: Vec<MemberChange>,
    named: Vec<String>,
    limits: ValueLimits,
}

impl Patch {
    pub(super) fn new(
        steps: Vec<Step>,
        members: Vec<MemberChange>,
        named: Vec<String>,
        limits: ValueLimits,
    ) -> Self {
        Self {
            steps,
            members,
            named,
            limits,
        }
    }

    /// The attributes after the operations, each applied to the result of the previous one, in the order of the schemas
    /// and without unassigned values (RFC 7644 section 3.5.2). Required and immutable attributes and `primary` are
    /// checked by [`check`](crate::resource::check::check); immutable sub-attributes in the values of a multi-valued
    /// attribute are checked here.
    ///
    /// # Errors
    /// Each has the number of its operation. 400 `noTarget` for a value path without a match where one is required,
    /// `mutability` for a different id and for immutable sub-attributes, `invalidValue` for more values than allowed.
    pub fn apply(
        &self,
        resource_type: &ResourceType,
        id: &str,
        attributes: Attributes,
    ) -> Result<Attributes> {
        let mut attributes = attributes.into_map();
        for step in &self.steps {
            let applied = self.apply_action(&step.action, resource_type, id, &mut attributes);
            applied.map_err(|error| error.within(format_args!("Operation {}", step.operation)))?;
        }
        Ok(Attributes::validated(in_schema_order(
            resource_type,
            attributes,
        )))
    }

    fn apply_action(
        &self,
        action: &Action,
        resource_type: &ResourceType,
        id: &str,
        attributes: &mut Map<String, Value>,
    ) -> Result<()> {
        match action {
            Action::Change { path, change } => apply_at(path, change, attributes, &self.limits),
            Action::RemoveExtension(urn) => {
                remove_extension(resource_type, urn, attributes);
                Ok(())
            }
            Action::RequireId(given) if given == id => Ok(()),
            Action::RequireId(_) => Err(Error::mutability(
                "Attribute \"id\" is readOnly and has another value.",
            )),
        }
    }

    /// The changes to memberships, in the order of the operations.
    pub fn members(&self) -> &[MemberChange] {
        &self.members
    }

    /// Whether [`Patch::apply`] can change the document or fail; a patch that changes only members does not need the
    /// document.
    pub fn touches_document(&self) -> bool {
        !self.steps.is_empty()
    }

    /// The attributes and sub-attributes in the operations, in attribute notation: those that are returned on request
    /// are part of the response (RFC 7643 section 7).
    pub fn named(&self) -> &[String] {
        &self.named
    }
}

/// Removes the extension of a URN; undeclared values of it stay.
fn remove_extension(resource_type: &ResourceType, urn: &str, attributes: &mut Map<String, Value>) {
    let mut held = attributes.remove(urn);
    if let (Some(extension), Some(Value::Object(held))) = (resource_type.extension(urn), &mut held)
    {
        undeclared::keep_in(extension, held);
        if !held.is_empty() {
            attributes.insert(urn.to_owned(), Value::Object(std::mem::take(held)));
        }
    }
}

fn apply_at(
    path: &AttributePath,
    change: &Change,
    attributes: &mut Map<String, Value>,
    limits: &ValueLimits,
) -> Result<()> {
    let Some(urn) = &path.container else {
        return apply_change(&path.attribute, change, attributes, limits);
    };
    let mut held = match attributes.get_mut(urn.as_ref()).map(Value::take) {
        Some(Value::Object(held)) => held,
        _ => Map::new(),
    };
    apply_change(&path.attribute, change, &mut held, limits)?;
    if held.is_empty() {
        attributes.remove(urn.as_ref());
    } else {
        attributes.insert(urn.to_string(), Value::Object(held));
    }
    Ok(())
}
