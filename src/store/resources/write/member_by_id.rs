//! A change of one member with one statement: it contains the proof of the claim, finds group and member by their ids,
//! and executes the change. Identity providers send most changes of members one by one.

use crate::store::changes::append::{Author, Entry, MemberSteps, ResourceChange};
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Step;
use crate::store::handle::Store;
use crate::store::resources::by_id::by_id;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::proof::{ConfirmedScope, ScopeClaim};
use crate::store::resources::write::member_queue::Group;
use crate::store::resources::write::member_steps::MEMBERS;
use crate::store::resources::write::steps::{WRITTEN, proving};
use std::sync::Arc;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};
use uuid::Uuid;

/// A member that joins or leaves a group, by the ids in a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MoveById {
    /// Id of the group.
    pub(crate) group: Uuid,
    /// Id of the member.
    pub(crate) member: Uuid,
    /// Whether it joins.
    pub(crate) joins: bool,
}

/// The group after a change of a member.
#[derive(Debug)]
pub(crate) struct MovedGroup {
    /// The confirmed scope of the request.
    pub(crate) scope: ConfirmedScope,
    /// The version of the group.
    pub(crate) version: i64,
    /// Whether the change had an effect: an added resource was no member before, a removed one was.
    pub(crate) is_changed: bool,
}

impl Store {
    /// Adds a member of an allowed type to a group, or removes one. `None`: nothing was changed, because the claim is out
    /// of date, the group or the member does not exist, or other changes of the group are being executed, which the
    /// change can join: the caller has to read the group.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn move_by_id(
        &self,
        claim: &ScopeClaim,
        of_type: &TypeIds,
        author: &Author,
        moved: MoveById,
        allowed: impl Fn(&str) -> bool,
    ) -> Result<Option<MovedGroup>, StoreError> {
        let group = Group::of(claim.tenant, &of_type.resource_type, moved.group);
        let Some(leader) = self.member_queue.lead(group) else {
            return Ok(None);
        };
        let types = claim.layout.types().iter();
        let allowed = types.filter(|of_type| allowed(of_type.resource_type.name()));
        let change = MoveStatement {
            claim: claim.clone(),
            type_id: of_type.type_id,
            attribute: leader.key().attribute.clone(),
            author: author.clone(),
            moved,
            allowed: allowed.map(|of_type| of_type.type_id).collect(),
        };
        let (answer, answered) = oneshot::channel();
        let store = self.clone();
        let span = Span::current();
        let work = async move {
            let made = store.make_move(&change).instrument(span).await;
            // A cancelled caller does not receive it; the change is done nevertheless.
            drop(answer.send(made));
            store.serve_group(leader).await;
        };
        // In a separate task: a cancelled caller must not cancel the changes that wait.
        tokio::spawn(work);
        answered
            .await
            .unwrap_or(Err(StoreError::Away(sqlx::Error::WorkerCrashed)))
    }

    async fn make_move(&self, change: &MoveStatement) -> Result<Option<MovedGroup>, StoreError> {
        let coalescing = &self.engine.metrics().coalescing;
        coalescing.member_changes.note_group(1);
        let rows = self.engine.write_retrying(|| change.batch(self)).await?;
        self.changes_made.notify_one();
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        Ok(Some(MovedGroup {
            scope: change.claim.proved(true)?,
            version: row.int(0)?,
            is_changed: row.int(1)? != 0,
        }))
    }
}

/// The values of the statement.
#[derive(Debug)]
struct MoveStatement {
    claim: ScopeClaim,
    /// Id of the type of the group.
    type_id: i64,
    /// Name of the members attribute.
    attribute: Arc<str>,
    author: Author,
    moved: MoveById,
    /// Ids of the types of members.
    allowed: Vec<i64>,
}

impl MoveStatement {
    fn batch(&self, store: &Store) -> Batch {
        let tenant = self.claim.tenant;
        let (step, text, bump, members) = match self.moved.joins {
            true => ("added", ADD, BUMP_ADDED, MemberSteps::Added),
            false => ("removed", REMOVE, BUMP_REMOVED, MemberSteps::Removed),
        };
        let moved = Step::new(text, vec![Arg::Int(tenant)]);
        let at = Arg::Int(self.author.at.as_micros());
        let bump = Step::new(bump, vec![Arg::Int(tenant), at]);
        let batch = Batch::new("member.move_by_id")
            .then("claimed", self.claimed())
            .then("target", self.target())
            .then(step, moved.returning(MEMBERS))
            .then("written", bump.returning(WRITTEN));
        let entry = Entry {
            tenant,
            number: store.sequence.for_change(self.author.at),
            author: &self.author,
            keeps_documents: store.keeps_documents,
        };
        let change = ResourceChange {
            attributes: &self.attribute,
            members,
            ..ResourceChange::default()
        };
        let batch = entry.append(batch, &change);
        batch.then("answer", Step::new(ANSWER, vec![Arg::Int(tenant)]))
    }

    /// Locks the group, if the claim is confirmed.
    fn claimed(&self) -> Step {
        let mut sql = Sql::default();
        sql.raw("select seq, version from resource where ");
        sql.raw("tenant + 0 = ").int(self.claim.tenant).raw(" and ");
        by_id(&mut sql, self.moved.group, &[self.type_id]);
        proving(&mut sql, &self.claim);
        sql.raw("{for_no_key_update}");
        sql.step().returning(&["seq", "version"])
    }

    /// Finds the member, after the group is locked. A new member is locked against its deletion.
    fn target(&self) -> Step {
        let mut sql = Sql::default();
        sql.raw("select seq from resource where ");
        sql.raw("tenant + 0 = ").int(self.claim.tenant).raw(" and ");
        by_id(&mut sql, self.moved.member, &self.allowed);
        sql.raw(" and exists (select 1 from {claimed})");
        if self.moved.joins {
            sql.raw("{for_key_share}");
        }
        sql.step().returning(&["seq"])
    }
}

const ADD: &str = "insert into member (tenant, group_seq, member_seq) select $1, claimed.seq, target.seq from {claimed} cross join {target} \
     where true on conflict do nothing returning member_seq";
const REMOVE: &str = "delete from member where tenant = $1 and group_seq = (select seq from {claimed}) \
     and member_seq = (select seq from {target}) returning member_seq";
macro_rules! bump_after {
    ($step:literal) => {
        concat!(
            "update resource set version = version + 1, modified = $2 where tenant = $1 and seq = (select seq from {claimed}) \
             and exists (select 1 from ", $step, ") returning seq, id, version, document, created"
        )
    };
}
const BUMP_ADDED: &str = bump_after!("{added}");
const BUMP_REMOVED: &str = bump_after!("{removed}");
/// No row: the claim is out of date, or there is no such group, or no resource with the id that can be a member. After
/// waiting for the lock the group can have a later version than the members that the statement has seen: then there is no
/// row either.
const ANSWER: &str = "select version, 1 from {written} union all select claimed.version, 0 from {claimed} cross join {target} \
     where not exists (select 1 from {written}) \
     and claimed.version = (select version from resource where tenant = $1 and seq = claimed.seq)";
