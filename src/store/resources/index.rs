//! The index of searchable values: the rows of a document, and the statements that write them.

use crate::resource::Attributes;
use crate::resource::entries::{Entry, entries_of, entries_where};
use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::batch::Batch;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Step;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::index_key::split;
use crate::store::resources::scanned::{self, ScannedValue};
use serde_json::Value;
use std::collections::BTreeSet;

/// A row of the index, without tenant and resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct IndexRow {
    pub(in crate::store) attribute: i64,
    pub(in crate::store) key: String,
    pub(in crate::store) tail: Option<String>,
    pub(in crate::store) element: i64,
    pub(in crate::store) is_unique: bool,
}

/// The rows of a resource with these attributes: its searchable values, except scanned ones.
pub(in crate::store) fn rows(of_type: &TypeIds, attributes: &Attributes) -> BTreeSet<IndexRow> {
    // Most scanned values fit in the column; for those no key is computed here.
    let may_have_row = |leaf: usize, value: &Value| {
        of_type.scanned.get(leaf) != Some(&true) || !scanned::surely_fits(value)
    };
    made_of(of_type, attributes, may_have_row, |entry| {
        !is_scanned(of_type, entry)
    })
}

/// The rows of a resource whose column `scanned` is out of date: each searchable value has one.
pub(in crate::store) fn former_rows(
    of_type: &TypeIds,
    attributes: &Attributes,
) -> BTreeSet<IndexRow> {
    made_of(of_type, attributes, |_, _| true, |_| true)
}

/// The column `scanned` of a resource with these attributes.
pub(in crate::store) fn scanned(of_type: &TypeIds, attributes: &Attributes) -> String {
    let is_wanted =
        |leaf: usize| of_type.scanned.get(leaf) == Some(&true) && has_number(of_type, leaf);
    let found = entries_of(&of_type.resource_type, attributes, is_wanted);
    let fit = found.iter().filter(|entry| is_scanned(of_type, entry));
    let values = fit.filter_map(|entry| {
        let attribute = of_type.attributes.get(entry.leaf).copied().flatten()?;
        Some(ScannedValue {
            attribute,
            element: i64::from(entry.element),
            key: entry.key.as_str(),
        })
    });
    scanned::text(values.collect())
}

fn has_number(of_type: &TypeIds, leaf: usize) -> bool {
    matches!(of_type.attributes.get(leaf), Some(Some(_)))
}

/// Whether the value is in the column `scanned`; a value that is too long has a row.
fn is_scanned(of_type: &TypeIds, entry: &Entry) -> bool {
    of_type.scanned.get(entry.leaf) == Some(&true) && scanned::fits(entry.key.as_str())
}

fn made_of(
    of_type: &TypeIds,
    attributes: &Attributes,
    may_have_row: impl Fn(usize, &Value) -> bool,
    has_row: impl Fn(&Entry) -> bool,
) -> BTreeSet<IndexRow> {
    let is_wanted = |leaf: usize| has_number(of_type, leaf);
    let found = entries_where(&of_type.resource_type, attributes, is_wanted, may_have_row);
    let rows = found
        .iter()
        .filter(|entry| has_row(entry))
        .filter_map(|entry| {
            let (head, tail) = split(&entry.key);
            Some(IndexRow {
                attribute: of_type.attributes.get(entry.leaf).copied().flatten()?,
                key: head.to_owned(),
                tail: tail.map(str::to_owned),
                element: i64::from(entry.element),
                is_unique: of_type
                    .resource_type
                    .leaves()
                    .get(entry.leaf)?
                    .end()
                    .is_unique(),
            })
        });
    rows.collect()
}

/// Adds rows to the resource that the batch has `{written}`.
pub(in crate::store) fn add<'a>(
    batch: Batch,
    tenant: i64,
    seq: i64,
    rows: impl IntoIterator<Item = &'a IndexRow>,
) -> Batch {
    let rows: Vec<_> = rows.into_iter().collect();
    if rows.is_empty() {
        return batch;
    }
    let add = Step::new(ADD, vec![Arg::Int(tenant), Arg::Int(seq)]);
    batch.and(add.with_rows(table(&rows)).by_row())
}

/// Removes rows from the resource that the batch has `{written}`.
pub(in crate::store) fn remove<'a>(
    batch: Batch,
    tenant: i64,
    seq: i64,
    rows: impl IntoIterator<Item = &'a IndexRow>,
) -> Batch {
    let rows: Vec<_> = rows.into_iter().collect();
    match rows.len() {
        0 => batch,
        1..=MAX_NAMED => batch.and(remove_named(tenant, seq, &rows)),
        _ => {
            let remove = Step::new(REMOVE, vec![Arg::Int(tenant), Arg::Int(seq)]);
            batch.and(remove.with_rows(table(&rows)).by_row())
        }
    }
}

/// Lists the rows individually, which for a few is cheaper than a table parameter.
fn remove_named(tenant: i64, seq: i64, rows: &[&IndexRow]) -> Step {
    let mut sql = Sql::bound(vec![("tenant", Arg::Int(tenant)), ("seq", Arg::Int(seq))]);
    sql.raw("delete from attribute_value where exists (select 1 from {written}) and (");
    for (i, row) in rows.iter().enumerate() {
        sql.raw(if i > 0 { " or " } else { "" })
            .raw(if row.is_unique {
                "is_unique"
            } else {
                "not is_unique"
            });
        sql.raw(" and tenant = {:tenant} and attribute = ")
            .int(row.attribute)
            .raw(" and key = ")
            .arg(row.key.as_str().into());
        sql.raw(" and seq = {:seq} and element = ").int(row.element);
        match &row.tail {
            Some(tail) => sql.raw(" and tail = ").arg(tail.as_str().into()),
            None => sql.raw(" and tail is null"),
        };
    }
    sql.raw(")");
    sql.step()
}

/// Adds rows, each with the key of its resource, to the resources that the batch has `{written}`.
pub(in crate::store) fn add_to_several<'a>(
    batch: Batch,
    tenant: i64,
    rows: impl Iterator<Item = (i64, &'a IndexRow)>,
) -> Batch {
    with_table(batch, ADD_TO_SEVERAL, tenant, rows)
}

/// Removes rows, each with the key of its resource, from the resources that the batch has `{written}`.
pub(in crate::store) fn remove_of_several<'a>(
    batch: Batch,
    tenant: i64,
    rows: impl Iterator<Item = (i64, &'a IndexRow)>,
) -> Batch {
    with_table(batch, REMOVE_OF_SEVERAL, tenant, rows)
}

fn with_table<'a>(
    batch: Batch,
    text: &'static str,
    tenant: i64,
    rows: impl Iterator<Item = (i64, &'a IndexRow)>,
) -> Batch {
    let (keys, rows): (Vec<i64>, Vec<&IndexRow>) = rows.unzip();
    if rows.is_empty() {
        return batch;
    }
    let mut table = table(&rows);
    table.push(("at_seq", Column::Ints(keys)));
    batch.and(Step::new(text, vec![Arg::Int(tenant)]).with_rows(table))
}

/// The columns of index rows as a table parameter.
fn table(rows: &[&IndexRow]) -> Table {
    vec![
        (
            "attribute",
            Column::Ints(rows.iter().map(|row| row.attribute).collect()),
        ),
        (
            "element",
            Column::Ints(rows.iter().map(|row| row.element).collect()),
        ),
        (
            "is_unique",
            Column::Bools(rows.iter().map(|row| row.is_unique).collect()),
        ),
        (
            "key",
            Column::Texts(rows.iter().map(|row| Some(&row.key)).collect()),
        ),
        (
            "tail",
            Column::Texts(rows.iter().map(|row| row.tail.as_ref()).collect()),
        ),
    ]
}

/// Maximum number of rows that are listed individually.
const MAX_NAMED: usize = 4;

const ADD: &str = "insert into attribute_value (tenant, attribute, element, is_unique, seq, key, tail) \
     select $1, attribute, element, is_unique, $2, key, tail from {rows} where exists (select 1 from {written})";
/// Looks up each row individually, so that the index is used regardless of the planner's estimates. Rows that are
/// selected by their physical place are also compared with the tenant, with `+ 0` to avoid an index.
const REMOVE: &str = "delete from attribute_value where {row_among:rowid}(select case when given.is_unique \
       then (select v.{row:rowid} from attribute_value v where v.is_unique and v.tenant = $1 and v.attribute = given.attribute \
         and v.key = given.key and v.seq = $2 and v.element = given.element limit 1) \
       else (select v.{row:rowid} from attribute_value v where not v.is_unique and v.tenant = $1 and v.attribute = given.attribute \
         and v.key = given.key and v.seq = $2 and v.element = given.element and coalesce(v.tail, '') = coalesce(given.tail, '') \
         limit 1) end from {rows} where exists (select 1 from {written}))) and tenant + 0 = $1 and seq + 0 = $2";
const ADD_TO_SEVERAL: &str = "insert into attribute_value (tenant, attribute, element, is_unique, seq, key, tail) \
     select $1, attribute, element, is_unique, at_seq, key, tail from {rows} where at_seq in (select seq from {written})";
/// Looks up each row individually, like [`REMOVE`].
const REMOVE_OF_SEVERAL: &str = "delete from attribute_value where {row_among:rowid}(select case when given.is_unique \
       then (select v.{row:rowid} from attribute_value v where v.is_unique and v.tenant = $1 and v.attribute = given.attribute \
         and v.key = given.key and v.seq = given.at_seq and v.element = given.element limit 1) \
       else (select v.{row:rowid} from attribute_value v where not v.is_unique and v.tenant = $1 and v.attribute = given.attribute \
         and v.key = given.key and v.seq = given.at_seq and v.element = given.element \
         and coalesce(v.tail, '') = coalesce(given.tail, '') limit 1) end \
       from {rows} where given.at_seq in (select seq from {written}))) and tenant + 0 = $1";
