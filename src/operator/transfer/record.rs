//! Writes one resource of an import, or determines the effect for a dry run.

use super::jsonl::Record;
use crate::access::Caller;
use crate::error::{ErrorStatus, Result, ScimError};
use crate::model::TypeRoles;
use crate::protocol::refusal::{WriteError, in_use, refusal};
use crate::protocol::username_format::check_names;
use crate::protocol::{Service, render};
use crate::reason::Reason;
use crate::resource::check::{WriteKind, check};
use crate::resource::{Attributes, Meta};
use crate::schema::ResourceType;
use crate::store::{
    Current, ImportOverrides, MemberDelta, NewDocument, ReservedSeq, StoreError, StoredResource,
    TypeIds, WriteOutcome,
};
use std::sync::Arc;

/// The result of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Created,
    Updated,
    Unchanged,
}

/// The state of the resource of a line before it is written.
#[derive(Debug)]
pub(super) enum Past {
    /// The resource exists.
    Present(Present),
    /// The resource does not exist and will have this reserved key. The version is the one at which a resource with its
    /// id was deleted, if any.
    Absent(ReservedSeq, Option<i64>),
}

/// The existing resource of a line.
#[derive(Debug)]
pub(super) struct Present {
    pub(super) found: StoredResource,
    pub(super) digest: Option<String>,
}

/// Imports resources of one tenant for the operator.
#[derive(Debug, Clone)]
pub(super) struct Importer {
    pub(super) service: Service,
    pub(super) caller: Arc<Caller>,
    pub(super) dry_run: bool,
}

impl Importer {
    /// A type with its database ids.
    pub(super) fn layout(&self, resource_type: &ResourceType) -> Result<&TypeIds> {
        let layout = self.caller.scope().layout().of_type(resource_type);
        layout.ok_or_else(|| ScimError::internal("a type without a layout"))
    }

    /// Writes a resource without its members.
    pub(super) async fn write(&self, record: &Record, past: Past) -> Result<Outcome> {
        match past {
            Past::Absent(place, deleted) => self.create(record, place, deleted).await,
            Past::Present(present) => self.update(record, present).await,
        }
    }

    async fn create(
        &self,
        record: &Record,
        place: ReservedSeq,
        deleted: Option<i64>,
    ) -> Result<Outcome> {
        let (resource_type, attributes) = (&record.resource_type, &record.accepted.attributes);
        check_names(&self.caller.settings, resource_type, None, attributes)?;
        check(resource_type, None, attributes, WriteKind::Whole)?;
        if self.dry_run {
            let holder = self
                .service
                .store
                .holder(self.caller.scope(), self.layout(resource_type)?, attributes)
                .await?;
            return holder.map_or(Ok(Outcome::Created), |_| {
                Err(in_use(resource_type, attributes))
            });
        }
        let author = self.caller.author(self.service.clock.now());
        let least = deleted.map_or(1, |version| version + 1);
        let meta = record.meta.unwrap_or(Meta {
            version: 1,
            created: author.at,
            modified: author.at,
        });
        let given = ImportOverrides {
            meta: Some(Meta {
                version: meta.version.max(least),
                ..meta
            }),
            place: Some(place),
        };
        let creating = self.caller.creating(resource_type, &author)?.given(given);
        let policy = self.caller.settings.password_policy;
        let passwords = &self.service.passwords;
        let mut written = passwords
            .document(resource_type, attributes.clone(), policy)
            .await?;
        written.password = self.kept(record).or(written.password);
        let none = MemberDelta::default();
        let stored = self
            .service
            .store_new(&self.caller, &creating, record.id, &written, &none);
        match stored.await.and_then(|(_, stored)| stored) {
            Ok(()) => Ok(Outcome::Created),
            Err(error) => Err(error.into_refusal()),
        }
    }

    async fn update(&self, record: &Record, Present { found, digest }: Present) -> Result<Outcome> {
        let resource_type = &record.resource_type;
        if found.resource_type.name() != resource_type.name() {
            let (id, there) = (record.id, found.resource_type.name());
            return Err(ScimError::uniqueness(format!(
                "The id {id} belongs to a {there}."
            )));
        }
        let before = render::attributes(&found.document)?;
        let after = after(record, &before);
        check(resource_type, Some(&before), &after, WriteKind::Whole)?;
        check_names(&self.caller.settings, resource_type, Some(&before), &after)?;
        let password = self
            .kept(record)
            .filter(|kept| Some(kept) != digest.as_ref());
        let meta = record.meta.filter(|_| record.is_state);
        if password.is_none() && self.is_same(record, &found, meta, &before, &after) {
            return Ok(Outcome::Unchanged);
        }
        if self.dry_run {
            return Ok(Outcome::Updated);
        }
        let author = self.caller.author(self.service.clock.now());
        let mut writing = self.caller.writing(resource_type, &author)?;
        writing.given.meta = meta.map(|meta| meta.after(found.meta.version, author.at));
        let before = Current {
            found: &found,
            attributes: &before,
        };
        let written = NewDocument::new(resource_type, after, password);
        match self
            .service
            .store
            .replace(&writing, before, &written, &MemberDelta::default())
            .await
        {
            Ok(WriteOutcome::Done(_)) => Ok(Outcome::Updated),
            Ok(WriteOutcome::Nothing) => Ok(Outcome::Unchanged),
            Ok(outcome) => {
                let (scope, tenant) = (self.caller.scope(), &self.caller.settings);
                match refusal(&self.service.store, scope, tenant, outcome).await {
                    WriteError::Refused(_) if outcome == WriteOutcome::Stale => {
                        let detail = "It was changed concurrently; import this line again.";
                        Err(ScimError::new(ErrorStatus::CONFLICT, detail)
                            .because(Reason::VersionConflict))
                    }
                    error => Err(error.into_refusal()),
                }
            }
            Err(error @ StoreError::Unique(_)) => {
                Err(in_use(resource_type, &written.attributes).caused_by(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The password digest of a line, if the tenant stores passwords.
    fn kept(&self, record: &Record) -> Option<String> {
        record
            .digest
            .clone()
            .filter(|_| self.service.keeps_passwords(&self.caller))
    }

    /// Whether a resource matches its line: exactly for a state, otherwise by meaning. The state of an earlier version
    /// counts as a match.
    fn is_same(
        &self,
        record: &Record,
        found: &StoredResource,
        meta: Option<Meta>,
        before: &Attributes,
        after: &Attributes,
    ) -> bool {
        if !record.is_state {
            return before == after;
        }
        let is_same_text =
            NewDocument::new(&record.resource_type, after.clone(), None).document == found.document;
        let is_earlier =
            |meta: Meta| meta.created == found.meta.created && meta.version < found.meta.version;
        is_same_text && meta.is_none_or(|meta| meta == found.meta || is_earlier(meta))
    }
}

/// The new attributes: those of the line, and unreadable values. A plain-text password is used only at creation,
/// because a digest does not show whether it changed.
fn after(record: &Record, before: &Attributes) -> Attributes {
    let mut after = before.replaced_by(&record.resource_type, &record.accepted);
    if after == record.accepted.attributes {
        after = record.accepted.attributes.clone();
    }
    if let Some(password) = record.resource_type.password() {
        after.take(password);
    }
    after
}
