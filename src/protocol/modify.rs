//! PATCH (RFC 7644 section 3.5.2).

use crate::access::{Claim, Confirmed};
use crate::patch;
use crate::protocol::change::{ChangeRequest, ChangeTarget, answer, change};
use crate::protocol::schema_retry::{Attempt, Write};
use crate::protocol::{Precondition, Reply, Service, View};
use crate::request_log::WriteRequest;
use crate::resource::Acceptance;
use crate::schema::ResourceType;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A resource to be patched.
struct Modify<'a> {
    id: &'a str,
    body: &'a Map<String, Value>,
    view: &'a View,
    precondition: &'a Precondition,
}

impl Service {
    /// PATCH (RFC 7644 section 3.5.2). Answers the resource, but 204 for types with members
    /// unless the client asks for a shape: their member lists are long.
    ///
    /// # Errors
    /// 400, 403 without a seat, 404, 409, 412, 413, 503.
    pub async fn modify(
        &self,
        claim: &Claim,
        kind: &Arc<ResourceType>,
        id: &str,
        body: Map<String, Value>,
        view: &View,
        precondition: &Precondition,
    ) -> Confirmed<Reply> {
        let modify = Modify {
            id,
            body: &body,
            view,
            precondition,
        };
        self.under_current_schemas(claim, kind, &modify).await
    }
}

impl Write for Modify<'_> {
    fn request(&self) -> WriteRequest<'_> {
        WriteRequest::Modify(self.body)
    }

    async fn attempt(
        &self,
        service: &Service,
        claim: &Claim,
        kind: &Arc<ResourceType>,
        acceptance: &mut Acceptance<'_>,
    ) -> Attempt<Reply> {
        let limits = service.limits();
        let operations = patch::read(self.body.clone(), claim.conformance(), &limits.patch)?;
        let patch = patch::resolve(kind, operations, &limits.patch.path, acceptance)?;
        let projection = self.view.projection(kind, acceptance.conformance)?;
        let projection = projection.after_writing(kind, patch.named().iter().cloned());
        let target = ChangeTarget {
            kind,
            id: self.id,
            precondition: self.precondition,
            projection: &projection,
        };
        let request = ChangeRequest::Modify(&patch);
        let (caller, found) =
            change(service, claim, &target, &request, &mut acceptance.notes).await?;
        let usually = kind.members().is_none();
        let reply = match found {
            Ok(found) => answer(service, &caller, found, &projection, self.view, usually).await,
            Err(error) => Err(error),
        };
        Ok((caller, reply))
    }
}
