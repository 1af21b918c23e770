//! A page of the resources that match: by position, or from a mark on, in order of creation or
//! sorted.

use crate::filter::{Predicate, Target};
use crate::resource::Attributes;
use crate::resource::entries::entries;
use crate::schema::{AttributePath, Named};
use crate::store::db::sql::Sql;
use crate::store::db::statement::Arg;
use crate::store::resources::ids::TypeLayout;
use crate::store::resources::read::fast::matching;
use crate::store::resources::read::select::Select;
use crate::store::resources::read::{Documents, Found, Relations, Scope, resources};
use crate::store::resources::seq::keys_of;
use crate::store::{Store, StoreError};
use std::ops::Range;
use uuid::Uuid;

/// A page of results.
#[derive(Debug, Default)]
pub struct Page {
    /// How many match in all.
    pub total: i64,
    /// How many were ever deleted of the types that are listed, if nothing is filtered: while this
    /// stands, positions in order of creation stand.
    pub gone: i64,
    /// Those on the page.
    pub found: Vec<Found>,
    /// Whether members were left out, of all resources, as there are more than [`Relations::most`] allows.
    pub lacks_members: bool,
}

/// What is listed: a type, and the condition on its resources.
#[derive(Debug)]
pub struct Listed<'a> {
    /// The type.
    pub of_type: &'a TypeLayout,
    /// The condition.
    pub predicate: Option<&'a Predicate>,
}

/// By what a list is sorted, where it is not in order of creation.
#[derive(Debug, Clone)]
pub struct Order {
    /// The value that decides; for a multi-valued attribute the primary one, else the first.
    pub by: Target,
    /// Greatest first, and what has no value before all others (RFC 7644 section 3.4.2.3).
    pub descending: bool,
}

/// The place of a resource in a list: the values it is sorted by, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Values that decide before the key.
    pub values: Vec<MarkValue>,
    /// The resource's internal key.
    pub seq: i64,
}

/// A value that a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkValue {
    /// A number.
    Int(i64),
    /// Text.
    Text(String),
}

/// Where a page begins.
#[derive(Debug, Clone)]
pub enum From {
    /// After so many results.
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
    After(Mark),
    /// Before a mark: the page ends there.
    Before(Mark),
}

/// The part of a list that is read.
#[derive(Debug, Clone)]
pub struct Window {
    /// Where it begins.
    pub from: From,
    /// Results in it, at most.
    pub take: i64,
    /// Which documents are read along.
    pub documents: Documents,
}

impl Order {
    /// The place of a resource with these attributes in the list.
    pub fn mark(order: Option<&Self>, found: &Found, attributes: &Attributes) -> Mark {
        let values = order.map_or_else(Vec::new, |order| order.values(found, attributes));
        Mark {
            values,
            seq: found.seq,
        }
    }

    fn values(&self, found: &Found, attributes: &Attributes) -> Vec<MarkValue> {
        match &self.by {
            Target::Created => vec![MarkValue::Int(found.meta.created.as_micros())],
            Target::LastModified => vec![MarkValue::Int(found.meta.modified.as_micros())],
            Target::Version => vec![MarkValue::Int(found.meta.version)],
            Target::Id => vec![MarkValue::Text(found.id.to_string())],
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
                let (head, tail) =
                    key.map_or(("", None), crate::store::resources::index_key::split);
                let texts = [head, tail.unwrap_or("")].map(|text| MarkValue::Text(text.to_owned()));
                std::iter::once(MarkValue::Int(i64::from(key.is_none())))
                    .chain(texts)
                    .collect()
            }
        }
    }

    fn columns(&self) -> &'static [&'static str] {
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

impl Store {
    /// A page of the resources that match.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(
        &self,
        scope: &Scope,
        listed: &[Listed<'_>],
        order: Option<&Order>,
        window: &Window,
        relations: Relations,
    ) -> Result<Page, StoreError> {
        if let Some(page) = self
            .few_matching(scope, listed, order, window, relations)
            .await?
        {
            return Ok(page);
        }
        let statement = statement(scope, listed, order, window, relations);
        let mut page = self.page(scope, statement).await?;
        let members: usize = page.found.iter().map(Found::members).sum();
        if relations
            .most
            .is_some_and(|most| i64::try_from(members).unwrap_or(i64::MAX) >= most)
        {
            for found in &mut page.found {
                found.relations.retain(|related| !related.is_member);
            }
            page.lacks_members = true;
        }
        Ok(page)
    }

    /// The statement with which [`Store::list`] begins, as PostgreSQL is given it, to be explained or measured.
    pub fn list_text(
        scope: &Scope,
        listed: &[Listed<'_>],
        order: Option<&Order>,
        window: &Window,
        relations: Relations,
    ) -> String {
        let few = matching(scope, listed, order, window, relations);
        few.unwrap_or_else(|| statement(scope, listed, order, window, relations))
            .finish()
            .for_postgres()
            .text
    }
}

fn statement(
    scope: &Scope,
    listed: &[Listed<'_>],
    order: Option<&Order>,
    window: &Window,
    relations: Relations,
) -> Sql {
    let mut sql = Sql::default();
    let is_filtered = listed.iter().any(|listed| listed.predicate.is_some());
    sql.raw("with recursive state(live, gone) as (");
    state(&mut sql, scope, listed);
    sql.raw(")");
    if is_filtered || order.is_some() {
        sql.raw(", hit(seq) as materialized (");
        hits(&mut sql, scope, listed);
        sql.raw(")");
    }
    if let Some(Order {
        by: Target::Attribute(path),
        ..
    }) = order
    {
        sort_values(&mut sql, scope, listed, path);
    }
    sql.raw(", found(seq, place) as materialized (");
    match order {
        Some(order) => sorted(&mut sql, scope, order, window),
        None => in_order_of_creation(&mut sql, scope, listed, window, is_filtered),
    }
    sql.raw(")");
    resources(&mut sql, scope, relations, window.documents);
    sql.raw(" union all select 0, -1, ");
    sql.raw(if is_filtered {
        "(select count(*) from hit)"
    } else {
        "live"
    })
    .raw(", ")
    .arg(Arg::Uuid(Uuid::nil()));
    sql.raw(", '', gone, 0, 0, 0, '', 0 from state");
    sql
}

/// How many resources of the types there are, and how many are gone.
fn state(sql: &mut Sql, scope: &Scope, listed: &[Listed<'_>]) {
    sql.raw("select cast(coalesce(sum(live), 0) as bigint), cast(coalesce(sum(gone), 0) as bigint) from counter where tenant = ");
    sql.int(scope.tenant).raw(" and kind in (0");
    for listed in listed {
        sql.raw(", ").int(listed.of_type.kind);
    }
    sql.raw(")");
}

fn hits(sql: &mut Sql, scope: &Scope, listed: &[Listed<'_>]) {
    let everything = Predicate::All(Vec::new());
    for (i, listed) in listed.iter().enumerate() {
        sql.raw(if i > 0 {
            " union all select seq from ("
        } else {
            "select seq from ("
        });
        let mut select = Select {
            tenant: scope.tenant,
            layout: &scope.layout,
            of_type: listed.of_type,
            sql,
        };
        select.resources(listed.predicate.unwrap_or(&everything));
        sql.raw(") as matching");
    }
}

fn in_order_of_creation(
    sql: &mut Sql,
    scope: &Scope,
    listed: &[Listed<'_>],
    window: &Window,
    is_filtered: bool,
) {
    let backwards = matches!(window.from, From::Before(_));
    sql.raw(if backwards {
        "select seq, -row_number() over (order by seq desc) from (select seq from "
    } else {
        "select seq, row_number() over (order by seq) from (select seq from "
    });
    if is_filtered {
        sql.raw("hit where ");
        beyond_mark(sql, 0..i64::MAX, &window.from);
    } else {
        sql.raw("resource where tenant = ")
            .int(scope.tenant)
            .raw(" and ");
        of_kinds(sql, listed, &window.from);
    }
    sql.raw(if backwards {
        " order by seq desc limit "
    } else {
        " order by seq limit "
    })
    .int(window.take);
    match &window.from {
        From::Skip(skip) => {
            sql.raw(" offset ").int(*skip);
        }
        From::SkipOr { skip, gone, .. } => {
            sql.raw(" offset case when (select gone from state) = ")
                .int(*gone)
                .raw(" then 0 else ")
                .int(*skip)
                .raw(" end");
        }
        From::After(_) | From::Before(_) => {}
    }
    sql.raw(") as page");
}

/// The keys of all types that are listed: one range, which an index serves in order, and within it
/// those of the types.
fn of_kinds(sql: &mut Sql, listed: &[Listed<'_>], from: &From) {
    let ranges = listed.iter().map(|listed| keys_of(listed.of_type.kind));
    let all = ranges
        .clone()
        .reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
        .unwrap_or(0..0);
    beyond_mark(sql, all, from);
    if listed.len() > 1 {
        for (i, range) in ranges.enumerate() {
            sql.raw(if i > 0 {
                " or seq >= "
            } else {
                " and (seq >= "
            })
            .int(range.start);
            sql.raw(" and seq < ").int(range.end);
        }
        sql.raw(")");
    }
}

/// Keys in a range that lie beyond the mark: one bound on either side, as SQLite goes by the first
/// that it finds.
fn beyond_mark(sql: &mut Sql, keys: Range<i64>, from: &From) {
    let after = match from {
        From::After(mark) => keys.start.max(mark.seq + 1),
        _ => keys.start,
    };
    let before = match from {
        From::Before(mark) => keys.end.min(mark.seq),
        _ => keys.end,
    };
    match from {
        From::SkipOr { mark, gone, .. } => {
            sql.raw("seq > case when (select gone from state) = ")
                .int(*gone)
                .raw(" then ")
                .int(*mark);
            sql.raw(" else ").int(after - 1).raw(" end");
        }
        _ => {
            sql.raw("seq >= ").int(after);
        }
    }
    sql.raw(" and seq < ").int(before);
}

/// All hits with the values that decide, or none. An outer join would say the same, but for it
/// SQLite reads all values for each hit.
const VALUED: &str = " from (select seq, key, tail from deciding union all \
     select seq, cast(null as text), cast(null as text) from (select seq from hit except select seq from deciding) as rest) as l";

/// Names of what is sorted by, within the statement.
const DECIDING: [&str; 3] = ["a", "b", "c"];

fn sorted(sql: &mut Sql, scope: &Scope, order: &Order, window: &Window) {
    let backwards = matches!(window.from, From::Before(_));
    let directed = |sql: &mut Sql| {
        for (_, name) in order.columns().iter().zip(DECIDING) {
            sql.raw(name).raw(if order.descending == backwards {
                ", "
            } else {
                " desc, "
            });
        }
        sql.raw(if backwards { "seq desc" } else { "seq" });
    };
    sql.raw(if backwards {
        "select seq, -row_number()"
    } else {
        "select seq, row_number()"
    })
    .raw(" over (order by ");
    directed(sql);
    sql.raw(") from (select l.seq as seq");
    for (column, name) in order.columns().iter().zip(DECIDING) {
        sql.raw(", ").raw(column).raw(" as ").raw(name);
    }
    match &order.by {
        Target::Attribute(_) => sql.raw(VALUED).raw(" where 1 = 1"),
        _ => sql
            .raw(" from hit l cross join resource r where r.seq = l.seq and r.tenant = ")
            .int(scope.tenant),
    };
    let skip = match &window.from {
        From::Skip(skip) | From::SkipOr { skip, .. } => *skip,
        From::After(mark) => beyond(sql, order, mark, order.descending, " > "),
        From::Before(mark) => beyond(sql, order, mark, !order.descending, " < "),
    };
    sql.raw(" order by ");
    directed(sql);
    sql.raw(" limit ")
        .int(window.take)
        .raw(" offset ")
        .int(skip)
        .raw(") as page");
}

/// Only what lies beyond a mark; nothing is skipped then.
fn beyond(sql: &mut Sql, order: &Order, mark: &Mark, less: bool, by_key: &'static str) -> i64 {
    sql.raw(" and (");
    tuple(sql, order).raw(if less { " < (" } else { " > (" });
    mark_values(sql, mark);
    sql.raw(") or ");
    tuple(sql, order).raw(" = (");
    mark_values(sql, mark);
    sql.raw(") and l.seq").raw(by_key).int(mark.seq).raw(")");
    0
}

fn tuple<'a>(sql: &'a mut Sql, order: &Order) -> &'a mut Sql {
    for (i, column) in order.columns().iter().enumerate() {
        sql.raw(if i > 0 { ", " } else { "(" }).raw(column);
    }
    sql.raw(")")
}

fn mark_values(sql: &mut Sql, mark: &Mark) {
    for (i, value) in mark.values.iter().enumerate() {
        sql.raw(if i > 0 { ", " } else { "" });
        match value {
            MarkValue::Int(value) => sql.int(*value),
            MarkValue::Text(text) => sql.arg(Arg::Text(text.clone())),
        };
    }
}

/// Adds the table of values that decide for the hits, those of unique attributes from their own index.
fn sort_values(sql: &mut Sql, scope: &Scope, listed: &[Listed<'_>], path: &AttributePath) {
    let named = listed.iter().filter_map(|listed| {
        let Some(Named::Attribute(own)) = listed.of_type.resource_type.named(&path.to_string())
        else {
            return None;
        };
        Some((listed.of_type.attribute(&own)?, own.end().is_unique()))
    });
    let (unique, plain): (Vec<_>, Vec<_>) = named.partition(|(_, is_unique)| *is_unique);
    sql.raw(", deciding(seq, key, tail) as materialized (");
    for (i, (is_unique, attributes)) in [(true, &unique), (false, &plain)].into_iter().enumerate() {
        // One of the two is enough, and simpler to plan, when the types agree.
        if attributes.is_empty() && (is_unique || !unique.is_empty()) {
            continue;
        }
        sql.raw(if i > 0 && !unique.is_empty() {
            " union all "
        } else {
            ""
        });
        sql.raw("select seq, key, tail from attribute_value where tenant = ")
            .int(scope.tenant);
        sql.raw(" and element = 0 and seq in (select seq from hit) and attribute in (0");
        for (attribute, _) in attributes {
            sql.raw(", ").int(*attribute);
        }
        sql.raw(if is_unique {
            ") and is_unique"
        } else {
            ") and not is_unique"
        });
    }
    sql.raw(")");
}
