//! Digests of passwords: slow on purpose, so off the async threads and few at once.

use crate::error::{Result, ScimError};
use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Makes digests, a bounded number at once.
#[derive(Debug, Clone)]
pub(super) struct Passwords(Arc<Semaphore>);

impl Passwords {
    pub(super) fn new() -> Self {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(at_once)))
    }

    /// The argon2id digest of a password, with salt and parameters.
    pub(super) async fn digest(&self, password: String) -> Result<String> {
        let _place = self.0.acquire().await.map_err(ScimError::internal)?;
        let made = tokio::task::spawn_blocking(move || {
            Argon2::default().hash_password(password.as_bytes()).map(|digest| digest.to_string())
        });
        made.await.map_err(ScimError::internal)?.map_err(|error| ScimError::internal(error.to_string()))
    }
}
