//! The loop of PUT, PATCH and DELETE: read the resource, apply the change, and write it if the resource is unchanged
//! since the read; otherwise repeat (RFC 7644 sections 3.5 and 3.6).

use crate::access::{Caller, Claim};
use crate::error::{Result, ScimError};
use crate::metrics::RetryCause;
use crate::model::TypeRoles;
use crate::patch::{MemberChange, Patch};
use crate::protocol::members::MemberResolver;
use crate::protocol::read::unshown;
use crate::protocol::references::check_references;
use crate::protocol::refusal::{WriteError, refusal, value_in_use};
use crate::protocol::schema_retry::Attempt;
use crate::protocol::username_format::check_names;
use crate::protocol::{Precondition, ScimReply, Service, View, render};
use crate::request_log::Note;
use crate::resource::accept::Accepted;
use crate::resource::check::{WriteKind, check};
use crate::resource::projection::Projection;
use crate::resource::{Attributes, tolerance};
use crate::schema::ResourceType;
use crate::store::{
    ChangeAction, Current, MemberDelta, NewDocument, Relations, StoreError, StoredResource,
    WriteOutcome,
};
use std::sync::Arc;

/// Maximum number of attempts after conflicts with other changes. Within one instance, changes of a resource are
/// serialized after the first attempt, so that only conflicts with other instances need further attempts.
const ATTEMPTS: u32 = 32;

/// The resource of a change.
pub(super) struct ChangeTarget<'a> {
    pub(super) resource_type: &'a Arc<ResourceType>,
    pub(super) id: &'a str,
    pub(super) precondition: &'a Precondition,
    /// The attributes in the response.
    pub(super) projection: &'a Projection,
}

/// The result of a change: the attributes, and the changes of members.
type Applied = (Attributes, Vec<MemberChange>);

/// The change of a request.
pub(super) enum ChangeRequest<'a> {
    Replace(Replacement<'a>),
    Modify(&'a Patch),
    Delete,
}

/// The body of a PUT.
pub(super) struct Replacement<'a> {
    pub(super) accepted: &'a Accepted,
    /// The new members; `None` if they are unchanged.
    pub(super) members: Option<&'a [String]>,
    /// Whether the body of a type with members omits them.
    pub(super) omits_members: bool,
    /// Whether `active` of the user is unchanged.
    pub(super) keeps_active: bool,
}

impl ChangeRequest<'_> {
    /// The new valid attributes and the changes of members; `None` if the resource is deleted.
    fn apply(
        &self,
        resource_type: &ResourceType,
        found: &StoredResource,
        before: &Attributes,
    ) -> Result<Option<Applied>> {
        let (after, members, change) = match self {
            Self::Delete => return Ok(None),
            Self::Replace(Replacement {
                accepted,
                members,
                keeps_active,
                ..
            }) => {
                let mut after = before.replaced_by(resource_type, accepted);
                if *keeps_active {
                    tolerance::keep_value(resource_type, before, &mut after);
                }
                let members = members.map(|members| MemberChange::Replace(members.to_vec()));
                (after, members.into_iter().collect(), WriteKind::Whole)
            }
            Self::Modify(patch) => {
                let after = patch.apply(resource_type, &found.id.to_string(), before.clone())?;
                (after, patch.members().to_vec(), WriteKind::Modify)
            }
        };
        check(resource_type, Some(before), &after, change)?;
        Ok(Some((after, members)))
    }

    /// Whether the change depends on the existence of members.
    fn asks_for_members(&self) -> bool {
        matches!(
            self,
            Self::Replace(Replacement {
                omits_members: true,
                ..
            })
        )
    }

    /// The note on a PUT without the members of a group that has some, which are kept.
    fn omitted_members(&self, resource_type: &ResourceType, has_members: bool) -> Option<Note> {
        let members = resource_type.members()?;
        (has_members && self.asks_for_members()).then(|| Note::Omitted(members.name().to_string()))
    }

    /// Whether the change would wait in the database for other changes of the resource, like a change of several
    /// members. Waiting in the server does not occupy a connection.
    fn waits_for_others(&self) -> bool {
        match self {
            Self::Replace(replacement) => replacement.members.is_some(),
            Self::Modify(patch) => match patch.members() {
                [] => false,
                [MemberChange::Add(ids) | MemberChange::Remove(ids)] => ids.len() > 1,
                _ => true,
            },
            Self::Delete => false,
        }
    }
}

/// Applies a change; returns the new state of the resource, or the last state of a deleted one.
pub(super) async fn change(
    service: &Service,
    claim: &Claim,
    target: &ChangeTarget<'_>,
    request: &ChangeRequest<'_>,
    notes: &mut Vec<Note>,
) -> Attempt<StoredResource> {
    // Members are read, if needed, after the change; before it, only whether there are any.
    let relations = Relations {
        members: request.asks_for_members(),
        ..render::relations(target.resource_type, target.projection)
    }
    .at_most(0);
    let mut lock = match request.waits_for_others() {
        true => Some(service.locks.lock(target.id).await),
        false => None,
    };
    let (caller, first) = service
        .find(claim, target.resource_type, target.id, relations)
        .await?;
    let mut next = first;
    let outcome = async {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                service.store.metrics().retries.note(RetryCause::Resource);
            }
            let found = next?;
            target.precondition.allows_write(found.meta.version)?;
            let changed = attempt_on(service, &caller, target, request, found, notes).await?;
            if let Some(found) = changed {
                return Ok(found);
            }
            if lock.is_none() {
                lock = Some(service.locks.lock(target.id).await);
            }
            // The first attempt usually fails because of another change of the resource.
            if attempt > 0 && !service.store.has_schemas_of(caller.scope()).await? {
                return Err(WriteError::SchemasChanged);
            }
            (_, next) = service
                .find(&caller, target.resource_type, target.id, relations)
                .await?;
        }
        let detail = "Too many changes to this resource at once; try again.";
        Err(ScimError::unavailable(detail, 1).into())
    };
    let outcome = outcome.await;
    Ok((caller, outcome))
}

/// One attempt; `None` after a conflict with another change.
async fn attempt_on(
    service: &Service,
    caller: &Caller,
    target: &ChangeTarget<'_>,
    request: &ChangeRequest<'_>,
    mut found: StoredResource,
    notes: &mut Vec<Note>,
) -> Result<Option<StoredResource>, WriteError> {
    let (store, resource_type) = (&service.store, target.resource_type);
    let author = caller.author(service.clock.now());
    let mut writing = caller.writing(resource_type, &author)?;
    writing.exactly = !target.precondition.is_empty();
    if matches!(request, ChangeRequest::Replace(_)) {
        writing.action = ChangeAction::Replace;
    }
    let attributes = render::attributes(&found.document)?;
    caller.context.reaches(resource_type, &attributes);
    let has_members = found.members() > 0;
    found.relations.retain(|related| !related.is_member);
    let Some((after, changes)) = request.apply(resource_type, &found, &attributes)? else {
        let before = Current {
            found: &found,
            attributes: &attributes,
        };
        let done = store.delete(&writing, before).await?;
        return Ok((done != WriteOutcome::Stale).then_some(found));
    };
    check_for_tenant(service, caller, target, request, (&attributes, &after)).await?;
    let noted = notes.len();
    notes.extend(request.omitted_members(resource_type, has_members));
    let resolver = MemberResolver {
        store,
        scope: caller.scope(),
        of_type: writing.of_type,
        conformance: caller.conformance(),
    };
    let delta = resolver.delta(Some(&found), &changes, notes).await?;
    let policy = caller.settings.password_policy;
    let written = service
        .passwords
        .document(resource_type, after, policy)
        .await?;
    let before = Current {
        found: &found,
        attributes: &attributes,
    };
    match store.replace(&writing, before, &written, &delta).await {
        Ok(WriteOutcome::Done(version)) => {
            log_changed(caller, resource_type, &attributes, &written, &delta);
            found.changed(version, author.at, written);
            Ok(Some(found))
        }
        Ok(WriteOutcome::Nothing) => Ok(Some(found)),
        Ok(WriteOutcome::Stale) => {
            notes.truncate(noted);
            Ok(None)
        }
        Ok(outcome) => Err(refusal(store, caller.scope(), &caller.settings, outcome).await),
        Err(error) => Err(write_error(service, caller, resource_type, &written, error).await),
    }
}

/// Checks the new attributes against the settings of the tenant and the resources that they refer to, and adds the
/// change to the request log.
async fn check_for_tenant(
    service: &Service,
    caller: &Caller,
    target: &ChangeTarget<'_>,
    request: &ChangeRequest<'_>,
    (before, after): (&Attributes, &Attributes),
) -> Result<(), WriteError> {
    let resource_type = target.resource_type;
    let is_patch = matches!(request, ChangeRequest::Modify(_));
    let context = &caller.context;
    context.changes(resource_type, is_patch, before, after);
    check_names(&caller.settings, resource_type, Some(before), after)?;
    let (store, scope) = (&service.store, caller.scope());
    check_references(store, scope, resource_type, Some(before), after).await?;
    Ok(())
}

/// The error of a failed write: 409 for a unique value of another resource.
async fn write_error(
    service: &Service,
    caller: &Caller,
    resource_type: &Arc<ResourceType>,
    written: &NewDocument,
    error: StoreError,
) -> WriteError {
    if !matches!(error, StoreError::Unique(_)) {
        return error.into();
    }
    let (_, in_use) = value_in_use(service, caller, resource_type, &written.attributes).await;
    in_use.caused_by(error).into()
}

/// The response to a change; `usually` is whether it contains the resource for a client without a preference.
pub(super) async fn answer(
    service: &Service,
    caller: &Caller,
    found: StoredResource,
    projection: &Projection,
    view: &View,
    usually: bool,
) -> Result<ScimReply, WriteError> {
    let shows = view.shows_resource(usually);
    let relations = render::relations(&found.resource_type, projection);
    let reply = if !shows {
        unshown(caller, &found, 204)
    } else if relations.members {
        service.read_again(caller, &found, projection, 200).await?
    } else {
        service.shown(caller, &found, projection, 200)?
    };
    Ok(ScimReply {
        applied: view.applied(shows),
        ..reply
    })
}

/// Adds the names of the changed attributes to the request log.
pub(super) fn log_changed(
    claim: &Claim,
    resource_type: &ResourceType,
    before: &Attributes,
    written: &NewDocument,
    members: &MemberDelta,
) {
    claim
        .context
        .changed(written.attributes.changed_names(before));
    let joined = resource_type.members().filter(|_| !members.is_empty());
    let kept = resource_type
        .password()
        .filter(|_| written.password.is_some());
    let attributes = joined.into_iter().chain(kept);
    claim
        .context
        .changed(attributes.map(|attribute| attribute.name().as_ref()));
}
