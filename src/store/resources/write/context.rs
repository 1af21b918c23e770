//! What a write needs to know, and its outcome.

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
    /// The change is stored, under this version.
    Done(i64),
    /// Another change came first, of the resource or of the tenant's schemas, or the resource is
    /// gone: read again.
    Stale,
    /// The tenant has no seat left, or its schemas were changed.
    NoSeat,
    /// Nothing was to be changed.
    Nothing,
}

/// What every change needs to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteContext<'a> {
    /// Tenant and numbers. Only a confirmed scope, or the proof that a creation carries, gets here.
    pub(in crate::store) scope: &'a Scope,
    /// Type of the resource.
    pub(crate) of_type: &'a TypeIds,
    /// Who writes, and when.
    pub(crate) author: &'a Author,
    /// Whether the tenant has a limit of seats.
    pub(crate) limited: bool,
    /// Whether the version, too, must be the one that was found: the request has a condition.
    pub(crate) exactly: bool,
    /// What an import says in place of what a write makes.
    pub(crate) given: ImportOverrides,
    /// What a change of the resource is called in the change log.
    pub(crate) action: ChangeAction,
}

/// The creation of a resource: its statement carries the proof of the claim.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Creating<'a> {
    pub(in crate::store) claim: &'a ScopeClaim,
    pub(in crate::store) writing: WriteContext<'a>,
}

impl ScopeClaim {
    /// Begins the creation of a resource, whose statement carries the proof.
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

    /// What an import says in place of what a write makes.
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

    /// Whether the write may be made in one batch with those of others. An import says more of a resource than such a
    /// batch can, and an act of an operator has its row of the audit trail in a batch of its own.
    pub(super) fn may_be_gathered(&self) -> bool {
        self.given.says_nothing() && self.author.audit.is_none()
    }
}

/// A resource as it was found, and its attributes, read from the document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Current<'a> {
    /// The resource as it is stored.
    pub(crate) found: &'a StoredResource,
    /// The document's attributes.
    pub(crate) attributes: &'a Attributes,
}

/// What an import, which is the operator's, may say of a resource.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ImportOverrides {
    /// Times that the resource has afterwards, and its version if the next one is not greater.
    pub(crate) meta: Option<Meta>,
    /// Place of the resource in the order of creation.
    pub(crate) place: Option<ReservedSeq>,
}

impl ImportOverrides {
    /// Whether the write makes everything itself.
    pub(in crate::store) fn says_nothing(&self) -> bool {
        self.meta.is_none() && self.place.is_none()
    }
}

/// A place in the order of creation, kept for a resource that is created in a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReservedSeq(pub(in crate::store) i64);

impl WriteContext<'_> {
    pub(in crate::store) fn tenant(&self) -> Arg {
        Arg::Int(self.scope.tenant)
    }

    /// The moment of the write.
    pub(in crate::store) fn at(&self) -> Arg {
        Arg::Int(self.author.at.as_micros())
    }

    /// When the resource was changed last, once this is written.
    pub(in crate::store) fn modified(&self) -> Arg {
        Arg::Int(
            self.given
                .meta
                .map_or(self.author.at, |meta| meta.modified)
                .as_micros(),
        )
    }

    /// The version afterwards where it is greater than the next one: versions only grow.
    pub(in crate::store) fn given_version(&self) -> Arg {
        Arg::OptInt(self.given.meta.map(|meta| meta.version))
    }

    /// When the resource was created, if the write says so.
    pub(in crate::store) fn given_creation(&self) -> Arg {
        Arg::OptInt(self.given.meta.map(|meta| meta.created.as_micros()))
    }

    /// The schemas that the write was made under must be those of the tenant.
    pub(in crate::store) fn schema_revision(&self) -> Arg {
        Arg::Int(self.scope.schema_revision)
    }

    /// Whether the resource shows other times or another version than it was given.
    pub(in crate::store) fn differs(&self, found: &StoredResource) -> bool {
        self.given.meta.is_some_and(|meta| meta != found.meta)
    }

    /// The version that is demanded; 0 for any.
    pub(in crate::store) fn demanded_version(&self, found: &StoredResource) -> i64 {
        if self.exactly { found.meta.version } else { 0 }
    }

    /// The version that is demanded, as a value.
    pub(in crate::store) fn version(&self, found: &StoredResource) -> Arg {
        Arg::Int(self.demanded_version(found))
    }
}
