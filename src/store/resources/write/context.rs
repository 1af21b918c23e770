//! The context of a write, and its outcome.

use crate::resource::{Attributes, Meta};
use crate::store::changes::append::{Author, ChangeAction};
use crate::store::db::args::Arg;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::proof::{ConfirmedScope, ScopeClaim};
use crate::store::resources::read::stored::StoredResource;
use crate::store::resources::scope::Scope;

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteOutcome {
    /// The change is stored with this version.
    Done(i64),
    /// The resource or the tenant's schemas changed in the meantime, or the resource was deleted: read again.
    Stale,
    /// The tenant has no seat left, or its schemas were changed.
    NoSeat,
    /// Nothing had to be changed.
    Nothing,
}

/// The context of a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteContext<'a> {
    /// Tenant and ids, from a confirmed scope or from a creation with the proof.
    pub(in crate::store) scope: &'a Scope,
    /// Type of the resource.
    pub(crate) of_type: &'a TypeIds,
    /// The author and the time.
    pub(crate) author: &'a Author,
    /// Whether the tenant has a limit of seats.
    pub(crate) limited: bool,
    /// Whether the version must also be unchanged, because the request has a precondition.
    pub(crate) exactly: bool,
    /// Values of an import that replace generated ones.
    pub(crate) given: ImportOverrides,
    /// The action in the change log.
    pub(crate) action: ChangeAction,
}

/// The creation of a resource: its statement contains the proof of the claim.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Creating<'a> {
    pub(in crate::store) claim: &'a ScopeClaim,
    pub(in crate::store) writing: WriteContext<'a>,
}

impl ScopeClaim {
    /// Starts the creation of a resource, whose statement contains the proof.
    pub(crate) fn creating<'a>(&'a self, of_type: &'a TypeIds, author: &'a Author) -> Creating<'a> {
        Creating {
            claim: self,
            writing: WriteContext::under(self, of_type, author),
        }
    }
}

impl ConfirmedScope {
    /// Begins the change of a resource.
    pub(crate) fn writing<'a>(
        &'a self,
        of_type: &'a TypeIds,
        author: &'a Author,
    ) -> WriteContext<'a> {
        WriteContext::under(self, of_type, author)
    }
}

impl<'a> Creating<'a> {
    /// Type of the resource.
    pub(crate) fn of_type(&self) -> &'a TypeIds {
        self.writing.of_type
    }

    /// Whether the tenant has a limit of seats.
    #[must_use]
    pub(crate) fn limited(mut self, limited: bool) -> Self {
        self.writing.limited = limited;
        self
    }

    /// Values of an import that replace generated ones.
    #[must_use]
    pub(crate) fn given(mut self, given: ImportOverrides) -> Self {
        self.writing.given = given;
        self
    }
}

impl<'a> WriteContext<'a> {
    fn under(scope: &'a Scope, of_type: &'a TypeIds, author: &'a Author) -> Self {
        Self {
            scope,
            of_type,
            author,
            limited: false,
            exactly: false,
            given: ImportOverrides::default(),
            action: ChangeAction::default(),
        }
    }

    /// Whether the write can be combined with others in one batch. A combined batch does not support the values of an
    /// import, and an act of an operator has its row of the audit trail in a separate batch.
    pub(super) fn may_be_gathered(&self) -> bool {
        self.given.is_default() && self.author.audit.is_none()
    }
}

/// A resource at the last read, and the attributes in its document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Current<'a> {
    /// The stored resource.
    pub(crate) found: &'a StoredResource,
    /// The document's attributes.
    pub(crate) attributes: &'a Attributes,
}

/// Values of a resource that only an import sets.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ImportOverrides {
    /// New times of the resource, and its version if the next one is not greater.
    pub(crate) meta: Option<Meta>,
    /// Reserved key of the resource in the order of creation.
    pub(crate) place: Option<ReservedSeq>,
}

impl ImportOverrides {
    /// Whether there are no such values.
    pub(in crate::store) fn is_default(&self) -> bool {
        self.meta.is_none() && self.place.is_none()
    }
}

/// A key in the order of creation, reserved for a resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReservedSeq(pub(in crate::store) i64);

impl WriteContext<'_> {
    pub(in crate::store) fn tenant(&self) -> Arg {
        Arg::Int(self.scope.tenant)
    }

    /// The time of the write.
    pub(in crate::store) fn at(&self) -> Arg {
        Arg::Int(self.author.at.as_micros())
    }

    /// The new time of the last change.
    pub(in crate::store) fn modified(&self) -> Arg {
        Arg::Int(
            self.given
                .meta
                .map_or(self.author.at, |meta| meta.modified)
                .as_micros(),
        )
    }

    /// The new version if it is greater than the next one: versions only increase.
    pub(in crate::store) fn given_version(&self) -> Arg {
        Arg::OptInt(self.given.meta.map(|meta| meta.version))
    }

    /// The creation time, if the write sets it.
    pub(in crate::store) fn given_creation(&self) -> Arg {
        Arg::OptInt(self.given.meta.map(|meta| meta.created.as_micros()))
    }

    /// The expected schema revision of the tenant.
    pub(in crate::store) fn schema_revision(&self) -> Arg {
        Arg::Int(self.scope.schema_revision)
    }

    /// Whether the times or the version of the resource differ from the given ones.
    pub(in crate::store) fn differs(&self, found: &StoredResource) -> bool {
        self.given.meta.is_some_and(|meta| meta != found.meta)
    }

    /// The required version; 0 for any.
    pub(in crate::store) fn demanded_version(&self, found: &StoredResource) -> i64 {
        if self.exactly { found.meta.version } else { 0 }
    }

    /// The required version, as a value.
    pub(in crate::store) fn version(&self, found: &StoredResource) -> Arg {
        Arg::Int(self.demanded_version(found))
    }
}
