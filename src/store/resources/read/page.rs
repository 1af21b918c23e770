//! Pages of a list: what is listed, in which order, from where on.

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
    /// How many match in all.
    pub total: i64,
    /// How many were ever deleted of the types that are listed, if nothing is filtered: while this
    /// stands, positions in order of creation stand.
    pub gone: i64,
    /// Whether memberships were left out, of all resources, as there are more than
    /// [`Relations`](crate::store::Relations) allow.
    pub lacks_relations: bool,
    /// Resources on the page.
    pub found: Vec<StoredResource>,
}

/// What is listed: a type, and the condition on its resources.
#[derive(Debug)]
pub struct ListTarget<'a> {
    /// The type.
    pub of_type: &'a TypeIds,
    /// The condition.
    pub predicate: Option<&'a Predicate>,
}

/// By what a list is sorted, where it is not in order of creation.
#[derive(Debug, Clone)]
pub struct SortOrder {
    /// The value that decides; for a multi-valued attribute the primary one, else the first.
    pub(crate) by: Target,
    /// Greatest first, and what has no value before all others (RFC 7644 section 3.4.2.3).
    pub(crate) descending: bool,
}

/// The place of a resource in a list: the values it is sorted by, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookmark {
    /// Values that decide before the key.
    pub(crate) values: Vec<BookmarkValue>,
    /// The resource's internal key.
    pub(crate) seq: i64,
}

/// A value that a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BookmarkValue {
    /// A number.
    Int(i64),
    /// Text.
    Text(String),
}

/// Where a page begins.
#[derive(Debug, Clone)]
pub enum PageStart {
    /// After this number of results.
    Skip(i64),
    /// After so many results; if as many resources are gone as then, that is after the mark. In
    /// order of creation only.
    SkipOr {
        /// Results before the page.
        skip: i64,
        /// The last of them, when it was read.
        mark: i64,
        /// [`Page::gone`] at that time.
        gone: i64,
    },
    /// After a mark.
    After(Bookmark),
    /// Before a mark: the page ends there.
    Before(Bookmark),
}

/// The part of a list that is read.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// Where it begins.
    pub from: PageStart,
    /// Results in it, at most.
    pub take: i64,
    /// Which documents are read along.
    pub documents: Documents,
}

impl SortOrder {
    /// The place of a resource with these attributes in the list.
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

    /// The columns that decide, in the table of sorted values.
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
