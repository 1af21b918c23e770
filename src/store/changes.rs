//! The change log: a row for each change of a resource, written in the batch that makes the change, and a row for
//! each member that joined or left with it.
//!
//! This file alone names the tables `change` and `change_member`. A change has a number of its tenant, which grows
//! with the time at which the change was made.

use crate::audit::{Actor, AuditEntry};
use crate::clock::Timestamp;
use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::batch::Batch;
use crate::store::db::sql::Sql;
use crate::store::db::statement::{Statement, Step};
use crate::store::operator::act::{WRITTEN, audited};
use std::sync::Arc;
use uuid::Uuid;

/// Who makes a change, and when.
#[derive(Debug, Clone)]
pub struct Author {
    /// Public id of the token; `None` for the operator.
    pub token: Option<String>,
    /// The moment.
    pub at: Timestamp,
    /// What the audit trail says of the change, if it is an act of an operator.
    pub audit: Option<Arc<AuditedChange>>,
}

/// A change of a resource as an act of an operator.
#[derive(Debug, Clone)]
pub struct AuditedChange {
    /// Who acts.
    pub by: Actor,
    /// What is done.
    pub entry: AuditEntry,
}

/// What was done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Action {
    Create,
    Modify,
    Delete,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Modify => "modify",
            Self::Delete => "delete",
        }
    }
}

/// A change of one resource, for the batch that makes it.
#[derive(Debug)]
pub(in crate::store) struct Entry<'a> {
    pub(in crate::store) tenant: i64,
    /// The number of the change.
    pub(in crate::store) number: i64,
    pub(in crate::store) author: &'a Author,
}

impl Entry<'_> {
    /// Adds the row for the resource that the step `written` returned. `attributes` are the names of those that were
    /// written, joined by commas.
    pub(in crate::store) fn append(&self, batch: Batch, action: Action, attributes: &str) -> Batch {
        let args = vec![
            Arg::Int(self.tenant),
            Arg::Int(self.number),
            action.as_str().into(),
            attributes.into(),
            self.token(),
            self.at(),
        ];
        let batch = batch.then("logged", Step::new(LOG, args));
        match &self.author.audit {
            Some(audit) => batch.and(audited(&audit.by, self.author.at, &audit.entry, WRITTEN)),
            None => batch,
        }
    }

    /// Adds the rows for the members that the steps `added` and `removed` returned, if the step `written` returned
    /// the group.
    pub(in crate::store) fn append_members(&self, batch: Batch) -> Batch {
        let args = vec![Arg::Int(self.tenant), Arg::Int(self.number)];
        batch
            .then("logged_added", Step::new(LOG_ADDED, args.clone()))
            .then("logged_removed", Step::new(LOG_REMOVED, args))
    }

    /// Adds the rows for the groups that the step `departed` returned, which a deleted resource has left. The first
    /// of them has the number after that of this entry. `attributes` are the names of the attributes that list
    /// members, by the id of the resource type of the group.
    pub(in crate::store) fn append_departures(
        &self,
        batch: Batch,
        member: Uuid,
        attributes: &[(i64, &str)],
        key_of_type: i64,
    ) -> Batch {
        let args = vec![
            Arg::Int(self.tenant),
            Arg::Int(self.number),
            Arg::Uuid(member),
        ];
        let mut sql = Sql::bound(vec![
            ("tenant", Arg::Int(self.tenant)),
            ("number", Arg::Int(self.number)),
            ("token", self.token()),
            ("at", self.at()),
            ("key_of_type", Arg::Int(key_of_type)),
        ]);
        sql.raw(LOG_DEPARTURES);
        for (type_id, attribute) in attributes {
            sql.raw(" when ")
                .int(*type_id)
                .raw(" then ")
                .arg((*attribute).into());
        }
        sql.raw(" else '' end, {:token}, {:at} from {departed}");
        batch
            .then("logged_departures", sql.step())
            .then("logged_left", Step::new(LOG_LEFT, args))
    }

    fn token(&self) -> Arg {
        Arg::OptText(self.author.token.clone())
    }

    fn at(&self) -> Arg {
        Arg::Int(self.author.at.as_micros())
    }
}

/// A member that joins or leaves a group in a change of its own.
#[derive(Debug)]
pub(in crate::store) struct MoveEntry<'a> {
    /// The number of the change.
    pub(in crate::store) number: i64,
    /// The key of the member.
    pub(in crate::store) member: i64,
    pub(in crate::store) joins: bool,
    pub(in crate::store) author: &'a Author,
}

/// The table parameter for [`append_moves`]: `place` of the move among all, `change`, `seq`, `joins`, `token`, `at`.
pub(in crate::store) fn table_of_moves(moves: &[MoveEntry<'_>]) -> Table {
    let ints = |of: fn(&MoveEntry<'_>) -> i64| Column::Ints(moves.iter().map(of).collect());
    let tokens = moves.iter().map(|entry| entry.author.token.clone());
    vec![
        ("place", Column::Ints((0..).take(moves.len()).collect())),
        ("change", ints(|entry| entry.number)),
        ("seq", ints(|entry| entry.member)),
        (
            "joins",
            Column::Bools(moves.iter().map(|entry| entry.joins).collect()),
        ),
        ("token", Column::Texts(tokens.collect())),
        ("at", ints(|entry| entry.author.at.as_micros())),
    ]
}

/// Adds the rows for moves of which the steps `added` and `removed` returned the members, a change each, if the step
/// `written` returned the group. The step `logged` returns `change` and the `version` of the group after it.
pub(in crate::store) fn append_moves(
    batch: Batch,
    tenant: i64,
    attribute: &str,
    table: &Table,
) -> Batch {
    let args = vec![Arg::Int(tenant), attribute.into()];
    let changes = Step::new(LOG_MOVES, args).with_rows(table.clone());
    let members = Step::new(LOG_MOVED, vec![Arg::Int(tenant)]).with_rows(table.clone());
    batch
        .then("logged", changes.returning(&["change", "version"]))
        .then("logged_members", members)
}

/// The versions under which resources of these ids were deleted: an id and the version, or null, for each.
pub(in crate::store) fn last_deletions(tenant: i64, ids: &[Uuid]) -> Statement {
    let rows = vec![("id", Column::Uuids(ids.to_vec()))];
    Statement::named("change.last_deletions", DELETED, vec![Arg::Int(tenant)]).with_rows(rows)
}

/// Statements that each delete a slice of the rows of a tenant, until none is left.
pub(in crate::store) const DELETE_SLICE: [&str; 2] = [
    "delete from change_member where tenant = $1 and (change, id) in \
     (select change, id from change_member where tenant = $1 limit 2000) returning tenant",
    "delete from change where tenant = $1 and change in \
     (select change from change where tenant = $1 limit 2000) returning tenant",
];
/// Statements that delete all rows of a tenant, with names of steps.
pub(in crate::store) const DELETE_ALL: [(&str, &str); 2] = [
    (
        "change_members",
        "delete from change_member where tenant = $1",
    ),
    ("changes", "delete from change where tenant = $1"),
];

const LOG: &str = "insert into change (tenant, change, seq, id, version, action, attributes, token, at) \
     select $1, $2, seq, id, version, $3, $4, $5, $6 from {written}";
const LOG_ADDED: &str = "insert into change_member (tenant, change, id, added) \
     select $1, $2, (select r.id from resource r where r.tenant = $1 and r.seq = added.member_seq), true \
     from {added} where exists (select 1 from {written})";
const LOG_REMOVED: &str = "insert into change_member (tenant, change, id, added) \
     select $1, $2, (select r.id from resource r where r.tenant = $1 and r.seq = removed.member_seq), false \
     from {removed} where exists (select 1 from {written})";
const LOG_DEPARTURES: &str = "insert into change (tenant, change, seq, id, version, action, attributes, token, at) \
     select {:tenant}, {:number} + row_number() over (order by seq), seq, id, version, 'modify', \
     case seq / {:key_of_type}";
const LOG_LEFT: &str = "insert into change_member (tenant, change, id, added) \
     select $1, $2 + row_number() over (order by seq), $3, false from {departed}";
/// The last of the moves has the version that the group has now.
const LOG_MOVES: &str = "insert into change (tenant, change, seq, id, version, action, attributes, token, at) \
     select $1, moved.change, written.seq, written.id, written.version - moved.later, 'modify', $2, moved.token, moved.at \
     from {written} cross join (select change, token, at, row_number() over (order by change desc) - 1 as later from {rows} \
       where seq in (select member_seq from {added}) or seq in (select member_seq from {removed})) as moved \
     returning change, version";
const LOG_MOVED: &str = "insert into change_member (tenant, change, id, added) \
     select $1, given.change, (select r.id from resource r where r.tenant = $1 and r.seq = given.seq), given.joins \
     from {rows} where given.change in (select change from {logged})";
const DELETED: &str = "select given.id, (select max(c.version) from change c where c.tenant = $1 and c.id = given.id \
     and c.action = 'delete') from {rows}";
