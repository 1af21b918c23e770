//! Requests with an `Idempotency-Key` that this instance is executing.

use crate::admin_api::problem::{Problem, Result};
use crate::operator::{OnceKey, OperatorError};
use crate::sync::locked;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

type Ids = Arc<Mutex<HashSet<(String, String)>>>;

/// The keys of the requests that are being executed.
#[derive(Debug, Default)]
pub(crate) struct Running(Ids);

/// The key of a request, for as long as the request is executed.
#[derive(Debug)]
pub(crate) struct RunningKey {
    ids: Ids,
    id: (String, String),
}

impl Running {
    /// Begins the execution of a request.
    ///
    /// # Errors
    /// 409 if a request with the key is being executed.
    pub(crate) fn begin(&self, key: &OnceKey) -> Result<RunningKey> {
        let id = key.id();
        if !locked(&self.0).insert(id.clone()) {
            return Err(Problem::from(OperatorError::Repeated));
        }
        Ok(RunningKey {
            ids: self.0.clone(),
            id,
        })
    }
}

impl Drop for RunningKey {
    fn drop(&mut self) {
        locked(&self.ids).remove(&self.id);
    }
}
