//! Queries: GET of an endpoint, `.search`, and the root query over all types (RFC 7644
//! sections 3.4.2 and 3.4.3).

use super::{Caller, ListQuery, Reply, Service, render};
use crate::error::{Result, ScimError};
use crate::filter::{Filter, Predicate, Target, parse_filter, resolve, resolve_each};
use crate::resource::projection::Projection;
use crate::schema::{Named, ResourceType};
use crate::store::{Listed, Order, Page, Relations, Window};
use std::fmt::Write;
use std::sync::Arc;

const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

impl Service {
    /// GET of the endpoint of a type, POST to its `/.search`, or, with no type, the root query.
    ///
    /// # Errors
    /// 400, 503.
    pub async fn list(&self, caller: &Caller, kind: Option<&Arc<ResourceType>>, query: &ListQuery) -> Result<Reply> {
        let kinds = kinds(caller, kind)?;
        let predicates = self.predicates(caller, &kinds, query)?;
        let projections = kinds.iter().map(|kind| query.view.projection(kind)).collect::<Result<Vec<_>>>()?;
        let order = order(&kinds, query)?;
        let start = query.start_index.unwrap_or(1).max(1);
        let limits = &self.settings.limits;
        let take = query.count.unwrap_or(limits.page_default).clamp(0, limits.page_max);
        let listed: Vec<Listed<'_>> = kinds
            .iter()
            .enumerate()
            .filter_map(|(i, kind)| {
                let predicate = predicates.as_ref().and_then(|predicates| predicates.get(i));
                Some(Listed { of_type: caller.scope.layout().of_type(kind)?, predicate })
            })
            .collect();
        let window = Window { skip: start - 1, take, after: None };
        let page =
            self.store.list(&caller.scope, &listed, order.as_ref(), window, relations(&kinds, &projections)).await?;
        Ok(Reply::ok(response(caller, &page, start, &kinds, &projections)?))
    }

    fn predicates(
        &self,
        caller: &Caller,
        kinds: &[Arc<ResourceType>],
        query: &ListQuery,
    ) -> Result<Option<Vec<Predicate>>> {
        let Some(text) = &query.filter else { return Ok(None) };
        let filter: Filter = parse_filter(text, &self.settings.limits.filter)?;
        let conformance = caller.settings.conformance;
        let predicates = match kinds {
            [kind] => vec![resolve(&filter, kind, conformance)?],
            kinds => resolve_each(&filter, kinds, conformance)?,
        };
        Ok(Some(predicates))
    }
}

/// The types that are queried: the one that was asked for, or all that the token reaches.
fn kinds(caller: &Caller, kind: Option<&Arc<ResourceType>>) -> Result<Vec<Arc<ResourceType>>> {
    if let Some(kind) = kind {
        caller.may_read(kind)?;
        return Ok(vec![kind.clone()]);
    }
    Ok(caller.catalog.resource_types().iter().filter(|kind| caller.may_read(kind).is_ok()).cloned().collect())
}

fn relations(kinds: &[Arc<ResourceType>], projections: &[Projection]) -> Relations {
    let each = kinds.iter().zip(projections).map(|(kind, projection)| render::relations(kind, projection));
    each.fold(Relations::default(), |all, one| Relations {
        members: all.members || one.members,
        groups: all.groups || one.groups,
    })
}

/// What `sortBy` and `sortOrder` ask for. `sortOrder` alone means nothing.
fn order(kinds: &[Arc<ResourceType>], query: &ListQuery) -> Result<Option<Order>> {
    let descending = match query.sort_order.as_deref() {
        None => false,
        Some(order) if order.eq_ignore_ascii_case("ascending") => false,
        Some(order) if order.eq_ignore_ascii_case("descending") => true,
        Some(order) => {
            let detail = format!("\"sortOrder\" must be \"ascending\" or \"descending\", not \"{order}\".");
            return Err(ScimError::invalid_value(detail));
        }
    };
    let Some(name) = query.sort_by.as_deref().map(str::trim).filter(|name| !name.is_empty()) else { return Ok(None) };
    let by = kinds.iter().find_map(|kind| sort_target(kind, name)).ok_or_else(|| {
        ScimError::invalid_value(format!(
            "\"sortBy\" cannot be \"{name}\": name a simple attribute or a sub-attribute that is not a membership or a secret."
        ))
    })?;
    Ok(Some(Order { by, descending }))
}

fn sort_target(kind: &ResourceType, name: &str) -> Option<Target> {
    let Named::Attribute(path) = kind.named(name)? else { return None };
    let top = path.container.is_none().then(|| path.to_string());
    match top.as_deref() {
        Some("id") => return Some(Target::Id),
        Some("meta.created") => return Some(Target::Created),
        Some("meta.lastModified") => return Some(Target::LastModified),
        Some("meta.version") => return Some(Target::Version),
        _ => {}
    }
    // A complex attribute is sorted by its value, as it is compared by it.
    let path = match (&path.sub, path.attribute.sub_attribute("value")) {
        (None, Some(value)) => kind.path(path.container.as_ref(), &path.attribute, Some(value)),
        _ => path,
    };
    let is_secret = path.attribute.is_secret() || path.end().is_secret();
    let is_kept = crate::resource::entries::is_indexed(kind, &path);
    let is_single = path.sub.as_ref().is_none_or(|sub| !sub.is_multi_valued());
    (path.leaf.is_some() && is_kept && is_single && !is_secret).then_some(Target::Attribute(path))
}

fn response(
    caller: &Caller,
    page: &Page,
    start: i64,
    kinds: &[Arc<ResourceType>],
    projections: &[Projection],
) -> Result<String> {
    let mut text = String::with_capacity(256 + page.found.len() * 1024);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{{\"schemas\":[\"{LIST_RESPONSE}\"],\"totalResults\":{},\"startIndex\":{start},\"itemsPerPage\":{},\"Resources\":[",
        page.total,
        page.found.len()
    );
    for (i, found) in page.found.iter().enumerate() {
        let position = kinds.iter().position(|kind| kind.name() == found.resource_type.name());
        let Some(projection) = position.and_then(|position| projections.get(position)) else { continue };
        if i > 0 {
            text.push(',');
        }
        text.push_str(&render::resource(caller, found, projection)?);
    }
    text.push_str("]}");
    Ok(text)
}
