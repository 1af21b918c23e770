//! Resolves syntax to a predicate: looks up every name and converts every value to its type, so that evaluation and
//! queries cannot fail (RFC 7644 sections 3.4.2.2 and 3.10).

mod common;
mod literal;
mod number;
mod resolver;
mod subject;
pub(super) mod tolerance;

use self::number::Whole;
use self::resolver::{Resolver, refused};
use self::subject::{FilterTest, Subject};
use super::lexer::quoted;
use super::{Filter, Literal, Name, Predicate, Test};
use crate::error::Result;
use crate::resource::Conformance;
use crate::schema::{Attribute, AttributePath, Named, ResourceType, Type};
use serde_json::Value;
use std::sync::Arc;

/// Resolves a filter for the resources of a type.
///
/// # Errors
/// 400 `invalidFilter`, with the column, for an unknown or unreadable attribute, and for an operator or value that the
/// attribute does not support.
pub fn resolve(
    filter: &Filter,
    resource_type: &ResourceType,
    conformance: Conformance,
) -> Result<Predicate> {
    Resolver {
        resource_type,
        conformance,
        scope: None,
        all_types: &[],
        searches: true,
    }
    .filter(filter)
}

/// Resolves a filter for several types that are queried together: an attribute that only some of them have is
/// unassigned in the others (RFC 7644 section 3.4.2.1).
///
/// # Errors
/// 400 `invalidFilter` in the cases of [`resolve`], and for an attribute that none of the types has.
pub fn resolve_each(
    filter: &Filter,
    resource_types: &[Arc<ResourceType>],
    conformance: Conformance,
) -> Result<Vec<Predicate>> {
    let each = resource_types.iter().map(|resource_type| {
        Resolver {
            resource_type,
            conformance,
            scope: None,
            all_types: resource_types,
            searches: true,
        }
        .filter(filter)
    });
    each.collect()
}

/// Resolves the filter in the brackets of a path for one value of `attribute`, for [`Predicate::matches_element`].
/// Names are sub-attributes; for a simple attribute, `value` is the value itself.
///
/// # Errors 400 `invalidFilter` in the cases of [`resolve`].
pub fn resolve_value_filter(
    filter: &Filter,
    attribute: &AttributePath,
    resource_type: &ResourceType,
    conformance: Conformance,
) -> Result<Predicate> {
    Resolver {
        resource_type,
        conformance,
        scope: Some(attribute),
        all_types: &[],
        searches: false,
    }
    .filter(filter)
}

/// The JSON value of a literal, as a value of that attribute; `None` for a number beyond a double.
pub fn literal_value(
    attribute: &Attribute,
    literal: &Literal,
    conformance: Conformance,
) -> Option<Value> {
    let literal = tolerance::of_type(attribute.kind(), literal, conformance);
    match (attribute.kind(), literal.as_ref()) {
        (Type::Integer, Literal::Number(digits)) => match Whole::of(digits) {
            Whole::Exactly(number) => Some(number.into()),
            _ => literal.to_value(),
        },
        _ => literal.to_value(),
    }
}

impl Resolver<'_> {
    fn filter(&self, filter: &Filter) -> Result<Predicate> {
        match filter {
            Filter::Or(terms) => Ok(Predicate::any(self.each(terms)?)),
            Filter::And(terms) => Ok(Predicate::all(self.each(terms)?)),
            Filter::Not(inner) => self.filter(inner).map(Predicate::negated),
            Filter::Test { name, test } => self.test(name, test),
            Filter::Values { name, filter, then } => self.values(name, filter, then.as_ref()),
        }
    }

    fn each(&self, terms: &[Filter]) -> Result<Vec<Predicate>> {
        terms.iter().map(|term| self.filter(term)).collect()
    }

    fn test(&self, name: &Name, test: &Test) -> Result<Predicate> {
        let (negated, test) = FilterTest::of(test);
        let met = self.positive(name, test)?;
        Ok(if negated { met.negated() } else { met })
    }

    fn positive(&self, name: &Name, test: FilterTest<'_>) -> Result<Predicate> {
        match (self.named(name)?, test) {
            (None, _) => Ok(Predicate::never()),
            (Some(Named::Attribute(path)), _) => Subject::new(*self, name, path)?.test(test),
            (Some(Named::Core), FilterTest::Present) => Ok(Predicate::always()),
            (Some(Named::Extension(extension)), FilterTest::Present) => {
                self.has_extension(name, &extension)
            }
            (Some(_), FilterTest::Compare(..)) => Err(refused(
                name,
                format!("{} is a schema, not an attribute", quoted(&name.text)),
            )),
        }
    }

    /// Resolves `name[filter]`, and Entra's `name[filter].sub operator literal`. A negated operator in the latter
    /// negates the whole condition, as for `name.sub`.
    fn values(
        &self,
        name: &Name,
        filter: &Filter,
        then: Option<&(Name, Test)>,
    ) -> Result<Predicate> {
        let path = match self.named(name)? {
            None => return Ok(Predicate::never()),
            Some(Named::Attribute(path)) if has_brackets(&path) => path,
            Some(_) => {
                let reason = format!(
                    "{} has no values that brackets could choose from",
                    quoted(&name.text)
                );
                return Err(refused(name, reason));
            }
        };
        let subject = Subject::new(*self, name, path.clone())?;
        let within = Resolver {
            scope: Some(&path),
            ..*self
        };
        let chosen = within.filter(filter)?;
        let (negated, met) = match then {
            None => (false, chosen),
            Some((sub, test)) => {
                let (negated, test) = FilterTest::of(test);
                (
                    negated,
                    Predicate::all([chosen, within.positive(sub, test)?]),
                )
            }
        };
        let met = subject.has_value(met)?;
        Ok(if negated { met.negated() } else { met })
    }
}

/// Whether brackets can follow: the attribute is complex or multi-valued.
fn has_brackets(path: &AttributePath) -> bool {
    let is_schemas = path.container.is_none() && path.attribute.name().as_ref() == "schemas";
    path.sub.is_none()
        && (path.attribute.is_complex() || path.attribute.is_multi_valued())
        && !is_schemas
}
