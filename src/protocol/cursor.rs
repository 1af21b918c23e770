//! Cursors (RFC 9865): a position in a list, encrypted and authenticated so that it is opaque, cannot be forged, and is
//! valid only for its tenant and query. The server stores nothing.

use crate::clock::Timestamp;
use crate::error::{Result, ScimError};
use crate::store::{Bookmark, BookmarkValue, PageStart};
use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Validity of a cursor in seconds, from the page that contained it.
pub(crate) const CURSOR_SECONDS: i64 = 3600;

/// Bytes of the nonce before a sealed cursor.
const NONCE: usize = 12;

/// Seals and opens cursors. All instances over one database have one key.
pub(crate) struct Cursors(RandomizedNonceKey);

impl std::fmt::Debug for Cursors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursors")
    }
}

/// A position in a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PagePosition {
    pub mark: Bookmark,
    /// Whether the page is before the mark.
    pub(crate) is_before: bool,
    /// Results on each page of the walk.
    pub count: i64,
}

impl PagePosition {
    /// The start of the page at the position.
    pub(crate) fn from(self) -> PageStart {
        if self.is_before {
            PageStart::Before(self.mark)
        } else {
            PageStart::After(self.mark)
        }
    }
}

impl Cursors {
    /// A fresh key, as text.
    pub(crate) fn new_key() -> Result<String> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(ScimError::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(key))
    }

    /// Creates the cipher with a key from [`Cursors::new_key`].
    pub(crate) fn with_key(key: &str) -> Result<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(key).map_err(ScimError::internal)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes)
            .map_err(|_| ScimError::internal("the key of cursors"))?;
        Ok(Self(key))
    }

    /// The text of a cursor: unreserved characters only. `query` is the query for which it is valid.
    pub(crate) fn seal(
        &self,
        place: &PagePosition,
        query: &[u8],
        now: Timestamp,
    ) -> Result<String> {
        let mut sealed = encode(place, now).to_string().into_bytes();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(query), &mut sealed);
        let nonce = nonce.map_err(|_| ScimError::internal("a cursor could not be sealed"))?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &sealed].concat()))
    }

    /// The position in a cursor.
    ///
    /// # Errors
    /// 400 `invalidCursor` for any invalid cursor; 400 `expiredCursor` if it is too old.
    pub(crate) fn open(&self, text: &str, query: &[u8], now: Timestamp) -> Result<PagePosition> {
        let (place, issued) = self.unseal(text, query).ok_or_else(|| {
            ScimError::invalid_cursor(
                "The cursor is not one of this server, or not for this query: start again without one.",
            )
        })?;
        if now.seconds_since(issued) > CURSOR_SECONDS {
            return Err(ScimError::expired_cursor(
                "The cursor is too old: start again without one.",
            ));
        }
        Ok(place)
    }

    fn unseal(&self, text: &str, query: &[u8]) -> Option<(PagePosition, Timestamp)> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
        let nonce = <&[u8; NONCE]>::try_from(nonce).ok()?.into();
        let mut sealed = sealed.to_vec();
        let opened = self
            .0
            .open_in_place(nonce, Aad::from(query), &mut sealed)
            .ok()?;
        decode(&serde_json::from_slice(opened).ok()?)
    }
}

fn encode(place: &PagePosition, now: Timestamp) -> Value {
    let values = place.mark.values.iter().map(|value| match value {
        BookmarkValue::Int(number) => Value::from(*number),
        BookmarkValue::Text(text) => Value::from(text.as_str()),
    });
    json!([
        now.as_micros(),
        place.is_before,
        place.count,
        place.mark.seq,
        values.collect::<Vec<_>>()
    ])
}

fn decode(value: &Value) -> Option<(PagePosition, Timestamp)> {
    let [issued, is_before, count, seq, values] = value.as_array()?.as_slice() else {
        return None;
    };
    let value = |value: &Value| match value {
        Value::String(text) => Some(BookmarkValue::Text(text.clone())),
        other => other.as_i64().map(BookmarkValue::Int),
    };
    let values = values
        .as_array()?
        .iter()
        .map(value)
        .collect::<Option<_>>()?;
    let mark = Bookmark {
        values,
        seq: seq.as_i64()?,
    };
    let place = PagePosition {
        mark,
        is_before: is_before.as_bool()?,
        count: count.as_i64()?,
    };
    Some((place, Timestamp::from_micros(issued.as_i64()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_for_its_query_and_in_time() {
        let cursors = Cursors::with_key(&Cursors::new_key().unwrap()).unwrap();
        let mark = Bookmark {
            values: vec![BookmarkValue::Int(1), BookmarkValue::Text("é".into())],
            seq: 7,
        };
        let place = PagePosition {
            mark,
            is_before: true,
            count: 3,
        };
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let text = cursors.seal(&place, b"q", now).unwrap();
        assert!(
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
        );
        assert_eq!(cursors.open(&text, b"q", now).unwrap(), place);
        for (text, query) in [
            (text.as_str(), b"r"),
            (text.strip_prefix(|_: char| true).unwrap(), b"q"),
            ("", b"q"),
            ("forged", b"q"),
            ("é", b"q"),
        ] {
            assert_eq!(
                cursors
                    .open(text, query, now)
                    .unwrap_err()
                    .scim_type()
                    .unwrap()
                    .as_str(),
                "invalidCursor"
            );
        }
        let late = cursors
            .open(&text, b"q", now.plus_seconds(CURSOR_SECONDS + 1))
            .unwrap_err();
        assert_eq!(late.scim_type().unwrap().as_str(), "expiredCursor");
    }
}
