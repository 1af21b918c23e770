//! The target of an operation: a path, resolved against the resource type (RFC 7644 sections 3.5.2, 3.10).

use super::target::{Place, Target, Undeclared};
use super::tolerance;
use crate::error::{Error, Problem, Result};
use crate::filter::{Filter, Literal, Name, PatchPath, Test, resolve_value_filter};
use crate::resource::{Conformance, named};
use crate::schema::{Attribute, AttributePath, Named, ResourceType};
use serde_json::Value;

/// The target of a path.
///
/// # Errors
/// 400 `invalidPath` for brackets after a single-valued target.
pub(super) fn target(
    resource_type: &ResourceType,
    path: PatchPath,
    conformance: Conformance,
) -> Result<Target> {
    let PatchPath { name, filter, sub } = path;
    match (named(resource_type, &name.text, conformance), filter) {
        (None, filter) => Ok(Target::Undeclared(unknown(
            name.text,
            filter.map(|filter| (filter, sub)),
            resource_type,
        ))),
        (Some(Named::Attribute(path)), None) => Ok(Target::Attribute(Place { path, filter: None })),
        (Some(Named::Attribute(path)), Some(filter)) => {
            selective(resource_type, path, filter, sub, conformance)
        }
        (Some(Named::Extension(extension)), None) => Ok(Target::Extension(extension)),
        (Some(Named::Core), None) => Ok(Target::Resource),
        (Some(_), Some(_)) => Err(Error::invalid_path(format!(
            "\"{name}\" is a schema and takes no filter."
        ))),
    }
}

fn selective(
    resource_type: &ResourceType,
    path: AttributePath,
    filter: Filter,
    sub: Option<Name>,
    conformance: Conformance,
) -> Result<Target> {
    let attribute = &path.attribute;
    let one_value = conformance.is_lenient() && tolerance::chooses_from_one_value(attribute);
    if path.sub.is_some() || !(attribute.is_multi_valued() || one_value) {
        return Err(Error::invalid_path(format!(
            "\"{path}\" has a single value and takes no filter."
        )));
    }
    if let Some((name, test)) = undeclared_in(attribute, &filter)
        && let Err(refusal) = resolve_value_filter(&filter, &path, resource_type, conformance)
    {
        return Ok(Target::Undeclared(Undeclared {
            name: format!("{path}.{name}"),
            within: None,
            compared: Some(compared_with(test)),
            refusal: refusal.about(Problem::UnknownAttribute),
        }));
    }
    let Some(sub) = sub else {
        return Ok(Target::Attribute(Place {
            path,
            filter: Some(filter),
        }));
    };
    let Some(found) = attribute.sub_attribute(&sub.text).cloned() else {
        let refusal = Error::invalid_path(format!(
            "Attribute \"{path}\" has no sub-attribute \"{sub}\"."
        ))
        .about(Problem::UnknownAttribute);
        return Ok(Target::Undeclared(Undeclared {
            name: format!("{path}.{sub}"),
            within: None,
            compared: None,
            refusal,
        }));
    };
    let path = AttributePath {
        sub: Some(found),
        leaf: None,
        ..path
    };
    Ok(Target::Attribute(Place {
        path,
        filter: Some(filter),
    }))
}

fn unknown(
    name: String,
    within: Option<(Filter, Option<Name>)>,
    resource_type: &ResourceType,
) -> Undeclared {
    let detail = format!(
        "\"{name}\" is not an attribute of resource type {}.",
        resource_type.name()
    );
    let refusal = Error::invalid_path(detail).about(Problem::UnknownAttribute);
    Undeclared {
        name,
        within,
        compared: None,
        refusal,
    }
}

/// The first name in brackets that is not a sub-attribute of the attribute before them, and its test.
fn undeclared_in<'a>(attribute: &Attribute, filter: &'a Filter) -> Option<(&'a Name, &'a Test)> {
    match filter {
        Filter::Or(terms) | Filter::And(terms) => {
            terms.iter().find_map(|term| undeclared_in(attribute, term))
        }
        Filter::Not(inner) => undeclared_in(attribute, inner),
        Filter::Test { name, test } => {
            let is_declared = attribute.sub_attribute(&name.text).is_some()
                || !attribute.is_complex() && name.text.eq_ignore_ascii_case("value");
            (!is_declared).then_some((name, test))
        }
        Filter::Values { .. } => None,
    }
}

fn compared_with(test: &Test) -> Value {
    match test {
        Test::Compare(_, literal) | Test::NotEqual(literal) => literal.to_value(),
        Test::Present => None,
    }
    .unwrap_or_default()
}

/// The values in a filter that lists single values for a sub-attribute: `value eq "a" or value eq "b"`. `None` for any
/// other filter.
pub(super) fn listed<'a>(filter: &'a Filter, sub: &str) -> Option<Vec<&'a str>> {
    if let Filter::Or(terms) = filter {
        let each: Option<Vec<_>> = terms.iter().map(|term| listed(term, sub)).collect();
        return Some(each?.into_iter().flatten().collect());
    }
    match filter.equalities()?.as_slice() {
        [(name, Literal::Text(text))] if name.text.eq_ignore_ascii_case(sub) => Some(vec![text]),
        _ => None,
    }
}

/// The text of a value that lists names or ids.
pub(super) fn texts(value: &Value) -> Option<Vec<&str>> {
    value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice)
        .iter()
        .map(Value::as_str)
        .collect()
}
