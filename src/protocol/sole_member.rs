//! PATCH of one member of a group, the most frequent change of groups: one statement without a read.

use crate::access::{Caller, Claim};
use crate::error::Result;
use crate::patch::{MemberChange, Patch};
use crate::protocol::members::joinable_types;
use crate::protocol::read::{exact_id, without_body};
use crate::protocol::{ScimReply, Service, UpdateRequest};
use crate::schema::ResourceType;
use crate::store::{MoveById, MovedGroup};
use std::sync::Arc;
use uuid::Uuid;

/// The member that a request adds or removes, if it does nothing else and its response does not contain the group.
pub(super) fn sole_move(
    resource_type: &ResourceType,
    request: &UpdateRequest<'_>,
    patch: &Patch,
) -> Option<MoveById> {
    let is_plain = resource_type.members().is_some()
        && !patch.touches_document()
        && request.precondition.is_empty()
        && !request.view.shows_resource(false);
    let (ids, joins) = match patch.members() {
        [MemberChange::Add(ids)] => (ids, true),
        [MemberChange::Remove(ids)] => (ids, false),
        _ => return None,
    };
    let [member] = ids.as_slice() else {
        return None;
    };
    let moved = MoveById {
        group: exact_id(request.id)?,
        member: Uuid::parse_str(member).ok()?,
        joins,
    };
    is_plain.then_some(moved)
}

impl Service {
    /// Adds or removes a member. `None`: nothing was changed, and the change has to be executed with a read, which finds
    /// the reason.
    pub(super) async fn move_sole_member(
        &self,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        request: &UpdateRequest<'_>,
        moved: MoveById,
    ) -> Result<Option<(Caller, ScimReply)>> {
        let scope = claim.scope();
        let Some(of_type) = scope.layout().of_type(resource_type) else {
            return Ok(None);
        };
        // The act of an operator is audited with the change.
        if claim.audit.is_some() {
            return Ok(None);
        }
        let author = claim.author(self.clock.now());
        let allowed = joinable_types(scope, resource_type);
        let made = self
            .store
            .move_by_id(scope, of_type, &author, moved, allowed);
        let Some(made) = made.await? else {
            return Ok(None);
        };
        let MovedGroup {
            scope,
            version,
            is_changed,
        } = made;
        let names = resource_type.members().filter(|_| is_changed);
        claim
            .context
            .changed(names.map(|members| members.name().as_ref()));
        let caller = claim.confirmed(scope);
        let reply = without_body(&caller, resource_type, (moved.group, version), 204);
        Ok(Some((
            caller,
            ScimReply {
                applied: request.view.applied(false),
                ..reply
            },
        )))
    }
}
