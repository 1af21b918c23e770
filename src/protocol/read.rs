//! GET of one resource (RFC 7644 section 3.4.1).

use crate::access::{Caller, Claim, Confirmed};
use crate::error::{Result, ScimError};
use crate::protocol::member_stream::INLINE_MEMBERS;
use crate::protocol::{Precondition, ScimReply, Service, View, render};
use crate::resource::etag;
use crate::resource::projection::Projection;
use crate::schema::ResourceType;
use crate::store::{Relations, StoredResource};
use std::sync::Arc;
use uuid::Uuid;

impl Service {
    /// GET of one resource (RFC 7644 section 3.4.1).
    ///
    /// # Errors
    /// 404, 412, 503.
    pub(crate) async fn read(
        &self,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        id: &str,
        view: &View,
        precondition: &Precondition,
    ) -> Confirmed<ScimReply> {
        claim.may_read(resource_type)?;
        let projection = view.projection(resource_type, claim.conformance())?;
        let relations = render::relations(resource_type, &projection).at_most(INLINE_MEMBERS);
        let (caller, found) = self.find(claim, resource_type, id, relations).await?;
        let reply = async {
            let found = found?;
            if precondition.is_unmodified(found.meta.version)? {
                return Ok(unshown(&caller, &found, 304));
            }
            self.reply_in_full(&caller, found, &projection, 200).await
        };
        let reply = reply.await;
        Ok((caller, reply))
    }

    /// The resource of a type with that id, in the tenant of a claim, which the read confirms. 404 if there is none.
    pub(crate) async fn find(
        &self,
        claim: &Claim,
        resource_type: &ResourceType,
        id: &str,
        relations: Relations,
    ) -> Confirmed<StoredResource> {
        let uuid = exact_id(id).ok_or_else(|| absent(resource_type))?;
        let (scope, found) = self
            .store
            .find(claim.scope(), resource_type, uuid, relations)
            .await?;
        Ok((
            claim.confirmed(scope),
            found.ok_or_else(|| absent(resource_type)),
        ))
    }

    /// The response with a resource.
    pub(crate) fn shown(
        &self,
        caller: &Caller,
        found: &StoredResource,
        projection: &Projection,
        status: u16,
    ) -> Result<ScimReply> {
        Ok(ScimReply {
            status,
            body: Some(render::resource(caller, found, projection)?),
            etag: Some(found.meta.etag()),
            location: Some(render::location(caller, &found.resource_type, found.id)),
            ..ScimReply::default()
        })
    }
}

/// The id in a path. Ids are case-exact (RFC 7643 section 3.1), so only the server's own spelling is valid.
pub(super) fn exact_id(text: &str) -> Option<Uuid> {
    let id = Uuid::parse_str(text).ok()?;
    (id.to_string() == text).then_some(id)
}

/// The response with the location and the version of a resource, without its body.
pub(crate) fn unshown(caller: &Caller, found: &StoredResource, status: u16) -> ScimReply {
    let place = (found.id, found.meta.version);
    without_body(caller, &found.resource_type, place, status)
}

/// The response with the location and the version of the resource of a type, by its id and its version.
pub(crate) fn without_body(
    caller: &Caller,
    resource_type: &ResourceType,
    (id, version): (Uuid, i64),
    status: u16,
) -> ScimReply {
    ScimReply {
        etag: Some(etag(version)),
        location: Some(render::location(caller, resource_type, id)),
        ..ScimReply::empty(status)
    }
}

/// 404 for an unknown id.
pub(crate) fn absent(resource_type: &ResourceType) -> ScimError {
    ScimError::not_found(format!(
        "There is no {} with this id.",
        resource_type.name()
    ))
}
