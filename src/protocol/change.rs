//! PUT, PATCH and DELETE: read, make the change, and write it if the resource is still as it
//! was read; else again (RFC 7644 sections 3.5 and 3.6).

use crate::access::Caller;
use crate::error::{Result, ScimError};
use crate::model::TypeRoles;
use crate::patch::{self, MemberChange, Patch};
use crate::protocol::body::{check_names, sent_members};
use crate::protocol::member_stream::READ_ALONG;
use crate::protocol::read::unshown;
use crate::protocol::schema_retry::Wanted;
use crate::protocol::{Precondition, Reply, Service, View, render};
use crate::resource::accept::{Accepted, accept, assign_defaults, sent};
use crate::resource::check::{WriteKind, check};
use crate::resource::projection::Projection;
use crate::resource::{Acceptance, Attributes, Conformance, Note, Notes, tolerance};
use crate::schema::{Attribute, ResourceType};
use crate::store::PutWithoutMembers;
use crate::store::{Current, Relations, StoreError, StoredResource, WriteContext, WriteOutcome};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Times that a change is made anew because another one came first. Within one instance they
/// stand in line after the first, so more are needed only against other instances.
const ATTEMPTS: u32 = 32;

/// What a change makes of a resource: its attributes, and the changes to its members.
type Applied = (Attributes, Vec<MemberChange>);

/// The change that a request asks for.
enum Asked<'a> {
    Replace(Replacement<'a>),
    Modify(&'a Patch),
    Delete,
}

/// What a PUT brings.
struct Replacement<'a> {
    accepted: &'a Accepted,
    /// The members afterwards; `None` if they stay.
    members: Option<&'a [String]>,
    /// Whether a type with members was sent without them.
    omits_members: bool,
    /// Whether the user stays active, or inactive, as he is.
    keeps_active: bool,
}

impl Asked<'_> {
    /// The attributes afterwards, which obey the type, and what becomes of the members; `None` if
    /// the resource goes.
    fn apply(
        &self,
        kind: &ResourceType,
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
                let mut after = before.replaced_by(kind, accepted);
                if *keeps_active {
                    tolerance::keep_value(kind, before, &mut after);
                }
                let members = members.map(|members| MemberChange::Replace(members.to_vec()));
                (after, members.into_iter().collect(), WriteKind::Whole)
            }
            Self::Modify(patch) => {
                let after = patch.apply(kind, &found.id.to_string(), before.clone())?;
                (after, patch.members().to_vec(), WriteKind::Modify)
            }
        };
        check(kind, Some(before), &after, change)?;
        Ok(Some((after, members)))
    }

    /// Whether it has to be known if the resource has members.
    fn asks_for_members(&self) -> bool {
        matches!(
            self,
            Self::Replace(Replacement {
                omits_members: true,
                ..
            })
        )
    }

    /// Whether the database would let it wait for other changes of the resource, as it does where
    /// several members change at once. To wait here takes no connection from requests that have
    /// nothing to do with it.
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

impl Service {
    /// PUT (RFC 7644 section 3.5.1). What is left out is cleared, but for what no client reads
    /// and, in lenient mode, who is active and, unless the tenant says otherwise, members.
    ///
    /// # Errors
    /// 400, 403 without a seat, 404, 409, 412, 503.
    pub async fn replace(
        &self,
        caller: &Caller,
        kind: &Arc<ResourceType>,
        id: &str,
        body: Map<String, Value>,
        view: &View,
        precondition: &Precondition,
    ) -> Result<Reply> {
        self.write(
            caller,
            kind,
            Wanted::Replace {
                id,
                body: &body,
                view,
                precondition,
            },
        )
        .await
    }

    pub(crate) async fn replace_with(
        &self,
        caller: &Caller,
        kind: &Arc<ResourceType>,
        id: &str,
        body: Map<String, Value>,
        (view, precondition): (&View, &Precondition),
        with: &mut Acceptance<'_>,
    ) -> Result<Reply> {
        names_somebody(kind, &body, with.conformance)?;
        let lenient = with.conformance.is_lenient();
        let mut accepted = accept(kind, body, with)?;
        let is_given =
            |seat: &Arc<Attribute>| accepted.attributes.contains_key(seat.name().as_ref());
        let keeps_active = lenient && kind.seat().is_some_and(|seat| !is_given(seat));
        assign_defaults(kind, &mut accepted);
        let projection = view
            .projection(kind, with.conformance)?
            .after_writing(kind, accepted.names(kind));
        let asserted =
            |members: &Arc<Attribute>| accepted.asserted.contains(members.name().as_ref());
        let omits_members = lenient && kind.members().is_some_and(|members| !asserted(members));
        let keeps = omits_members && caller.settings.put_without_members == PutWithoutMembers::Keep;
        let listed = sent_members(kind, &mut accepted.attributes)?;
        let members = if keeps {
            None
        } else {
            Some(listed.unwrap_or_default())
        };
        let replacement = Replacement {
            accepted: &accepted,
            members: members.as_deref(),
            omits_members,
            keeps_active,
        };
        let asked = Asked::Replace(replacement);
        let found = self
            .change(
                caller,
                kind,
                id,
                (&asked, precondition),
                &projection,
                &mut with.notes,
            )
            .await?;
        self.answer(caller, found, (view, &projection), true).await
    }

    /// PATCH (RFC 7644 section 3.5.2). Answers the resource, but 204 for types with members
    /// unless the client asks for a shape: their member lists are long.
    ///
    /// # Errors
    /// 400, 403 without a seat, 404, 409, 412, 413, 503.
    pub async fn modify(
        &self,
        caller: &Caller,
        kind: &Arc<ResourceType>,
        id: &str,
        body: Map<String, Value>,
        view: &View,
        precondition: &Precondition,
    ) -> Result<Reply> {
        self.write(
            caller,
            kind,
            Wanted::Modify {
                id,
                body: &body,
                view,
                precondition,
            },
        )
        .await
    }

    pub(crate) async fn modify_with(
        &self,
        caller: &Caller,
        kind: &Arc<ResourceType>,
        id: &str,
        body: Map<String, Value>,
        (view, precondition): (&View, &Precondition),
        with: &mut Acceptance<'_>,
    ) -> Result<Reply> {
        let limits = self.limits();
        let operations = patch::read(body, caller.settings.conformance, &limits.patch)?;
        let patch = patch::resolve(kind, operations, &limits.patch.path, with)?;
        let projection = view
            .projection(kind, with.conformance)?
            .after_writing(kind, patch.named().iter().cloned());
        let asked = Asked::Modify(&patch);
        let found = self
            .change(
                caller,
                kind,
                id,
                (&asked, precondition),
                &projection,
                &mut with.notes,
            )
            .await?;
        self.answer(caller, found, (view, &projection), kind.members().is_none())
            .await
    }

    /// DELETE (RFC 7644 section 3.6).
    ///
    /// # Errors
    /// 404, 412, 503.
    pub async fn delete(
        &self,
        caller: &Caller,
        kind: &Arc<ResourceType>,
        id: &str,
        precondition: &Precondition,
    ) -> Result<Reply> {
        self.write(caller, kind, Wanted::Delete { id, precondition })
            .await
    }

    pub(crate) async fn delete_with(
        &self,
        caller: &Caller,
        kind: &Arc<ResourceType>,
        id: &str,
        precondition: &Precondition,
    ) -> Result<Reply> {
        let asked = (&Asked::Delete, precondition);
        self.change(
            caller,
            kind,
            id,
            asked,
            &Projection::default(),
            &mut Notes::new(),
        )
        .await?;
        Ok(Reply::empty(204))
    }

    async fn change(
        &self,
        caller: &Caller,
        kind: &Arc<ResourceType>,
        id: &str,
        asked: (&Asked<'_>, &Precondition),
        projection: &Projection,
        notes: &mut Notes,
    ) -> Result<StoredResource> {
        // Members are read, if at all, after the change; before it, whether there is one.
        let members = asked.0.asks_for_members();
        let relations = Relations {
            members,
            ..render::relations(kind, projection)
        }
        .at_most(0);
        let mut line = if asked.0.waits_for_others() {
            Some(self.lines.stand_in(id).await)
        } else {
            None
        };
        for attempt in 0..ATTEMPTS {
            let found = self.find(caller, kind, id, relations).await?;
            asked.1.allows_write(found.meta.version)?;
            if let Some(found) = self.attempt(caller, kind, found, asked, notes).await? {
                return Ok(found);
            }
            if line.is_none() {
                line = Some(self.lines.stand_in(id).await);
            }
            // What came first once is another change of the resource, as a rule.
            if attempt > 0 {
                self.check_current(&caller.scope).await?;
            }
        }
        Err(ScimError::unavailable(
            "Too many changes to this resource at once; try again.",
            1,
        ))
    }

    /// One attempt; `None` if another change came first.
    async fn attempt(
        &self,
        caller: &Caller,
        kind: &Arc<ResourceType>,
        mut found: StoredResource,
        (asked, precondition): (&Asked<'_>, &Precondition),
        notes: &mut Notes,
    ) -> Result<Option<StoredResource>> {
        let author = self.author(caller);
        let writing = WriteContext {
            exactly: !precondition.is_empty(),
            ..caller.writing(kind, &author)?
        };
        let before = render::attributes(&found.document)?;
        caller.trail.reaches(kind, &before);
        let has_members = found.members() > 0;
        found.relations.retain(|related| !related.is_member);
        let Some((after, changes)) = asked.apply(kind, &found, &before)? else {
            let done = self
                .store
                .delete(
                    &writing,
                    Current {
                        found: &found,
                        attributes: &before,
                    },
                )
                .await?;
            return Ok((done != WriteOutcome::Stale).then_some(found));
        };
        caller
            .trail
            .changes(kind, matches!(asked, Asked::Modify(_)), (&before, &after));
        check_names(&caller.settings, kind, Some(&before), &after)?;
        self.check_references(&writing, Some(&before), &after)
            .await?;
        let noted = notes.len();
        if let (true, true, Some(members)) = (asked.asks_for_members(), has_members, kind.members())
        {
            notes.push(Note::Omitted(members.name().to_string()));
        }
        let delta = self
            .member_delta(
                &writing,
                caller.settings.conformance,
                Some(&found),
                &changes,
                notes,
            )
            .await?;
        let written = self.written(caller, kind, after).await?;
        let outcome = self
            .store
            .replace(
                &writing,
                Current {
                    found: &found,
                    attributes: &before,
                },
                &written,
                &delta,
            )
            .await;
        match outcome {
            Ok(WriteOutcome::Done(version)) => {
                caller.changed(kind, &before, &written, &delta);
                found.changed(version, author.at, written);
                Ok(Some(found))
            }
            Ok(WriteOutcome::Nothing) => Ok(Some(found)),
            Ok(WriteOutcome::Stale) => {
                notes.truncate(noted);
                Ok(None)
            }
            Ok(WriteOutcome::NoSeat) => {
                self.check_current(&caller.scope).await?;
                Err(self.no_seat(&caller.settings).await)
            }
            Err(error @ StoreError::Unique(_)) => Err(self
                .in_use(caller, kind, &written.attributes)
                .await
                .caused_by(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// The answer to a change; `usually` says whether it shows the resource to a client that prefers
    /// nothing.
    async fn answer(
        &self,
        caller: &Caller,
        found: StoredResource,
        (view, projection): (&View, &Projection),
        usually: bool,
    ) -> Result<Reply> {
        let shows = view.shows_resource(usually);
        let relations = render::relations(&found.resource_type, projection);
        let reply = if !shows {
            unshown(caller, &found, 204)
        } else if relations.members {
            let kind = found.resource_type.clone();
            let found = self
                .find(
                    caller,
                    &kind,
                    &found.id.to_string(),
                    relations.at_most(READ_ALONG),
                )
                .await?;
            self.shown_in_full(caller, found, projection, 200).await?
        } else {
            self.shown(caller, &found, projection, 200)?
        };
        Ok(Reply {
            applied: view.applied(shows),
            ..reply
        })
    }
}

/// A list of members of which none is named must not empty a group, and each that is there names one,
/// as in a PATCH.
///
/// # Errors
/// 400 `invalidValue`.
fn names_somebody(
    kind: &ResourceType,
    body: &Map<String, Value>,
    conformance: Conformance,
) -> Result<()> {
    let Some(members) = kind.members() else {
        return Ok(());
    };
    let is_nameless = |member: &Value| {
        member.as_object().is_some_and(|member| {
            !member.iter().any(|(name, value)| {
                matches!(name.to_ascii_lowercase().as_str(), "value" | "$ref") && has_content(value)
            })
        })
    };
    match sent(kind, body, members, conformance).and_then(Value::as_array) {
        Some(list)
            if list.iter().any(is_nameless)
                || !list.is_empty() && !list.iter().any(has_content) =>
        {
            Err(ScimError::invalid_value(format!(
                "A value of \"{}\" names nobody: it needs \"value\".",
                members.name()
            )))
        }
        _ => Ok(()),
    }
}

/// Whether there is anything in a value: arrays and objects around nothing mean nothing.
fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(values) => values.iter().any(has_content),
        Value::Object(members) => members.values().any(has_content),
        _ => true,
    }
}
