//! Conditions on values that stand in the column `scanned` ([`crate::store::resources::scanned`]). All resources of the
//! type are read, unless the resource is known; a text search leaves out those without the value.

use crate::filter::Operator;
use crate::resource::Key;
use crate::store::db::args::Arg;
use crate::store::db::sql::Sql;
use crate::store::resources::index_key::compare;
use crate::store::resources::read::select::{Of, Select};
use crate::store::resources::scanned;
use crate::store::resources::seq::keys_of_type;

/// Adds a query for the resources, or the elements, with a value of an attribute that compares so; without a
/// comparison, with a value that is not empty.
pub(in crate::store) fn values(
    select: &mut Select<'_>,
    attribute: i64,
    comparison: Option<(Operator, &Key)>,
    of: Of,
) {
    let beginning = match comparison {
        None => scanned::present(attribute),
        Some((Operator::Equal, key)) => scanned::equal(attribute, key.as_str()),
        Some(_) => scanned::of_attribute(attribute),
    };
    match of {
        Of::Elements => {
            from_elements(select);
            select.sql.raw(" and ");
            contains(select, "s.scanned", beginning);
            of_attributes(select.sql.raw(" and "), &[attribute]);
            compares(select, comparison);
        }
        Of::Resources => {
            from_resources(select, "select s.seq from resource s");
            select.sql.raw(" and ");
            contains(select, "s.scanned", beginning);
            if let Some((operator, _)) = comparison
                && operator != Operator::Equal
            {
                select
                    .sql
                    .raw(" and exists (select 1 from {elements_of:s.scanned} as t where ");
                of_attributes(select.sql, &[attribute]);
                compares(select, comparison);
                select.sql.raw(")");
            }
        }
    }
}

/// Adds a query for the resources, or the elements, with a value of one of the attributes that is not empty.
pub(in crate::store) fn any_value(select: &mut Select<'_>, attributes: &[i64], of: Of) {
    if of == Of::Elements {
        elements(select, attributes);
        compares(select, None);
        return;
    }
    from_resources(select, "select s.seq from resource s");
    for (i, attribute) in attributes.iter().enumerate() {
        select.sql.raw(if i > 0 { " or " } else { " and (" });
        contains(select, "s.scanned", scanned::present(*attribute));
    }
    select.sql.raw(")");
}

/// Adds a query for the elements with a value of one of the attributes, which may be empty.
pub(in crate::store) fn elements(select: &mut Select<'_>, attributes: &[i64]) {
    from_elements(select);
    of_attributes(select.sql.raw(" and "), attributes);
}

/// Adds whether the driving row `d` has a value: a resource, or an element of it.
pub(in crate::store) fn has_value(select: &mut Select<'_>, attribute: i64, key: &Key, of: Of) {
    select
        .sql
        .raw("exists (select 1 from resource s where s.tenant = ")
        .int(select.tenant)
        .raw(" and s.seq = d.seq and s.scanned_revision = s.revision and {position}(s.scanned, ")
        .arg(Arg::Text(scanned::equal(attribute, key.as_str())));
    if of == Of::Elements {
        select
            .sql
            .raw(" || cast(d.element as text) || ")
            .raw(scanned::END);
    }
    select.sql.raw(") > 0 limit 1 offset 0)");
}

/// Adds the values by which a list is sorted: `seq`, `key` and `tail` for each resource of the table `hit`.
pub(in crate::store) fn sort_values(sql: &mut Sql, tenant: i64, attributes: &[i64]) {
    sql.raw(
        "select s.seq, coalesce(t.value ->> 1, ''){binary}, cast(null as text) \
         from hit h cross join resource s cross join {elements_of:s.scanned} as t where s.tenant = ",
    );
    sql.int(tenant)
        .raw(" and s.seq = h.seq and s.scanned_revision = s.revision and cast(t.value ->> 2 as integer) = 0 and ");
    of_attributes(sql, attributes);
}

fn from_elements(select: &mut Select<'_>) {
    from_resources(
        select,
        "select s.seq, cast(t.value ->> 2 as integer) from resource s cross join {elements_of:s.scanned} as t",
    );
}

fn from_resources(select: &mut Select<'_>, query: &'static str) {
    let keys = keys_of_type(select.of_type.type_id);
    select
        .sql
        .raw(query)
        .raw(" where s.tenant = ")
        .int(select.tenant)
        .raw(" and s.seq >= ")
        .int(keys.start)
        .raw(" and s.seq < ")
        .int(keys.end)
        .raw(" and s.scanned_revision = s.revision");
}

fn contains(select: &mut Select<'_>, column: &'static str, beginning: String) {
    select
        .sql
        .raw("{position}(")
        .raw(column)
        .raw(", ")
        .arg(Arg::Text(beginning))
        .raw(") > 0");
}

fn of_attributes(sql: &mut Sql, attributes: &[i64]) {
    sql.raw("cast(t.value ->> 0 as integer) in (");
    for (i, attribute) in attributes.iter().enumerate() {
        sql.raw(if i > 0 { ", " } else { "" }).int(*attribute);
    }
    sql.raw(")");
}

fn compares(select: &mut Select<'_>, comparison: Option<(Operator, &Key)>) {
    select.sql.raw(" and ");
    match comparison {
        Some((operator, key)) => compare(select.sql, KEY, None, operator, key),
        None => {
            select.sql.raw("t.value ->> 1 is not null");
        }
    }
}

/// The key of a value.
const KEY: &str = "coalesce(t.value ->> 1, ''){binary}";
