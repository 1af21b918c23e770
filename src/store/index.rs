//! The index of searchable values: the rows of a document, and the statements that write them.

use super::key::split;
use super::layout::TypeLayout;
use super::sql::Sql;
use super::statement::{Arg, Batch, Column, Statement, Table};
use crate::resource::entries::entries;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A row of the index, but for tenant and resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IndexRow {
    pub(super) attribute: i64,
    pub(super) key: String,
    pub(super) tail: Option<String>,
    pub(super) element: i64,
    pub(super) is_unique: bool,
}

/// The rows of a resource with these attributes.
pub(super) fn values(of_type: &TypeLayout, attributes: &Map<String, Value>) -> BTreeSet<IndexRow> {
    let rows = entries(&of_type.resource_type, attributes).into_iter().filter_map(|entry| {
        let (head, tail) = split(&entry.key);
        Some(IndexRow {
            attribute: of_type.attributes.get(entry.leaf).copied().flatten()?,
            key: head.to_owned(),
            tail: tail.map(str::to_owned),
            element: i64::from(entry.element),
            is_unique: of_type.resource_type.leaves().get(entry.leaf)?.end().is_unique(),
        })
    });
    rows.collect()
}

/// Adds rows to the resource that the batch has `{written}`.
pub(super) fn add<'a>(batch: Batch, tenant: i64, seq: i64, rows: impl IntoIterator<Item = &'a IndexRow>) -> Batch {
    let rows: Vec<_> = rows.into_iter().collect();
    if rows.is_empty() {
        return batch;
    }
    batch.and(Statement::new(ADD, vec![Arg::Int(tenant), Arg::Int(seq)]).with_rows(table(&rows)))
}

/// Takes rows from the resource that the batch has `{written}`.
pub(super) fn remove<'a>(
    mut batch: Batch,
    tenant: i64,
    seq: i64,
    rows: impl IntoIterator<Item = &'a IndexRow>,
) -> Batch {
    let target = vec![Arg::Int(tenant), Arg::Int(seq)];
    let mut rows: Vec<_> = rows.into_iter().collect();
    if rows.len() > MOST_NAMED {
        let (unique, plain): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.is_unique);
        batch = batch.and(Statement::new(REMOVE, target.clone()).with_rows(table(&plain)));
        rows = unique;
    }
    for some in rows.chunks(NAMED_AT_ONCE) {
        batch = batch.and(remove_named(&target, some));
    }
    batch
}

/// Names each row by itself, so that each is found by the index whatever the planner thinks of the
/// table.
fn remove_named(target: &[Arg], rows: &[&IndexRow]) -> Statement {
    let mut sql = Sql::with(target.to_vec());
    sql.raw("delete from attribute_value where exists (select 1 from {written}) and (");
    for (i, row) in rows.iter().enumerate() {
        sql.raw(if i > 0 { " or " } else { "" }).raw(if row.is_unique { "is_unique" } else { "not is_unique" });
        sql.raw(" and tenant = $1 and attribute = ").int(row.attribute).raw(" and key = ").arg(row.key.as_str().into());
        sql.raw(" and seq = $2 and element = ").int(row.element);
        match &row.tail {
            Some(tail) => sql.raw(" and tail = ").arg(tail.as_str().into()),
            None => sql.raw(" and tail is null"),
        };
    }
    sql.raw(")");
    sql.finish()
}

fn table(rows: &[&IndexRow]) -> Table {
    vec![
        ("attribute", Column::Ints(rows.iter().map(|row| row.attribute).collect())),
        ("element", Column::Ints(rows.iter().map(|row| row.element).collect())),
        ("is_unique", Column::Bools(rows.iter().map(|row| row.is_unique).collect())),
        ("key", Column::Texts(rows.iter().map(|row| Some(row.key.clone())).collect())),
        ("tail", Column::Texts(rows.iter().map(|row| row.tail.clone()).collect())),
    ]
}

/// Rows that one statement names, at most.
const NAMED_AT_ONCE: usize = 64;
/// Rows that are named at all: a statement has only so many placeholders.
const MOST_NAMED: usize = 1024;

const ADD: &str = "insert into attribute_value (tenant, attribute, element, is_unique, seq, key, tail) \
     select $1, attribute, element, is_unique, $2, key, tail from {rows} where exists (select 1 from {written})";
const REMOVE: &str = "delete from attribute_value where tenant = $1 and seq = $2 and not is_unique \
     and (attribute, key, element, coalesce(tail, '')) in (select attribute, key, element, coalesce(tail, '') from {rows}) \
     and exists (select 1 from {written})";
