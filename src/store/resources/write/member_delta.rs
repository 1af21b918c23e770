//! The change of the members of a group by a request.

use crate::store::changes::append::MemberSteps;
use crate::store::db::batch::Batch;
use crate::store::db::statement::Step;
use crate::store::resources::write::context::WriteContext;
use crate::store::resources::write::member_steps::{self as steps, Guard, MemberStep};
use std::collections::BTreeSet;

/// A member that joins or leaves.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct MemberMove {
    pub(in crate::store) member: i64,
    pub(in crate::store) joins: bool,
}

/// The key of a resource that can become a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MemberKey(pub(in crate::store) i64);

/// The resulting change of the members of a group by a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemberDelta {
    cleared: bool,
    add: BTreeSet<i64>,
    remove: BTreeSet<i64>,
}

impl MemberDelta {
    /// Whether there is nothing to change.
    pub(crate) fn is_empty(&self) -> bool {
        !self.cleared && self.add.is_empty() && self.remove.is_empty()
    }

    /// The steps that return the changed members.
    pub(in crate::store) fn steps(&self) -> MemberSteps {
        match self.is_empty() {
            true => MemberSteps::None,
            false => MemberSteps::Both,
        }
    }

    /// Whether it changes several members, which must change atomically.
    pub(in crate::store) fn is_wide(&self) -> bool {
        self.cleared || self.add.len() + self.remove.len() > 1
    }

    /// The only changed member, if there is exactly one and the others are not removed.
    pub(in crate::store) fn single(&self) -> Option<MemberMove> {
        let mut moved = self.add.iter().map(|member| MemberMove {
            member: *member,
            joins: true,
        });
        let mut left = self.remove.iter().map(|member| MemberMove {
            member: *member,
            joins: false,
        });
        if self.is_wide() {
            None
        } else {
            moved.next().or_else(|| left.next())
        }
    }

    /// Whether the group has members afterwards, if that follows from the change.
    pub(crate) fn has_members(&self) -> Option<bool> {
        if self.add.is_empty() {
            self.cleared.then_some(false)
        } else {
            Some(true)
        }
    }

    /// Adds members.
    pub(crate) fn add(&mut self, members: impl IntoIterator<Item = MemberKey>) {
        for MemberKey(seq) in members {
            self.remove.remove(&seq);
            self.add.insert(seq);
        }
    }

    /// Removes members.
    pub(crate) fn remove(&mut self, members: impl IntoIterator<Item = MemberKey>) {
        for MemberKey(seq) in members {
            self.add.remove(&seq);
            if !self.cleared {
                self.remove.insert(seq);
            }
        }
    }

    /// Removes all members; later additions apply.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            cleared: true,
            ..Self::default()
        };
    }

    /// Adds the steps `removed` and `added` to the batch that creates the group.
    pub(in crate::store) fn insert_into(
        &self,
        batch: Batch,
        writing: &WriteContext<'_>,
        group: i64,
    ) -> Batch {
        if self.is_empty() {
            return batch;
        }
        batch
            .then("removed", steps::remove_none())
            .then("added", self.added(Guard::NewDocument, writing, group))
    }

    /// Adds the steps `removed` and `added` to a batch that changes the group, after the step of their guard.
    pub(in crate::store) fn change_with(
        &self,
        batch: Batch,
        guard: Guard,
        writing: &WriteContext<'_>,
        group: i64,
    ) -> Batch {
        if self.is_empty() {
            return batch;
        }
        let tenant = writing.scope.tenant;
        let (step, members) = if self.cleared {
            (MemberStep::RemoveOthers, &self.add)
        } else {
            (MemberStep::Remove, &self.remove)
        };
        let removed = steps::change(step, guard, tenant, group, members);
        batch
            .then("removed", removed)
            .then("added", self.added(guard, writing, group))
    }

    fn added(&self, guard: Guard, writing: &WriteContext<'_>, group: i64) -> Step {
        let tenant = writing.scope.tenant;
        steps::change(MemberStep::Add, guard, tenant, group, &self.add)
    }
}
