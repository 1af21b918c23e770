//! POST to `/Bulk` (RFC 7644 section 3.7): many operations in one request, each by itself all or
//! nothing, with references from one to what another creates.

mod message;
mod order;
mod reference;
mod run;

use crate::access::Caller;
use crate::error::Result;
use crate::messages::{BulkRequest, bulk_response};
use crate::protocol::{Reply, Service};
use serde_json::{Map, Value};

impl Service {
    /// POST to `/Bulk`. The answer is 200 whatever becomes of single operations.
    ///
    /// # Errors
    /// 400 for a message that is none, 413 for too many operations.
    pub(crate) async fn bulk(&self, caller: &Caller, body: Map<String, Value>) -> Result<Reply> {
        let job = BulkRequest::read(
            body,
            self.limits().bulk_operations,
            caller.settings.conformance,
        )?;
        let results = run::run(self, caller, &job).await;
        Ok(Reply::ok(bulk_response(&results).to_string()))
    }
}
