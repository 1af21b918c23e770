//! Resolves operations against the resource type, and checks everything that does not depend on the resource, so that
//! errors are found before a database query (RFC 7644 section 3.5.2).

use super::apply::Patch;
use super::change::{Action, Change, Edit, NoMatch, Selection, Step, SubChange, Which};
use super::path::target;
use super::target::{Place, Target, Undeclared};
use super::value::{merge_whole, one_value, put, put_selected, remove_listed, required, with_uri};
use super::{MemberChange, Operation, Verb, members, schemas, tolerance};
use crate::error::{Error, Problem, Result};
use crate::filter::{Filter, FilterLimits, parse_path, resolve_value_filter};
use crate::resource::tolerance::{is_empty_reference, unfit_without_urn};
use crate::resource::{Acceptance, LeftOut, is_blank, named, unknown};
use crate::schema::{Attribute, Extension, Named, ResourceType};
use serde_json::{Map, Value};

/// Resolves the operations of a message. Values are validated by `resource::accept_value`, like those in the body of a
/// resource; parts that a lenient server ignores are recorded in `acceptance`.
///
/// # Errors
/// Each has the number of its operation. 400 `invalidPath` for a path with an unknown attribute – in lenient mode only
/// if no operation has another path –, `mutability` for a readOnly one or one that must not be removed, `noTarget` for
/// a `remove` without path, `invalidFilter`, `invalidValue`, and in `rfc` mode `invalidSyntax` for unknown attributes.
pub fn resolve(
    resource_type: &ResourceType,
    operations: Vec<Operation>,
    paths: &FilterLimits,
    acceptance: &mut Acceptance<'_>,
) -> Result<Patch> {
    let count = operations.len();
    let (steps, members, named, left_out) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut resolving = Resolving {
        resource_type,
        paths,
        acceptance,
        number: 0,
        steps,
        members,
        named,
        left_out,
    };
    for (i, operation) in operations.into_iter().enumerate() {
        resolving.number = i + 1;
        let resolved = resolving.operation(operation);
        resolved.map_err(|error| error.within(format_args!("Operation {}", i + 1)))?;
    }
    let Resolving {
        steps,
        members,
        named,
        left_out,
        ..
    } = resolving;
    if left_out.len() == count
        && let Some(first) = left_out.into_iter().next()
    {
        return Err(first.within("Operation 1"));
    }
    members::all_within_limit(&members, acceptance)?;
    Ok(Patch::new(steps, members, named, *acceptance.limits))
}

struct Resolving<'a, 'b> {
    resource_type: &'a ResourceType,
    paths: &'a FilterLimits,
    acceptance: &'a mut Acceptance<'b>,
    number: usize,
    steps: Vec<Step>,
    members: Vec<MemberChange>,
    named: Vec<String>,
    /// The refusals of ignored operations.
    left_out: Vec<Error>,
}

impl Resolving<'_, '_> {
    fn operation(&mut self, Operation { verb, path, value }: Operation) -> Result<()> {
        let target = match path {
            Some(path) => target(self.resource_type, path, self.acceptance.conformance)?,
            None => Target::Resource,
        };
        match target {
            Target::Undeclared(undeclared) => self.undeclared(undeclared, value.as_ref()),
            Target::Attribute(place) => self.attribute(&place, verb, value),
            Target::Extension(extension) if verb == Verb::Remove => {
                self.remove_extension(&extension)
            }
            Target::Extension(extension) => self.extension(&extension, verb, required(value)?),
            Target::Resource if verb == Verb::Remove => Err(Error::no_target(
                "A \"remove\" needs a \"path\" to the removed values.",
            )),
            Target::Resource => match required(value)? {
                Value::Object(members) => self.resource(verb, members),
                _ => Err(Error::invalid_value(
                    "Without a \"path\", \"value\" must be an object of attributes.",
                )),
            },
        }
    }

    fn undeclared(&mut self, undeclared: Undeclared, value: Option<&Value>) -> Result<()> {
        if !self.acceptance.conformance.is_lenient() {
            return Err(undeclared.refusal);
        }
        self.left_out.push(tolerance::leaves_out(
            undeclared,
            value,
            &mut self.acceptance.left_out,
        ));
        Ok(())
    }

    /// A value without a path: each member is a separate operation.
    fn resource(&mut self, verb: Verb, members: Map<String, Value>) -> Result<()> {
        members
            .into_iter()
            .try_for_each(|(name, value)| self.member(&name, verb, value))
    }

    fn member(&mut self, name: &str, verb: Verb, value: Value) -> Result<()> {
        let found = named(self.resource_type, name, self.acceptance.conformance);
        let value = match found {
            Some(Named::Core) => one_value(value, self.acceptance),
            _ => value,
        };
        match (found, value) {
            (Some(Named::Core), Value::Null) if self.acceptance.conformance.is_lenient() => Ok(()),
            (Some(Named::Attribute(path)), value) => {
                self.named_by(name, &Place { path, filter: None }, verb, value)
            }
            (Some(Named::Extension(extension)), value) => self.extension(&extension, verb, value),
            (Some(Named::Core), Value::Object(members)) => self.resource(verb, members),
            (Some(Named::Core), _) => Err(Error::invalid_value(format!(
                "\"{name}\" must be an object."
            ))),
            (None, value) if name.contains('[') => self.member_with_filter(name, verb, value),
            (None, value) => unknown(name, value, self.acceptance),
        }
    }

    /// A key with a value path, which selects values like the path of an operation.
    fn member_with_filter(&mut self, key: &str, verb: Verb, value: Value) -> Result<()> {
        let conformance = self.acceptance.conformance;
        match target(
            self.resource_type,
            parse_path(key, self.paths, conformance)?,
            conformance,
        )? {
            Target::Attribute(place) => self.without_path(&place, verb, value),
            Target::Undeclared(undeclared) if conformance.is_lenient() => {
                self.acceptance
                    .left_out
                    .push(undeclared.left_out(Some(&value)));
                Ok(())
            }
            Target::Undeclared(undeclared) => Err(undeclared.refusal),
            Target::Resource | Target::Extension(_) => unknown(key, value, self.acceptance),
        }
    }

    /// A key with the name of an attribute; without its URN, an invalid value is ignored.
    fn named_by(&mut self, key: &str, place: &Place, verb: Verb, value: Value) -> Result<()> {
        match self.without_path(place, verb, value) {
            Err(_) if place.path.container.is_some() && !key.contains(':') => {
                unfit_without_urn(&place.path.to_string(), &mut self.acceptance.left_out);
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// The attributes of an extension; null removes all of them.
    fn extension(&mut self, extension: &Extension, verb: Verb, value: Value) -> Result<()> {
        let urn = extension.schema.id();
        if verb == Verb::Add && value.as_array().is_some_and(Vec::is_empty) {
            return self.resource(verb, Map::new());
        }
        match one_value(value, self.acceptance) {
            Value::Object(members) => members
                .into_iter()
                .try_for_each(|(name, value)| self.member(&format!("{urn}:{name}"), verb, value)),
            Value::Null if extension.required => Err(no_value(urn)),
            Value::Null => self.remove_extension(extension),
            _ => Err(Error::invalid_value(format!(
                "\"{urn}\" must be an object of its attributes."
            ))),
        }
    }

    fn remove_extension(&mut self, extension: &Extension) -> Result<()> {
        let urn = extension.schema.id();
        if extension.required {
            return Err(stays(urn));
        }
        self.step(Action::RemoveExtension(urn.clone()));
        Ok(())
    }

    /// An attribute in a value without a path, which can repeat values that the client received and cannot change.
    fn without_path(&mut self, place: &Place, verb: Verb, value: Value) -> Result<()> {
        if self.acceptance.conformance.is_lenient() && tolerance::is_echo(self.resource_type, place)
        {
            return Ok(());
        }
        if place.is(self.resource_type.top_attribute("id")) {
            let Value::String(id) = value else {
                return Err(read_only(place));
            };
            self.step(Action::RequireId(id));
            return Ok(());
        }
        self.attribute(place, verb, Some(value))
    }

    fn attribute(&mut self, place: &Place, verb: Verb, value: Option<Value>) -> Result<()> {
        if place.is(self.resource_type.top_attribute("schemas")) {
            let removed =
                schemas::removed(self.resource_type, place, verb, value, self.acceptance)?;
            return removed
                .iter()
                .try_for_each(|extension| self.remove_extension(extension));
        }
        if place.is_read_only(self.resource_type) {
            return Err(read_only(place));
        }
        self.name(place);
        if place.is(self.resource_type.members()) {
            let change = members::change(self.resource_type, place, verb, value, self.acceptance)?;
            self.members.extend(change);
            return Ok(());
        }
        let change = self.change(place, verb, value)?;
        let goes = matches!(change, Some(Change::Unset));
        if goes
            && self.acceptance.conformance.is_lenient()
            && tolerance::stays(self.resource_type, place)
        {
            self.acceptance
                .left_out
                .push(LeftOut::KeptValue(place.path.to_string()));
            return Ok(());
        }
        if goes && self.is_due(place) {
            return Err(if verb == Verb::Remove {
                stays(&place.path)
            } else {
                no_value(&place.path)
            });
        }
        if let Some(change) = change {
            self.name_parts(place, &change);
            self.step(Action::Change {
                path: place.top(),
                change: Box::new(change),
            });
        }
        Ok(())
    }

    /// The change of the top-level attribute of the place.
    fn change(
        &mut self,
        place: &Place,
        verb: Verb,
        value: Option<Value>,
    ) -> Result<Option<Change>> {
        if let Some(filter) = &place.filter {
            return self.selected(place, filter, verb, value);
        }
        let path = place.path.to_string();
        let end = place.path.end();
        if verb != Verb::Remove && self.empties_reference(place, value.as_ref()) {
            return Ok(Some(Change::Unset));
        }
        let change = match verb {
            Verb::Remove => self.removal(end, &path, value)?,
            _ => put(
                end,
                verb,
                self.assigned(place, value)?,
                &path,
                self.acceptance,
            )?,
        };
        Ok(match (&place.path.sub, change) {
            (Some(sub), Some(change)) => {
                let change = SubChange {
                    sub: sub.clone(),
                    change,
                };
                let changes = with_uri(place.attribute(), vec![change], self.acceptance);
                Some(merge_whole(place.attribute(), changes))
            }
            (_, change) => change,
        })
    }

    /// The effect of a `remove` on an attribute or sub-attribute as a whole; `None`: no effect.
    fn removal(
        &mut self,
        attribute: &Attribute,
        path: &str,
        value: Option<Value>,
    ) -> Result<Option<Change>> {
        match value {
            Some(value)
                if self.acceptance.conformance.is_lenient()
                    && tolerance::removes_listed(attribute, &value) =>
            {
                let listed = tolerance::listed_under_name(attribute, value);
                remove_listed(attribute, listed, path, self.acceptance)
            }
            _ => Ok(Some(Change::Unset)),
        }
    }

    /// Whether the `value` of a reference becomes empty, which removes the reference.
    fn empties_reference(&self, place: &Place, value: Option<&Value>) -> bool {
        let (Some(sub), Some(value)) = (&place.path.sub, value) else {
            return false;
        };
        let object = Map::from_iter([(sub.name().to_string(), value.clone())]);
        self.acceptance.conformance.is_lenient() && is_empty_reference(place.attribute(), &object)
    }

    /// The value, which must not be blank for a required attribute.
    fn assigned(&self, place: &Place, value: Option<Value>) -> Result<Value> {
        let value = required(value)?;
        if self.is_due(place) && is_blank(&value) {
            return Err(no_value(&place.path));
        }
        Ok(value)
    }

    fn selected(
        &mut self,
        place: &Place,
        filter: &Filter,
        verb: Verb,
        value: Option<Value>,
    ) -> Result<Option<Change>> {
        let predicate = resolve_value_filter(
            filter,
            &place.top(),
            self.resource_type,
            self.acceptance.conformance,
        )?;
        if verb != Verb::Remove {
            return put_selected(
                place,
                filter,
                predicate,
                verb,
                required(value)?,
                self.acceptance,
            );
        }
        let edit = match &place.path.sub {
            Some(sub) => {
                let Some(change) = self.removal(sub, &place.path.to_string(), value)? else {
                    return Ok(None);
                };
                let sub = sub.clone();
                let change = SubChange { sub, change };
                Edit::Merge(with_uri(place.attribute(), vec![change], self.acceptance))
            }
            None => Edit::Remove,
        };
        let which = Which::Matching(predicate);
        Ok(Some(Change::Select(Selection {
            which,
            edit,
            no_match: NoMatch::Nothing,
        })))
    }

    /// Whether every resource of the type must have the attribute. Required sub-attributes, and attributes of optional
    /// extensions, are required only if their parent is present, which is checked after the patch has been applied.
    fn is_due(&self, place: &Place) -> bool {
        let holder_is_due = match &place.path.container {
            None => true,
            Some(urn) => self
                .resource_type
                .extension(urn)
                .is_some_and(|extension| extension.required),
        };
        holder_is_due
            && place.path.sub.is_none()
            && place.filter.is_none()
            && place.attribute().is_required()
    }

    fn name(&mut self, place: &Place) {
        for path in [place.top().to_string(), place.path.to_string()] {
            self.name_path(path);
        }
    }

    /// Records the names of the sub-attributes that an object sets.
    fn name_parts(&mut self, place: &Place, change: &Change) {
        if place.path.sub.is_some() || !self.resource_type.shows_on_request() {
            return;
        }
        for name in change.sub_names() {
            self.name_path(format!("{}.{name}", place.path));
        }
    }

    fn name_path(&mut self, path: String) {
        if !self.named.contains(&path) {
            self.named.push(path);
        }
    }

    fn step(&mut self, action: Action) {
        self.steps.push(Step {
            operation: self.number,
            action,
        });
    }
}

fn read_only(place: &Place) -> Error {
    Error::mutability(format!("Attribute \"{}\" is readOnly.", place.path))
}

fn stays(path: &impl std::fmt::Display) -> Error {
    Error::mutability(format!(
        "Attribute \"{path}\" is required and cannot be removed."
    ))
    .about(Problem::RequiredMissing)
}

fn no_value(path: &impl std::fmt::Display) -> Error {
    Error::invalid_value(format!(
        "Attribute \"{path}\" is required and needs a value."
    ))
    .about(Problem::RequiredMissing)
}
