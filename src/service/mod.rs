//! The protocol's operations, one file each. Knows no header and no table.

mod admin;
mod precondition;
mod query;
mod reply;

pub use admin::{
    DatabaseSettings, DatabaseTarget, IssuedToken, PasswordPolicy, Scope, ServiceLimits, ServiceSettings, StartError,
    TenantChange, TenantInfo, TenantStatus, TokenInfo, UsernameFormat,
};
pub use precondition::{Precondition, Tags};
pub use query::{ListQuery, View};
pub use reply::Reply;

use crate::clock::Clock;
use crate::error::{Result, ScimError};
use crate::schema::{Catalog, ResourceType};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The server without its wire: everything a request can ask for.
#[derive(Debug, Clone)]
pub struct Service {
    clock: Clock,
}

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
}

impl Service {
    /// Who the value of an `Authorization` header stands for.
    ///
    /// # Errors
    /// 401 with a `detail` that says what is wrong with the token; 503 if the database is away.
    pub async fn authenticate(&self, _authorization: Option<&str>) -> Result<Caller> {
        Err(ScimError::not_implemented("authenticate"))
    }

    /// POST to the endpoint of a type (RFC 7644 section 3.3).
    pub async fn create(
        &self,
        _caller: &Caller,
        _kind: &Arc<ResourceType>,
        _body: Map<String, Value>,
        _view: &View,
    ) -> Result<Reply> {
        Err(ScimError::not_implemented("create"))
    }

    /// GET of one resource (RFC 7644 section 3.4.1).
    pub async fn read(
        &self,
        _caller: &Caller,
        _kind: &Arc<ResourceType>,
        _id: &str,
        _view: &View,
        _precondition: &Precondition,
    ) -> Result<Reply> {
        Err(ScimError::not_implemented("read"))
    }

    /// PUT (RFC 7644 section 3.5.1).
    pub async fn replace(
        &self,
        _caller: &Caller,
        _kind: &Arc<ResourceType>,
        _id: &str,
        _body: Map<String, Value>,
        _view: &View,
        _precondition: &Precondition,
    ) -> Result<Reply> {
        Err(ScimError::not_implemented("replace"))
    }

    /// PATCH (RFC 7644 section 3.5.2).
    pub async fn modify(
        &self,
        _caller: &Caller,
        _kind: &Arc<ResourceType>,
        _id: &str,
        _body: Map<String, Value>,
        _view: &View,
        _precondition: &Precondition,
    ) -> Result<Reply> {
        Err(ScimError::not_implemented("modify"))
    }

    /// DELETE (RFC 7644 section 3.6).
    pub async fn delete(
        &self,
        _caller: &Caller,
        _kind: &Arc<ResourceType>,
        _id: &str,
        _precondition: &Precondition,
    ) -> Result<Reply> {
        Err(ScimError::not_implemented("delete"))
    }

    /// GET of the endpoint of a type, POST to its `/.search`, or, with no type, the root query
    /// (RFC 7644 sections 3.4.2 and 3.4.3).
    pub async fn list(&self, _caller: &Caller, _kind: Option<&Arc<ResourceType>>, _query: &ListQuery) -> Result<Reply> {
        Err(ScimError::not_implemented("list"))
    }

    /// POST to `/Bulk` (RFC 7644 section 3.7).
    pub async fn bulk(&self, _caller: &Caller, _body: Map<String, Value>) -> Result<Reply> {
        Err(ScimError::not_implemented("bulk"))
    }

    /// GET `/ServiceProviderConfig` (RFC 7643 section 5).
    pub fn service_provider_config(&self, _caller: &Caller) -> Reply {
        Reply::ok(String::new())
    }

    /// GET `/ResourceTypes`, or of one by name (RFC 7644 section 4).
    pub fn resource_types(&self, _caller: &Caller, _name: Option<&str>) -> Result<Reply> {
        Err(ScimError::not_implemented("resource types"))
    }

    /// GET `/Schemas`, or of one by URN (RFC 7644 section 4).
    pub fn schemas(&self, _caller: &Caller, _urn: Option<&str>) -> Result<Reply> {
        Err(ScimError::not_implemented("schemas"))
    }

    /// Whether the database answers and has the schema of this program.
    pub async fn is_ready(&self) -> Result<()> {
        Err(ScimError::not_implemented("ready"))
    }

    /// The server's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
