//! A request in the provisioning log, its position in the log, and its tenant.

use crate::clock::Timestamp;
use crate::keyword::keywords;
use crate::store::resources::seq::{milliseconds, moment_of};
use std::sync::Arc;
use uuid::Uuid;

/// Identifies a tenant in statements about its provisioning log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TenantKey(pub(in crate::store) i64);

impl TenantKey {
    /// The key of the tenant with a database id.
    pub(crate) fn of_number(number: i64) -> Self {
        Self(number)
    }

    /// The database id of the tenant.
    pub(crate) fn number(self) -> i64 {
        self.0
    }

    /// Bytes that distinguish it from all other tenants, including deleted ones.
    pub(crate) fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

/// A position in the provisioning log of a tenant. Later positions are greater, but those of other instances can be
/// delayed by some seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition(pub(in crate::store) i64);

impl LogPosition {
    /// The position before all entries written at a time or later.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(moment_of(moment))
    }

    /// The position as a number, for a cursor.
    pub fn number(self) -> i64 {
        self.0
    }

    /// The position with a number.
    pub(crate) fn of_number(number: i64) -> Self {
        Self(number)
    }

    /// The position this number of seconds earlier.
    #[must_use]
    pub fn earlier(self, seconds: i64) -> Self {
        Self(self.0.saturating_sub(milliseconds(seconds * 1000)))
    }
}

keywords! {
    /// The outcome of a request.
    Outcome {
        /// The request succeeded, including a lookup without a result.
        Ok = "ok",
        /// A part of the request was ignored.
        Noted = "noted",
        /// The request, or one of its operations, was refused.
        Refused = "refused",
        /// The server failed.
        Failed = "failed",
    }
}

/// A request in the log: names and ids, never values.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedRequest {
    /// Time of the request.
    pub at: Timestamp,
    /// Public part of its token.
    pub token_id: Arc<str>,
    /// Name of its token.
    pub token_name: Arc<str>,
    /// User agent of the client.
    pub client: Option<String>,
    /// HTTP method.
    pub method: String,
    /// Template of the route, such as `/Users/{id}`.
    pub route: String,
    /// Type of the resource.
    pub resource_type: Option<String>,
    /// Id of the resource.
    pub resource: Option<Uuid>,
    /// HTTP status of the response.
    pub status: u16,
    /// SCIM error type of the response.
    pub scim_type: Option<String>,
    /// The detail of an error, without values.
    pub detail: Option<String>,
    /// Attributes and operators of the filter.
    pub filter: Option<String>,
    /// Names of the changed attributes, separated by commas.
    pub changed: Option<String>,
    /// Ignored parts, as JSON.
    pub notes: Option<String>,
    /// Duration in microseconds.
    pub micros: i64,
    /// Id of the request, in the response and in the server's log.
    pub request_id: String,
    /// The body without secrets, if bodies are recorded.
    pub body: Option<String>,
    /// The action, such as `user.create`; `None` in rows of earlier versions.
    pub action: Option<String>,
    /// The outcome; `None` in rows of earlier versions.
    pub outcome: Option<Outcome>,
    /// The reason, a keyword.
    pub reason: Option<String>,
    /// Whether only the public part of its token was verified.
    pub unproved: bool,
    /// Digests of the user names in the request; only reads for a stream return them.
    pub(crate) user_digests: Vec<i64>,
}
