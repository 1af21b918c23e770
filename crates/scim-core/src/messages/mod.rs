//! The messages of the protocol (RFC 7644 section 8.2): the URN, the reader and the writer of each.
//!
//! | message | read by | written by |
//! |---|---|---|
//! | Error | – | [`ErrorMessage`] |
//! | ListResponse | – | [`list_head`], [`list_response`] |
//! | SearchRequest | [`SearchRequest::read`] | – |
//! | PatchOp | [`patch::read`](crate::patch::read) | [`patch_op`] |
//! | BulkRequest | [`BulkRequest::read`], [`BulkOperation::read`] | – |
//! | BulkResponse | – | [`bulk_response`], [`BulkResult::entry`] |
//!
//! ```
//! use scim_core::messages::SearchRequest;
//! use scim_core::resource::{Conformance, json::read_object};
//!
//! let body = br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
//!     "filter":"active eq true","count":10}"#;
//! let search = SearchRequest::read(&read_object(body, 32)?, Conformance::Rfc)?;
//! assert_eq!(search.filter.as_deref(), Some("active eq true"));
//! assert_eq!(search.count, Some(10));
//! # Ok::<(), scim_core::error::Error>(())
//! ```

mod bulk;
mod error;
mod list;
mod schemas;
mod search;
mod urn;

pub use bulk::{BulkMethod, BulkOperation, BulkRequest, BulkResult, BulkSuccess, bulk_response};
pub use error::ErrorMessage;
pub use list::{list_head, list_response};
pub use schemas::check_schemas;
pub use search::SearchRequest;
pub use urn::{BULK_REQUEST, BULK_RESPONSE, ERROR, LIST_RESPONSE, PATCH_OP, SEARCH_REQUEST};

use serde_json::{Value, json};

/// A PatchOp message of these operations (RFC 7644 section 3.5.2).
pub fn patch_op(operations: &Value) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": operations})
}
