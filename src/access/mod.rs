//! Who calls: bearer tokens, the tenants that they belong to, and what these may do.

pub(crate) mod authenticate;
pub(crate) mod caller_cache;
pub(crate) mod catalogs;
pub(crate) mod near_miss;
pub mod token;

pub use near_miss::Traced;

use crate::error::{Result, ScimError};
use crate::model::TypeRoles;
use crate::protocol::url_of_tenant;
use crate::request_log::Trail;
use crate::resource::{Attributes, Conformance};
use crate::schema::{Catalog, ResourceType};
use crate::store::{
    Author, ImportOverrides, MemberDelta, NewDocument, Scope, Tenant, TokenScope, WriteContext,
};
use std::sync::Arc;

/// Who asks: a tenant, by one of its tokens.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Name of the tenant.
    pub tenant: Arc<str>,
    /// Name that the operator gave to the token.
    pub token_name: Arc<str>,
    /// Public part of the token; the key of the rate limit.
    pub token_id: Arc<str>,
    /// Where the tenant's resources stand, without a slash at the end: `https://host/scim/v2`.
    pub base_url: Arc<str>,
    /// The resource types and schemas of the tenant.
    pub catalog: Arc<Catalog>,
    pub(crate) scope: Scope,
    pub(crate) token_scope: TokenScope,
    pub(crate) settings: Arc<Tenant>,
    pub(crate) trail: Arc<Trail>,
}

impl Caller {
    /// How much the tenant forgives its clients.
    pub fn conformance(&self) -> Conformance {
        self.settings.conformance
    }

    /// The caller as a request to the path of his tenant has him: what he is told stands below that
    /// path, unless the tenant has a base URL of its own. `base_path` is what the public URL ends with.
    #[must_use]
    pub fn at_own_path(self, base_path: &str) -> Self {
        let own = url_of_tenant(&self.base_url, base_path, &self.tenant)
            .filter(|_| self.settings.base_url.is_none());
        match own {
            Some(url) => Self {
                base_url: url.into(),
                ..self
            },
            None => self,
        }
    }

    /// A change by this caller to a resource of a type.
    pub(crate) fn writing<'a>(
        &'a self,
        kind: &ResourceType,
        author: &'a Author,
    ) -> Result<WriteContext<'a>> {
        let of_type = self
            .scope
            .layout()
            .of_type(kind)
            .ok_or_else(|| ScimError::internal("a type without a layout"))?;
        let limited = self.settings.seats.is_some();
        Ok(WriteContext {
            scope: &self.scope,
            of_type,
            author,
            limited,
            exactly: false,
            given: ImportOverrides::default(),
        })
    }

    /// Tells the provisioning log which attributes a change has changed.
    pub(crate) fn changed(
        &self,
        kind: &ResourceType,
        before: &Attributes,
        written: &NewDocument,
        members: &MemberDelta,
    ) {
        self.trail.changed(written.attributes.changed_names(before));
        let joined = kind.members().filter(|_| !members.is_empty());
        let kept = kind.password().filter(|_| written.password.is_some());
        self.trail.changed(
            joined
                .into_iter()
                .chain(kept)
                .map(|attribute| attribute.name().as_ref()),
        );
    }
}
