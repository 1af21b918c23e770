//! The text of a token: `scimd_<public id>_<secret><check digits>` for one of a tenant, `scimdop_…` for one of an operator.
//!
//! The check digits allow scanners and the server to recognise tokens without the database.

use crate::error::ScimError;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The kind of a token; the kinds are not interchangeable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A token of a tenant, for identity providers.
    Tenant,
    /// A token of an operator, for the management API.
    Operator,
}

impl TokenKind {
    /// The prefix of the text of a token of this kind.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Tenant => "scimd_",
            Self::Operator => "scimdop_",
        }
    }

    /// Characters of a complete token.
    pub const fn length(self) -> usize {
        self.prefix().len() + ID + 1 + SECRET + CHECK
    }
}

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const HEX: &[u8; 16] = b"0123456789abcdef";
/// Characters of the public id.
pub(crate) const ID: usize = 12;
/// Characters of the secret: 43 digits of base 62 represent 256 bits.
const SECRET: usize = 43;
/// Characters of the check digits: 6 digits of base 62 represent a CRC32.
const CHECK: usize = 6;

/// A fresh token.
#[derive(Debug)]
pub struct FreshToken {
    /// Public part.
    pub(crate) id: String,
    /// The digest of the secret.
    pub digest: String,
    /// The complete token, for its owner.
    pub text: SecretString,
}

/// Creates a token from random bytes of the operating system.
///
/// # Errors
/// If the operating system returns none.
pub fn fresh(kind: TokenKind) -> Result<FreshToken, ScimError> {
    let (id, secret) = (random(ID)?, random(SECRET)?);
    let body = format!("{}{id}_{secret}", kind.prefix());
    let text = format!("{body}{}", check_digits(&body));
    Ok(FreshToken {
        digest: digest(&secret),
        id,
        text: SecretString::from(text),
    })
}

/// Public id and secret of a token's text; `None` if it is not a token of that kind.
pub fn parse(kind: TokenKind, text: &str) -> Option<(&str, SecretString)> {
    let is_ours = text.is_ascii() && text.len() == kind.length();
    let (body, check) = text.split_at_checked(text.len().checked_sub(CHECK)?)?;
    let (id, secret) = body.strip_prefix(kind.prefix())?.split_once('_')?;
    (is_ours && id.len() == ID && check_digits(body) == check)
        .then(|| (id, SecretString::from(secret)))
}

/// The public id in a token's text, complete or truncated; other text is returned unchanged, because it can be an id.
pub(crate) fn public_part(text: &str) -> &str {
    let text = text.trim();
    [TokenKind::Tenant, TokenKind::Operator]
        .into_iter()
        .find_map(|kind| text.strip_prefix(kind.prefix()))
        .map_or(text, |rest| rest.split('_').next().unwrap_or(rest))
}

/// The text after the Bearer scheme.
pub(super) fn bearer(authorization: Option<&str>) -> Option<&str> {
    let (scheme, token) = authorization?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The stored digest of a secret. The secret is random and long, so a fast function suffices.
pub(crate) fn digest(secret: &str) -> String {
    hex_digest(secret).iter().copied().map(char::from).collect()
}

/// The digits of a digest.
fn hex_digest(secret: &str) -> [u8; 64] {
    let mut digits = [b'0'; 64];
    let bytes = Sha256::digest(secret.as_bytes());
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        for (digit, half) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = HEX.get(usize::from(half)).copied().unwrap_or(b'0');
        }
    }
    digits
}

/// Whether the secret has that digest, in constant time.
pub fn fits(secret: &SecretString, expected: &str) -> bool {
    hex_digest(secret.expose_secret())
        .as_slice()
        .ct_eq(expected.as_bytes())
        .into()
}

fn random(length: usize) -> Result<String, ScimError> {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes).map_err(ScimError::internal)?;
        // Bytes that would make some digits more likely than others are skipped.
        let digits = bytes
            .iter()
            .filter(|byte| **byte < 248)
            .filter_map(|byte| DIGITS.get(usize::from(byte % 62)));
        text.extend(
            digits
                .map(|digit| char::from(*digit))
                .take(length - text.len()),
        );
    }
    Ok(text)
}

fn check_digits(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back() {
        let token = fresh(TokenKind::Tenant).unwrap();
        let text = token.text.expose_secret();
        let (id, secret) = parse(TokenKind::Tenant, text).unwrap();
        assert_eq!(id, token.id);
        assert!(fits(&secret, &token.digest));
        assert!(!fits(&SecretString::from("x"), &token.digest));
    }

    #[test]
    fn other_text_is_not_a_token() {
        let token = fresh(TokenKind::Tenant).unwrap();
        let text = token.text.expose_secret().to_owned();
        let swapped: String = text.chars().rev().collect();
        let without_first = text.strip_prefix('s').unwrap();
        let mut without_last = text.clone();
        without_last.pop();
        for wrong in [
            "",
            "scimd_",
            "x",
            without_first,
            &without_last,
            &swapped,
            &format!("{text}0"),
            "scimd_é",
        ] {
            assert!(parse(TokenKind::Tenant, wrong).is_none(), "{wrong}");
        }
        let mut flipped = text.into_bytes();
        flipped[30] ^= 1;
        assert!(parse(TokenKind::Tenant, std::str::from_utf8(&flipped).unwrap()).is_none());
    }

    #[test]
    fn tokens_of_the_two_kinds_are_not_confused() {
        for (kind, other) in [
            (TokenKind::Tenant, TokenKind::Operator),
            (TokenKind::Operator, TokenKind::Tenant),
        ] {
            let token = fresh(kind).unwrap();
            let text = token.text.expose_secret();
            assert!(parse(kind, text).is_some() && parse(other, text).is_none());
            assert_eq!(public_part(text), token.id);
        }
    }
}
