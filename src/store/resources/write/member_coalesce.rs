//! Changes of one member each, of one group, that are asked for at the same moment are made
//! together: one after the other they would wait for each other's commit. Each keeps a version and a
//! row of the change log of its own, as if they had come one after the other.

use crate::store::db::leader::{Duty, Queues};
use crate::store::db::statement::{Arg, Batch, Column, Statement, Table};
use crate::store::resources::write::member::{ADD, CLAIM, REMOVE, rows};
use crate::store::resources::write::{Author, Change, Writing};
use crate::store::{Store, StoreError};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Changes that are made together, at most.
const MOST: usize = 64;

/// A group, by its tenant and key, and the name of the attribute that lists its members.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Group {
    tenant: i64,
    seq: i64,
    attribute: Arc<str>,
}

/// Changes that wait while others of their group are made.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct MemberChanges(Arc<Queues<Group, Asked>>);

/// A member who joins or leaves.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Move {
    pub(in crate::store) member: i64,
    pub(in crate::store) joins: bool,
}

#[derive(Debug)]
struct Asked {
    moved: Move,
    author: Author,
    answer: oneshot::Sender<Result<Change, StoreError>>,
}

impl Store {
    /// Adds a member to a group, or removes one, whatever version the group has.
    pub(in crate::store) async fn move_member(
        &self,
        writing: &Writing<'_>,
        group: i64,
        moved: Move,
    ) -> Result<Change, StoreError> {
        let attribute = writing
            .of_type
            .resource_type
            .members()
            .map_or_else(Arc::default, |members| members.name().as_ref().into());
        let group = Group {
            tenant: writing.scope.tenant,
            seq: group,
            attribute,
        };
        let (answer, answered) = oneshot::channel();
        let asked = Asked {
            moved,
            author: writing.author.clone(),
            answer,
        };
        if let Some(duty) = self.member_changes.0.join(group, asked) {
            // In a task of its own: whoever gives up waiting must not take the others along.
            tokio::spawn(self.clone().serve_group(duty));
        }
        answered
            .await
            .unwrap_or(Err(StoreError::Away(sqlx::Error::WorkerCrashed)))
    }

    async fn serve_group(self, mut duty: Duty<Group, Asked>) {
        while let Some(asked) = duty.next(compatible) {
            match self.move_members(duty.kind(), &asked).await {
                Ok(changes) => asked
                    .into_iter()
                    .zip(changes)
                    .for_each(|(one, change)| one.tell(Ok(change))),
                Err(error) if error.of_all().is_some() => {
                    let errors = std::iter::repeat_with(|| error.of_all()).flatten();
                    asked
                        .into_iter()
                        .zip(errors)
                        .for_each(|(one, error)| one.tell(Err(error)));
                }
                // Each by itself, so that the trouble of one is not that of the others.
                Err(_) if asked.len() > 1 => {
                    for one in asked {
                        let changes = self
                            .move_members(duty.kind(), std::slice::from_ref(&one))
                            .await;
                        one.tell(
                            changes
                                .map(|changes| changes.first().copied().unwrap_or(Change::Stale)),
                        );
                    }
                }
                Err(error) => asked
                    .into_iter()
                    .take(1)
                    .zip([error])
                    .for_each(|(one, error)| one.tell(Err(error))),
            }
        }
    }

    /// What became of each.
    async fn move_members(
        &self,
        group: &Group,
        asked: &[Asked],
    ) -> Result<Vec<Change>, StoreError> {
        let number = |one: &Asked| self.sequence.for_change(one.author.at);
        let rows = self
            .write_retrying(|| batch(group, asked, asked.iter().map(number).collect()))
            .await?;
        let nothing = if rows.is_empty() {
            Change::Stale
        } else {
            Change::Nothing
        };
        let mut changes = vec![nothing; asked.len()];
        for row in &rows {
            let Some(place) = row
                .opt_int(0)?
                .and_then(|place| usize::try_from(place).ok())
            else {
                continue;
            };
            if let Some(change) = changes.get_mut(place) {
                *change = Change::Done(row.int(1)?);
            }
        }
        Ok(changes)
    }
}

impl Asked {
    /// Who has gone does not hear it; it stands all the same.
    fn tell(self, change: Result<Change, StoreError>) {
        drop(self.answer.send(change));
    }
}

/// The first of those that wait, but not two about the same member: the later one has to find what the
/// earlier one made.
fn compatible(waiting: &mut Vec<Asked>) -> Vec<Asked> {
    let mut members = BTreeSet::new();
    let is_first = |one: &Asked| members.len() < MOST && members.insert(one.moved.member);
    let (taken, left) = std::mem::take(waiting).into_iter().partition(is_first);
    *waiting = left;
    taken
}

fn batch(group: &Group, asked: &[Asked], changes: Vec<i64>) -> Batch {
    let target = vec![Arg::Int(group.tenant), Arg::Int(group.seq)];
    let with = |more: Vec<Arg>| target.iter().cloned().chain(more).collect::<Vec<_>>();
    let moving = |joins: bool| {
        asked
            .iter()
            .filter(|one| one.moved.joins == joins)
            .map(|one| one.moved.member)
            .collect()
    };
    let latest = asked
        .iter()
        .map(|one| one.author.at.as_micros())
        .max()
        .unwrap_or(0);
    let table = table(asked, changes);
    Batch::default()
        .then("claimed", Statement::new(CLAIM, with(vec![Arg::Int(0)])))
        .then(
            "removed",
            Statement::new(REMOVE, target.clone()).with_rows(rows(&moving(false))),
        )
        .then(
            "added",
            Statement::new(ADD, target.clone()).with_rows(rows(&moving(true))),
        )
        .then(
            "written",
            Statement::new(BUMP, with(vec![Arg::Int(latest)])),
        )
        .then(
            "logged",
            Statement::new(
                LOG,
                vec![Arg::Int(group.tenant), group.attribute.as_ref().into()],
            )
            .with_rows(table.clone()),
        )
        .then(
            "logged_members",
            Statement::new(LOG_MEMBERS, vec![Arg::Int(group.tenant)]).with_rows(table.clone()),
        )
        .then("answer", Statement::new(ANSWER, vec![]).with_rows(table))
}

fn table(asked: &[Asked], changes: Vec<i64>) -> Table {
    vec![
        ("place", Column::Ints((0..).take(asked.len()).collect())),
        ("change", Column::Ints(changes)),
        (
            "seq",
            Column::Ints(asked.iter().map(|one| one.moved.member).collect()),
        ),
        (
            "joins",
            Column::Bools(asked.iter().map(|one| one.moved.joins).collect()),
        ),
        (
            "token",
            Column::Texts(asked.iter().map(|one| one.author.token.clone()).collect()),
        ),
        (
            "at",
            Column::Ints(asked.iter().map(|one| one.author.at.as_micros()).collect()),
        ),
    ]
}

const BUMP: &str = "update resource set modified = $3, \
     version = version + (select count(*) from {removed}) + (select count(*) from {added}) \
     where tenant = $1 and seq = $2 and (exists (select 1 from {removed}) or exists (select 1 from {added})) \
     returning seq, id, version";
/// The last of them has the version that the group has now.
const LOG: &str = "insert into change (tenant, change, seq, id, version, action, attributes, token, at) \
     select $1, moved.change, written.seq, written.id, written.version - moved.later, 'modify', $2, moved.token, moved.at \
     from {written} cross join (select change, token, at, row_number() over (order by change desc) - 1 as later from {rows} \
       where seq in (select member_seq from {added}) or seq in (select member_seq from {removed})) as moved \
     returning change, version";
const LOG_MEMBERS: &str = "insert into change_member (tenant, change, id, added) \
     select $1, given.change, (select r.id from resource r where r.tenant = $1 and r.seq = given.seq), given.joins \
     from {rows} where given.change in (select change from {logged})";
/// No row: the group is gone. A null: nothing had to be changed.
const ANSWER: &str = "select place, version from {rows} cross join {logged} where logged.change = given.change \
     union all select null, null from {claimed} where not exists (select 1 from {logged})";
