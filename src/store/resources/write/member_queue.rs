//! Changes of one member that wait while others of their group are executed.

use crate::schema::ResourceType;
use crate::store::changes::append::Author;
use crate::store::db::error::StoreError;
use crate::store::db::leader::{Coalescer, Leader};
use crate::store::resources::write::context::WriteOutcome;
use crate::store::resources::write::member_delta::MemberMove;
use crate::trace::CallerSpan;
use std::sync::Arc;
use tokio::sync::oneshot;
use uuid::Uuid;

/// A group: its tenant and id, and the name of its members attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::store) struct Group {
    pub(in crate::store) tenant: i64,
    pub(in crate::store) id: Uuid,
    pub(in crate::store) attribute: Arc<str>,
}

impl Group {
    /// The group of a type with that id.
    pub(in crate::store) fn of(tenant: i64, resource_type: &ResourceType, id: Uuid) -> Self {
        let members = resource_type.members();
        Self {
            tenant,
            id,
            attribute: members.map_or_else(Arc::default, |members| members.name().as_ref().into()),
        }
    }
}

/// A change of one member, and the receiver of its outcome.
#[derive(Debug)]
pub(in crate::store) struct MemberRequest {
    /// The key of the group.
    pub(in crate::store) group: i64,
    pub(in crate::store) moved: MemberMove,
    pub(in crate::store) author: Author,
    pub(in crate::store) origin: CallerSpan,
    pub(in crate::store) answer: oneshot::Sender<Result<WriteOutcome, StoreError>>,
}

/// Changes that wait, by group.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct MemberQueue(Arc<Coalescer<Group, MemberRequest>>);

impl MemberQueue {
    /// Takes the leadership of a group for a change that is not in the queue, unless it has a leader.
    pub(in crate::store) fn lead(&self, group: Group) -> Option<Leader<Group, MemberRequest>> {
        self.0.lead(group)
    }

    /// Adds a change. Returns the leadership if the group has no leader.
    pub(in crate::store) fn join(
        &self,
        group: Group,
        request: MemberRequest,
    ) -> Option<Leader<Group, MemberRequest>> {
        self.0.join(group, request)
    }
}

impl MemberRequest {
    /// Sends the outcome. A cancelled caller does not receive it; the change is done nevertheless.
    pub(in crate::store) fn respond(self, change: Result<WriteOutcome, StoreError>) {
        drop(self.answer.send(change));
    }
}
