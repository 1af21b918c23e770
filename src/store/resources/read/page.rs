//! Pages of a list: targets, order and start.

use crate::filter::{Predicate, Target};
use crate::resource::Attributes;
use crate::resource::entries::entries;
use crate::schema::Named;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::index_key::split;
use crate::store::resources::read::stored::{Documents, StoredResource};

/// A page of results.
#[derive(Debug, Default)]
pub struct Page {
    /// Total number of matches.
    pub total: i64,
    /// Number of deleted resources of the listed types, without a filter: while it is unchanged, positions in order of
    /// creation are valid.
    pub gone: i64,
    /// Whether memberships of all resources were omitted, because there are more than
    /// [`Relations`](crate::store::Relations) allow.
    pub lacks_relations: bool,
    /// Resources on the page.
    pub found: Vec<StoredResource>,
}

/// A type in a list, and the condition on its resources.
#[derive(Debug)]
pub struct ListTarget<'a> {
    /// The type.
    pub of_type: &'a TypeIds,
    /// The condition.
    pub predicate: Option<&'a Predicate>,
}

/// The sort order of a list, if it is not the order of creation.
#[derive(Debug, Clone)]
pub struct SortOrder {
    /// The sort value; for a multi-valued attribute the primary value, or else the first.
    pub(crate) by: Target,
    /// Greatest first, with resources without a value before all others (RFC 7644 section 3.4.2.3).
    pub(crate) descending: bool,
}

/// The position of a resource in a list: its sort values, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookmark {
    /// Sort values before the key.
    pub(crate) values: Vec<BookmarkValue>,
    /// The resource's internal key.
    pub(crate) seq: i64,
}

/// A sort value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BookmarkValue {
    /// A number.
    Int(i64),
    /// Text.
    Text(String),
}

/// The start of a page.
#[derive(Debug, Clone)]
pub enum PageStart {
    /// After this number of results.
    Skip(i64),
    /// After a number of results, which is the position after the mark if the number of deleted resources is unchanged.
    /// Only in order of creation.
    SkipOr {
        /// Results before the page.
        skip: i64,
        /// The last of these results at the time of the read.
        mark: i64,
        /// [`Page::gone`] at that time.
        gone: i64,
    },
    /// After a mark.
    After(Bookmark),
    /// Before a mark: the page ends there.
    Before(Bookmark),
}

/// A request for a page.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// The start.
    pub from: PageStart,
    /// Maximum number of results.
    pub take: i64,
    /// The documents to read.
    pub documents: Documents,
}

impl SortOrder {
    /// The position of a resource with these attributes in the list.
    pub(crate) fn mark(
        order: Option<&Self>,
        found: &StoredResource,
        attributes: &Attributes,
    ) -> Bookmark {
        let values = order.map_or_else(Vec::new, |order| order.values(found, attributes));
        Bookmark {
            values,
            seq: found.seq,
        }
    }

    fn values(&self, found: &StoredResource, attributes: &Attributes) -> Vec<BookmarkValue> {
        match &self.by {
            Target::Created => vec![BookmarkValue::Int(found.meta.created.as_micros())],
            Target::LastModified => vec![BookmarkValue::Int(found.meta.modified.as_micros())],
            Target::Version => vec![BookmarkValue::Int(found.meta.version)],
            Target::Id => vec![BookmarkValue::Text(found.id.to_string())],
            Target::Attribute(path) => {
                let leaf = match found.resource_type.named(&path.to_string()) {
                    Some(Named::Attribute(own)) => own.leaf,
                    _ => None,
                };
                let all = entries(&found.resource_type, attributes);
                let key = all
                    .iter()
                    .find(|entry| Some(entry.leaf) == leaf && entry.element == 0)
                    .map(|entry| &entry.key);
                let (head, tail) = key.map_or(("", None), split);
                let texts =
                    [head, tail.unwrap_or("")].map(|text| BookmarkValue::Text(text.to_owned()));
                std::iter::once(BookmarkValue::Int(i64::from(key.is_none())))
                    .chain(texts)
                    .collect()
            }
        }
    }

    /// The sort columns, in the table of sort values.
    pub(in crate::store) fn columns(&self) -> &'static [&'static str] {
        match &self.by {
            Target::Attribute(_) => &[
                "case when l.key is null then 1 else 0 end",
                "coalesce(l.key, ''){binary}",
                "coalesce(l.tail, ''){binary}",
            ],
            Target::Created => &["r.created"],
            Target::LastModified => &["r.modified"],
            Target::Version => &["r.version"],
            Target::Id => &["cast(r.id as text){binary}"],
        }
    }
}
