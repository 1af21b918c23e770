//! The keys that sign security event tokens: one of each algorithm signs, the next one is already published, and old
//! ones stay published for some days.

use crate::audit::{AuditAction, AuditEntry};
use crate::clock::Timestamp;
use crate::delivery::endpoints::Endpoints;
use crate::delivery::error::{EndpointError, Result};
use crate::delivery::published::PUBLISHED;
use crate::delivery::sign::SignError;
use crate::delivery::sign::token::{TokenAlgorithm, TokenKey};
use crate::operator::Once;
use crate::secrets::SecretKeys;
use crate::store::{KeyState, SigningKey};

/// Public information about a key.
#[derive(Debug, Clone)]
pub(crate) struct KeyInfo {
    /// Id.
    pub(crate) id: String,
    /// Algorithm.
    pub(crate) algorithm: String,
    /// Time of its creation, the order of keys.
    pub(crate) created: Timestamp,
    /// The state: `next`, `current` or `old`.
    pub(crate) state: &'static str,
    /// Time of the last change of its state.
    pub(crate) since: Timestamp,
}

impl Endpoints {
    /// The keys, without secrets.
    ///
    /// # Errors
    /// Any error of the database.
    pub(crate) async fn keys(&self) -> Result<Vec<KeyInfo>> {
        let keys = self.store().signing_keys().await?;
        let keys = keys.into_iter().map(|key| KeyInfo {
            state: key.state.as_str(),
            since: key.retired.unwrap_or(key.created),
            created: key.created,
            id: key.id,
            algorithm: key.algorithm,
        });
        Ok(keys.collect())
    }

    /// New first keys of an algorithm: the current and the next one. Empty if keys exist.
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

    /// Makes the next key of an algorithm the current one, and generates a new next key. Returns the id of the current
    /// key; the response of `once` is stored for repetitions of the request.
    ///
    /// # Errors
    /// [`EndpointError`] if no key can be generated or sealed, or the keys are rotated concurrently.
    pub async fn rotate_keys(
        &self,
        algorithm: TokenAlgorithm,
        once: Option<Once<'_, String>>,
    ) -> Result<String> {
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
            let kept = self.operator().kept(once, &next)?;
            let entry = entry.changing("current", current, next.as_str());
            let act = self.operator().act(entry, kept.as_ref());
            let after = new_key(&self.sealing_keys()?, algorithm, KeyState::Next, act.at)?;
            let forget = act.at.plus_seconds(-PUBLISHED);
            let rotated = self
                .store()
                .rotate_signing_keys(&act, &next, &after, forget);
            is_done = rotated.await?;
            next
        } else {
            let made = of(&first, KeyState::Current).ok_or(SignError::Key)?;
            let kept = self.operator().kept(once, &made)?;
            let entry = entry.changing("current", current, made.as_str());
            let act = self.operator().act(entry, kept.as_ref());
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

/// The owner of a sealed private key.
fn owner(id: &str) -> String {
    format!("key {id}")
}
