//! A claim, the cached result of authentication, and a caller, which the database has confirmed in this request.

use crate::clock::Timestamp;
use crate::error::{Result, ScimError};
use crate::model::TypeRoles;
use crate::request_log::{RequestContext, Requester};
use crate::resource::Conformance;
use crate::schema::{Catalog, ResourceType};
use crate::store::{
    AuditedChange, Author, ConfirmedScope, Creating, ScopeClaim, Tenant, TokenScope, TypeIds,
    WriteContext,
};
use std::ops::Deref;
use std::sync::Arc;

/// A token and its tenant, from the database.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Name of the tenant.
    pub(crate) tenant: Arc<str>,
    /// Name that the operator gave to the token.
    pub(crate) token_name: Arc<str>,
    /// Public part of the token; the key of the rate limit. Empty for the operator.
    pub(crate) token_id: Arc<str>,
    /// Base URL of the tenant's resources, without a slash at the end: `https://host/scim/v2`.
    pub(crate) base_url: Arc<str>,
    /// The resource types and schemas of the tenant.
    pub catalog: Arc<Catalog>,
    pub(crate) token_scope: TokenScope,
    pub(crate) settings: Arc<Tenant>,
    /// The audit entry for changes by this caller, if they are acts of an operator.
    pub(crate) audit: Option<Arc<AuditedChange>>,
}

/// The part of an identity from the token.
#[derive(Debug)]
pub(super) struct TokenIdentity {
    pub(super) name: Arc<str>,
    /// Public part of the token; empty for the operator.
    pub(super) id: Arc<str>,
    pub(super) scope: TokenScope,
}

/// The identity of a token at the last read. Nothing is written or returned for it until a statement has confirmed it.
#[derive(Debug, Clone)]
pub struct Claim {
    pub(super) identity: Arc<Identity>,
    pub(super) scope: ScopeClaim,
    pub(crate) context: Arc<RequestContext>,
    /// The operation of a bulk request, counted from 1.
    pub(super) operation: Option<usize>,
}

/// The identity that the database has confirmed in this request.
#[derive(Debug, Clone)]
pub struct Caller {
    pub(super) claim: Claim,
    pub(super) scope: ConfirmedScope,
}

/// The outcome of an operation under a claim, with its caller. The outer error occurred before the database confirmed
/// the claim: [`Access::settle`](super::Access::settle) confirms it.
pub(crate) type Confirmed<T> = Result<(Caller, Result<T>)>;

/// The outcome of an operation under the claim of a confirmed caller.
pub(crate) fn answered<T>(outcome: Confirmed<T>) -> Result<T> {
    outcome.and_then(|(_, outcome)| outcome)
}

impl Claim {
    /// The scope of the request, with the condition to confirm.
    pub(crate) fn scope(&self) -> &ScopeClaim {
        &self.scope
    }

    /// The caller, as a statement has confirmed it.
    pub(crate) fn confirmed(&self, scope: ConfirmedScope) -> Caller {
        let claim = Self {
            scope: ScopeClaim::clone(&scope),
            ..self.clone()
        };
        Caller { claim, scope }
    }

    /// The author of a change, for the change log: the operator has no token.
    pub(crate) fn author(&self, at: Timestamp) -> Author {
        let token = Some(self.token_id.to_string()).filter(|id| !id.is_empty());
        let request = self.context.request_id().map(|id| match self.operation {
            Some(operation) => format!("{id}:{operation}"),
            None => id.to_owned(),
        });
        Author {
            token,
            request,
            at,
            audit: self.audit.clone(),
        }
    }

    /// The creation of a resource of a type, which confirms the claim.
    pub(crate) fn creating<'a>(
        &'a self,
        resource_type: &ResourceType,
        author: &'a Author,
    ) -> Result<Creating<'a>> {
        let limited = self.settings.seats.is_some();
        let of_type = of_type(&self.scope, resource_type)?;
        Ok(self.scope.creating(of_type, author).limited(limited))
    }

    /// The claim for a request to the path of its tenant: the URLs of its resources are below that path, unless the
    /// tenant has its own base URL. `base_path` is the end of the public URL.
    #[must_use]
    pub(crate) fn at_own_path(self, base_path: &str) -> Self {
        let own = url_of_tenant(&self.base_url, base_path, &self.tenant)
            .filter(|_| self.settings.base_url.is_none());
        match own {
            Some(url) => Self {
                identity: Arc::new(Identity {
                    base_url: url.into(),
                    ..Identity::clone(&self)
                }),
                ..self
            },
            None => self,
        }
    }
}

impl Caller {
    /// The caller with an audit entry, for changes that are acts of an operator.
    #[must_use]
    pub(crate) fn acting(self, audit: AuditedChange) -> Self {
        let identity = Identity {
            audit: Some(Arc::new(audit)),
            ..Identity::clone(&self)
        };
        Self {
            claim: Claim {
                identity: Arc::new(identity),
                ..self.claim
            },
            ..self
        }
    }

    /// The confirmed scope of the caller, which writes require.
    pub fn scope(&self) -> &ConfirmedScope {
        &self.scope
    }

    /// A change of a resource of a type.
    pub(crate) fn writing<'a>(
        &'a self,
        resource_type: &ResourceType,
        author: &'a Author,
    ) -> Result<WriteContext<'a>> {
        let mut writing = self
            .scope
            .writing(of_type(&self.scope, resource_type)?, author);
        writing.limited = self.settings.seats.is_some();
        Ok(writing)
    }

    /// The caller of one operation of a bulk request, counted from 1.
    #[must_use]
    pub(crate) fn in_operation(&self, operation: usize) -> Self {
        let mut caller = self.clone();
        caller.claim.operation = Some(operation);
        caller
    }

    /// The caller for a request to the path of its tenant; see [`Claim::at_own_path`].
    #[must_use]
    pub(crate) fn at_own_path(self, base_path: &str) -> Self {
        Self {
            claim: self.claim.at_own_path(base_path),
            ..self
        }
    }
}

impl Identity {
    /// The conformance mode of the tenant.
    pub(crate) fn conformance(&self) -> Conformance {
        self.settings.conformance
    }

    /// Whether the token may read resources of a type.
    ///
    /// # Errors
    /// 403 with the missing scope.
    pub(crate) fn may_read(&self, resource_type: &ResourceType) -> Result<()> {
        let is_allowed =
            self.token_scope != TokenScope::UsersOnly || resource_type.seat().is_some();
        is_allowed.then_some(()).ok_or_else(|| {
            ScimError::insufficient_scope(format!(
                "This token is for users only; it has no access to {}. Ask the vendor of the application for one that has.",
                resource_type.endpoint()
            ))
        })
    }

    /// Whether the token may change resources of a type.
    ///
    /// # Errors
    /// 403 with the missing scope.
    pub(crate) fn may_write(&self, resource_type: &ResourceType) -> Result<()> {
        if self.token_scope == TokenScope::ReadOnly {
            return Err(ScimError::insufficient_scope(
                "This token is read-only: ask the vendor of the application for one with scope read-write.",
            ));
        }
        self.may_read(resource_type)
    }

    pub(super) fn requester(&self, now: Timestamp) -> Requester {
        Requester {
            settings: self.settings.clone(),
            tenant: self.tenant.clone(),
            token_id: self.token_id.clone(),
            token_name: self.token_name.clone(),
            catalog: self.catalog.clone(),
            keeps_bodies: self.settings.bodies_until.is_some_and(|until| until > now),
        }
    }
}

impl Deref for Claim {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

/// A caller is a confirmed claim.
impl Deref for Caller {
    type Target = Claim;

    fn deref(&self) -> &Claim {
        &self.claim
    }
}

fn of_type<'a>(scope: &'a ScopeClaim, resource_type: &ResourceType) -> Result<&'a TypeIds> {
    let of_type = scope.layout().of_type(resource_type);
    of_type.ok_or_else(|| ScimError::internal("a type without a layout"))
}

/// The URL of a single tenant: `https://host/t/acme/scim/v2` for the base URL `https://host/scim/v2`. `None` if the
/// base URL does not end with the base path.
pub(crate) fn url_of_tenant(base_url: &str, base_path: &str, tenant: &str) -> Option<String> {
    let base_path = base_path.trim_end_matches('/');
    base_url
        .strip_suffix(base_path)
        .map(|root| format!("{root}/t/{tenant}{base_path}"))
}
