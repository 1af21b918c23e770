//! scimd: a SCIM 2.0 service provider (RFC 7643, RFC 7644).
//!
//! The protocol without I/O is the package `scim-core`; its modules are re-exported here. Each
//! module uses those above it in this list and none below. `ARCHITECTURE.md` is the map.

pub mod audit;
pub mod clock;
pub mod error;
pub mod live;
pub mod metrics;
pub mod nearest;
pub mod outbound;
pub mod reason;
pub mod secrets;
mod sync;
pub(crate) mod trace;

pub(crate) use scim_core::keyword;
pub use scim_core::{filter, messages, patch, resource, schema};

pub mod model;

pub mod mapping;

pub mod guide;

pub mod store;

pub mod access;

pub mod request_log;

pub mod explanation;

pub mod protocol;

pub mod feed;

pub mod operator;

/// The names of the layers between the store and the wire.
pub mod service {
    pub use crate::access::{
        Access, Caller, Claim, Confirmed, Identity, Traced, answered, token, url_of_tenant,
    };
    pub use crate::explanation::{Explanation, Turn};
    pub use crate::operator::*;
    pub use crate::protocol::*;
    pub use crate::request_log::{
        Action, Deed, NoteText, Record, Recorder, RequestContext, RequestSummary, UnknownAttribute,
    };
    pub use crate::store::{
        AuditQuery, AuditRow, Entry, FailureGroup, FailurePlace, FailureQuery, Health, HourCounts,
        HourFigures, LogPage, LogQuery, LogSearch, LoggedRequest, LoggedUser, OperatorRole,
        OperatorScope, OperatorTokenInfo, Outcome, PasswordPolicy, PutWithoutMembers,
        ResourceChange, Status, TenantChange, TenantInfo, TenantOrder, TenantPage, TenantPlace,
        TenantQuery, TokenInfo, TokenQuery, TokenScope, UsernameFormat, Verified,
    };
}

pub mod wire;

pub mod scim_api;

pub mod feed_api;

/// The names of the wire and of the SCIM API.
pub mod http {
    pub use crate::scim_api::{App, HttpSettings, app};
    pub use crate::wire::{ServerSettings, listen, serve};
}

pub mod delivery;

pub mod background;

pub mod telemetry;

pub mod config;

pub mod admin_api;

pub mod cli;
