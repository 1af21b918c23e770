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
use crate::store::resources::read::columns::{IdColumn, compare_id, id_of};
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
    let others = Others::of(terms(condition));
    select
        .sql
        .raw("select m.group_seq as seq, m.member_seq as element from ");
    others.begin(select.sql);
    select.sql.raw("m.tenant = ").int(tenant);
    select
        .sql
        .raw(" and m.group_seq >= ")
        .int(keys.start)
        .raw(" and m.group_seq < ")
        .int(keys.end);
    others.join(select.sql, tenant, "m.member_seq");
    select.sql.raw(" and ");
    meets(select, condition, Side::Members);
}

/// The other resources of memberships, in a query for memberships `m`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    /// The condition does not need them.
    None,
    /// One, by its id. PostgreSQL has to start from it and look up its memberships: while it expects few resources it
    /// would read all of them.
    One,
    /// Any number, `o`.
    Any,
}

impl Others {
    /// The kind that a conjunction needs.
    fn of<'a>(terms: impl IntoIterator<Item = &'a Predicate> + Clone) -> Self {
        let has_id = |term: &Predicate| match term {
            Predicate::Compare {
                target: Target::Attribute(path),
                operator: Operator::Equal,
                key,
            } => sub_name(path) == "value" && id_of(key).is_some(),
            _ => false,
        };
        if terms.clone().into_iter().any(has_id) {
            Self::One
        } else if terms.into_iter().any(|term| asks(term, &is_of_other)) {
            Self::Any
        } else {
            Self::None
        }
    }

    /// Appends the tables, up to the conditions of memberships.
    fn begin(self, sql: &mut Sql) {
        sql.raw(match self {
            Self::None => "member m where ",
            Self::One => "resource o cross join {each:member m} ",
            Self::Any => "resource o cross join member m where ",
        });
    }

    /// Ends the conditions of memberships; `column` has the key of the other resource.
    fn join(self, sql: &mut Sql, tenant: i64, column: &'static str) {
        match self {
            Self::None => return,
            Self::One => sql
                .raw(" and ")
                .raw(column)
                .raw(" = o.seq{end_each:m} where o.tenant + 0 = "),
            Self::Any => sql.raw(" and ").raw(column).raw(" = o.seq and o.tenant = "),
        };
        sql.int(tenant);
    }
}

/// The parts of a conjunction.
fn terms(condition: &Predicate) -> &[Predicate] {
    match condition {
        Predicate::All(terms) => terms,
        term => std::slice::from_ref(term),
    }
}

/// From the groups that match the condition down to all their members. The part of the condition about the kind of
/// membership is evaluated at the end.
fn groups(select: &mut RelationSelect<'_>, condition: &Predicate) {
    let (of_way, of_group): (Vec<_>, Vec<_>) = terms(condition)
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
            .raw(" cross join {each:resource o} o.tenant = ")
            .int(tenant)
            .raw(" and o.seq = closure.element{end_each:o}");
    }
    select.sql.raw(" where 1 = 1");
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
    let others = Others::of(of_group.iter().copied());
    others.begin(select.sql);
    select.sql.raw("m.tenant = ").int(tenant);
    others.join(select.sql, tenant, "m.group_seq");
    if others != Others::None {
        select.sql.raw(" and ");
        let column = if others == Others::One {
            "o.seq + 0"
        } else {
            "o.seq"
        };
        of_kinds(select, column, |layout| {
            layout.resource_type.members().is_some()
        });
    }
    for term in of_group {
        select.sql.raw(" and ");
        meets(select, term, Side::Groups);
    }
    select.sql.raw(" union select m.member_seq, d.element, 1 from down d cross join {each:member m} m.tenant = ");
    select
        .sql
        .int(tenant)
        .raw(" and m.group_seq = d.seq{end_each:m})");
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
