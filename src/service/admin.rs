//! What the operator asks of the server: tenants, tokens, and whether the store is sound.

use super::Service;
use crate::clock::Timestamp;
use crate::error::{Result, ScimError};
use crate::filter::FilterLimits;
use crate::resource::Conformance;
use crate::resource::limits::ValueLimits;
use crate::schema::SchemaFile;
use secrecy::SecretString;
use std::path::PathBuf;

/// What a service is opened with.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// Where resources are kept.
    pub database: DatabaseSettings,
    /// Where resources stand for clients, with the base path and without a slash at the end.
    pub public_url: String,
    /// Schema and resource type files of the deployment.
    pub schema_files: Vec<SchemaFile>,
    /// Attributes that a filter may name; `*` means every one.
    pub searchable: Vec<String>,
    /// Bounds on what a request may ask.
    pub limits: ServiceLimits,
}

/// The database and how long to wait for it.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// Which database.
    pub target: DatabaseTarget,
    /// Connections kept open at most.
    pub max_connections: u32,
    /// Seconds to wait for a free connection.
    pub acquire_seconds: u64,
    /// Seconds a statement may take.
    pub statement_seconds: u64,
    /// Seconds to wait for a row that another request holds.
    pub lock_seconds: u64,
}

/// Which database holds the resources.
#[derive(Debug, Clone)]
pub enum DatabaseTarget {
    /// A PostgreSQL server.
    Postgres {
        /// Its URL, which may hold a password.
        url: SecretString,
    },
    /// Embedded SQLite.
    Sqlite {
        /// The folder of its files.
        data_dir: PathBuf,
    },
}

/// Bounds on what a request may ask of the service.
#[derive(Debug, Clone, Copy)]
pub struct ServiceLimits {
    /// Bounds on the values of a resource.
    pub values: ValueLimits,
    /// Bounds on filters and PATCH paths.
    pub filter: FilterLimits,
    /// Resources on a page when the client names no `count`.
    pub page_default: i64,
    /// Resources on a page at most.
    pub page_max: i64,
    /// Operations of a PATCH request.
    pub patch_operations: usize,
    /// Levels of JSON that comes as text within a PATCH request.
    pub json_depth: usize,
    /// Operations of a bulk request.
    pub bulk_operations: usize,
    /// Bytes of a bulk request.
    pub bulk_bytes: usize,
}

/// Why a service could not be opened, in one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be reached at present; another try may succeed.
    #[error("{0}")]
    Unreachable(String),
    /// Something that the operator must put right.
    #[error("{0}")]
    Unusable(String),
}

/// Whether a tenant may use the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantStatus {
    /// Its requests are served.
    Active,
    /// Its requests are refused; its data stays.
    Suspended,
}

/// What a tenant takes for a `userName`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsernameFormat {
    /// Any text.
    Any,
    /// An e-mail address.
    Email,
}

/// What becomes of a `password`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordPolicy {
    /// It is taken and forgotten.
    Discard,
    /// Its argon2id hash is kept.
    Argon2id,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything within its tenant.
    ReadWrite,
    /// Reading only.
    ReadOnly,
    /// Reading and writing users only.
    UsersOnly,
}

macro_rules! keywords {
    ($($type:ident { $($variant:ident = $word:literal),* })*) => {$(
        impl $type {
            /// The keyword of configuration and command line.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The value for a keyword.
            pub fn from_keyword(text: &str) -> Option<Self> {
                [$(Self::$variant),*].into_iter().find(|value| value.as_str() == text)
            }
        }
    )*};
}

keywords! {
    TenantStatus { Active = "active", Suspended = "suspended" }
    UsernameFormat { Any = "any", Email = "email" }
    PasswordPolicy { Discard = "discard", Argon2id = "argon2id" }
    Scope { ReadWrite = "read-write", ReadOnly = "read-only", UsersOnly = "users-only" }
}

/// A tenant, as the operator sees it.
#[derive(Debug, Clone)]
pub struct TenantInfo {
    /// Its name.
    pub name: String,
    /// Whether it may use the server.
    pub status: TenantStatus,
    /// Active users at most; `None` for no limit.
    pub seats: Option<i64>,
    /// How much it forgives its clients.
    pub conformance: Conformance,
    /// What it takes for a `userName`.
    pub username_format: UsernameFormat,
    /// Whether two groups may not share a name.
    pub unique_group_names: bool,
    /// What becomes of passwords.
    pub password_policy: PasswordPolicy,
    /// Where its resources stand, if not under the server's URL.
    pub base_url: Option<String>,
    /// Number of users.
    pub users: i64,
    /// Number of active users.
    pub active_users: i64,
    /// Number of groups.
    pub groups: i64,
    /// When it was created.
    pub created: Timestamp,
}

/// What changes of a tenant; `None` leaves as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantChange {
    /// Whether it may use the server.
    pub status: Option<TenantStatus>,
    /// Active users at most; `Some(None)` for no limit.
    pub seats: Option<Option<i64>>,
    /// How much it forgives its clients.
    pub conformance: Option<Conformance>,
    /// What it takes for a `userName`.
    pub username_format: Option<UsernameFormat>,
    /// Whether two groups may not share a name.
    pub unique_group_names: Option<bool>,
    /// What becomes of passwords.
    pub password_policy: Option<PasswordPolicy>,
    /// Where its resources stand; `Some(None)` for under the server's URL.
    pub base_url: Option<Option<String>>,
}

/// A token, as the operator sees it later: without its secret.
#[derive(Debug, Clone)]
pub struct TokenInfo {
    /// Public part.
    pub id: String,
    /// Name of its tenant.
    pub tenant: String,
    /// Name that the operator gave.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// When it was issued.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// When it was used last, roughly.
    pub last_used: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// A token at the only moment that its text is known.
#[derive(Debug)]
pub struct IssuedToken {
    /// Public part.
    pub id: String,
    /// What the client sends.
    pub text: SecretString,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

impl Service {
    /// Opens the database, brings its tables up to date and loads the schemas. Afterwards the
    /// tenant `default` exists.
    ///
    /// # Errors
    /// What the operator must do.
    pub async fn open(_settings: &ServiceSettings) -> Result<Self, StartError> {
        Err(StartError::Unusable("this build has no store".into()))
    }

    /// Creates a tenant.
    ///
    /// # Errors
    /// 409 if there is one of that name.
    pub async fn create_tenant(&self, _name: &str, _change: &TenantChange) -> Result<TenantInfo> {
        Err(ScimError::not_implemented("create_tenant"))
    }

    /// All tenants, by name.
    ///
    /// # Errors
    /// 503 if the database is away.
    pub async fn tenants(&self) -> Result<Vec<TenantInfo>> {
        Err(ScimError::not_implemented("tenants"))
    }

    /// One tenant.
    ///
    /// # Errors
    /// 404 if there is none of that name.
    pub async fn tenant(&self, _name: &str) -> Result<TenantInfo> {
        Err(ScimError::not_implemented("tenant"))
    }

    /// Changes the settings of a tenant.
    ///
    /// # Errors
    /// 404 if there is none of that name.
    pub async fn change_tenant(&self, _name: &str, _change: &TenantChange) -> Result<TenantInfo> {
        Err(ScimError::not_implemented("change_tenant"))
    }

    /// Deletes a tenant with its tokens and resources.
    ///
    /// # Errors
    /// 404 if there is none of that name.
    pub async fn delete_tenant(&self, _name: &str) -> Result<()> {
        Err(ScimError::not_implemented("delete_tenant"))
    }

    /// Issues a token that lives so many seconds, or for ever.
    ///
    /// # Errors
    /// 404 if there is no such tenant.
    pub async fn issue_token(
        &self,
        _tenant: &str,
        _name: &str,
        _scope: Scope,
        _expires: Option<i64>,
    ) -> Result<IssuedToken> {
        Err(ScimError::not_implemented("issue_token"))
    }

    /// The tokens of a tenant, or of all.
    ///
    /// # Errors
    /// 404 if there is no such tenant.
    pub async fn tokens(&self, _tenant: Option<&str>) -> Result<Vec<TokenInfo>> {
        Err(ScimError::not_implemented("tokens"))
    }

    /// Issues a successor of a token, which itself lives on for the overlap.
    ///
    /// # Errors
    /// 404 if there is no such token.
    pub async fn rotate_token(&self, _id: &str, _overlap_seconds: i64) -> Result<IssuedToken> {
        Err(ScimError::not_implemented("rotate_token"))
    }

    /// Ends a token at once.
    ///
    /// # Errors
    /// 404 if there is no such token.
    pub async fn revoke_token(&self, _id: &str) -> Result<()> {
        Err(ScimError::not_implemented("revoke_token"))
    }

    /// Compares what is derived with what it derives from; gives one line for each difference,
    /// and with `repair` puts it right.
    ///
    /// # Errors
    /// 503 if the database is away.
    pub async fn verify(&self, _repair: bool) -> Result<Vec<String>> {
        Err(ScimError::not_implemented("verify"))
    }
}
