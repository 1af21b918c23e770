//! Digests of passwords. They are slow by design, so they are computed on separate threads with limited concurrency.

use crate::error::{Result, ScimError};
use crate::model::TypeRoles;
use crate::resource::{Attributes, Key};
use crate::schema::ResourceType;
use crate::store::{NewDocument, PasswordPolicy};
use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// The OpaqueString profile (RFC 8265 section 4.2): all blanks become the ASCII space, and characters are composed, so
/// that a password is the same on every keyboard.
fn prepared(password: &str) -> String {
    let is_blank = |c: char| c.is_whitespace() && !c.is_control();
    let blanks: String = password
        .chars()
        .map(|c| if is_blank(c) { ' ' } else { c })
        .collect();
    Key::text(&blanks, true).as_str().to_owned()
}

/// Computes digests, with limited concurrency.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    places: Arc<Semaphore>,
    digested: Arc<AtomicU64>,
}

impl Passwords {
    /// Digests at most one password per core at a time.
    pub(crate) fn new() -> Self {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            places: Arc::new(Semaphore::new(at_once)),
            digested: Arc::default(),
        }
    }

    /// Number of computed digests.
    pub(crate) fn digested(&self) -> u64 {
        self.digested.load(Ordering::Relaxed)
    }

    /// Attributes for storage: the password is removed, and stored as a digest if the tenant's policy requires it.
    ///
    /// # Errors
    /// 500 if the digest cannot be computed.
    pub(crate) async fn document(
        &self,
        resource_type: &ResourceType,
        mut attributes: Attributes,
        policy: PasswordPolicy,
    ) -> Result<NewDocument> {
        let sent = resource_type
            .password()
            .and_then(|password| attributes.take(password));
        let digest = match (sent, policy) {
            (Some(Value::String(password)), PasswordPolicy::Argon2id) => {
                Some(self.digest(password).await?)
            }
            _ => None,
        };
        Ok(NewDocument::new(resource_type, attributes, digest))
    }

    /// The argon2id digest of a password, with salt and parameters.
    pub(crate) async fn digest(&self, password: String) -> Result<String> {
        let _place = self.places.acquire().await.map_err(ScimError::internal)?;
        self.digested.fetch_add(1, Ordering::Relaxed);
        let password = prepared(&password);
        let made = tokio::task::spawn_blocking(move || {
            Argon2::default()
                .hash_password(password.as_bytes())
                .map(|digest| digest.to_string())
        });
        made.await
            .map_err(ScimError::internal)?
            .map_err(|error| ScimError::internal(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_prepared() {
        assert_eq!(prepared("a\u{3000}e\u{301}"), "a \u{e9}");
        assert_eq!(prepared("A"), "A");
    }

    #[tokio::test]
    async fn a_digest_is_salted() {
        let passwords = Passwords::new();
        let (a, b) = (
            passwords.digest("x".into()).await.unwrap(),
            passwords.digest("x".into()).await.unwrap(),
        );
        assert!(a.starts_with("$argon2id$") && a != b);
    }
}
