//! The index rows of a resource: written and removed as the difference of what they were and are.

use super::key::split;
use super::layout::TypeLayout;
use super::sql::Sql;
use super::statement::{Arg, Batch, Column, Statement, Table};
use super::write::Writing;
use crate::resource::entries::Entry;
use std::collections::HashSet;

pub(super) fn add_values(batch: Batch, writing: &Writing<'_>, seq: i64, new: &[&Entry]) -> Batch {
    if new.is_empty() {
        return batch;
    }
    let statement = Statement::new(ADD_VALUES, vec![writing.tenant(), Arg::Int(seq)]);
    batch.then("indexed", statement.with_rows(value_rows(writing.of_type, new)))
}

pub(super) fn remove_values(mut batch: Batch, writing: &Writing<'_>, seq: i64, gone: &[&Entry]) -> Batch {
    let is_unique = |entry: &&Entry| {
        writing.of_type.resource_type.leaves().get(entry.leaf).is_some_and(|path| path.end().is_unique())
    };
    let (unique, plain): (Vec<&Entry>, Vec<&Entry>) = gone.iter().copied().partition(is_unique);
    for (name, text, entries) in [("unclaimed", REMOVE_UNIQUE, unique), ("unindexed", REMOVE_VALUES, plain)] {
        if entries.is_empty() {
            continue;
        }
        let statement = if entries.len() <= NAMED_ONE_BY_ONE {
            remove_each(writing, seq, name == "unclaimed", &entries)
        } else {
            Statement::new(text, vec![writing.tenant(), Arg::Int(seq)]).with_rows(value_rows(writing.of_type, &entries))
        };
        batch = batch.then(name, statement);
    }
    batch
}

/// Names each entry by itself, so that each is found by the index whatever the planner thinks
/// of the table.
fn remove_each(writing: &Writing<'_>, seq: i64, is_unique: bool, entries: &[&Entry]) -> Statement {
    let mut sql = Sql::default();
    sql.raw("delete from attribute_value where exists (select 1 from {written}) and (1 = 0");
    for entry in entries {
        let Some(attribute) = writing.of_type.attributes.get(entry.leaf).copied().flatten() else { continue };
        let (head, tail) = split(&entry.key);
        sql.raw(if is_unique { " or is_unique" } else { " or not is_unique" });
        sql.raw(" and tenant = ").int(writing.scope.tenant).raw(" and attribute = ").int(attribute);
        sql.raw(" and key = ").arg(head.into()).raw(" and seq = ").int(seq);
        sql.raw(" and element = ").int(i64::from(entry.element));
        if let Some(tail) = tail {
            sql.raw(" and tail = ").arg(tail.into());
        }
    }
    sql.raw(")");
    sql.finish()
}

/// Entries that one document has and the other has not.
pub(super) fn difference<'a>(was: &'a [Entry], is: &'a [Entry]) -> (Vec<&'a Entry>, Vec<&'a Entry>) {
    let (old, new): (HashSet<_>, HashSet<_>) = (was.iter().collect(), is.iter().collect());
    (old.difference(&new).copied().collect(), new.difference(&old).copied().collect())
}

fn value_rows(of_type: &TypeLayout, entries: &[&Entry]) -> Table {
    let (mut attributes, mut elements, mut unique) = (Vec::new(), Vec::new(), Vec::new());
    let (mut keys, mut tails) = (Vec::new(), Vec::new());
    for entry in entries {
        let Some(attribute) = of_type.attributes.get(entry.leaf).copied().flatten() else { continue };
        let (head, tail) = split(&entry.key);
        attributes.push(attribute);
        elements.push(i64::from(entry.element));
        unique.push(of_type.resource_type.leaves().get(entry.leaf).is_some_and(|path| path.end().is_unique()));
        keys.push(Some(head.to_owned()));
        tails.push(tail.map(str::to_owned));
    }
    vec![
        ("attribute", Column::Ints(attributes)),
        ("element", Column::Ints(elements)),
        ("is_unique", Column::Bools(unique)),
        ("key", Column::Texts(keys)),
        ("tail", Column::Texts(tails)),
    ]
}

/// Index entries that a statement names one by one, at most.
const NAMED_ONE_BY_ONE: usize = 64;

const ADD_VALUES: &str = "insert into attribute_value (tenant, attribute, element, is_unique, seq, key, tail) \
     select $1, attribute, element, is_unique, $2, key, tail from {rows} where exists (select 1 from {written})";
const REMOVE_VALUES: &str = "delete from attribute_value where tenant = $1 and seq = $2 and not is_unique \
     and (attribute, key, element, coalesce(tail, '')) in (select attribute, key, element, coalesce(tail, '') from {rows}) and exists (select 1 from {written})";
const REMOVE_UNIQUE: &str = "delete from attribute_value where tenant = $1 and seq = $2 and is_unique \
     and (attribute, key) in (select attribute, key from {rows}) and exists (select 1 from {written})";
