//! A page of the matching resources: by position, or after a bookmark, in order of creation or sorted.

use crate::filter::{Predicate, Target};
use crate::schema::{AttributePath, Named};
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::handle::Store;
use crate::store::resources::leftover::is_left;
use crate::store::resources::proof::{ConfirmedScope, ScopeClaim};
use crate::store::resources::read::fast_path::{FastRead, matching};
use crate::store::resources::read::page::{
    Bookmark, BookmarkValue, ListTarget, Page, PageRequest, PageStart, SortOrder,
};
use crate::store::resources::read::query::resources;
use crate::store::resources::read::scan;
use crate::store::resources::read::select::Select;
use crate::store::resources::read::stored::Relations;
use crate::store::resources::scope::Scope;
use crate::store::resources::seq::keys_of_type;
use std::ops::Range;
use uuid::Uuid;

impl Store {
    /// A page of the matching resources.
    ///
    /// # Errors
    /// [`StoreError::Outdated`] if the token or the tenant has changed.
    pub(crate) async fn list(
        &self,
        scope: &ScopeClaim,
        listed: &[ListTarget<'_>],
        order: Option<&SortOrder>,
        window: &PageRequest,
        relations: Relations,
    ) -> Result<(ConfirmedScope, Page), StoreError> {
        if let FastRead::Answered(page) = self
            .fast_matching(scope, listed, order, window, relations)
            .await?
        {
            return Ok(page);
        }
        let sql = statement(scope, listed, order, window, relations);
        let (confirmed, mut page) = self.page("resource.list", scope, relations, sql).await?;
        if relations.are_cut(&page.found) {
            for found in &mut page.found {
                found.relations = Vec::new();
            }
            page.lacks_relations = true;
        }
        Ok((confirmed, page))
    }

    /// The first statement of [`Store::list`] for PostgreSQL, for tests of its plan.
    pub fn list_text(
        scope: &ScopeClaim,
        listed: &[ListTarget<'_>],
        order: Option<&SortOrder>,
        window: &PageRequest,
        relations: Relations,
    ) -> String {
        let fast = matching(scope, listed, order, window, relations);
        let sql = fast.unwrap_or_else(|| statement(scope, listed, order, window, relations));
        let expanded = sql.statement("resource.list").for_postgres();
        expanded.map(|expanded| expanded.text).unwrap_or_default()
    }
}

fn statement(
    scope: &Scope,
    listed: &[ListTarget<'_>],
    order: Option<&SortOrder>,
    window: &PageRequest,
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
    if let Some(SortOrder {
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
    resources(&mut sql, scope, relations, window.documents, true);
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

/// The numbers of live and deleted resources of the types.
fn state(sql: &mut Sql, scope: &Scope, listed: &[ListTarget<'_>]) {
    sql.raw("select cast(coalesce(sum(live), 0) as bigint), cast(coalesce(sum(gone), 0) as bigint) from counter where tenant = ");
    sql.int(scope.tenant).raw(" and kind in (0");
    for listed in listed {
        sql.raw(", ").int(listed.of_type.type_id);
    }
    sql.raw(")");
}

fn hits(sql: &mut Sql, scope: &Scope, listed: &[ListTarget<'_>]) {
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
        if listed.predicate.is_some() {
            sql.raw(" where not ");
            is_left(sql, scope.tenant);
        }
    }
}

fn in_order_of_creation(
    sql: &mut Sql,
    scope: &Scope,
    listed: &[ListTarget<'_>],
    window: &PageRequest,
    is_filtered: bool,
) {
    let backwards = matches!(window.from, PageStart::Before(_));
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
        " order by seq desc {limit}"
    } else {
        " order by seq {limit}"
    })
    .int(window.take);
    match &window.from {
        PageStart::Skip(skip) => {
            sql.raw(" offset ").int(*skip);
        }
        PageStart::SkipOr { skip, gone, .. } => {
            sql.raw(" offset case when (select gone from state) = ")
                .int(*gone)
                .raw(" then 0 else ")
                .int(*skip)
                .raw(" end");
        }
        PageStart::After(_) | PageStart::Before(_) => {}
    }
    sql.raw(") as page");
}

/// The keys of all listed types: a single range, which an index returns in order, and a condition on the type.
fn of_kinds(sql: &mut Sql, listed: &[ListTarget<'_>], from: &PageStart) {
    let ranges = listed
        .iter()
        .map(|listed| keys_of_type(listed.of_type.type_id));
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

/// Keys in a range that lie beyond the mark: one bound on either side, because SQLite uses only the first one.
fn beyond_mark(sql: &mut Sql, keys: Range<i64>, from: &PageStart) {
    let after = match from {
        PageStart::After(mark) => keys.start.max(mark.seq + 1),
        _ => keys.start,
    };
    let before = match from {
        PageStart::Before(mark) => keys.end.min(mark.seq),
        _ => keys.end,
    };
    match from {
        PageStart::SkipOr { mark, gone, .. } => {
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

/// All hits with their sort values, or null. For an outer join SQLite reads all values for each hit. PostgreSQL does
/// the same for SQLite's condition if it expects few rows, as in tables without statistics; it executes a full join in
/// one pass over both, and the condition that keeps only the hits does not allow another join.
const VALUED: &str = "\
     {sqlite: from (select seq, key, tail from deciding union all select seq, cast(null as text), cast(null as text) from \
     (select seq from hit except select seq from deciding) as rest) as l}\
     {postgres: from (select h.seq, d.key, d.tail from deciding d full join hit h on h.seq = d.seq \
     where coalesce(h.seq, 0) <> 0 offset 0) as l}";

/// Names of the sort columns in the statement.
const DECIDING: [&str; 3] = ["a", "b", "c"];

fn sorted(sql: &mut Sql, scope: &Scope, order: &SortOrder, window: &PageRequest) {
    let backwards = matches!(window.from, PageStart::Before(_));
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
            .raw(" from hit l cross join {each:resource r} r.tenant = ")
            .int(scope.tenant)
            .raw(" and r.seq = l.seq{end_each:r} where 1 = 1"),
    };
    let skip = match &window.from {
        PageStart::Skip(skip) | PageStart::SkipOr { skip, .. } => *skip,
        PageStart::After(mark) => beyond(sql, order, mark, order.descending, " > "),
        PageStart::Before(mark) => beyond(sql, order, mark, !order.descending, " < "),
    };
    sql.raw(" order by ");
    directed(sql);
    sql.raw(" {limit}")
        .int(window.take)
        .raw(" offset ")
        .int(skip)
        .raw(") as page");
}

/// Only results after a mark; no offset is used then.
fn beyond(
    sql: &mut Sql,
    order: &SortOrder,
    mark: &Bookmark,
    less: bool,
    by_key: &'static str,
) -> i64 {
    sql.raw(" and (");
    tuple(sql, order).raw(if less { " < (" } else { " > (" });
    mark_values(sql, mark);
    sql.raw(") or ");
    tuple(sql, order).raw(" = (");
    mark_values(sql, mark);
    sql.raw(") and l.seq").raw(by_key).int(mark.seq).raw(")");
    0
}

fn tuple<'a>(sql: &'a mut Sql, order: &SortOrder) -> &'a mut Sql {
    for (i, column) in order.columns().iter().enumerate() {
        sql.raw(if i > 0 { ", " } else { "(" }).raw(column);
    }
    sql.raw(")")
}

fn mark_values(sql: &mut Sql, mark: &Bookmark) {
    for (i, value) in mark.values.iter().enumerate() {
        sql.raw(if i > 0 { ", " } else { "" });
        match value {
            BookmarkValue::Int(value) => sql.int(*value),
            BookmarkValue::Text(text) => sql.arg(Arg::Text(text.clone())),
        };
    }
}

/// Appends the table of sort values of the hits; values of unique attributes come from their own index. For PostgreSQL
/// it includes the values of other resources.
fn sort_values(sql: &mut Sql, scope: &Scope, listed: &[ListTarget<'_>], path: &AttributePath) {
    let named = listed.iter().filter_map(|listed| {
        let Some(Named::Attribute(own)) = listed.of_type.resource_type.named(&path.to_string())
        else {
            return None;
        };
        let is_scanned = listed.of_type.is_scanned(&own);
        Some((
            listed.of_type.attribute(&own)?,
            own.end().is_unique(),
            is_scanned,
        ))
    });
    let (unique, plain): (Vec<_>, Vec<_>) = named.partition(|(_, is_unique, _)| *is_unique);
    sql.raw(", deciding(seq, key, tail) as {sqlite:materialized }(");
    for (i, (is_unique, attributes)) in [(true, &unique), (false, &plain)].into_iter().enumerate() {
        // If the types agree, one of the two suffices and is simpler to plan.
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
        sql.raw(" and element = 0{sqlite: and seq in (select seq from hit)} and attribute in (0");
        for (attribute, ..) in attributes {
            sql.raw(", ").int(*attribute);
        }
        sql.raw(if is_unique {
            ") and is_unique"
        } else {
            ") and not is_unique"
        });
    }
    let scanned = plain.iter().filter(|(_, _, is_scanned)| *is_scanned);
    let scanned: Vec<i64> = scanned.map(|(attribute, ..)| *attribute).collect();
    if !scanned.is_empty() {
        sql.raw(" union all ");
        scan::sort_values(sql, scope.tenant, &scanned);
    }
    sql.raw(")");
}
