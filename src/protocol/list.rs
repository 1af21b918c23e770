//! Queries: GET of an endpoint, `.search`, and the root query over all types (RFC 7644
//! sections 3.4.2 and 3.4.3).

use crate::access::{Caller, Claim, Confirmed};
use crate::error::{Result, ScimError};
use crate::filter::{Filter, Predicate, Target, parse_filter, resolve, resolve_each};
use crate::messages::SearchRequest;
use crate::protocol::cursor::PagePosition;
use crate::protocol::page_hints::PageHint;
use crate::protocol::render::Shape;
use crate::protocol::{ScimReply, Service, render};
use crate::request_log::ListShape;
use crate::resource::Attributes;
use crate::resource::projection::Projection;
use crate::resource::{Conformance, named};
use crate::schema::{Named, ResourceType};
use crate::store::{
    Documents, ListTarget, Page, PageRequest, PageStart, Relations, SortOrder, StoredResource,
};
use serde_json::json;
use std::sync::Arc;

/// Maximum number of large documents that are read at once for a page.
const LARGE_AT_ONCE: usize = 2;

/// Maximum total number of members that are read with a page. If there are more, the members of each resource are read
/// when it is sent.
const MEMBERS_AT_ONCE: usize = 5000;

/// Maximum total number of groups that are read with a page. If there are more, the groups of each resource are read
/// when it is sent.
const GROUPS_AT_ONCE: usize = 20_000;

/// A parsed query: types, order, page and projection.
struct Query<'a> {
    resource_types: Vec<Arc<ResourceType>>,
    predicates: Option<Vec<Predicate>>,
    projections: Vec<Projection>,
    order: Option<SortOrder>,
    search: &'a SearchRequest,
}

/// A page of a walk by cursors.
struct CursorWalk {
    /// Number of results on a page.
    take: i64,
    is_first: bool,
    /// Whether the page is before its cursor.
    is_before: bool,
}

impl Query<'_> {
    fn shapes(&self) -> Vec<Shape> {
        self.resource_types
            .iter()
            .cloned()
            .zip(self.projections.iter().cloned())
            .collect()
    }
}

impl Service {
    /// GET of the endpoint of a type, POST to its `/.search`, or, with no type, the root query.
    ///
    /// # Errors
    /// 400, 503.
    pub(crate) async fn list(
        &self,
        claim: &Claim,
        resource_type: Option<&Arc<ResourceType>>,
        search: &SearchRequest,
    ) -> Confirmed<ScimReply> {
        let conformance = claim.conformance();
        let filter = match &search.filter {
            Some(text) => Some(parse_filter(text, &self.limits().filter, conformance)?),
            None => None,
        };
        // Before a possible refusal of the query, so that the log finds the refusal by the user's name.
        if let (Some(resource_type), Some(filter)) = (resource_type, &filter) {
            claim.context.looks_for(resource_type, filter);
        }
        let resource_types = listed_types(claim, resource_type)?;
        let predicates = predicates(claim, &resource_types, filter.as_ref())?;
        let shape = ListShape {
            is_plain: search.cursor.is_none() && search.sort_by.is_none(),
            start_index: search.start_index,
            count: search.count,
        };
        claim
            .context
            .lists(&resource_types, predicates.as_deref(), &shape);
        let projected = resource_types.iter().map(|resource_type| {
            let (attributes, excluded) = (&search.attributes, &search.excluded);
            Ok(Projection::new(
                resource_type,
                attributes,
                excluded,
                conformance,
            )?)
        });
        let projections = projected.collect::<Result<Vec<_>>>()?;
        let order = order(&resource_types, search, conformance)?;
        let query = Query {
            resource_types,
            predicates,
            projections,
            order,
            search,
        };
        match &search.cursor {
            None => self.by_index(claim, &query).await,
            Some(_) if search.start_index.is_some() => Err(ScimError::invalid_value(
                "Use either \"cursor\" or \"startIndex\", not both.",
            )),
            Some(cursor) => self.by_cursor(claim, &query, cursor).await,
        }
    }

    /// Maximum number of resources on a page for the client's `count`.
    pub(crate) fn page_size(&self, count: Option<i64>) -> i64 {
        let limits = self.limits();
        count
            .unwrap_or(limits.page_default)
            .clamp(0, limits.page_max)
    }

    async fn page(
        &self,
        claim: &Claim,
        query: &Query<'_>,
        from: PageStart,
        take: i64,
    ) -> Result<(Caller, Page)> {
        let window = PageRequest {
            from,
            take,
            documents: Documents::Small,
        };
        let listed: Vec<ListTarget<'_>> = query
            .resource_types
            .iter()
            .enumerate()
            .filter_map(|(i, resource_type)| {
                let predicate = query
                    .predicates
                    .as_ref()
                    .and_then(|predicates| predicates.get(i));
                Some(ListTarget {
                    of_type: claim.scope().layout().of_type(resource_type)?,
                    predicate,
                })
            })
            .collect();
        let relations = relations(&query.resource_types, &query.projections)
            .at_most(MEMBERS_AT_ONCE)
            .at_most_groups(GROUPS_AT_ONCE);
        let order = query.order.as_ref();
        let page = self
            .store
            .list(claim.scope(), &listed, order, &window, relations);
        let (scope, page) = page.await?;
        Ok((claim.confirmed(scope), page))
    }

    /// A page by `startIndex` and `count` (RFC 7644 section 3.4.2.4).
    async fn by_index(&self, claim: &Claim, query: &Query<'_>) -> Confirmed<ScimReply> {
        let start = query.search.start_index.unwrap_or(1).max(1);
        let take = self.page_size(query.search.count);
        let names = query
            .resource_types
            .iter()
            .map(|resource_type| resource_type.name().to_string());
        let names: Vec<_> = names.collect();
        let is_walk = query.predicates.is_none() && query.order.is_none();
        let position = |start: i64| (claim.tenant.to_string(), names.clone(), start);
        let hint = is_walk.then(|| self.page_hints.before(&position(start)));
        let from = match hint.flatten() {
            Some(PageHint { seq, gone }) => PageStart::SkipOr {
                skip: start - 1,
                mark: seq,
                gone,
            },
            None => PageStart::Skip(start - 1),
        };
        let (caller, page) = self.page(claim, query, from, take).await?;
        if let (true, Some(last)) = (is_walk, page.found.last()) {
            let next = start.saturating_add(i64::try_from(page.found.len()).unwrap_or(0));
            let hint = PageHint {
                seq: SortOrder::mark(None, last, &Attributes::default()).seq,
                gone: page.gone,
            };
            self.page_hints.remember(position(next), hint);
        }
        let paging = format!("\"startIndex\":{start}");
        let reply = self.show(&caller, query, page, &paging).await;
        Ok((caller, reply))
    }

    /// A page by cursor (RFC 9865). Reads one result more than requested to detect another page.
    async fn by_cursor(
        &self,
        claim: &Claim,
        query: &Query<'_>,
        cursor: &str,
    ) -> Confirmed<ScimReply> {
        let place = match cursor {
            "" => None,
            text => Some(
                self.cursors
                    .open(text, &fingerprint(claim, query), self.clock.now())?,
            ),
        };
        let count = query.search.count;
        let take = match &place {
            Some(place)
                if count.is_some_and(|count| self.page_size(Some(count)) != place.count) =>
            {
                return Err(ScimError::invalid_count(
                    "\"count\" must be the same on every page of a list.",
                ));
            }
            Some(place) => place.count,
            None => self.page_size(count),
        };
        let walk = CursorWalk {
            take,
            is_first: place.is_none(),
            is_before: place.as_ref().is_some_and(|place| place.is_before),
        };
        let from = place.map_or(PageStart::Skip(0), PagePosition::from);
        let more = take.saturating_add(i64::from(take > 0));
        let (caller, page) = self.page(claim, query, from, more).await?;
        let reply = self.show_walk(&caller, query, page, &walk).await;
        Ok((caller, reply))
    }

    /// The response with a page of a walk by cursors, with the cursors of the next and previous pages.
    async fn show_walk(
        &self,
        caller: &Caller,
        query: &Query<'_>,
        mut page: Page,
        walk: &CursorWalk,
    ) -> Result<ScimReply> {
        let CursorWalk {
            take,
            is_first,
            is_before,
        } = *walk;
        let (now, sealed_for) = (self.clock.now(), fingerprint(caller, query));
        let has_more = i64::try_from(page.found.len()).unwrap_or(i64::MAX) > take;
        if has_more {
            let extra = if is_before { 0 } else { page.found.len() - 1 };
            page.found.remove(extra);
        }
        // The start of the next page is in its document.
        let ends = [0, page.found.len().saturating_sub(1)];
        self.complete(caller, &mut page.found, &ends).await?;
        let seal = |found: Option<&StoredResource>, is_before: bool| {
            let Some(found) = found else { return Ok(None) };
            let mark = SortOrder::mark(
                query.order.as_ref(),
                found,
                &render::attributes(&found.document)?,
            );
            self.cursors
                .seal(
                    &PagePosition {
                        mark,
                        is_before,
                        count: take,
                    },
                    &sealed_for,
                    now,
                )
                .map(Some)
        };
        let next = if has_more || is_before {
            seal(page.found.last(), false)?
        } else {
            None
        };
        let previous = if is_before && !has_more || is_first {
            None
        } else {
            seal(page.found.first(), true)?
        };
        let paging: Vec<String> = [("nextCursor", next), ("previousCursor", previous)]
            .into_iter()
            .filter_map(|(name, cursor)| Some(format!("\"{name}\":\"{}\"", cursor?)))
            .collect();
        self.show(caller, query, page, &paging.join(",")).await
    }

    /// The response with a page. With several large documents, or many memberships, it is streamed.
    async fn show(
        &self,
        caller: &Caller,
        query: &Query<'_>,
        mut page: Page,
        paging: &str,
    ) -> Result<ScimReply> {
        let large = page
            .found
            .iter()
            .enumerate()
            .filter(|(_, found)| found.is_left_out());
        let large: Vec<usize> = large.map(|(i, _)| i).collect();
        if large.len() > LARGE_AT_ONCE || page.lacks_relations {
            return Ok(self.sent_while_read(caller, page, paging, query.shapes()));
        }
        self.complete(caller, &mut page.found, &large).await?;
        let shapes = query.shapes();
        let text = render::list(caller, &page, paging, &shapes).await?;
        Ok(ScimReply::ok(text))
    }
}

/// The filter resolved for each of the types.
fn predicates(
    claim: &Claim,
    resource_types: &[Arc<ResourceType>],
    filter: Option<&Filter>,
) -> Result<Option<Vec<Predicate>>> {
    let Some(filter) = filter else {
        return Ok(None);
    };
    let conformance = claim.conformance();
    let predicates = match resource_types {
        [resource_type] => vec![resolve(filter, resource_type, conformance)?],
        resource_types => resolve_each(filter, resource_types, conformance)?,
    };
    claim.context.filtered(filter.outline());
    Ok(Some(predicates))
}

/// The resource types of a query: the requested one, or all that the token may read.
fn listed_types(
    claim: &Claim,
    resource_type: Option<&Arc<ResourceType>>,
) -> Result<Vec<Arc<ResourceType>>> {
    if let Some(resource_type) = resource_type {
        claim.may_read(resource_type)?;
        return Ok(vec![resource_type.clone()]);
    }
    Ok(claim
        .catalog
        .resource_types()
        .iter()
        .filter(|resource_type| claim.may_read(resource_type).is_ok())
        .cloned()
        .collect())
}

fn relations(resource_types: &[Arc<ResourceType>], projections: &[Projection]) -> Relations {
    let each = resource_types
        .iter()
        .zip(projections)
        .map(|(resource_type, projection)| render::relations(resource_type, projection));
    each.fold(Relations::default(), |all, one| Relations {
        members: all.members || one.members,
        groups: all.groups || one.groups,
        ..all
    })
}

/// The order by `sortBy` and `sortOrder`. `sortOrder` alone has no effect.
fn order(
    resource_types: &[Arc<ResourceType>],
    query: &SearchRequest,
    conformance: Conformance,
) -> Result<Option<SortOrder>> {
    let descending = match query.sort_order.as_deref() {
        None => false,
        Some(order) if order.eq_ignore_ascii_case("ascending") => false,
        Some(order) if order.eq_ignore_ascii_case("descending") => true,
        Some(order) => {
            let detail =
                format!("\"sortOrder\" must be \"ascending\" or \"descending\", not \"{order}\".");
            let logged = "\"sortOrder\" must be \"ascending\" or \"descending\".";
            return Err(ScimError::invalid_value(detail).logged_as(logged));
        }
    };
    let Some(name) = query
        .sort_by
        .as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty())
    else {
        return Ok(None);
    };
    let by = resource_types.iter().find_map(|resource_type| sort_target(resource_type, name, conformance)).ok_or_else(|| {
        ScimError::invalid_value(format!(
            "\"sortBy\" cannot be \"{name}\": name a simple attribute or a sub-attribute that is not a membership or a secret."
        ))
        .logged_as("\"sortBy\" is not a sortable attribute.")
    })?;
    Ok(Some(SortOrder { by, descending }))
}

fn sort_target(
    resource_type: &ResourceType,
    name: &str,
    conformance: Conformance,
) -> Option<Target> {
    let Named::Attribute(path) = named(resource_type, name, conformance)? else {
        return None;
    };
    let top = path.container.is_none().then(|| path.to_string());
    match top.as_deref() {
        Some("id") => return Some(Target::Id),
        Some("meta.created") => return Some(Target::Created),
        Some("meta.lastModified") => return Some(Target::LastModified),
        Some("meta.version") => return Some(Target::Version),
        _ => {}
    }
    // A complex attribute is sorted by its value, as in comparisons.
    let path = match (&path.sub, path.attribute.sub_attribute("value")) {
        (None, Some(value)) => {
            resource_type.path(path.container.as_ref(), &path.attribute, Some(value))
        }
        _ => path,
    };
    let is_secret = path.attribute.is_secret() || path.end().is_secret();
    let is_kept = crate::resource::entries::is_indexed(resource_type, &path);
    let is_single = path.sub.as_ref().is_none_or(|sub| !sub.is_multi_valued());
    (path.leaf.is_some() && is_kept && is_single && !is_secret).then_some(Target::Attribute(path))
}

/// The binding of a cursor: the tenant, the types, and the query without the page.
fn fingerprint(claim: &Claim, query: &Query<'_>) -> Vec<u8> {
    let search = query.search;
    let resource_types: Vec<_> = query
        .resource_types
        .iter()
        .map(|resource_type| resource_type.name().as_ref())
        .collect();
    json!([
        claim.tenant.as_ref(),
        resource_types,
        search.filter,
        search.sort_by,
        search.sort_order,
        search.attributes,
        search.excluded,
    ])
    .to_string()
    .into_bytes()
}
