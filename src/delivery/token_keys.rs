//! The keys that sign security event tokens: one of each algorithm signs, the next one is published already, and old
//! ones are published for some days.

use crate::audit::{AuditAction, AuditEntry};
use crate::clock::Timestamp;
use crate::delivery::endpoints::Endpoints;
use crate::delivery::error::{EndpointError, Result};
use crate::delivery::published::PUBLISHED;
use crate::delivery::sign::SignError;
use crate::delivery::sign::token::{TokenAlgorithm, TokenKey};
use crate::secrets::SecretKeys;
use crate::store::{KeyState, SigningKey};

/// A key as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct KeyInfo {
    /// Id.
    pub(crate) id: String,
    /// Algorithm.
    pub(crate) algorithm: String,
    /// What it is for: `next`, `current` or `old`.
    pub(crate) state: &'static str,
    /// When it came to its state.
    pub(crate) since: Timestamp,
}

impl Endpoints {
    /// The keys, without what is secret.
    ///
    /// # Errors
    /// Any error of the database.
    pub(crate) async fn keys(&self) -> Result<Vec<KeyInfo>> {
        let keys = self.store().signing_keys().await?;
        let keys = keys.into_iter().map(|key| KeyInfo {
            state: key.state.as_str(),
            since: key.retired.unwrap_or(key.created),
            id: key.id,
            algorithm: key.algorithm,
        });
        Ok(keys.collect())
    }

    /// The first keys of an algorithm, to be kept: one that signs and the next one. None if there are some.
    pub(super) async fn first_keys(&self, algorithm: TokenAlgorithm) -> Result<Vec<SigningKey>> {
        let known = self.store().signing_keys().await?;
        if known.iter().any(|key| key.algorithm == algorithm.as_str()) {
            return Ok(Vec::new());
        }
        let sealing = self.sealing_keys()?;
        let states = [KeyState::Current, KeyState::Next];
        let keys = states.map(|state| new_key(&sealing, algorithm, state, self.clock().now()));
        keys.into_iter().collect()
    }

    /// The next key of an algorithm signs from now on, and another one is made to come after it. Gives the id of the
    /// key that signs.
    ///
    /// # Errors
    /// [`EndpointError`] if no key can be made or sealed, or someone else rotates the keys at the same moment.
    pub async fn rotate_keys(&self, algorithm: TokenAlgorithm) -> Result<String> {
        let first = self.first_keys(algorithm).await?;
        let known = self.store().signing_keys().await?;
        let of = |keys: &[SigningKey], state: KeyState| {
            let mut keys = keys.iter();
            let found = keys.find(|key| key.algorithm == algorithm.as_str() && key.state == state);
            found.map(|key| key.id.clone())
        };
        let entry = AuditEntry::new(AuditAction::KeyRotate).on(algorithm.as_str());
        let current = of(&known, KeyState::Current);
        let is_done;
        let signs = if first.is_empty() {
            let next = of(&known, KeyState::Next).ok_or(SignError::Key)?;
            let act = self
                .operator()
                .act(entry.changing("current", current, next.as_str()), None);
            let after = new_key(&self.sealing_keys()?, algorithm, KeyState::Next, act.at)?;
            let forget = act.at.plus_seconds(-PUBLISHED);
            let rotated = self
                .store()
                .rotate_signing_keys(&act, &next, &after, forget);
            is_done = rotated.await?;
            next
        } else {
            let made = of(&first, KeyState::Current).ok_or(SignError::Key)?;
            let act = self
                .operator()
                .act(entry.changing("current", current, made.as_str()), None);
            is_done = self.store().add_signing_keys(&act, &first).await?;
            made
        };
        if is_done {
            Ok(signs)
        } else {
            Err(EndpointError::OtherKeys)
        }
    }

    /// The key that signs with an algorithm.
    pub(super) async fn signing_key(&self, algorithm: TokenAlgorithm) -> Result<TokenKey> {
        let known = self.store().signing_keys().await?;
        let current = known
            .iter()
            .find(|key| key.algorithm == algorithm.as_str() && key.state == KeyState::Current);
        let current = current.ok_or(SignError::Key)?;
        let private = self
            .opening_keys()?
            .open(&owner(&current.id), &current.secret)?;
        Ok(TokenKey::read(algorithm, &private)?)
    }
}

fn new_key(
    sealing: &SecretKeys,
    algorithm: TokenAlgorithm,
    state: KeyState,
    now: Timestamp,
) -> Result<SigningKey> {
    let private = TokenKey::generate(algorithm)?;
    let key = TokenKey::read(algorithm, &private)?;
    Ok(SigningKey {
        id: key.id().to_owned(),
        algorithm: algorithm.as_str().to_owned(),
        state,
        jwk: key.jwk().to_string(),
        secret: sealing.seal(&owner(key.id()), &private)?,
        created: now,
        retired: None,
    })
}

/// What a sealed private key belongs to.
fn owner(id: &str) -> String {
    format!("key {id}")
}
