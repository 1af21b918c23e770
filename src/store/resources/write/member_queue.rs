//! Changes of one member that wait while others of their group are made.

use crate::store::changes::append::Author;
use crate::store::db::error::StoreError;
use crate::store::db::leader::{Coalescer, Leader};
use crate::store::resources::write::context::WriteOutcome;
use crate::store::resources::write::member_delta::MemberMove;
use crate::trace::Origin;
use std::sync::Arc;
use tokio::sync::oneshot;

/// A group, by its tenant and key, and the name of the attribute that lists its members.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::store) struct Group {
    pub(in crate::store) tenant: i64,
    pub(in crate::store) seq: i64,
    pub(in crate::store) attribute: Arc<str>,
}

/// A change of one member, and where its outcome is awaited.
#[derive(Debug)]
pub(in crate::store) struct MemberRequest {
    pub(in crate::store) moved: MemberMove,
    pub(in crate::store) author: Author,
    pub(in crate::store) origin: Origin,
    pub(in crate::store) answer: oneshot::Sender<Result<WriteOutcome, StoreError>>,
}

/// Changes that wait, by group.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct MemberQueue(Arc<Coalescer<Group, MemberRequest>>);

impl MemberQueue {
    /// Adds a change. The leadership comes back if the group has no leader.
    pub(in crate::store) fn join(
        &self,
        group: Group,
        request: MemberRequest,
    ) -> Option<Leader<Group, MemberRequest>> {
        self.0.join(group, request)
    }
}

impl MemberRequest {
    /// Answers. A caller that has gone does not hear it; the change counts all the same.
    pub(in crate::store) fn tell(self, change: Result<WriteOutcome, StoreError>) {
        drop(self.answer.send(change));
    }
}
