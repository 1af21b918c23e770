//! The steps that change the members of a group.
//!
//! All batches lock in one order: the group, then the members, then the rows between them.

use crate::store::db::args::{Arg, Column};
use crate::store::db::statement::Step;
use crate::store::resources::read::stored::StoredResource;
use crate::store::resources::write::context::WriteContext;
use std::collections::BTreeSet;

// Each row is looked up individually: for a small group or table a planner chooses a scan, and keeps that plan for a
// large one. Rows that are selected by their physical place are also compared with tenant and group, with `+ 0` to
// avoid an index.

/// A concurrently deleted resource is not added; the result is the same as adding it before its deletion.
macro_rules! add_after {
    ($guard:literal) => {
        concat!(
            "insert into member (tenant, group_seq, member_seq) select $1, $2, seq from resource \
             where {row_among:tenant = $1 and seq}(select (select r.{row:seq} from resource r where r.tenant = $1 and r.seq = given.seq) \
               from {rows} where exists (select 1 from ", $guard, "))) and tenant + 0 = $1 order by seq{for_key_share} \
             on conflict do nothing returning member_seq"
        )
    };
}

macro_rules! remove_after {
    ($guard:literal) => {
        concat!(
            "delete from member where \
             {row_among:tenant = $1 and group_seq = $2 and member_seq}(select (select m.{row:member_seq} from member m \
               where m.tenant = $1 and m.group_seq = $2 and m.member_seq = given.seq) \
               from {rows} where exists (select 1 from ", $guard, "))) and tenant + 0 = $1 and group_seq + 0 = $2 returning member_seq"
        )
    };
}

macro_rules! clear_after {
    ($guard:literal) => {
        concat!(
            "delete from member where tenant = $1 and group_seq = $2 \
             and member_seq not in (select seq from {rows}) and exists (select 1 from ",
            $guard,
            ") returning member_seq"
        )
    };
}

/// The text of a statement for each step that can precede it.
macro_rules! after {
    ($text:ident, $guard:expr) => {
        match $guard {
            Guard::Claimed => $text!("{claimed}"),
            Guard::NewDocument => $text!("{written}"),
        }
    };
}

/// The earlier step that must have returned the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Guard {
    /// `claimed`: the batch changes members alone.
    Claimed,
    /// `written`: the batch writes the document of the group.
    NewDocument,
}

/// Locks a group, if it exists in the required version.
pub(in crate::store) fn claim(writing: &WriteContext<'_>, group: &StoredResource) -> Step {
    claim_of(writing.scope.tenant, group.seq, writing.version(group))
}

/// Locks a group of a tenant, if it exists in the version, or in any version if that is 0.
pub(in crate::store) fn claim_of(tenant: i64, group: i64, version: Arg) -> Step {
    let args = vec![Arg::Int(tenant), Arg::Int(group), version];
    Step::new(CLAIM, args).returning(&["seq"])
}

/// A change of the members of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum MemberStep {
    /// The given members are added.
    Add,
    /// The given members are removed.
    Remove,
    /// All members except the given ones are removed.
    RemoveOthers,
}

/// Changes the members of a group.
pub(in crate::store) fn change(
    step: MemberStep,
    guard: Guard,
    tenant: i64,
    group: i64,
    members: &BTreeSet<i64>,
) -> Step {
    let text = match step {
        MemberStep::Add => after!(add_after, guard),
        MemberStep::Remove => after!(remove_after, guard),
        MemberStep::RemoveOthers => after!(clear_after, guard),
    };
    let rows = vec![("seq", Column::Ints(members.iter().copied().collect()))];
    Step::new(text, vec![Arg::Int(tenant), Arg::Int(group)])
        .with_rows(rows)
        .returning(MEMBERS)
}

/// Removes no member.
pub(in crate::store) fn remove_none() -> Step {
    Step::new(REMOVE_NONE, vec![]).returning(MEMBERS)
}

/// The columns that a change of members returns.
pub(in crate::store) const MEMBERS: &[&str] = &["member_seq"];

const CLAIM: &str = "select seq from resource where tenant = $1 and seq = $2 and ($3 = 0 or version = $3){for_no_key_update}";
const REMOVE_NONE: &str = "delete from member where 1 = 0 returning member_seq";
