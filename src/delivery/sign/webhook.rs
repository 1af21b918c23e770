//! Signatures of webhooks by Standard Webhooks 1.0: symmetric with HMAC-SHA-256, asymmetric with Ed25519.

use super::SignError;
use crate::keyword::keywords;
use crate::secrets::{SecretError, random};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

keywords! {
    /// The kind of signature of a webhook.
    SignatureKind {
        /// HMAC-SHA-256 with a shared secret.
        Hmac = "hmac",
        /// Ed25519: the receiver has the public key.
        Ed25519 = "ed25519",
    }
}

/// Bytes of a secret, and of the seed of a key.
const SECRET: usize = 32;

/// The prefix of a symmetric secret.
const SYMMETRIC: &str = "whsec_";
/// The prefix of a private key.
const PRIVATE: &str = "whsk_";
/// The prefix of a public key.
const PUBLIC: &str = "whpk_";

/// A key that signs webhooks.
pub(crate) struct WebhookKey(Kind);

enum Kind {
    Hmac(Vec<u8>),
    Ed25519(Ed25519KeyPair),
}

impl std::fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookKey")
    }
}

impl WebhookKey {
    /// The text of a new key, to be sealed.
    ///
    /// # Errors
    /// If the operating system returns no random bytes.
    pub(crate) fn generate(kind: SignatureKind) -> Result<String, SecretError> {
        let prefix = match kind {
            SignatureKind::Hmac => SYMMETRIC,
            SignatureKind::Ed25519 => PRIVATE,
        };
        Ok(format!("{prefix}{}", STANDARD.encode(random::<SECRET>()?)))
    }

    /// Parses the text of a key.
    ///
    /// # Errors
    /// [`SignError::Key`].
    pub(crate) fn read(text: &str) -> Result<Self, SignError> {
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| SignError::Key);
        if let Some(text) = text.strip_prefix(SYMMETRIC) {
            return Ok(Self(Kind::Hmac(decode(text)?)));
        }
        let seed = decode(text.strip_prefix(PRIVATE).ok_or(SignError::Key)?)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| SignError::Key)?;
        Ok(Self(Kind::Ed25519(pair)))
    }

    /// The text with which the receiver verifies signatures: the secret, or the public key.
    pub(crate) fn shown(&self) -> String {
        match &self.0 {
            Kind::Hmac(secret) => format!("{SYMMETRIC}{}", STANDARD.encode(secret)),
            Kind::Ed25519(pair) => {
                format!("{PUBLIC}{}", STANDARD.encode(pair.public_key()))
            }
        }
    }

    /// The kind of signature.
    pub(crate) fn kind(&self) -> SignatureKind {
        match &self.0 {
            Kind::Hmac(_) => SignatureKind::Hmac,
            Kind::Ed25519(_) => SignatureKind::Ed25519,
        }
    }

    /// The signature of a message at a time, in seconds since 1970.
    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
        match &self.0 {
            Kind::Hmac(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)))
            }
            Kind::Ed25519(pair) => {
                format!("v1a,{}", STANDARD.encode(pair.sign(&signed)))
            }
        }
    }
}

/// The value of `webhook-signature`: a signature with each key.
pub(crate) fn signature<'a>(
    keys: impl IntoIterator<Item = &'a WebhookKey>,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> String {
    let signatures: Vec<_> = keys
        .into_iter()
        .map(|key| key.sign(id, timestamp, body))
        .collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    /// The example of the specification.
    #[test]
    fn the_vector_of_standard_webhooks() {
        let key = WebhookKey::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(
            [&key],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    /// Test 1 of RFC 8032, section 7.1, has this key.
    #[test]
    fn an_asymmetric_key_shows_its_public_part() {
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let bytes = |hex: &str| -> Vec<u8> {
            let pairs = (0..hex.len()).step_by(2);
            pairs
                .map(|at| u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap())
                .collect()
        };
        let text = format!("whsk_{}", STANDARD.encode(bytes(seed)));
        let key = WebhookKey::read(&text).unwrap();
        assert_eq!(
            key.shown(),
            format!("whpk_{}", STANDARD.encode(bytes(public)))
        );
        let signed = signature([&key], "evt_1", 7, b"{}");
        let signed = STANDARD
            .decode(signed.strip_prefix("v1a,").unwrap())
            .unwrap();
        UnparsedPublicKey::new(&ED25519, bytes(public))
            .verify(b"evt_1.7.{}", &signed)
            .unwrap();
    }

    #[test]
    fn two_keys_sign_while_they_overlap() {
        let keys: Vec<_> = [SignatureKind::Hmac, SignatureKind::Ed25519]
            .map(|kind| WebhookKey::read(&WebhookKey::generate(kind).unwrap()).unwrap())
            .into();
        let both = signature(&keys, "evt_1", 7, b"{}");
        let each: Vec<_> = keys
            .iter()
            .map(|key| signature([key], "evt_1", 7, b"{}"))
            .collect();
        assert_eq!(both, each.join(" "));
        for damaged in ["", "whsec_?", "whsk_AAAA", "secret"] {
            assert!(WebhookKey::read(damaged).is_err(), "{damaged}");
        }
    }
}
