//! A request as the provisioning log keeps it, its place in the log, and the tenant that it is of.

use crate::clock::Timestamp;
use crate::keyword::keywords;
use crate::store::resources::seq::{milliseconds, moment_of};
use std::sync::Arc;
use uuid::Uuid;

/// Names a tenant in statements of its provisioning log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TenantKey(pub(in crate::store) i64);

impl TenantKey {
    /// The key of the tenant of a number.
    pub(crate) fn of_number(number: i64) -> Self {
        Self(number)
    }

    /// The number of the tenant.
    pub(crate) fn number(self) -> i64 {
        self.0
    }

    /// What tells it from other tenants, those that were deleted among them.
    pub(crate) fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

/// A place in the provisioning log of a tenant. Later ones are greater, but those of other
/// instances may come up to some seconds late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry(pub(in crate::store) i64);

impl Entry {
    /// The place before all that is written at a moment or later.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(moment_of(moment))
    }

    /// The place as a number, for a cursor.
    pub fn number(self) -> i64 {
        self.0
    }

    /// The place of a number.
    pub(crate) fn of_number(number: i64) -> Self {
        Self(number)
    }

    /// A place that is this number of seconds earlier.
    #[must_use]
    pub fn earlier(self, seconds: i64) -> Self {
        Self(self.0.saturating_sub(milliseconds(seconds * 1000)))
    }
}

keywords! {
    /// What became of a request.
    Outcome {
        /// The request was carried out, or a look-up found nothing.
        Ok = "ok",
        /// Something was left out.
        Noted = "noted",
        /// The client was refused, or one of its operations was.
        Refused = "refused",
        /// The server failed.
        Failed = "failed",
    }
}

/// A request as the log keeps it: names and ids, never values.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedRequest {
    /// When it came.
    pub at: Timestamp,
    /// Public part of its token.
    pub token_id: Arc<str>,
    /// Name of its token.
    pub token_name: Arc<str>,
    /// What the client calls itself.
    pub client: Option<String>,
    /// HTTP method.
    pub method: String,
    /// Template of the route, such as `/Users/{id}`.
    pub route: String,
    /// Type of the resource.
    pub resource_type: Option<String>,
    /// Id of the resource.
    pub resource: Option<Uuid>,
    /// HTTP status of the answer.
    pub status: u16,
    /// SCIM error type of the answer.
    pub scim_type: Option<String>,
    /// What an error says, without values.
    pub detail: Option<String>,
    /// Attributes and operators of the filter.
    pub filter: Option<String>,
    /// Names of the attributes that changed, with a comma between.
    pub changed: Option<String>,
    /// What was ignored or left out, as JSON.
    pub notes: Option<String>,
    /// How long it took, in microseconds.
    pub micros: i64,
    /// Names the request in the answer and in the server's log.
    pub request_id: String,
    /// The body without secrets, if bodies are kept.
    pub body: Option<String>,
    /// What it meant, such as `user.create`; `None` in rows of earlier versions.
    pub action: Option<String>,
    /// What became of it; `None` in rows of earlier versions.
    pub outcome: Option<Outcome>,
    /// Why it was refused, failed or lost a part, in a keyword.
    pub reason: Option<String>,
    /// Whether only the public part of its token is known to be the tenant's.
    pub unproved: bool,
    /// Digests of the user names that it is about. They are written and never read back.
    pub(crate) user_digests: Vec<i64>,
}
