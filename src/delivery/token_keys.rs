//! The keys that sign security event tokens: one of each algorithm signs, the next one is published already, and old
//! ones are published for some days.

use crate::clock::Timestamp;
use crate::delivery::endpoints::Endpoints;
use crate::delivery::error::Result;
use crate::delivery::published::PUBLISHED;
use crate::delivery::sign::SignError;
use crate::delivery::sign::token::{TokenAlgorithm, TokenKey};
use crate::secrets::SecretKeys;
use crate::store::{KeyState, SigningKey};

/// A key as it is shown.
#[derive(Debug, Clone)]
pub struct KeyInfo {
    /// Id.
    pub id: String,
    /// Algorithm.
    pub algorithm: String,
    /// What it is for: `next`, `current` or `old`.
    pub state: &'static str,
    /// When it came to its state.
    pub since: Timestamp,
}

impl Endpoints {
    /// The keys, without what is secret.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn keys(&self) -> Result<Vec<KeyInfo>> {
        let keys = self.store().signing_keys().await?;
        let keys = keys.into_iter().map(|key| KeyInfo {
            state: key.state.as_str(),
            since: key.retired.unwrap_or(key.created),
            id: key.id,
            algorithm: key.algorithm,
        });
        Ok(keys.collect())
    }

    /// Makes the keys of an algorithm, if there are none: one that signs and the next one.
    pub(super) async fn make_keys(&self, algorithm: TokenAlgorithm) -> Result<()> {
        let known = self.store().signing_keys().await?;
        if known.iter().any(|key| key.algorithm == algorithm.as_str()) {
            return Ok(());
        }
        let sealing = self.sealing_keys()?;
        for state in [KeyState::Current, KeyState::Next] {
            let key = new_key(&sealing, algorithm, state, self.clock().now())?;
            self.store().add_signing_key(&key).await?;
        }
        Ok(())
    }

    /// The next key of an algorithm signs from now on, and another one is made to come after it. Gives the id of the
    /// key that signs.
    ///
    /// # Errors
    /// [`EndpointError`](crate::delivery::EndpointError) if no key can be made or sealed.
    pub async fn rotate_keys(&self, algorithm: TokenAlgorithm) -> Result<String> {
        self.make_keys(algorithm).await?;
        let known = self.store().signing_keys().await?;
        let next = known
            .iter()
            .find(|key| key.algorithm == algorithm.as_str() && key.state == KeyState::Next);
        let next = next.ok_or(SignError::Key)?;
        let now = self.clock().now();
        let after = new_key(&self.sealing_keys()?, algorithm, KeyState::Next, now)?;
        let moments = (now, now.plus_seconds(-PUBLISHED));
        let store = self.store();
        store.rotate_signing_keys(&next.id, &after, moments).await?;
        store.touch_streams().await?;
        Ok(next.id.clone())
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
