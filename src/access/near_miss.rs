//! Tokens of this server that were sent in a wrong form: without `Bearer`, twice, in quotation marks, truncated, or to
//! an unknown URL. The request is refused; the log of the tenant has the reason.

use super::handle::Access;
use super::token::{self, TokenKind};
use crate::error::ScimError;
use crate::reason::Reason;
use crate::request_log::RequestContext;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::SecretString;
use std::sync::Arc;

/// The Base64 alphabet of Basic credentials, with or without padding.
const BASIC: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Only tokens of tenants are searched for.
const TENANT: TokenKind = TokenKind::Tenant;
const PREFIX: &str = TENANT.prefix();

/// The part of a token found in the value of an `Authorization` header.
#[derive(Debug)]
struct FoundToken {
    /// Public part.
    id: String,
    /// The secret, if the token is complete.
    secret: Option<SecretString>,
    /// The problem with the value, if there is one.
    reason: Option<Reason>,
}

/// The result of the search for the tenant of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Traced {
    /// The text contains no token of this server.
    Nothing,
    /// The text has the form of a token, which is unknown in the database.
    Unknown,
    /// The text contains the token with this id, which was added to the context of the request.
    Token(Arc<str>),
}

impl Access {
    /// Searches for a token in a refused `Authorization` header, or in one sent to an unknown URL. If it belongs to a
    /// tenant, it is added to the context of the request, so that the tenant's log has an entry; the header is not
    /// stored. At most one lookup by key.
    pub(crate) async fn trace(
        &self,
        authorization: Option<&str>,
        context: &Arc<RequestContext>,
    ) -> Traced {
        let Some(found_token) = authorization.and_then(find) else {
            return Traced::Nothing;
        };
        let found = match self.store.token(&found_token.id).await {
            Ok(found) => found,
            Err(error) => {
                tracing::debug!(%error, "a token that was sent wrongly cannot be looked up");
                return Traced::Nothing;
            }
        };
        let Some(found) = found else {
            return Traced::Unknown;
        };
        let is_proved = match &found_token.secret {
            Some(secret) if !token::fits(secret, &found.digest) => return Traced::Unknown,
            secret => secret.is_some(),
        };
        let (now, key) = (self.clock.now(), found.tenant.key());
        if !is_proved && !self.unproved.admit(key, now) {
            return Traced::Unknown;
        }
        let caller = self.caller_by(found.tenant, &found.info, context.clone());
        let Ok(caller) = caller.await else {
            return Traced::Nothing;
        };
        context.begin(caller.requester(now));
        if is_proved {
            return Traced::Token(caller.token_id.clone());
        }
        context.leave_unproved();
        Traced::Unknown
    }
}

/// The 401 for a value of an `Authorization` header without a well-formed token.
pub(super) fn refusal(authorization: Option<&str>) -> ScimError {
    let text = authorization.map(str::trim).unwrap_or_default();
    let has_scheme = is_bearer(text.split_whitespace().next().unwrap_or_default());
    let reason = match find(text).and_then(|found_token| found_token.reason) {
        Some(reason) => reason,
        None if text.is_empty() => Reason::TokenMissing,
        None if has_scheme => Reason::TokenUnknown,
        None => Reason::TokenNoScheme,
    };
    if has_operator_token(text) {
        let detail = "This is an operator token of the management API; an identity provider needs a tenant's token.";
        return ScimError::unauthorized(detail).because(reason);
    }
    let detail = match reason {
        Reason::TokenMissing => {
            "No token was sent: the Authorization header must be \"Bearer\", a blank and the token."
        }
        Reason::TokenNoScheme => {
            "There is no Bearer scheme in the Authorization header: put \"Bearer \" before the token."
        }
        Reason::TokenSchemeTwice => {
            "\"Bearer\" precedes the token twice: the field adds it already. Enter the token alone, from \"scimd_\" on."
        }
        Reason::TokenQuoted => "The token is in quotation marks: enter it without them.",
        Reason::TokenBasic => {
            "The token was sent by Basic authentication: choose \"HTTP Header\" or \"OAuth Bearer Token\" instead."
        }
        _ => {
            "The token is unknown: it is not complete, or not one of this server. Copy the whole token, from \"scimd_\" on."
        }
    };
    ScimError::unauthorized(detail).because(reason)
}

/// Whether a word of a text is an operator token.
fn has_operator_token(text: &str) -> bool {
    let mut words = text.split_whitespace();
    words.any(|word| token::parse(TokenKind::Operator, word).is_some())
}

fn find(authorization: &str) -> Option<FoundToken> {
    let text = authorization.trim();
    let (scheme, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = BASIC
            .decode(rest.trim())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let found_token =
            complete(decoded.as_deref().unwrap_or(rest)).or_else(|| complete(rest))?;
        return Some(FoundToken {
            reason: Some(Reason::TokenBasic),
            ..found_token
        });
    }
    complete(text)
        .or_else(|| in_pieces(text))
        .or_else(|| cut_off(text))
}

/// A complete token somewhere in a text.
fn complete(text: &str) -> Option<FoundToken> {
    let starts = text.match_indices(PREFIX).map(|(at, _)| at);
    starts.into_iter().find_map(|at| {
        let (before, from) = text.split_at_checked(at)?;
        let (whole, after) = from.split_at_checked(TENANT.length())?;
        let (id, secret) = token::parse(TENANT, whole)?;
        Some(FoundToken {
            id: id.to_owned(),
            secret: Some(secret),
            reason: misplaced(before.trim(), after.trim()),
        })
    })
}

/// The problem with the text around a token.
fn misplaced(before: &str, after: &str) -> Option<Reason> {
    const QUOTES: [char; 9] = [
        '"', '\'', '`', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{ab}', '\u{bb}',
    ];
    let words: Vec<&str> = before
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let schemes = words.iter().filter(|word| is_bearer(word)).count();
    match (before, after) {
        _ if before.ends_with(QUOTES) || after.starts_with(QUOTES) => Some(Reason::TokenQuoted),
        _ if schemes > 1 => Some(Reason::TokenSchemeTwice),
        (scheme, "") if is_bearer(scheme) => None,
        (scheme, _) if is_bearer(scheme) => Some(Reason::TokenIncomplete),
        _ => Some(Reason::TokenNoScheme),
    }
}

fn is_bearer(word: &str) -> bool {
    word.eq_ignore_ascii_case("bearer")
}

/// A complete token with blanks in it, for example from a line break.
fn in_pieces(text: &str) -> Option<FoundToken> {
    let joined: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    Some(FoundToken {
        reason: Some(Reason::TokenIncomplete),
        ..complete(&joined)?
    })
}

/// The beginning of a token, with the complete public part.
fn cut_off(text: &str) -> Option<FoundToken> {
    let (_, rest) = text.split_once(PREFIX)?;
    let (id, rest) = rest.split_at_checked(token::ID)?;
    let is_id = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let left = rest
        .bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count();
    let is_short = PREFIX.len() + token::ID + left < TENANT.length();
    (is_id && is_short).then(|| FoundToken {
        id: id.to_owned(),
        secret: None,
        reason: Some(Reason::TokenIncomplete),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_token_is_found_in_every_wrong_form() {
        let token = token::fresh(TENANT).unwrap();
        let text = token.text.expose_secret();
        let (head, tail) = text.split_at(40);
        let basic = |credentials: String| format!("Basic {}", BASIC.encode(credentials));
        for (value, reason, is_complete) in [
            (format!("Bearer {text}"), None, true),
            (format!("  bearer   {text} "), None, true),
            (text.to_owned(), Some(Reason::TokenNoScheme), true),
            (format!("Token {text}"), Some(Reason::TokenNoScheme), true),
            (format!("SSWS {text}"), Some(Reason::TokenNoScheme), true),
            (
                format!("Bearer Bearer {text}"),
                Some(Reason::TokenSchemeTwice),
                true,
            ),
            (
                format!("bearer BEARER: {text}"),
                Some(Reason::TokenSchemeTwice),
                true,
            ),
            (
                format!("Bearer \"{text}\""),
                Some(Reason::TokenQuoted),
                true,
            ),
            (
                format!("\u{201c}{text}\u{201d}"),
                Some(Reason::TokenQuoted),
                true,
            ),
            (
                basic(format!("okta:{text}")),
                Some(Reason::TokenBasic),
                true,
            ),
            (basic(text.to_owned()), Some(Reason::TokenBasic), true),
            (format!("Basic {text}"), Some(Reason::TokenBasic), true),
            (
                format!("Bearer {text}."),
                Some(Reason::TokenIncomplete),
                true,
            ),
            (
                format!("Bearer {head} {tail}"),
                Some(Reason::TokenIncomplete),
                true,
            ),
            (
                format!("Bearer {head}"),
                Some(Reason::TokenIncomplete),
                false,
            ),
            (head.to_owned(), Some(Reason::TokenIncomplete), false),
        ] {
            let found = find(&value).unwrap_or_else(|| panic!("{reason:?}"));
            assert_eq!(
                (&found.id, found.reason, found.secret.is_some()),
                (&token.id, reason, is_complete)
            );
            assert!(
                found
                    .secret
                    .is_none_or(|secret| token::fits(&secret, &token.digest))
            );
        }
        let mut altered = text.to_owned();
        altered.replace_range(30..32, "__");
        for value in [
            "",
            "Bearer",
            "Basic x",
            "Bearer scimd_",
            "Bearer scimd_short",
            "é scimd_é",
            &altered,
        ] {
            assert!(find(value).is_none());
        }
    }
}
