//! Evaluation in memory. The store's SQL returns the same results; random tests compare both.

use super::{Predicate, Target};
use crate::resource::{Key, Resource};
use crate::schema::{Attribute, AttributePath};
use serde_json::Value;
use std::slice::from_ref;

/// The input of a predicate.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Resource(&'a Resource),
    /// One value of a multi-valued attribute.
    Element(&'a Attribute, &'a Value),
}

impl Predicate {
    /// Whether a resource matches. Memberships are compared if its attributes contain them.
    pub fn matches(&self, resource: &Resource) -> bool {
        self.holds(Subject::Resource(resource))
    }

    /// Whether one value of an attribute matches: for the filter in the brackets of a value path, from
    /// [`super::resolve_value_filter`]. Other attributes have no value there.
    pub fn matches_element(&self, attribute: &Attribute, element: &Value) -> bool {
        self.holds(Subject::Element(attribute, element))
    }

    fn holds(&self, subject: Subject<'_>) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.holds(subject)),
            Self::Any(terms) => terms.iter().any(|term| term.holds(subject)),
            Self::Not(inner) => !inner.holds(subject),
            Self::Present(target) => subject.any_key(target, |key| !key.as_str().is_empty()),
            Self::Compare {
                target,
                operator,
                key,
            } => subject.any_key(target, |value| operator.holds(value, key)),
            Self::Element {
                attribute,
                predicate,
            } => {
                let mut values = subject.values(attribute).iter();
                values.any(|value| predicate.matches_element(&attribute.attribute, value))
            }
        }
    }
}

impl<'a> Subject<'a> {
    /// The values of the attribute at the start of a path.
    fn values(self, path: &AttributePath) -> &'a [Value] {
        match self {
            Self::Resource(resource) => path.value_in(&resource.attributes).map_or(&[], each),
            Self::Element(attribute, element) if attribute.name() == path.attribute.name() => {
                from_ref(element)
            }
            Self::Element(..) => &[],
        }
    }

    fn any_key(self, target: &Target, meets: impl Fn(&Key) -> bool) -> bool {
        let own = match (target, self) {
            (Target::Attribute(path), _) => return self.any_value_key(path, meets),
            (_, Self::Element(..)) => None,
            (Target::Id, Self::Resource(resource)) => Some(Key::text(&resource.id, true)),
            (Target::Created, Self::Resource(resource)) => {
                Key::date_time(&resource.meta.created.to_string())
            }
            (Target::LastModified, Self::Resource(resource)) => {
                Key::date_time(&resource.meta.modified.to_string())
            }
            (Target::Version, Self::Resource(resource)) => {
                Some(Key::integer(resource.meta.version))
            }
        };
        own.is_some_and(|key| meets(&key))
    }

    fn any_value_key(self, path: &AttributePath, meets: impl Fn(&Key) -> bool) -> bool {
        let at_path = self
            .values(path)
            .iter()
            .filter_map(|value| match &path.sub {
                Some(sub) => value.get(sub.name().as_ref()),
                None => Some(value),
            });
        let mut keys = at_path
            .flat_map(each)
            .filter_map(|value| Key::of(path.end(), value));
        keys.any(|key| meets(&key))
    }
}

/// The values of an array, or the single value.
fn each(value: &Value) -> &[Value] {
    value.as_array().map_or(from_ref(value), Vec::as_slice)
}
