//! Conditions on the common attributes that are not in documents: `id`, `schemas` and `meta` (RFC 7643 section 3.1).

use super::literal::Answer;
use super::subject::Subject;
use crate::error::Result;
use crate::filter::{Literal, Operator, Predicate, Target};
use crate::resource::Key;
use serde_json::Value;

impl Subject<'_> {
    /// Whether every resource has the attribute, with all sub-attributes.
    pub(super) fn is_always_assigned(&self) -> bool {
        self.path.container.is_none()
            && matches!(
                self.path.attribute.name().as_ref(),
                "id" | "schemas" | "meta"
            )
    }

    /// A comparison with a common attribute; `None` for other attributes.
    pub(super) fn compare_common(
        &self,
        operator: Operator,
        literal: &Literal,
    ) -> Result<Option<Predicate>> {
        if !self.is_always_assigned() {
            return Ok(None);
        }
        let sub = self.path.sub.as_ref().map(|sub| sub.name().as_ref());
        let predicate = match (self.path.attribute.name().as_ref(), sub) {
            ("id", _) => self.compare_with(&self.path, Target::Id, operator, literal)?,
            ("schemas", _) => self.compare_schemas(operator, literal)?,
            (_, Some("created")) => {
                self.compare_with(&self.path, Target::Created, operator, literal)?
            }
            (_, Some("lastModified")) => {
                self.compare_with(&self.path, Target::LastModified, operator, literal)?
            }
            (_, Some("resourceType")) => {
                match self.constant_holds(self.resolver.resource_type.name(), operator, literal)? {
                    true => Predicate::always(),
                    false => Predicate::never(),
                }
            }
            (_, Some("version")) => self.compare_version(operator, literal)?,
            (_, Some("location")) => self.compare_location(operator, literal)?,
            _ => return Ok(None),
        };
        Ok(Some(predicate))
    }

    /// Whether the comparison holds for a value that is already known.
    fn constant_holds(&self, value: &str, operator: Operator, literal: &Literal) -> Result<bool> {
        let value = Key::of(self.path.end(), &Value::from(value));
        Ok(match self.answer(&self.path, operator, literal)? {
            Answer::Compare(operator, key) => {
                value.is_some_and(|value| operator.holds(&value, &key))
            }
            Answer::Never | Answer::Assigned => false,
        })
    }

    /// A comparison of `schemas`: the URN of the type, and those of extensions with values.
    fn compare_schemas(&self, operator: Operator, literal: &Literal) -> Result<Predicate> {
        let resource_type = self.resolver.resource_type;
        if self.constant_holds(resource_type.schema().id(), operator, literal)? {
            return Ok(Predicate::always());
        }
        let mut met = Vec::new();
        for extension in resource_type.extensions() {
            if self.constant_holds(extension.schema.id(), operator, literal)? {
                met.push(self.resolver.has_extension(self.name, extension)?);
            }
        }
        Ok(Predicate::any(met))
    }

    fn compare_version(&self, operator: Operator, literal: &Literal) -> Result<Predicate> {
        let version = version_in(self.equal_text(operator, literal)?);
        Ok(
            version.map_or_else(Predicate::never, |version| Predicate::Compare {
                target: Target::Version,
                operator,
                key: Key::integer(version),
            }),
        )
    }

    /// A comparison of `meta.location`; the base URL is ignored, because it is not part of the resource.
    fn compare_location(&self, operator: Operator, literal: &Literal) -> Result<Predicate> {
        let uri = self.equal_text(operator, literal)?;
        let endpoint = self.resolver.resource_type.endpoint();
        let id = uri
            .rsplit_once('/')
            .and_then(|(before, id)| before.ends_with(endpoint).then_some(id));
        Ok(id.map_or_else(Predicate::never, |id| Predicate::Compare {
            target: Target::Id,
            operator,
            key: Key::text(id, true),
        }))
    }
}

/// The number in an entity tag such as `W/"3"`, in a tag without quotation marks, or alone.
fn version_in(tag: &str) -> Option<i64> {
    let opaque = tag.strip_prefix("W/").unwrap_or(tag);
    let digits = opaque
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(opaque);
    let number: i64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}
