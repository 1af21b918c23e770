//! POST to the endpoint of a type (RFC 7644 section 3.3).

use crate::access::{Claim, Confirmed};
use crate::error::Result;
use crate::patch::MemberChange;
use crate::protocol::change::log_changed;
use crate::protocol::member_stream::INLINE_MEMBERS;
use crate::protocol::members::{MemberResolver, sent_members};
use crate::protocol::read::unshown;
use crate::protocol::references::check_references;
use crate::protocol::refusal::{WriteError, refusal, value_in_use};
use crate::protocol::schema_retry::{Attempt, Write};
use crate::protocol::username_format::check_names;
use crate::protocol::{ScimReply, Service, View, render};
use crate::request_log::{Note, WriteRequest};
use crate::resource::accept::{accept, assign_defaults};
use crate::resource::check::{WriteKind, check};
use crate::resource::{Acceptance, Attributes, Meta};
use crate::schema::ResourceType;
use crate::store::{
    Author, Creating, MemberDelta, NewDocument, StoreError, StoredResource, WriteOutcome,
};
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::{ContextV7, Timestamp, Uuid};

/// A resource to be created.
struct Create<'a> {
    body: &'a Map<String, Value>,
    view: &'a View,
}

impl Service {
    /// POST to the endpoint of a type (RFC 7644 section 3.3). An existing resource is never
    /// adopted.
    ///
    /// # Errors
    /// 400, 403 without a seat, 409, 503.
    pub(crate) async fn create(
        &self,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        body: Map<String, Value>,
        view: &View,
    ) -> Confirmed<ScimReply> {
        let create = Create { body: &body, view };
        self.under_current_schemas(claim, resource_type, &create)
            .await
    }
}

impl Write for Create<'_> {
    fn request(&self) -> WriteRequest<'_> {
        WriteRequest::Create(self.body)
    }

    async fn attempt(
        &self,
        service: &Service,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        acceptance: &mut Acceptance<'_>,
        notes: &mut Vec<Note>,
    ) -> Attempt<ScimReply> {
        let mut accepted = accept(resource_type, self.body.clone(), acceptance)?;
        assign_defaults(resource_type, &mut accepted);
        let conformance = acceptance.conformance;
        let projection = self.view.projection(resource_type, conformance)?;
        let projection = projection.after_writing(resource_type, accepted.names(resource_type));
        let members = sent_members(resource_type, &mut accepted.attributes)?;
        check_names(&claim.settings, resource_type, None, &accepted.attributes)?;
        check(resource_type, None, &accepted.attributes, WriteKind::Whole)?;

        let (store, scope) = (&service.store, claim.scope());
        let author = claim.author(service.clock.now());
        let creating = claim.creating(resource_type, &author)?;
        let resolver = MemberResolver {
            store,
            scope,
            of_type: creating.of_type(),
            conformance,
        };
        let changes: Vec<_> = members.map(MemberChange::Add).into_iter().collect();
        let delta = resolver.delta(None, &changes, notes).await?;
        check_references(store, scope, resource_type, None, &accepted.attributes).await?;
        let policy = claim.settings.password_policy;
        let written = service
            .passwords
            .document(resource_type, accepted.attributes, policy)
            .await?;

        let id = fresh_id(&author);
        let (caller, stored) = service
            .store_new(claim, &creating, id, &written, &delta)
            .await?;
        if let Err(error) = stored {
            return Ok((caller, Err(error)));
        }
        let meta = Meta {
            version: 1,
            created: author.at,
            modified: author.at,
        };
        let fresh = StoredResource::fresh(resource_type, id, meta, written);
        let shows = self.view.shows_resource(true);
        let reply = if !shows {
            Ok(unshown(&caller, &fresh, 201))
        } else if delta.is_empty() {
            service.shown(&caller, &fresh, &projection, 201)
        } else {
            // Only the display names of members are not known here.
            service.read_again(&caller, &fresh, &projection, 201).await
        };
        let applied = self.view.applied(shows);
        let reply = reply.map(|reply| ScimReply { applied, ..reply });
        Ok((caller, reply.map_err(WriteError::from)))
    }
}

impl Service {
    /// Stores a new resource under an id that is not in use.
    pub(crate) async fn store_new(
        &self,
        claim: &Claim,
        creating: &Creating<'_>,
        id: Uuid,
        written: &NewDocument,
        delta: &MemberDelta,
    ) -> Attempt<()> {
        let resource_type = &creating.of_type().resource_type;
        match self.store.create(creating, id, written, delta).await {
            Ok((scope, WriteOutcome::Done(_))) => {
                log_changed(claim, resource_type, &Attributes::default(), written, delta);
                Ok((claim.confirmed(scope), Ok(())))
            }
            Ok((scope, outcome)) => {
                let error = refusal(&self.store, &scope, &claim.settings, outcome).await;
                Ok((claim.confirmed(scope), Err(error)))
            }
            Err(error @ StoreError::Unique(_)) => {
                match value_in_use(self, claim, resource_type, &written.attributes).await {
                    (Some(caller), in_use) => Ok((caller, Err(in_use.caused_by(error).into()))),
                    (None, in_use) => Err(in_use.caused_by(error).into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The response with a resource after another read.
    pub(super) async fn read_again(
        &self,
        caller: &crate::access::Caller,
        found: &StoredResource,
        projection: &crate::resource::projection::Projection,
        status: u16,
    ) -> Result<ScimReply> {
        let resource_type = &found.resource_type;
        let relations = render::relations(resource_type, projection).at_most(INLINE_MEMBERS);
        let id = found.id.to_string();
        let (caller, found) = self.find(caller, resource_type, &id, relations).await?;
        self.reply_in_full(&caller, found?, projection, status)
            .await
    }
}

fn fresh_id(author: &Author) -> Uuid {
    let millis = u64::try_from(author.at.as_millis()).unwrap_or(0);
    let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    Uuid::new_v7(Timestamp::from_unix(ContextV7::new(), millis / 1000, nanos))
}
