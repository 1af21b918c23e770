//! DELETE (RFC 7644 section 3.6).

use crate::access::{Claim, Confirmed};
use crate::protocol::change::{ChangeRequest, ChangeTarget, change};
use crate::protocol::schema_retry::{Attempt, Write};
use crate::protocol::{Precondition, ScimReply, Service};
use crate::request_log::{Note, WriteRequest};
use crate::resource::Acceptance;
use crate::resource::projection::Projection;
use crate::schema::ResourceType;
use std::sync::Arc;

/// A resource to be deleted.
struct Delete<'a> {
    id: &'a str,
    precondition: &'a Precondition,
}

impl Service {
    /// DELETE (RFC 7644 section 3.6).
    ///
    /// # Errors
    /// 404, 412, 503.
    pub(crate) async fn delete(
        &self,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        id: &str,
        precondition: &Precondition,
    ) -> Confirmed<ScimReply> {
        let delete = Delete { id, precondition };
        self.under_current_schemas(claim, resource_type, &delete)
            .await
    }
}

impl Write for Delete<'_> {
    fn request(&self) -> WriteRequest<'_> {
        WriteRequest::Delete
    }

    async fn attempt(
        &self,
        service: &Service,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        _: &mut Acceptance<'_>,
        notes: &mut Vec<Note>,
    ) -> Attempt<ScimReply> {
        let target = ChangeTarget {
            resource_type,
            id: self.id,
            precondition: self.precondition,
            projection: &Projection::default(),
        };
        let (caller, found) =
            change(service, claim, &target, &ChangeRequest::Delete, notes).await?;
        Ok((caller, found.map(|_| ScimReply::empty(204))))
    }
}
