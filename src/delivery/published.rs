//! Public metadata of security event tokens.

use crate::clock::Timestamp;
use crate::store::{Store, StoreError};
use serde_json::{Value, json};

/// Seconds for which an old key is published.
pub(super) const PUBLISHED: i64 = 7 * 86_400;

/// Supported delivery methods (Shared Signals Framework 1.0, section 6.1).
const METHODS: [&str; 2] = ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"];

/// The public keys, as a JWK set (RFC 7517 section 5); `None` if there are none.
///
/// # Errors
/// Any [`StoreError`].
pub(crate) async fn key_set(store: &Store, now: Timestamp) -> Result<Option<Value>, StoreError> {
    let oldest = now.plus_seconds(-PUBLISHED);
    let mut keys = store.signing_keys().await?;
    keys.retain(|key| key.retired.is_none_or(|retired| retired > oldest));
    let keys: Vec<Value> = keys
        .iter()
        .filter_map(|key| serde_json::from_str(&key.jwk).ok())
        .collect();
    Ok((!keys.is_empty()).then(|| json!({"keys": keys})))
}

/// The configuration of a transmitter (Shared Signals Framework 1.0, section 7.1); `None` without a stream, or without
/// an https URL of the server.
///
/// # Errors
/// Any [`StoreError`].
pub(crate) async fn transmitter(store: &Store, issuer: &str) -> Result<Option<Value>, StoreError> {
    if !issuer.starts_with("https://") || !store.has_streams().await? {
        return Ok(None);
    }
    Ok(Some(json!({
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "delivery_methods_supported": METHODS,
    })))
}
