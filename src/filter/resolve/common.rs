//! The common attributes that no document holds: `id`, `schemas` and `meta` (RFC 7643 section 3.1).

use super::literal::Answer;
use super::subject::Subject;
use crate::error::Result;
use crate::filter::{Literal, Operator, Predicate, Target};
use crate::resource::Key;
use serde_json::Value;

impl Subject<'_> {
    /// Every resource has these, with all sub-attributes.
    pub(super) fn is_always_assigned(&self) -> bool {
        self.path.container.is_none() && matches!(self.path.attribute.name().as_ref(), "id" | "schemas" | "meta")
    }

    /// A comparison with one of them; `None` if the attribute is another.
    pub(super) fn compare_common(&self, operator: Operator, literal: &Literal) -> Result<Option<Predicate>> {
        if !self.is_always_assigned() {
            return Ok(None);
        }
        let sub = self.path.sub.as_ref().map(|sub| sub.name().as_ref());
        let predicate = match (self.path.attribute.name().as_ref(), sub) {
            ("id", _) => self.compare_with(&self.path, Target::Id, operator, literal)?,
            ("schemas", _) => self.compare_schemas(operator, literal)?,
            (_, Some("created")) => self.compare_with(&self.path, Target::Created, operator, literal)?,
            (_, Some("lastModified")) => self.compare_with(&self.path, Target::LastModified, operator, literal)?,
            (_, Some("resourceType")) => {
                self.compare_constant(self.resolver.resource_type.name(), Predicate::always(), operator, literal)?
            }
            (_, Some("version")) => self.compare_version(operator, literal)?,
            (_, Some("location")) => self.compare_location(operator, literal)?,
            _ => return Ok(None),
        };
        Ok(Some(predicate))
    }

    /// A value that is known now: if it compares so, what remains is `condition`.
    fn compare_constant(
        &self,
        value: &str,
        condition: Predicate,
        operator: Operator,
        literal: &Literal,
    ) -> Result<Predicate> {
        let value = Key::of(self.path.end(), &Value::from(value));
        Ok(match self.answer(&self.path, operator, literal)? {
            Answer::Compare(operator, key) if value.is_some_and(|value| operator.holds(&value, &key)) => condition,
            _ => Predicate::never(),
        })
    }

    /// A resource carries the URN of its type and those of the extensions that it has values of.
    fn compare_schemas(&self, operator: Operator, literal: &Literal) -> Result<Predicate> {
        let resolver = &self.resolver;
        let core = (resolver.resource_type.schema().id(), Predicate::always());
        let extensions = resolver.resource_type.extensions().iter();
        let extensions = extensions.map(|extension| (extension.schema.id(), resolver.has_extension(extension)));
        let urns = std::iter::once(core).chain(extensions);
        let each: Result<Vec<_>> =
            urns.map(|(urn, condition)| self.compare_constant(urn, condition, operator, literal)).collect();
        Ok(Predicate::any(each?))
    }

    fn compare_version(&self, operator: Operator, literal: &Literal) -> Result<Predicate> {
        let version = version_in(self.equal_text(operator, literal)?);
        Ok(version.map_or_else(Predicate::never, |version| Predicate::Compare {
            target: Target::Version,
            operator,
            key: Key::integer(version),
        }))
    }

    /// The base URL is not looked at: it is no part of the resource.
    fn compare_location(&self, operator: Operator, literal: &Literal) -> Result<Predicate> {
        let uri = self.equal_text(operator, literal)?;
        let endpoint = self.resolver.resource_type.endpoint();
        let id = uri.rsplit_once('/').and_then(|(before, id)| before.ends_with(endpoint).then_some(id));
        Ok(id.map_or_else(Predicate::never, |id| Predicate::Compare {
            target: Target::Id,
            operator,
            key: Key::text(id, true),
        }))
    }
}

/// The number in an entity tag, `W/"3"`; also of the bare tag or number.
fn version_in(tag: &str) -> Option<i64> {
    let opaque = tag.strip_prefix("W/").unwrap_or(tag);
    let digits = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(opaque);
    let number: i64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}
