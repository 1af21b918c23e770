//! POST to the endpoint of a type (RFC 7644 section 3.3).

use crate::access::Caller;
use crate::error::{Result, ScimError};
use crate::patch::MemberChange;
use crate::protocol::body::{check_names, sent_members};
use crate::protocol::member_stream::READ_ALONG;
use crate::protocol::read::unshown;
use crate::protocol::schema_retry::Wanted;
use crate::protocol::{Reply, Service, View, render};
use crate::resource::accept::{accept, assign_defaults};
use crate::resource::check::{WriteKind, check};
use crate::resource::projection::Projection;
use crate::resource::{Acceptance, Attributes, Meta};
use crate::schema::ResourceType;
use crate::store::{
    Author, MemberDelta, NewDocument, StoreError, StoredResource, WriteContext, WriteOutcome,
};
use serde_json::{Map, Value};
use std::sync::Arc;
use uuid::{ContextV7, Timestamp, Uuid};

impl Service {
    /// POST to the endpoint of a type (RFC 7644 section 3.3). An existing resource is never
    /// adopted.
    ///
    /// # Errors
    /// 400, 403 without a seat, 409, 503.
    pub async fn create(
        &self,
        caller: &Caller,
        kind: &Arc<ResourceType>,
        body: Map<String, Value>,
        view: &View,
    ) -> Result<Reply> {
        self.write(caller, kind, Wanted::Create { body: &body, view })
            .await
    }

    pub(crate) async fn create_with(
        &self,
        caller: &Caller,
        kind: &Arc<ResourceType>,
        body: Map<String, Value>,
        view: &View,
        with: &mut Acceptance<'_>,
    ) -> Result<Reply> {
        let mut accepted = accept(kind, body, with)?;
        assign_defaults(kind, &mut accepted);
        let projection = view
            .projection(kind, with.conformance)?
            .after_writing(kind, accepted.names(kind));
        let shape = (view, &projection);
        let members = sent_members(kind, &mut accepted.attributes)?;
        check_names(&caller.settings, kind, None, &accepted.attributes)?;
        check(kind, None, &accepted.attributes, WriteKind::Whole)?;
        let author = self.author(caller);
        let writing = caller.writing(kind, &author)?;
        let changes: Vec<_> = members.map(MemberChange::Add).into_iter().collect();
        let delta = self
            .member_delta(&writing, with.conformance, None, &changes, &mut with.notes)
            .await?;
        self.check_references(&writing, None, &accepted.attributes)
            .await?;
        let written = self.written(caller, kind, accepted.attributes).await?;
        let id = fresh_id(&author);
        self.store_new(caller, &writing, id, &written, &delta)
            .await?;
        self.created(caller, &writing, id, written, (&delta, shape))
            .await
    }

    /// Stores a new resource under an id that is not in use.
    pub(crate) async fn store_new(
        &self,
        caller: &Caller,
        writing: &WriteContext<'_>,
        id: Uuid,
        written: &NewDocument,
        delta: &MemberDelta,
    ) -> Result<()> {
        let kind = &writing.of_type.resource_type;
        match self.store.create(writing, id, written, delta).await {
            Ok(WriteOutcome::Done(_)) => {
                caller.changed(kind, &Attributes::default(), written, delta);
                Ok(())
            }
            Ok(refusal @ (WriteOutcome::NoSeat | WriteOutcome::Stale | WriteOutcome::Nothing)) => {
                self.check_current(writing.scope).await?;
                Err(match refusal {
                    WriteOutcome::NoSeat => self.no_seat(&caller.settings).await,
                    _ => ScimError::unavailable("The server is busy; try again.", 1),
                })
            }
            Err(error @ StoreError::Unique(_)) => Err(self
                .in_use(caller, kind, &written.attributes)
                .await
                .caused_by(error)),
            Err(error) => Err(error.into()),
        }
    }

    async fn created(
        &self,
        caller: &Caller,
        writing: &WriteContext<'_>,
        id: Uuid,
        written: NewDocument,
        (delta, (view, projection)): (&MemberDelta, (&View, &Projection)),
    ) -> Result<Reply> {
        let kind = &writing.of_type.resource_type;
        let at = writing.author.at;
        let meta = Meta {
            version: 1,
            created: at,
            modified: at,
        };
        let fresh = StoredResource::fresh(kind, id, meta, written);
        let shows = view.shows_resource(true);
        let reply = if !shows {
            unshown(caller, &fresh, 201)
        } else if delta.is_empty() {
            self.shown(caller, &fresh, projection, 201)?
        } else {
            // Only members bring something that is not known here: what they display.
            let relations = render::relations(kind, projection).at_most(READ_ALONG);
            let found = self.find(caller, kind, &id.to_string(), relations).await?;
            self.shown_in_full(caller, found, projection, 201).await?
        };
        Ok(Reply {
            applied: view.applied(shows),
            ..reply
        })
    }
}

fn fresh_id(author: &Author) -> Uuid {
    let millis = u64::try_from(author.at.as_millis()).unwrap_or(0);
    let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    Uuid::new_v7(Timestamp::from_unix(ContextV7::new(), millis / 1000, nanos))
}
