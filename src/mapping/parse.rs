//! Parses the text of a path to the source of a value in a document.

use super::source::{ColumnType, Condition, Container, Source};
use crate::filter::{Filter, FilterLimits, Literal, PatchPath, parse_path};
use crate::nearest::nearest;
use crate::resource::Conformance;
use crate::schema::{Attribute, AttributePath, Named, ResourceType, Type};
use std::sync::Arc;

/// The wildcard for the URN of any extension with the attribute.
const ANY: &str = "*:";

/// Resolves a path, and returns whether a schema declares it. A path with the URN of an undeclared extension is treated
/// as text: a tenant's own schema can declare it.
///
/// # Errors
/// The error, with the column of the text or the nearest name.
pub fn parse(text: &str, resource_type: &ResourceType) -> Result<(Source, bool), String> {
    if let Some(name) = text.strip_prefix(ANY) {
        return any_extension(name, resource_type);
    }
    let path = parse_path(text, &FilterLimits::default(), Conformance::Rfc)
        .map_err(|error| error.to_string())?;
    match resource_type.named(&path.name.text) {
        Some(Named::Attribute(found)) => {
            declared(found, path, resource_type).map(|source| (source, true))
        }
        Some(_) => Err(format!(
            "\"{}\" is a schema; name one of its attributes",
            path.name
        )),
        None => undeclared(&path, resource_type).map(|source| (source, false)),
    }
}

fn declared(
    found: AttributePath,
    path: PatchPath,
    resource_type: &ResourceType,
) -> Result<Source, String> {
    if resource_type.is_relation(&found) {
        return Err(format!(
            "\"{found}\" is a membership attribute; memberships are in directory_memberships"
        ));
    }
    if found.attribute.is_secret() || found.end().is_secret() {
        return Err(format!("\"{found}\" is never read"));
    }
    if found.container.is_none()
        && matches!(found.attribute.name().as_ref(), "id" | "meta" | "schemas")
    {
        return Err(format!(
            "\"{found}\" needs no mapping: there are the columns id, created, modified and version"
        ));
    }
    let attribute = found.attribute.clone();
    let (sub, conditions) = match path.filter {
        None => (found.sub, Vec::new()),
        Some(_) if !attribute.is_multi_valued() || found.sub.is_some() => {
            return Err(format!(
                "\"{}\" has a single value: brackets have nothing to choose from",
                path.name
            ));
        }
        Some(filter) => (
            sub_attribute(&attribute, path.sub.map(|sub| sub.text))?,
            conditions(&attribute, &filter)?,
        ),
    };
    let end = sub.as_ref().unwrap_or(&attribute);
    if end.is_complex() {
        let subs: Vec<_> = end
            .sub_attributes()
            .iter()
            .map(|sub| sub.name().as_ref())
            .collect();
        return Err(format!(
            "\"{}\" has sub-attributes; name one of {}",
            end.name(),
            subs.join(", ")
        ));
    }
    Ok(Source {
        container: found
            .container
            .map_or(Container::Document, Container::Extension),
        attribute: attribute.name().clone(),
        is_list: attribute.is_multi_valued(),
        conditions,
        kind: kind(end),
        sub: sub.map(|sub| sub.name().clone()),
    })
}

fn sub_attribute(
    attribute: &Attribute,
    name: Option<String>,
) -> Result<Option<Arc<Attribute>>, String> {
    let Some(name) = name else { return Ok(None) };
    let found = attribute.sub_attribute(&name).cloned();
    found.map(Some).ok_or_else(|| {
        let known = attribute
            .sub_attributes()
            .iter()
            .map(|sub| sub.name().as_ref());
        unknown(
            &format!("\"{}\" has no sub-attribute \"{name}\"", attribute.name()),
            &name,
            known,
        )
    })
}

fn conditions(attribute: &Attribute, filter: &Filter) -> Result<Vec<Condition>, String> {
    let terms = filter
        .equalities()
        .ok_or("brackets hold comparisons with eq, joined by and")?;
    let each = terms.into_iter().map(|(name, literal)| {
        let sub = sub_attribute(attribute, Some(name.text.clone()))?.ok_or("")?;
        match (sub.kind(), literal) {
            (Type::Boolean, Literal::Boolean(flag)) => Ok(Condition::Is(sub.name().clone(), *flag)),
            (Type::String | Type::Reference, Literal::Text(text))
                if sub.is_case_exact() || text.is_ascii() =>
            {
                Ok(Condition::Equals(
                    sub.name().clone(),
                    text.clone(),
                    !sub.is_case_exact(),
                ))
            }
            _ => Err(format!(
                "\"{}.{}\" cannot be compared with {literal} here",
                attribute.name(),
                sub.name()
            )),
        }
    });
    each.collect()
}

fn kind(attribute: &Attribute) -> ColumnType {
    match attribute.kind() {
        Type::Boolean => ColumnType::Boolean,
        Type::Integer => ColumnType::Integer,
        Type::Decimal => ColumnType::Decimal,
        _ => ColumnType::Text,
    }
}

/// A single attribute, with or without a sub-attribute.
fn plain(container: Container, notation: &str) -> Source {
    let (attribute, sub) = notation
        .split_once('.')
        .map_or((notation, None), |(name, sub)| (name, Some(sub)));
    let (attribute, sub) = (attribute.into(), sub.map(Into::into));
    Source {
        container,
        attribute,
        is_list: false,
        conditions: Vec::new(),
        sub,
        kind: ColumnType::Text,
    }
}

fn any_extension(name: &str, resource_type: &ResourceType) -> Result<(Source, bool), String> {
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '$' | '-' | '_'))
    };
    if name.split('.').count() > 2 || !name.split('.').all(is_name) {
        return Err(format!(
            "\"*:{name}\" must be \"*:\" and the name of an attribute, such as \"*:employeeType\""
        ));
    }
    let urns = resource_type
        .extensions()
        .iter()
        .map(|extension| extension.schema.id());
    let found = urns.filter_map(|urn| match resource_type.named(&format!("{urn}:{name}")) {
        Some(Named::Attribute(path)) => Some(path),
        _ => None,
    });
    let Some(path) = found.into_iter().next() else {
        return Ok((plain(Container::AnyExtension, name), false));
    };
    let bare = PatchPath {
        name: crate::filter::Name {
            text: name.to_owned(),
            position: 1,
        },
        filter: None,
        sub: None,
    };
    let source = declared(path, bare, resource_type)?;
    Ok((
        Source {
            container: Container::AnyExtension,
            ..source
        },
        true,
    ))
}

fn undeclared(path: &PatchPath, resource_type: &ResourceType) -> Result<Source, String> {
    let name = path.name.text.as_str();
    let own = resource_type
        .extensions()
        .iter()
        .map(|e| e.schema.id())
        .chain([resource_type.schema().id()]);
    let is_own = |urn: &str| own.clone().any(|own| own.eq_ignore_ascii_case(urn));
    let leaves: Vec<_> = resource_type
        .leaves()
        .iter()
        .map(ToString::to_string)
        .collect();
    let problem = || {
        let what = format!("{} has no attribute \"{name}\"", resource_type.name());
        unknown(&what, name, leaves.iter().map(String::as_str))
    };
    let (urn, attribute) = name.rsplit_once(':').ok_or_else(problem)?;
    if is_own(urn)
        || path.filter.is_some()
        || !urn.get(..4).is_some_and(|s| s.eq_ignore_ascii_case("urn:"))
    {
        return Err(problem());
    }
    Ok(plain(Container::Extension(urn.into()), attribute))
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(meant) => format!("{what}; did you mean \"{meant}\"?"),
        None => what.to_owned(),
    }
}
