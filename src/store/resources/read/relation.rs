//! Conditions on memberships: `members` of a group, and `groups` of a user, direct and through
//! other groups. Elements are memberships: `seq` the owner of the attribute, `element` the other
//! resource.
//!
//! A membership has few properties, and all are columns, so the condition of a value path becomes one expression over
//! the rows. `cross join` makes SQLite start from the other resource; without it the whole table can be read.

use crate::filter::{Operator, Predicate, Target};
use crate::resource::Key;
use crate::schema::AttributePath;
use crate::store::db::sql::Sql;
use crate::store::resources::ids::{CatalogIds, TypeIds};
use crate::store::resources::index_key::compare;
use crate::store::resources::read::columns::{IdColumn, compare_id};
use crate::store::resources::seq::keys_of_type;

/// Compiles conditions on the memberships of one resource type in one tenant.
#[derive(Debug)]
pub(in crate::store) struct RelationSelect<'a> {
    pub(in crate::store) tenant: i64,
    pub(in crate::store) layout: &'a CatalogIds,
    pub(in crate::store) of_type: &'a TypeIds,
    pub(in crate::store) sql: &'a mut Sql,
}

/// The attribute of the memberships.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Members,
    Groups,
}

/// Appends a query for the memberships of an attribute that match a condition; `None`: for all.
pub(in crate::store) fn elements(
    select: &mut RelationSelect<'_>,
    path: &AttributePath,
    condition: Option<&Predicate>,
) {
    let is_members = select
        .of_type
        .resource_type
        .members()
        .is_some_and(|m| m.name() == path.attribute.name());
    let always = Predicate::always();
    let condition = condition.unwrap_or(&always);
    if is_members {
        members(select, condition);
    } else {
        groups(select, condition);
    }
}

fn members(select: &mut RelationSelect<'_>, condition: &Predicate) {
    let keys = keys_of_type(select.of_type.type_id);
    let tenant = select.tenant;
    let by_other = asks(condition, &is_of_other);
    select
        .sql
        .raw("select m.group_seq as seq, m.member_seq as element from ");
    select.sql.raw(if by_other {
        "resource o cross join member m"
    } else {
        "member m"
    });
    select.sql.raw(" where m.tenant = ").int(tenant);
    select
        .sql
        .raw(" and m.group_seq >= ")
        .int(keys.start)
        .raw(" and m.group_seq < ")
        .int(keys.end);
    if by_other {
        select
            .sql
            .raw(" and o.tenant = ")
            .int(tenant)
            .raw(" and o.seq = m.member_seq");
    }
    select.sql.raw(" and ");
    meets(select, condition, Side::Members);
}

/// From the groups that match the condition down to all their members. The part of the condition about the kind of
/// membership is evaluated at the end.
fn groups(select: &mut RelationSelect<'_>, condition: &Predicate) {
    let terms = match condition {
        Predicate::All(terms) => terms.as_slice(),
        term => std::slice::from_ref(term),
    };
    let (of_way, of_group): (Vec<_>, Vec<_>) = terms
        .iter()
        .partition(|term| asks(term, &|path| !is_of_other(path)));
    let tenant = select.tenant;
    let keys = keys_of_type(select.of_type.type_id);
    select.sql.raw("select closure.seq, closure.element from (");
    down(select, &of_group);
    select
        .sql
        .raw(" select seq, element, min(indirect) as indirect from down where seq >= ")
        .int(keys.start);
    select
        .sql
        .raw(" and seq < ")
        .int(keys.end)
        .raw(" group by seq, element) as closure");
    if of_way.iter().any(|term| asks(term, &is_of_other)) {
        select
            .sql
            .raw(" cross join resource o where o.tenant = ")
            .int(tenant)
            .raw(" and o.seq = closure.element");
    } else {
        select.sql.raw(" where 1 = 1");
    }
    for term in of_way {
        select.sql.raw(" and ");
        meets(select, term, Side::Groups);
    }
}

/// Appends the common table of all members below the groups that match the terms.
fn down(select: &mut RelationSelect<'_>, of_group: &[&Predicate]) {
    let tenant = select.tenant;
    select.sql.raw(
        "with recursive down(seq, element, indirect) as (select m.member_seq, m.group_seq, 0 from ",
    );
    select.sql.raw(if of_group.is_empty() {
        "member m"
    } else {
        "resource o cross join member m"
    });
    select.sql.raw(" where m.tenant = ").int(tenant);
    if !of_group.is_empty() {
        select
            .sql
            .raw(" and o.tenant = ")
            .int(tenant)
            .raw(" and o.seq = m.group_seq and ");
        of_kinds(select, "o.seq", |layout| {
            layout.resource_type.members().is_some()
        });
    }
    for term in of_group {
        select.sql.raw(" and ");
        meets(select, term, Side::Groups);
    }
    select.sql.raw(" union select m.member_seq, d.element, 1 from down d cross join member m where m.tenant = ");
    select.sql.int(tenant).raw(" and m.group_seq = d.seq)");
}

/// Whether the condition contains a path of a kind.
fn asks(condition: &Predicate, sort: &dyn Fn(&AttributePath) -> bool) -> bool {
    match condition {
        Predicate::All(terms) | Predicate::Any(terms) => terms.iter().any(|term| asks(term, sort)),
        Predicate::Not(term) => asks(term, sort),
        Predicate::Compare {
            target: Target::Attribute(path),
            ..
        }
        | Predicate::Present(Target::Attribute(path)) => sort(path),
        _ => false,
    }
}

fn sub_name(path: &AttributePath) -> &str {
    path.sub.as_ref().map_or("value", |sub| sub.name().as_ref())
}

/// Whether the path belongs to the other resource, not to the membership.
fn is_of_other(path: &AttributePath) -> bool {
    sub_name(path) != "type"
}

/// Adds the condition as an expression.
fn meets(select: &mut RelationSelect<'_>, condition: &Predicate, side: Side) {
    match condition {
        Predicate::All(terms) => listed(select, terms, side, "1 = 1", " and "),
        Predicate::Any(terms) => listed(select, terms, side, "1 = 0", " or "),
        Predicate::Not(term) => {
            select.sql.raw("not (");
            meets(select, term, side);
            select.sql.raw(")");
        }
        Predicate::Present(Target::Attribute(path)) if sub_name(path) == "display" => {
            select
                .sql
                .raw("(o.display_key is not null and o.display_key <> '')");
        }
        Predicate::Present(_) => {
            select.sql.raw("1 = 1");
        }
        Predicate::Compare {
            target: Target::Attribute(path),
            operator,
            key,
        } => {
            compares(select, sub_name(path), side, *operator, key);
        }
        // A membership has no other properties.
        Predicate::Compare { .. } | Predicate::Element { .. } => {
            select.sql.raw("1 = 0");
        }
    }
}

fn listed(
    select: &mut RelationSelect<'_>,
    terms: &[Predicate],
    side: Side,
    none: &'static str,
    between: &'static str,
) {
    if terms.is_empty() {
        select.sql.raw(none);
        return;
    }
    for (i, term) in terms.iter().enumerate() {
        select.sql.raw(if i > 0 { between } else { "(" });
        meets(select, term, side);
    }
    select.sql.raw(")");
}

fn compares(select: &mut RelationSelect<'_>, sub: &str, side: Side, operator: Operator, key: &Key) {
    match (sub, side) {
        ("display", _) => {
            select.sql.raw("(o.display_key is not null and ");
            compare(select.sql, "o.display_key", None, operator, key);
            select.sql.raw(")");
        }
        ("type", Side::Members) => of_kinds(select, "m.member_seq", |layout| {
            operator.holds(&Key::text(layout.resource_type.name(), false), key)
        }),
        ("type", Side::Groups) => {
            let holds = |way: &str| operator.holds(&Key::text(way, false), key);
            select.sql.raw(match (holds("direct"), holds("indirect")) {
                (true, true) => "1 = 1",
                (true, false) => "closure.indirect = 0",
                (false, true) => "closure.indirect = 1",
                (false, false) => "1 = 0",
            });
        }
        _ => compare_id(select.sql, IdColumn::OTHER, operator, key),
    }
}

/// Appends the condition that a key belongs to one of the matching types.
fn of_kinds(
    select: &mut RelationSelect<'_>,
    column: &'static str,
    fits: impl Fn(&TypeIds) -> bool,
) {
    let kinds: Vec<_> = select
        .layout
        .types()
        .iter()
        .filter(|layout| fits(layout))
        .map(|layout| layout.type_id)
        .collect();
    if kinds.is_empty() {
        select.sql.raw("1 = 0");
    }
    for (i, keys) in kinds.iter().map(|kind| keys_of_type(*kind)).enumerate() {
        select
            .sql
            .raw(if i > 0 { " or " } else { "(" })
            .raw(column)
            .raw(" >= ")
            .int(keys.start);
        select.sql.raw(" and ").raw(column).raw(" < ").int(keys.end);
    }
    select.sql.raw(if kinds.is_empty() { "" } else { ")" });
}
