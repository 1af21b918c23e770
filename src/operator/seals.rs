//! Sealed text: positions in lists, and stored responses for repeated requests.

use crate::error::{Result, ScimError};
use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::hmac::HMAC_SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;

/// Bytes of the nonce before a sealed text.
const NONCE: usize = 12;

/// Seals and opens text, with keys that are derived from the one that the instances over one database share.
pub(super) struct Seals(Prk);

impl fmt::Debug for Seals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seals")
    }
}

/// The purpose of a sealed text. It cannot be opened for another purpose.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// A position in a list.
    Place,
    /// A response, whose key is also derived from the key of the request.
    Answer(&'a str),
}

impl Seals {
    /// Creates the seals with the shared key, in Base64.
    pub(super) fn with_key(key: &str) -> Result<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(key).map_err(ScimError::internal)?;
        Ok(Self(
            Salt::new(HKDF_SHA256, b"scimd management").extract(&bytes),
        ))
    }

    /// Seals a text; opening it requires the same `context`.
    pub(super) fn seal(&self, purpose: Purpose<'_>, context: &[u8], text: &str) -> Result<String> {
        let broken = || ScimError::internal("a text could not be sealed");
        let mut sealed = text.as_bytes().to_vec();
        let key = self.key(purpose).ok_or_else(broken)?;
        let nonce = key.seal_in_place_append_tag(Aad::from(context), &mut sealed);
        let nonce = nonce.map_err(|_| broken())?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &sealed].concat()))
    }

    /// Opens a sealed text; `None` if it is not valid for this purpose and context.
    pub(super) fn open(
        &self,
        purpose: Purpose<'_>,
        context: &[u8],
        sealed: &str,
    ) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
        let nonce = <&[u8; NONCE]>::try_from(nonce).ok()?.into();
        let mut sealed = sealed.to_vec();
        let key = self.key(purpose)?;
        let opened = key
            .open_in_place(nonce, Aad::from(context), &mut sealed)
            .ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }

    fn key(&self, purpose: Purpose<'_>) -> Option<RandomizedNonceKey> {
        let info: [&[u8]; 2] = match purpose {
            Purpose::Place => [b"place", b""],
            Purpose::Answer(key) => [b"answer", key.as_bytes()],
        };
        let mut bytes = [0; 32];
        let derived = self.0.expand(&info, HMAC_SHA256).ok()?;
        derived.fill(&mut bytes).ok()?;
        RandomizedNonceKey::new(&AES_256_GCM, &bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_opens_only_for_its_purpose() {
        let seals = Seals::with_key("AAAA").unwrap();
        let (answer, other) = (Purpose::Answer("one"), Purpose::Answer("two"));
        let sealed = seals.seal(answer, b"request", "secret").unwrap();
        assert!(!sealed.contains("secret"));
        assert_eq!(
            seals.open(answer, b"request", &sealed).as_deref(),
            Some("secret")
        );
        assert_eq!(seals.open(other, b"request", &sealed), None);
        assert_eq!(seals.open(Purpose::Place, b"request", &sealed), None);
        assert_eq!(seals.open(answer, b"other", &sealed), None);
        let another = Seals::with_key("BBBB").unwrap();
        assert_eq!(another.open(answer, b"request", &sealed), None);
    }
}
