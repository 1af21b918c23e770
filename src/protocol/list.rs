//! Queries: GET of an endpoint, `.search`, and the root query over all types (RFC 7644
//! sections 3.4.2 and 3.4.3).

use crate::access::Caller;
use crate::error::{Result, ScimError};
use crate::filter::{Filter, Predicate, Target, parse_filter, resolve, resolve_each};
use crate::protocol::cursor::Place;
use crate::protocol::page_hints::Last;
use crate::protocol::render::Shape;
use crate::protocol::{ListQuery, Reply, Service, render};
use crate::resource::Attributes;
use crate::resource::projection::Projection;
use crate::resource::{Conformance, named};
use crate::schema::{Named, ResourceType};
use crate::store::{
    Documents, ListTarget, Page, PageRequest, PageStart, Relations, SortOrder, StoredResource,
};
use serde_json::json;
use std::sync::Arc;

/// Large documents that are read at once to answer with a page.
const LARGE_AT_ONCE: usize = 2;

/// Members that are read along with a page, of all resources on it together. If there are more, they are read when
/// the resource is sent to which they belong.
const MEMBERS_AT_ONCE: usize = 5000;

/// A query that was read: what is listed, how, and in which shape.
struct Query<'a> {
    kinds: Vec<Arc<ResourceType>>,
    predicates: Option<Vec<Predicate>>,
    projections: Vec<Projection>,
    order: Option<SortOrder>,
    asked: &'a ListQuery,
}

impl Query<'_> {
    fn shapes(&self) -> Vec<Shape> {
        self.kinds
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
    pub async fn list(
        &self,
        caller: &Caller,
        kind: Option<&Arc<ResourceType>>,
        asked: &ListQuery,
    ) -> Result<Reply> {
        let conformance = caller.settings.conformance;
        let filter = match &asked.filter {
            Some(text) => Some(parse_filter(text, &self.limits().filter, conformance)?),
            None => None,
        };
        // Before the query can be refused, so that the log finds the refusal by the user's name.
        if let (Some(kind), Some(filter)) = (kind, &filter) {
            caller.trail.looks_for(kind, filter);
        }
        let kinds = kinds(caller, kind)?;
        let predicates = predicates(caller, &kinds, filter.as_ref())?;
        caller.trail.lists(&kinds, predicates.as_deref(), asked);
        let projected = kinds
            .iter()
            .map(|kind| asked.view.projection(kind, conformance));
        let projections = projected.collect::<Result<Vec<_>>>()?;
        let order = order(&kinds, asked, conformance)?;
        let query = Query {
            kinds,
            predicates,
            projections,
            order,
            asked,
        };
        match &asked.cursor {
            None => self.by_index(caller, &query).await,
            Some(_) if asked.start_index.is_some() => Err(ScimError::invalid_value(
                "Use either \"cursor\" or \"startIndex\", not both.",
            )),
            Some(cursor) => self.by_cursor(caller, &query, cursor).await,
        }
    }

    /// Resources on a page at most, when the client asks for `count`.
    pub fn page_size(&self, count: Option<i64>) -> i64 {
        let limits = self.limits();
        count
            .unwrap_or(limits.page_default)
            .clamp(0, limits.page_max)
    }

    async fn page(
        &self,
        caller: &Caller,
        query: &Query<'_>,
        from: PageStart,
        take: i64,
    ) -> Result<Page> {
        let window = PageRequest {
            from,
            take,
            documents: Documents::Small,
        };
        let listed: Vec<ListTarget<'_>> = query
            .kinds
            .iter()
            .enumerate()
            .filter_map(|(i, kind)| {
                let predicate = query
                    .predicates
                    .as_ref()
                    .and_then(|predicates| predicates.get(i));
                Some(ListTarget {
                    of_type: caller.scope.layout().of_type(kind)?,
                    predicate,
                })
            })
            .collect();
        let relations = relations(&query.kinds, &query.projections).at_most(MEMBERS_AT_ONCE);
        Ok(self
            .store
            .list(
                &caller.scope,
                &listed,
                query.order.as_ref(),
                &window,
                relations,
            )
            .await?)
    }

    /// RFC 7644 section 3.4.2.4.
    async fn by_index(&self, caller: &Caller, query: &Query<'_>) -> Result<Reply> {
        let start = query.asked.start_index.unwrap_or(1).max(1);
        let take = self.page_size(query.asked.count);
        let names = query
            .kinds
            .iter()
            .map(|kind| kind.name().to_string())
            .collect::<Vec<_>>();
        let is_walk = query.predicates.is_none() && query.order.is_none();
        let point = |start: i64| (caller.tenant.to_string(), names.clone(), start);
        let from = match is_walk
            .then(|| self.walks.last_before(&point(start)))
            .flatten()
        {
            Some(last) => PageStart::SkipOr {
                skip: start - 1,
                mark: last.seq,
                gone: last.gone,
            },
            None => PageStart::Skip(start - 1),
        };
        let page = self.page(caller, query, from, take).await?;
        if let (true, Some(last)) = (is_walk, page.found.last()) {
            let next = start.saturating_add(i64::try_from(page.found.len()).unwrap_or(0));
            let mark = SortOrder::mark(None, last, &Attributes::default());
            self.walks.remember(
                point(next),
                Last {
                    seq: mark.seq,
                    gone: page.gone,
                },
            );
        }
        let paging = format!("\"startIndex\":{start}");
        self.show(caller, query, page, &paging).await
    }

    /// RFC 9865. One result more than asked for tells whether there is another page.
    async fn by_cursor(&self, caller: &Caller, query: &Query<'_>, cursor: &str) -> Result<Reply> {
        let now = self.clock.now();
        let sealed_for = fingerprint(caller, query);
        let place = match cursor {
            "" => None,
            text => Some(self.cursors.open(text, &sealed_for, now)?),
        };
        let take = match &place {
            Some(place)
                if query
                    .asked
                    .count
                    .is_some_and(|count| self.page_size(Some(count)) != place.count) =>
            {
                return Err(ScimError::invalid_count(
                    "\"count\" must stay the same on every page of a walk.",
                ));
            }
            Some(place) => place.count,
            None => self.page_size(query.asked.count),
        };
        let (is_first, is_before) = (
            place.is_none(),
            place.as_ref().is_some_and(|place| place.is_before),
        );
        let from = place.map_or(PageStart::Skip(0), Place::from);
        let mut page = self
            .page(
                caller,
                query,
                from,
                take.saturating_add(i64::from(take > 0)),
            )
            .await?;
        let has_more = i64::try_from(page.found.len()).unwrap_or(i64::MAX) > take;
        if has_more {
            let extra = if is_before { 0 } else { page.found.len() - 1 };
            page.found.remove(extra);
        }
        // What the next page begins after is seen in its document.
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
                    &Place {
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

    /// The answer that shows a page. With more than a few large documents, or many members, it is sent while they are
    /// read.
    async fn show(
        &self,
        caller: &Caller,
        query: &Query<'_>,
        mut page: Page,
        paging: &str,
    ) -> Result<Reply> {
        let large = page
            .found
            .iter()
            .enumerate()
            .filter(|(_, found)| found.is_left_out());
        let large: Vec<usize> = large.map(|(i, _)| i).collect();
        if large.len() > LARGE_AT_ONCE || page.lacks_members {
            return Ok(self.sent_while_read(caller, page, paging, query.shapes()));
        }
        self.complete(caller, &mut page.found, &large).await?;
        Ok(Reply::ok(render::list(
            caller,
            &page,
            paging,
            &query.shapes(),
        )?))
    }
}

/// What a filter means for each of the types.
fn predicates(
    caller: &Caller,
    kinds: &[Arc<ResourceType>],
    filter: Option<&Filter>,
) -> Result<Option<Vec<Predicate>>> {
    let Some(filter) = filter else {
        return Ok(None);
    };
    let conformance = caller.settings.conformance;
    let predicates = match kinds {
        [kind] => vec![resolve(filter, kind, conformance)?],
        kinds => resolve_each(filter, kinds, conformance)?,
    };
    caller.trail.filtered(filter.outline());
    Ok(Some(predicates))
}

/// The types that are queried: the one that was asked for, or all that the token reaches.
fn kinds(caller: &Caller, kind: Option<&Arc<ResourceType>>) -> Result<Vec<Arc<ResourceType>>> {
    if let Some(kind) = kind {
        caller.may_read(kind)?;
        return Ok(vec![kind.clone()]);
    }
    Ok(caller
        .catalog
        .resource_types()
        .iter()
        .filter(|kind| caller.may_read(kind).is_ok())
        .cloned()
        .collect())
}

fn relations(kinds: &[Arc<ResourceType>], projections: &[Projection]) -> Relations {
    let each = kinds
        .iter()
        .zip(projections)
        .map(|(kind, projection)| render::relations(kind, projection));
    each.fold(Relations::default(), |all, one| Relations {
        members: all.members || one.members,
        groups: all.groups || one.groups,
        ..all
    })
}

/// What `sortBy` and `sortOrder` ask for. `sortOrder` alone means nothing.
fn order(
    kinds: &[Arc<ResourceType>],
    query: &ListQuery,
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
    let by = kinds.iter().find_map(|kind| sort_target(kind, name, conformance)).ok_or_else(|| {
        ScimError::invalid_value(format!(
            "\"sortBy\" cannot be \"{name}\": name a simple attribute or a sub-attribute that is not a membership or a secret."
        ))
        .logged_as("\"sortBy\" names nothing that can be sorted by.")
    })?;
    Ok(Some(SortOrder { by, descending }))
}

fn sort_target(kind: &ResourceType, name: &str, conformance: Conformance) -> Option<Target> {
    let Named::Attribute(path) = named(kind, name, conformance)? else {
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

/// What a cursor is bound to: the tenant, the types, and all of the query but the page.
fn fingerprint(caller: &Caller, query: &Query<'_>) -> Vec<u8> {
    let asked = query.asked;
    let kinds: Vec<_> = query
        .kinds
        .iter()
        .map(|kind| kind.name().as_ref())
        .collect();
    json!([
        caller.tenant.as_ref(),
        kinds,
        asked.filter,
        asked.sort_by,
        asked.sort_order,
        asked.view.attributes,
        asked.view.excluded,
    ])
    .to_string()
    .into_bytes()
}
