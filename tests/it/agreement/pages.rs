//! Lists in pages: by position and by cursor, in order of creation and sorted.

use super::directory::{Directory, SEARCH};
use super::{Listed, filters::Draft, ids, predicates};
use crate::harness::Chance;
use scimd::filter::Target;
use scimd::resource::{Key, Resource};
use scimd::schema::{Named, ResourceType};
use serde_json::{Value, json};
use std::cmp::Ordering;

/// Reads all pages of a query, whose results must equal those in memory in the same order.
pub(super) async fn walk(directory: &Directory, chance: &mut Chance, seed: u64, listed: &[Listed]) {
    let filter = Draft { chance, listed }.filter(1);
    let Some(predicates) = predicates(&filter, listed) else {
        return;
    };
    let mut expected: Vec<&Resource> = Vec::new();
    for ((_, resources), predicate) in listed.iter().zip(&predicates) {
        expected.extend(
            resources
                .iter()
                .filter(|resource| predicate.matches(resource)),
        );
    }
    let mut search = json!({"schemas": [SEARCH], "filter": filter, "attributes": ["id"]});
    if expected.len() < 8 {
        expected = listed.iter().flat_map(|(_, resources)| resources).collect();
        search.as_object_mut().unwrap().remove("filter");
    }
    if !chance.once_in(4) {
        let (by, descending) = (sort_name(chance, listed), chance.once_in(2));
        expected.sort_by(|a, b| compare(a, b, &by, descending));
        search["sortBy"] = by.into();
        search["sortOrder"] = if descending {
            "descending"
        } else {
            "ascending"
        }
        .into();
    }
    let expected: Vec<_> = expected
        .into_iter()
        .map(|resource| resource.id.clone())
        .collect();
    let endpoint = if let [(kind, _)] = listed {
        kind.endpoint()
    } else {
        ""
    };
    let walk = Walk {
        directory,
        path: format!("{endpoint}/.search"),
        search,
        expected,
    };
    let place = format!("seed {seed}, {endpoint}, {}", walk.search);
    same(&walk.whole().await, &walk.expected, &place);
    same(
        &walk.by_index(7).await,
        &walk.expected,
        &format!("pages of 7, {place}"),
    );
    walk.by_cursor(chance.within(1..10) * 5, &place).await;
}

/// Compares two lists, and reports only the first difference.
fn same(found: &[String], expected: &[String], place: &str) {
    let first = found.iter().zip(expected).position(|(a, b)| a != b);
    assert_eq!(
        (first, found.len()),
        (None, expected.len()),
        "first difference and length, {place}"
    );
}

struct Walk<'a> {
    directory: &'a Directory,
    path: String,
    search: Value,
    expected: Vec<String>,
}

impl Walk<'_> {
    async fn page(&self, paging: Value) -> Value {
        let mut search = self.search.clone();
        search
            .as_object_mut()
            .unwrap()
            .extend(paging.as_object().unwrap().clone());
        let body = self
            .directory
            .server
            .post(&self.path, search)
            .await
            .expect(200)
            .body;
        assert_eq!(body["totalResults"], self.expected.len(), "{}", self.search);
        body
    }

    async fn whole(&self) -> Vec<String> {
        ids(&self.page(json!({"count": 1000})).await)
    }

    async fn by_index(&self, count: usize) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let page = ids(&self
                .page(json!({"startIndex": all.len() + 1, "count": count}))
                .await);
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    /// Reads pages by cursor to the end, and back to the start.
    async fn by_cursor(&self, count: usize, place: &str) {
        let mut pages = vec![self.page(json!({"cursor": "", "count": count})).await];
        while let Some(next) = pages[pages.len() - 1]["nextCursor"].as_str() {
            pages.push(self.page(json!({"cursor": next})).await);
        }
        let there: Vec<_> = pages.iter().flat_map(ids).collect();
        same(
            &there,
            &self.expected,
            &format!("by cursor, {count} a page, {place}"),
        );
        let mut page = pages.pop().unwrap();
        while let Some(previous) = page["previousCursor"].as_str().map(str::to_owned) {
            page = self.page(json!({"cursor": previous})).await;
            assert_eq!(
                ids(&page),
                ids(&pages.pop().unwrap()),
                "back by cursor, {count} a page, {place}"
            );
        }
        assert!(pages.is_empty(), "the way back ends early, {place}");
    }
}

/// A sort attribute that some of the types have.
fn sort_name(chance: &mut Chance, listed: &[Listed]) -> String {
    let kind = &chance.pick(listed).0;
    loop {
        let path = chance.pick(kind.leaves()).clone();
        let is_single = path.sub.as_ref().is_none_or(|sub| !sub.is_multi_valued());
        let is_secret = path.attribute.is_secret() || path.end().is_secret();
        let is_made = path.container.is_none()
            && matches!(
                path.to_string().as_str(),
                "schemas" | "meta.resourceType" | "meta.location"
            );
        if is_single
            && !is_secret
            && !is_made
            && !kind.is_relation(&path)
            && kind.is_searched(&path)
        {
            return path.to_string();
        }
    }
}

fn compare(a: &Resource, b: &Resource, by: &str, descending: bool) -> Ordering {
    let (a, b) = (sort_key(a, by), sort_key(b, by));
    let ascending = match (&a, &b) {
        (Some(a), Some(b)) => a.cmp(b),
        // Resources without a value come last.
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    if descending {
        ascending.reverse()
    } else {
        ascending
    }
}

/// The sort value of a resource: the primary value, or else the first one (RFC 7644 section 3.4.2.3).
fn sort_key(resource: &Resource, by: &str) -> Option<Key> {
    if let Some(target) = common(by) {
        return Some(match target {
            Target::Id => Key::text(&resource.id, true),
            Target::Created => Key::date_time(&resource.meta.created.to_string())?,
            Target::LastModified => Key::date_time(&resource.meta.modified.to_string())?,
            _ => Key::integer(resource.meta.version),
        });
    }
    let kind: &ResourceType = &resource.resource_type;
    let Named::Attribute(path) = kind.named(by)? else {
        return None;
    };
    let value = path.value_in(&resource.attributes)?;
    let element = match value.as_array() {
        Some(elements) => elements
            .iter()
            .find(|element| element["primary"] == true)
            .or(elements.first())?,
        None => value,
    };
    match &path.sub {
        Some(sub) => Key::of(sub, element.get(sub.name().as_ref())?),
        None => Key::of(&path.attribute, element),
    }
}

fn common(name: &str) -> Option<Target> {
    match name {
        "id" => Some(Target::Id),
        "meta.created" => Some(Target::Created),
        "meta.lastModified" => Some(Target::LastModified),
        "meta.version" => Some(Target::Version),
        _ => None,
    }
}
