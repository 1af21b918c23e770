//! Rows of the change log, for the batches of the changes.

use crate::audit::{Actor, AuditEntry};
use crate::clock::Timestamp;
use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::batch::Batch;
use crate::store::db::sql::Sql;
use crate::store::db::statement::{Statement, Step};
use crate::store::operator::act::{Act, KeptAnswer};
use std::sync::Arc;
use uuid::Uuid;

/// The author and the time of a change.
#[derive(Debug, Clone)]
pub(crate) struct Author {
    /// Public id of the token; `None` for the operator.
    pub(crate) token: Option<String>,
    /// Id of the request, with `:n` for operation n of a bulk request; `None` for a command of the operator.
    pub(crate) request: Option<String>,
    /// The time.
    pub(crate) at: Timestamp,
    /// The audit entry of the change, if it is an act of an operator.
    pub(crate) audit: Option<Arc<AuditedChange>>,
}

/// A change of a resource as an act of an operator.
#[derive(Debug, Clone)]
pub(crate) struct AuditedChange {
    /// The actor.
    pub(crate) by: Actor,
    /// The act.
    pub(crate) entry: AuditEntry,
    /// The response that is stored for repetitions of the request, if any.
    pub(crate) answer: Option<KeptAnswer>,
}

impl AuditedChange {
    /// The act at the time of the change.
    fn act(&self, at: Timestamp) -> Act<'_> {
        Act {
            by: &self.by,
            at,
            entry: self.entry.clone(),
            answer: self.answer.as_ref(),
            forgotten: None,
        }
    }
}

/// The kind of change of a resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ChangeAction {
    /// The resource was created.
    Create,
    /// Some of its attributes were changed.
    #[default]
    Modify,
    /// The resource was replaced (PUT).
    Replace,
    /// The resource was deleted.
    Delete,
}

impl ChangeAction {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Modify => "modify",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }

    pub(super) fn from_str(text: &str) -> Self {
        match text {
            "create" => Self::Create,
            "replace" => Self::Replace,
            "delete" => Self::Delete,
            _ => Self::Modify,
        }
    }
}

/// Properties of a change of a resource, in addition to the new state.
#[derive(Debug, Default)]
pub(in crate::store) struct ResourceChange<'a> {
    pub(in crate::store) action: ChangeAction,
    /// Names of the written attributes, separated by commas; attributes of extensions as `URN:name`.
    pub(in crate::store) attributes: &'a str,
    /// The previous values of changed attributes: a JSON object.
    pub(in crate::store) was: Option<&'a str>,
    /// The steps that return changed members.
    pub(in crate::store) members: MemberSteps,
}

/// The steps of a batch that return changed members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store) enum MemberSteps {
    /// None.
    #[default]
    None,
    /// `added`.
    Added,
    /// `removed`.
    Removed,
    /// `added` and `removed`.
    Both,
}

impl MemberSteps {
    fn has_added(self) -> bool {
        matches!(self, Self::Added | Self::Both)
    }

    fn has_removed(self) -> bool {
        matches!(self, Self::Removed | Self::Both)
    }
}

/// A change of one resource, for its batch.
#[derive(Debug)]
pub(in crate::store) struct Entry<'a> {
    pub(in crate::store) tenant: i64,
    /// The number of the change.
    pub(in crate::store) number: i64,
    pub(in crate::store) author: &'a Author,
    /// Whether the state of the resource is stored with the change.
    pub(in crate::store) keeps_documents: bool,
}

impl Entry<'_> {
    /// Adds the row for the resource that the step `written` returned, with its members if it changes them.
    pub(in crate::store) fn append(&self, batch: Batch, change: &ResourceChange<'_>) -> Batch {
        let was = change.was.filter(|_| self.keeps_documents);
        let mut values = self.values();
        values.extend([
            ("action", change.action.as_str().into()),
            ("attributes", change.attributes.into()),
            ("was", Arg::OptText(was.map(str::to_owned))),
        ]);
        let text = match change.members {
            MemberSteps::None => LOG,
            MemberSteps::Added => LOG_WITH_ADDED,
            MemberSteps::Removed => LOG_WITH_REMOVED,
            MemberSteps::Both => LOG_WITH_MEMBERS,
        };
        let batch = batch.then("logged", Step::bound(text, values));
        let batch = match &self.author.audit {
            Some(audit) => audit.act(self.author.at).follow(batch, "written"),
            None => batch,
        };
        self.append_members(batch, change.members)
    }

    /// Adds the rows for the members that the steps returned, if the step `written` returned the group.
    fn append_members(&self, mut batch: Batch, members: MemberSteps) -> Batch {
        let args = vec![Arg::Int(self.tenant), Arg::Int(self.number)];
        if members.has_added() {
            batch = batch.then("logged_added", Step::new(LOG_ADDED, args.clone()));
        }
        if members.has_removed() {
            batch = batch.then("logged_removed", Step::new(LOG_REMOVED, args));
        }
        batch
    }

    /// Adds the rows for the groups that the step `departed` returned, which lost a deleted resource as member. The
    /// first row has the number after that of this entry. `attributes` are the names of the attributes that list
    /// members, by the id of the resource type of the group.
    pub(in crate::store) fn append_departures(
        &self,
        batch: Batch,
        member: Uuid,
        type_id: i64,
        attributes: &[(i64, &str)],
    ) -> Batch {
        let args = vec![
            Arg::Int(self.tenant),
            Arg::Int(self.number),
            Arg::Uuid(member),
            Arg::Int(type_id),
        ];
        let mut sql = Sql::bound(self.values());
        sql.raw(LOG_DEPARTURES);
        for (type_id, attribute) in attributes {
            sql.raw(" when ")
                .int(*type_id)
                .raw(" then ")
                .arg((*attribute).into());
        }
        sql.raw(LOG_DEPARTURES_END);
        batch
            .then("logged_departures", sql.step())
            .then("logged_left", Step::new(LOG_LEFT, args))
    }

    /// The values that all rows have.
    fn values(&self) -> Vec<(&'static str, Arg)> {
        vec![
            ("tenant", Arg::Int(self.tenant)),
            ("number", Arg::Int(self.number)),
            ("token", Arg::OptText(self.author.token.clone())),
            ("at", Arg::Int(self.author.at.as_micros())),
            ("request", Arg::OptText(self.author.request.clone())),
            ("keeps", Arg::Bool(self.keeps_documents)),
        ]
    }
}

/// A change of one of several resources in a combined write.
#[derive(Debug)]
pub(in crate::store) struct GatheredChange {
    /// The key of the resource.
    pub(in crate::store) seq: i64,
    pub(in crate::store) author: Author,
    pub(in crate::store) action: ChangeAction,
    /// Names of the written attributes, separated by commas.
    pub(in crate::store) attributes: String,
    /// The previous values of changed attributes: a JSON object; `None` for a creation and if states are not stored.
    pub(in crate::store) was: Option<String>,
}

/// Adds a row for each of these changes whose resource the step `written` returned, with these numbers. The rows are in
/// the order of the numbers, and have the document of the resource if states are kept.
pub(in crate::store) fn append_gathered(
    batch: Batch,
    tenant: i64,
    changes: &[(i64, &GatheredChange)],
    keeps_documents: bool,
) -> Batch {
    let ints = |of: fn(&GatheredChange) -> i64| {
        Column::Ints(changes.iter().map(|(_, change)| of(change)).collect())
    };
    let texts = |of: fn(&GatheredChange) -> Option<&str>| {
        let texts = changes.iter().map(|(_, change)| of(change));
        Column::Texts(texts.collect())
    };
    let numbers = changes.iter().map(|(number, _)| *number).collect();
    let table = vec![
        ("at_seq", ints(|change| change.seq)),
        ("change", Column::Ints(numbers)),
        ("action", texts(|change| Some(change.action.as_str()))),
        ("attributes", texts(|change| Some(&change.attributes))),
        ("token", texts(|change| change.author.token.as_deref())),
        ("at", ints(|change| change.author.at.as_micros())),
        ("request", texts(|change| change.author.request.as_deref())),
        ("was", texts(|change| change.was.as_deref())),
    ];
    let args = vec![Arg::Int(tenant), Arg::Bool(keeps_documents)];
    let step = Step::new(LOG_GATHERED, args);
    batch.then("logged", step.with_rows(table))
}

/// A member that joins or leaves a group in a separate change.
#[derive(Debug)]
pub(in crate::store) struct MoveEntry<'a> {
    /// The number of the change.
    pub(in crate::store) number: i64,
    /// The key of the member.
    pub(in crate::store) member: i64,
    pub(in crate::store) joins: bool,
    pub(in crate::store) author: &'a Author,
}

/// The table parameter for [`append_moves`]: `place` of the move among all, `change`, `seq`, `joins`, `token`, `at`,
/// `request`.
pub(in crate::store) fn table_of_moves(moves: &[MoveEntry<'_>]) -> Table {
    let ints = |of: fn(&MoveEntry<'_>) -> i64| Column::Ints(moves.iter().map(of).collect());
    let tokens = moves.iter().map(|entry| entry.author.token.clone());
    let requests = moves.iter().map(|entry| entry.author.request.clone());
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
        ("request", Column::Texts(requests.collect())),
    ]
}

/// Adds a row for each move whose member the steps `added` or `removed` returned, if the step `written` returned the
/// group. The step `logged` returns `change` and the `version` of the group after it.
pub(in crate::store) fn append_moves(
    batch: Batch,
    tenant: i64,
    attribute: &str,
    table: &Table,
    keeps_documents: bool,
) -> Batch {
    let args = vec![
        Arg::Int(tenant),
        attribute.into(),
        Arg::Bool(keeps_documents),
    ];
    let changes = Step::new(LOG_MOVES, args).with_rows(table.clone());
    let members = Step::new(LOG_MOVED, vec![Arg::Int(tenant)]).with_rows(table.clone());
    batch
        .then("logged", changes.returning(&["change", "version"]))
        .then("logged_members", members)
}

/// The versions at which resources with these ids were deleted: the id and the version, or null, for each.
pub(in crate::store) fn last_deletions(tenant: i64, ids: &[Uuid]) -> Statement {
    let rows = vec![("id", Column::Uuids(ids.to_vec()))];
    Statement::named("change.last_deletions", DELETED, vec![Arg::Int(tenant)]).with_rows(rows)
}

/// Inserts a row; `{written}` returns the state of the resource.
macro_rules! log {
    ($members:literal) => {
        concat!(
            "insert into change (tenant, change, seq, id, version, action, attributes, token, at, request, was, document, \
               created, members) \
             select {:tenant}, {:number}, seq, id, version, {:action}, {:attributes}, {:token}, {:at}, {:request}, {:was}, \
               case when {:keeps} then document end, created, ",
            $members,
            " from {written}"
        )
    };
}

const LOG: &str = log!("0");
const LOG_WITH_ADDED: &str = log!("(select count(*) from {added})");
const LOG_WITH_REMOVED: &str = log!("(select count(*) from {removed})");
const LOG_WITH_MEMBERS: &str =
    log!("(select count(*) from {added}) + (select count(*) from {removed})");
const LOG_GATHERED: &str = "insert into change (tenant, change, seq, id, version, action, attributes, token, at, request, was, \
       document, created, members) \
     select $1, given.change, written.seq, written.id, written.version, given.action, given.attributes, given.token, given.at, \
       given.request, given.was, case when $2 then written.document end, written.created, 0 \
     from {rows} join {written} on written.seq = given.at_seq order by given.change";
/// The type of a member is in the upper bits of its key.
const LOG_ADDED: &str = "insert into change_member (tenant, change, id, added, kind) \
     select $1, $2, (select r.id from resource r where r.tenant = $1 and r.seq = added.member_seq), true, added.member_seq >> 56 \
     from {added} where exists (select 1 from {written})";
const LOG_REMOVED: &str = "insert into change_member (tenant, change, id, added, kind) \
     select $1, $2, (select r.id from resource r where r.tenant = $1 and r.seq = removed.member_seq), false, \
       removed.member_seq >> 56 \
     from {removed} where exists (select 1 from {written})";
const LOG_DEPARTURES: &str = "insert into change (tenant, change, seq, id, version, action, token, at, request, document, \
       created, members, attributes) \
     select {:tenant}, {:number} + row_number() over (order by seq), seq, id, version, 'modify', {:token}, {:at}, {:request}, \
       case when {:keeps} then document end, created, 1, case seq >> 56";
const LOG_DEPARTURES_END: &str = " else '' end from {departed}";
const LOG_LEFT: &str = "insert into change_member (tenant, change, id, added, kind) \
     select $1, $2 + row_number() over (order by seq), $3, false, $4 from {departed}";
/// The last of the moves has the current version of the group. Positions of the feed follow the order of the rows.
const LOG_MOVES: &str = "insert into change (tenant, change, seq, id, version, action, attributes, token, at, request, \
       document, created, members) \
     select $1, moved.change, written.seq, written.id, written.version - moved.later, 'modify', $2, moved.token, moved.at, \
       moved.request, case when $3 then written.document end, written.created, 1 \
     from {written} cross join (select change, token, at, request, row_number() over (order by change desc) - 1 as later from {rows} \
       where seq in (select member_seq from {added}) or seq in (select member_seq from {removed})) as moved \
     order by moved.change returning change, version";
const LOG_MOVED: &str = "insert into change_member (tenant, change, id, added, kind) \
     select $1, given.change, (select r.id from resource r where r.tenant = $1 and r.seq = given.seq), given.joins, given.seq >> 56 \
     from {rows} where given.change in (select change from {logged})";
const DELETED: &str = "select given.id, (select max(c.version) from change c where c.tenant = $1 and c.id = given.id \
     and c.action = 'delete') from {rows}";
