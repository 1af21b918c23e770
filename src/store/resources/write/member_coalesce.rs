//! Coalescing of changes of one member each: concurrent changes of one group are executed with one batch, because
//! sequential ones would wait for each other's commit. Each has a separate version and entry of the change log, as if
//! they were sequential.

use crate::store::changes::append::{MoveEntry, append_moves, table_of_moves};
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::leader::Leader;
use crate::store::db::statement::Step;
use crate::store::handle::Store;
use crate::store::resources::read::stored::StoredResource;
use crate::store::resources::write::context::{WriteContext, WriteOutcome};
use crate::store::resources::write::member_delta::MemberMove;
use crate::store::resources::write::member_queue::{Group, MemberRequest};
use crate::store::resources::write::member_steps::{Guard, MemberStep, change, claim_of};
use crate::store::resources::write::steps::WRITTEN;
use crate::trace::{self, CallerSpan};
use std::collections::BTreeSet;
use tokio::sync::oneshot;
use tracing::Instrument;

/// Maximum number of combined changes.
const MAX: usize = 64;

impl Store {
    /// Adds a member to a group, or removes one, regardless of the version of the group.
    pub(in crate::store) async fn move_member(
        &self,
        writing: &WriteContext<'_>,
        found: &StoredResource,
        moved: MemberMove,
    ) -> Result<WriteOutcome, StoreError> {
        let resource_type = &writing.of_type.resource_type;
        let group = Group::of(writing.scope.tenant, resource_type, found.id);
        let (answer, answered) = oneshot::channel();
        let request = MemberRequest {
            group: found.seq,
            moved,
            author: writing.author.clone(),
            origin: CallerSpan::current(),
            answer,
        };
        if let Some(leader) = self.member_queue.join(group, request) {
            // In a separate task: a cancelled caller must not cancel the others.
            tokio::spawn(self.clone().serve_group(leader));
        }
        answered
            .await
            .unwrap_or(Err(StoreError::Away(sqlx::Error::WorkerCrashed)))
    }

    /// Executes the waiting changes of a group, until none waits.
    pub(super) async fn serve_group(self, mut leader: Leader<Group, MemberRequest>) {
        while let Some(requests) = leader.next(compatible) {
            let coalescing = &self.engine.metrics().coalescing;
            coalescing.member_changes.note_group(requests.len());
            let span = trace::shared(
                "coalesced member changes",
                requests.iter().map(|one| &one.origin),
            );
            let moving = self.move_members(leader.key(), &requests);
            match moving.instrument(span).await {
                Ok(changes) => requests
                    .into_iter()
                    .zip(changes)
                    .for_each(|(one, change)| one.respond(Ok(change))),
                Err(error) if error.of_all().is_some() => {
                    let errors = std::iter::repeat_with(|| error.of_all()).flatten();
                    requests
                        .into_iter()
                        .zip(errors)
                        .for_each(|(one, error)| one.respond(Err(error)));
                }
                // Each separately, so that the error of one does not affect the others.
                Err(_) if requests.len() > 1 => {
                    for one in requests {
                        let changes = self
                            .move_members(leader.key(), std::slice::from_ref(&one))
                            .await;
                        one.respond(changes.map(|changes| {
                            changes.first().copied().unwrap_or(WriteOutcome::Stale)
                        }));
                    }
                }
                Err(error) => requests
                    .into_iter()
                    .take(1)
                    .zip([error])
                    .for_each(|(one, error)| one.respond(Err(error))),
            }
        }
    }

    /// The result of each.
    async fn move_members(
        &self,
        group: &Group,
        requests: &[MemberRequest],
    ) -> Result<Vec<WriteOutcome>, StoreError> {
        let number = |one: &MemberRequest| self.sequence.for_change(one.author.at);
        let rows = self
            .engine
            .write_retrying(|| {
                let numbers = requests.iter().map(number).collect();
                batch(group, requests, numbers, self.keeps_documents)
            })
            .await?;
        self.changes_made.notify_one();
        let nothing = if rows.is_empty() {
            WriteOutcome::Stale
        } else {
            WriteOutcome::Nothing
        };
        let mut changes = vec![nothing; requests.len()];
        for row in &rows {
            let Some(place) = row
                .opt_int(0)?
                .and_then(|place| usize::try_from(place).ok())
            else {
                continue;
            };
            if let Some(change) = changes.get_mut(place) {
                *change = WriteOutcome::Done(row.int(1)?);
            }
        }
        Ok(changes)
    }
}

/// The first waiting changes, but not two of the same member: the later one has to see the result of the earlier one.
fn compatible(waiting: &mut Vec<MemberRequest>) -> Vec<MemberRequest> {
    let mut members = BTreeSet::new();
    let is_first = |one: &MemberRequest| members.len() < MAX && members.insert(one.moved.member);
    let (taken, left) = std::mem::take(waiting).into_iter().partition(is_first);
    *waiting = left;
    taken
}

fn batch(
    group: &Group,
    requests: &[MemberRequest],
    changes: Vec<i64>,
    keeps_documents: bool,
) -> Batch {
    let moving = |joins: bool| {
        requests
            .iter()
            .filter(|one| one.moved.joins == joins)
            .map(|one| one.moved.member)
            .collect()
    };
    let latest = requests
        .iter()
        .map(|one| one.author.at.as_micros())
        .max()
        .unwrap_or(0);
    let moves: Vec<_> = requests
        .iter()
        .zip(changes)
        .map(|(one, number)| MoveEntry {
            number,
            member: one.moved.member,
            joins: one.moved.joins,
            author: &one.author,
        })
        .collect();
    let seq = requests.first().map_or(0, |one| one.group);
    let (tenant, table) = (group.tenant, table_of_moves(&moves));
    let bump = vec![Arg::Int(tenant), Arg::Int(seq), Arg::Int(latest)];
    let moved = |step, joins| change(step, Guard::Claimed, tenant, seq, &moving(joins));
    let batch = Batch::new("member.move")
        .then("claimed", claim_of(tenant, seq, Arg::Int(0)))
        .then("removed", moved(MemberStep::Remove, false))
        .then("added", moved(MemberStep::Add, true))
        .then("written", Step::new(BUMP, bump).returning(WRITTEN));
    append_moves(batch, tenant, &group.attribute, &table, keeps_documents)
        .then("answer", Step::new(ANSWER, vec![]).with_rows(table))
}

const BUMP: &str = "update resource set modified = $3, \
     version = version + (select count(*) from {removed}) + (select count(*) from {added}) \
     where tenant = $1 and seq = $2 and (exists (select 1 from {removed}) or exists (select 1 from {added})) \
     returning seq, id, version, document, created";
/// No row: the group was deleted. A null: nothing had to be changed.
const ANSWER: &str = "select place, version from {rows} cross join {logged} where logged.change = given.change \
     union all select null, null from {claimed} where not exists (select 1 from {logged})";
