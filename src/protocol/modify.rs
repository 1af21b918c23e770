//! PATCH (RFC 7644 section 3.5.2).

use crate::access::{Claim, Confirmed};
use crate::patch;
use crate::protocol::change::{ChangeRequest, ChangeTarget, answer, change};
use crate::protocol::schema_retry::{Attempt, Write};
use crate::protocol::sole_member::sole_move;
use crate::protocol::{ScimReply, Service, UpdateRequest};
use crate::request_log::{Note, WriteRequest};
use crate::resource::Acceptance;
use crate::schema::ResourceType;
use std::sync::Arc;

struct Modify<'a>(&'a UpdateRequest<'a>);

impl Service {
    /// PATCH (RFC 7644 section 3.5.2). Returns the resource, but 204 for types with members unless the client selects
    /// attributes or a preference: their member lists are long.
    ///
    /// # Errors
    /// 400, 403 without a seat, 404, 409, 412, 413, 503.
    pub(crate) async fn modify(
        &self,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        request: &UpdateRequest<'_>,
    ) -> Confirmed<ScimReply> {
        self.under_current_schemas(claim, resource_type, &Modify(request))
            .await
    }
}

impl Write for Modify<'_> {
    fn request(&self) -> WriteRequest<'_> {
        WriteRequest::Modify(&self.0.body)
    }

    async fn attempt(
        &self,
        service: &Service,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        acceptance: &mut Acceptance<'_>,
        notes: &mut Vec<Note>,
    ) -> Attempt<ScimReply> {
        let limits = service.limits();
        let operations = patch::read(self.0.body.clone(), claim.conformance(), &limits.patch)?;
        let patch = patch::resolve(resource_type, operations, &limits.patch.path, acceptance)?;
        let projection = self
            .0
            .view
            .projection(resource_type, acceptance.conformance)?;
        if let Some(moved) = sole_move(resource_type, self.0, &patch) {
            let moving = service.move_sole_member(claim, resource_type, self.0, moved);
            if let Some((caller, reply)) = moving.await? {
                return Ok((caller, Ok(reply)));
            }
        }
        let projection = projection.after_writing(resource_type, patch.named().iter().cloned());
        let target = ChangeTarget {
            resource_type,
            id: self.0.id,
            precondition: self.0.precondition,
            projection: &projection,
        };
        let request = ChangeRequest::Modify(&patch);
        let (caller, found) = change(service, claim, &target, &request, notes).await?;
        let usually = resource_type.members().is_none();
        let reply = match found {
            Ok(found) => answer(service, &caller, found, &projection, self.0.view, usually).await,
            Err(error) => Err(error),
        };
        Ok((caller, reply))
    }
}
