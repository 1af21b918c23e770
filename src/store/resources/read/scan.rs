//! Conditions on values in the column `scanned` ([`crate::store::resources::scanned`]). All resources of the type are
//! scanned, unless the resource is known; a text search excludes those without the value.

use crate::filter::Operator;
use crate::resource::Key;
use crate::store::db::args::Arg;
use crate::store::db::sql::Sql;
use crate::store::resources::index_key::compare;
use crate::store::resources::scanned;
use crate::store::resources::seq::keys_of_type;

/// The elements of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Of {
    /// Resources.
    Resources,
    /// Values of one multi-valued attribute.
    Elements,
}

/// The scanned resources, and the statement.
#[derive(Debug)]
pub(in crate::store) struct Scan<'a> {
    pub(in crate::store) tenant: i64,
    pub(in crate::store) type_id: i64,
    pub(in crate::store) sql: &'a mut Sql,
}

/// Adds a query for the resources, or the elements, with a value of an attribute that matches the comparison; without a
/// comparison, with a value that is not empty.
pub(in crate::store) fn values(
    scan: &mut Scan<'_>,
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
            from_elements(scan);
            scan.sql.raw(" and ");
            contains(scan, "s.scanned", beginning);
            of_attributes(scan.sql.raw(" and "), &[attribute]);
            compares(scan, comparison);
        }
        Of::Resources => {
            from_resources(scan, "select s.seq from resource s");
            scan.sql.raw(" and ");
            contains(scan, "s.scanned", beginning);
            if let Some((operator, _)) = comparison
                && operator != Operator::Equal
            {
                scan.sql
                    .raw(" and exists (select 1 from {elements_of:s.scanned} as t where ");
                of_attributes(scan.sql, &[attribute]);
                compares(scan, comparison);
                scan.sql.raw(")");
            }
        }
    }
}

/// Adds a query for the resources, or the elements, with a value of one of the attributes that is not empty.
pub(in crate::store) fn any_value(scan: &mut Scan<'_>, attributes: &[i64], of: Of) {
    if of == Of::Elements {
        elements(scan, attributes);
        compares(scan, None);
        return;
    }
    from_resources(scan, "select s.seq from resource s");
    for (i, attribute) in attributes.iter().enumerate() {
        scan.sql.raw(if i > 0 { " or " } else { " and (" });
        contains(scan, "s.scanned", scanned::present(*attribute));
    }
    scan.sql.raw(")");
}

/// Adds a query for the elements with a value of one of the attributes, which may be empty.
pub(in crate::store) fn elements(scan: &mut Scan<'_>, attributes: &[i64]) {
    from_elements(scan);
    of_attributes(scan.sql.raw(" and "), attributes);
}

/// Adds whether the driving row `d` has a value: a resource, or an element of it.
pub(in crate::store) fn has_value(scan: &mut Scan<'_>, attribute: i64, key: &Key, of: Of) {
    scan.sql
        .raw("exists (select 1 from resource s where s.tenant = ")
        .int(scan.tenant)
        .raw(" and s.seq = d.seq and s.scanned_revision = s.revision and {position}(s.scanned, ")
        .arg(Arg::Text(scanned::equal(attribute, key.as_str())));
    if of == Of::Elements {
        scan.sql
            .raw(" || cast(d.element as text) || ")
            .raw(scanned::END);
    }
    scan.sql.raw(") > 0 limit 1 offset 0)");
}

/// Appends the sort values of a list: `seq`, `key` and `tail` for each resource of the table `hit`.
pub(in crate::store) fn sort_values(sql: &mut Sql, tenant: i64, attributes: &[i64]) {
    sql.raw(
        "select s.seq, coalesce(t.value ->> 1, ''){binary}, cast(null as text) \
         from hit h cross join resource s cross join {elements_of:s.scanned} as t where s.tenant = ",
    );
    sql.int(tenant)
        .raw(" and s.seq = h.seq and s.scanned_revision = s.revision and cast(t.value ->> 2 as integer) = 0 and ");
    of_attributes(sql, attributes);
}

fn from_elements(scan: &mut Scan<'_>) {
    from_resources(
        scan,
        "select s.seq, cast(t.value ->> 2 as integer) from resource s cross join {elements_of:s.scanned} as t",
    );
}

fn from_resources(scan: &mut Scan<'_>, query: &'static str) {
    let keys = keys_of_type(scan.type_id);
    scan.sql
        .raw(query)
        .raw(" where s.tenant = ")
        .int(scan.tenant)
        .raw(" and s.seq >= ")
        .int(keys.start)
        .raw(" and s.seq < ")
        .int(keys.end)
        .raw(" and s.scanned_revision = s.revision");
}

fn contains(scan: &mut Scan<'_>, column: &'static str, beginning: String) {
    scan.sql
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

fn compares(scan: &mut Scan<'_>, comparison: Option<(Operator, &Key)>) {
    scan.sql.raw(" and ");
    match comparison {
        Some((operator, key)) => compare(scan.sql, KEY, None, operator, key),
        None => {
            scan.sql.raw("t.value ->> 1 is not null");
        }
    }
}

/// The key of a value.
const KEY: &str = "coalesce(t.value ->> 1, ''){binary}";
