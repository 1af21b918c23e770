//! Conditions on memberships: `members` of a group, and `groups` of a user, direct and through
//! other groups. Elements are memberships: `seq` the owner of the attribute, `element` the other
//! resource.

use super::key::compare;
use super::select::Select;
use super::sequence::keys_of;
use crate::filter::Operator;
use crate::resource::Key;
use crate::schema::AttributePath;

/// A comparison, or `None` for presence.
type Condition<'a> = Option<(Operator, &'a Key)>;

/// Adds a query for the memberships of an attribute that meet a condition on one of its
/// sub-attributes; `None`: all memberships.
pub(super) fn elements(select: &mut Select<'_>, path: &AttributePath, condition: Option<Condition<'_>>) {
    let is_members = select.of_type.resource_type.members().is_some_and(|m| m.name() == path.attribute.name());
    if is_members { members(select, path, condition) } else { groups(select, path, condition) }
}

fn sub_name(path: &AttributePath) -> &str {
    path.sub.as_ref().map_or("value", |sub| sub.name().as_ref())
}

fn members(select: &mut Select<'_>, path: &AttributePath, condition: Option<Condition<'_>>) {
    let keys = keys_of(select.of_type.kind);
    let tenant = select.tenant;
    select.sql.raw("select group_seq as seq, member_seq as element from member where tenant = ").int(tenant);
    select.sql.raw(" and group_seq >= ").int(keys.start).raw(" and group_seq < ").int(keys.end);
    let Some(condition) = condition else { return };
    if sub_name(path) == "type" {
        return of_kinds(select, "member_seq", condition);
    }
    select.sql.raw(" and member_seq in (");
    others(select, sub_name(path), condition, false);
    select.sql.raw(")");
}

/// From the groups that meet the condition down to everything below them.
fn groups(select: &mut Select<'_>, path: &AttributePath, condition: Option<Condition<'_>>) {
    let tenant = select.tenant;
    let keys = keys_of(select.of_type.kind);
    let by_type = condition.is_some() && sub_name(path) == "type";
    select.sql.raw("select seq, element from (with recursive down(seq, element, indirect) as (");
    select.sql.raw("select member_seq, group_seq, 0 from member where tenant = ").int(tenant);
    if let (Some(condition), false) = (condition, by_type) {
        select.sql.raw(" and group_seq in (");
        others(select, sub_name(path), condition, true);
        select.sql.raw(")");
    }
    select.sql.raw(" union select m.member_seq, d.element, 1 from down d join member m on m.tenant = ").int(tenant);
    select.sql.raw(" and m.group_seq = d.seq) select seq, element, min(indirect) as indirect from down where seq >= ");
    select.sql.int(keys.start).raw(" and seq < ").int(keys.end).raw(" group by seq, element) as closure");
    if let (Some(Some((operator, key))), true) = (condition, by_type) {
        let holds = |kind: &str| holds(operator, &Key::text(kind, false), key);
        select.sql.raw(match (holds("direct"), holds("indirect")) {
            (true, true) => "",
            (true, false) => " where indirect = 0",
            (false, true) => " where indirect = 1",
            (false, false) => " where 1 = 0",
        });
    }
}

/// The resources at the other end that meet the condition.
fn others(select: &mut Select<'_>, sub: &str, condition: Condition<'_>, groups_only: bool) {
    let tenant = select.tenant;
    select.sql.raw("select seq from resource where tenant = ").int(tenant);
    if groups_only {
        of_kinds_where(select, "seq", |layout| layout.resource_type.members().is_some());
    }
    match (sub, condition) {
        ("display", Some((operator, key))) => {
            select.sql.raw(" and ");
            compare(select.sql, "display_key", "''", operator, key);
        }
        ("display", None) => {
            select.sql.raw(" and display_key <> ''");
        }
        (_, Some((operator, key))) => {
            select.sql.raw(" and ");
            select.id(operator, key);
        }
        (_, None) => {}
    }
}

fn of_kinds(select: &mut Select<'_>, column: &'static str, condition: Condition<'_>) {
    if let Some((operator, key)) = condition {
        of_kinds_where(select, column, |layout| holds(operator, &Key::text(layout.resource_type.name(), false), key));
    }
}

fn of_kinds_where(select: &mut Select<'_>, column: &'static str, fits: impl Fn(&super::layout::TypeLayout) -> bool) {
    select.sql.raw(" and (1 = 0");
    for kind in select.layout.types().iter().filter(|layout| fits(layout)).map(|layout| layout.kind) {
        let keys = keys_of(kind);
        select.sql.raw(" or (").raw(column).raw(" >= ").int(keys.start);
        select.sql.raw(" and ").raw(column).raw(" < ").int(keys.end).raw(")");
    }
    select.sql.raw(")");
}

/// The comparison itself, for values that are known here.
fn holds(operator: Operator, value: &Key, with: &Key) -> bool {
    operator.holds(value, with)
}
