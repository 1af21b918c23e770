//! POST to `/Bulk` (RFC 7644 section 3.7): many operations in one request, each of them atomic, with references to
//! resources that other operations create.

mod message;
mod operation;
mod order;
mod reference;
mod run;

use crate::access::Caller;
use crate::error::Result;
use crate::messages::{BulkRequest, bulk_response};
use crate::protocol::{ScimReply, Service};
use serde_json::{Map, Value};

impl Service {
    /// POST to `/Bulk`. The response is 200 regardless of the results of single operations.
    ///
    /// # Errors
    /// 400 for an invalid message, 413 for too many operations.
    pub(crate) async fn bulk(
        &self,
        caller: &Caller,
        body: Map<String, Value>,
    ) -> Result<ScimReply> {
        let job = BulkRequest::read(
            body,
            self.limits().bulk_operations,
            caller.settings.conformance,
        )?;
        let results = run::run(self, caller, &job).await;
        Ok(ScimReply::ok(bulk_response(&results).to_string()))
    }
}
