//! The stored settings and secrets of an endpoint.

use crate::audit::AuditEntry;
use crate::clock::Timestamp;
use crate::delivery::error::{EndpointError, Result};
use crate::delivery::lane::DeliveryOrder;
use crate::delivery::sign::token::TokenAlgorithm;
use crate::delivery::sign::webhook::WebhookKey;
use crate::feed::{Payload, TypePatterns};
use crate::keyword::keywords;
use crate::outbound::Target;
use crate::secrets::SecretKeys;
use crate::store::{Endpoint, EndpointKind};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::collections::HashSet;

/// Allowed numbers of concurrent attempts of an endpoint.
pub(crate) const CONCURRENCY: std::ops::RangeInclusive<usize> = 1..=256;

/// Seconds that an attempt may take.
pub(crate) const TIMEOUT: std::ops::RangeInclusive<u64> = 1..=60;

keywords! {
    /// The delivery method of a stream.
    StreamMethod {
        /// The server sends them (RFC 8935).
        Push = "push",
        /// The receiver polls (RFC 8936).
        Poll = "poll",
    }
}

keywords! {
    /// The content of tokens.
    StreamMode {
        /// Names of the changed attributes.
        Notice = "notice",
        /// The resource or its change.
        Full = "full",
    }
}

/// Settings specific to a stream of security event tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamOptions {
    /// The delivery method.
    pub method: StreamMethod,
    /// The content.
    pub mode: StreamMode,
    /// Their audience (`aud`).
    pub audience: Option<String>,
    /// The signature algorithm.
    pub algorithm: TokenAlgorithm,
}

/// The settings of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndpointOptions {
    /// The URL of the receiver; `None` if it polls.
    pub(crate) url: Option<String>,
    /// Selected types of events.
    pub(crate) types: TypePatterns,
    /// The payload.
    pub(crate) payload: Payload,
    /// The order of events.
    pub(crate) order: DeliveryOrder,
    /// Maximum number of concurrent attempts.
    pub(crate) concurrency: usize,
    /// Seconds that an attempt may take.
    pub(crate) timeout: u64,
    /// Whether private addresses are allowed.
    pub(crate) allows_private: bool,
    /// Settings of a stream.
    pub(crate) stream: Option<StreamOptions>,
}

impl Default for EndpointOptions {
    fn default() -> Self {
        Self {
            url: None,
            types: TypePatterns::default(),
            payload: Payload::Full,
            order: DeliveryOrder::Resource,
            concurrency: 16,
            timeout: 15,
            allows_private: false,
            stream: None,
        }
    }
}

impl EndpointOptions {
    /// The text to store.
    pub(super) fn text(&self) -> String {
        let mut options = json!({
            "url": self.url,
            "types": self.types.to_string(),
            "payload": self.payload.as_str(),
            "order": self.order.as_str(),
            "concurrency": self.concurrency,
            "timeout": self.timeout,
            "allowPrivate": self.allows_private,
        });
        if let Some(stream) = &self.stream {
            options["stream"] = json!({
                "method": stream.method.as_str(),
                "mode": stream.mode.as_str(),
                "audience": stream.audience,
                "algorithm": stream.algorithm.as_str(),
            });
        }
        options.to_string()
    }

    /// Parses the stored text. Values of later versions that are unknown here get their defaults.
    pub(super) fn read(text: &str) -> Self {
        let given: Value = serde_json::from_str(text).unwrap_or_default();
        let text = |key: &str| given[key].as_str();
        let unset = Self::default();
        let stream = given["stream"].as_object().map(|_| {
            let text = |key: &str| given["stream"][key].as_str().unwrap_or_default();
            StreamOptions {
                method: StreamMethod::from_keyword(text("method")).unwrap_or(StreamMethod::Push),
                mode: StreamMode::from_keyword(text("mode")).unwrap_or(StreamMode::Notice),
                audience: given["stream"]["audience"].as_str().map(str::to_owned),
                algorithm: TokenAlgorithm::from_keyword(text("algorithm"))
                    .unwrap_or(TokenAlgorithm::Es256),
            }
        });
        Self {
            url: text("url").map(str::to_owned),
            types: text("types")
                .and_then(|types| TypePatterns::parse(types).ok())
                .unwrap_or_default(),
            payload: text("payload")
                .and_then(Payload::from_keyword)
                .unwrap_or(unset.payload),
            order: text("order")
                .and_then(DeliveryOrder::from_keyword)
                .unwrap_or(unset.order),
            concurrency: given["concurrency"]
                .as_u64()
                .and_then(|number| number.try_into().ok())
                .unwrap_or(unset.concurrency),
            timeout: given["timeout"].as_u64().unwrap_or(unset.timeout),
            allows_private: given["allowPrivate"].as_bool().unwrap_or_default(),
            stream,
        }
    }

    /// The time limit of an attempt, such as `15s`.
    pub(super) fn shown_timeout(&self) -> String {
        format!("{}s", self.timeout)
    }

    /// Whether the receiver polls.
    pub(crate) fn is_polled(&self) -> bool {
        let stream = self.stream.as_ref();
        stream.is_some_and(|stream| stream.method == StreamMethod::Poll)
    }

    /// Adds changed settings to the audit entry, with their JSON names. Only the origin of a URL is recorded, because
    /// the rest can be a secret.
    pub(super) fn audit_changes(&self, entry: AuditEntry, after: &Self) -> AuditEntry {
        let values = |options: &Self| -> [(&'static str, Value); 10] {
            let stream = options.stream.as_ref();
            let word = |of: fn(&StreamOptions) -> &'static str| stream.map(of).into();
            let audience = stream.and_then(|stream| stream.audience.clone());
            [
                ("types", options.types.to_string().into()),
                ("payload", options.payload.as_str().into()),
                ("order", options.order.as_str().into()),
                ("concurrency", options.concurrency.into()),
                ("timeout", options.shown_timeout().into()),
                ("allowPrivate", options.allows_private.into()),
                ("method", word(|stream| stream.method.as_str())),
                ("mode", word(|stream| stream.mode.as_str())),
                ("audience", audience.into()),
                ("alg", word(|stream| stream.algorithm.as_str())),
            ]
        };
        let pairs = values(self).into_iter().zip(values(after));
        let mut entry = pairs.fold(entry, |entry, ((name, before), (_, after))| {
            entry.changing(name, before, after)
        });
        if self.url != after.url {
            let changed = json!([self.origin(), after.origin()]);
            entry.changes.insert("url".to_owned(), changed);
        }
        entry
    }

    /// Scheme, host and port of the URL.
    fn origin(&self) -> Option<String> {
        let url = reqwest::Url::parse(self.url.as_ref()?).ok()?;
        Some(url.origin().ascii_serialization())
    }

    /// The URL of the receiver, checked again; `None` if it polls.
    pub(super) fn target(&self) -> Result<Option<Target>> {
        let url = self.url.as_ref();
        let target = url.map(|url| Target::parse(url, self.allows_private));
        Ok(target.transpose()?)
    }
}

/// Secrets of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct EndpointSecrets {
    /// The signing key; a stream has none.
    pub(super) key: Option<String>,
    /// The previous key, and the end of its use.
    pub(super) previous: Option<(String, Timestamp)>,
    /// Headers of its requests.
    pub(super) headers: Vec<(String, String)>,
}

impl EndpointSecrets {
    /// Seals the secrets of an endpoint.
    pub(super) fn seal(&self, keys: &SecretKeys, kind: EndpointKind, name: &str) -> Result<String> {
        let previous = self.previous.as_ref();
        let secrets = json!({
            "key": self.key,
            "previous": previous.map(|(key, _)| key),
            "previousUntil": previous.map(|(_, until)| until.as_micros()),
            "headers": self.headers.iter().map(|(name, value)| json!([name, value])).collect::<Value>(),
        });
        Ok(keys.seal(&owner(kind, name), secrets.to_string().as_bytes())?)
    }

    /// Opens the secrets of an endpoint.
    pub(super) fn open(keys: &SecretKeys, endpoint: &Endpoint) -> Result<Self> {
        let opened = keys.open(&owner(endpoint.kind, &endpoint.name), &endpoint.secrets)?;
        let secrets: Value = serde_json::from_slice(&opened).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let until = secrets["previousUntil"]
            .as_i64()
            .map(Timestamp::from_micros);
        let headers = secrets["headers"].as_array().into_iter().flatten();
        Ok(Self {
            key: text(&secrets["key"]),
            previous: text(&secrets["previous"]).zip(until),
            headers: headers
                .filter_map(|pair| Some((text(&pair[0])?, text(&pair[1])?)))
                .collect(),
        })
    }

    /// The keys that sign at a time.
    pub(super) fn keys_at(&self, now: Timestamp) -> Result<Vec<WebhookKey>> {
        let previous = self.previous.iter();
        let previous = previous
            .filter(|(_, until)| *until > now)
            .map(|(key, _)| key);
        let keys = self.key.iter().chain(previous);
        Ok(keys
            .map(|key| WebhookKey::read(key))
            .collect::<std::result::Result<_, _>>()?)
    }

    /// The headers of its requests.
    pub(super) fn header_map(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let (name, value) = header(name, value)?;
            headers.append(name, value);
        }
        Ok(headers)
    }
}

/// The owner of sealed secrets.
fn owner(kind: EndpointKind, name: &str) -> String {
    format!("{} {name}", kind.as_str())
}

/// Headers that the server sets itself.
const OWN_HEADERS: [&str; 9] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// Parses headers, one per line.
///
/// # Errors
/// [`EndpointError::Header`] with the name of the first invalid one, [`EndpointError::OwnHeader`] or
/// [`EndpointError::RepeatedHeader`].
pub(crate) fn read_headers(text: &str) -> Result<Vec<(String, String)>> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| EndpointError::Header(line.chars().take(20).collect()))?;
        headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
    }
    check_headers(&headers)?;
    Ok(headers)
}

/// Checks headers of requests.
pub(super) fn check_headers<'a>(
    headers: impl IntoIterator<Item = &'a (String, String)>,
) -> Result<()> {
    let first = header_errors(headers).into_iter().next();
    first.map_or(Ok(()), |(_, error)| Err(error))
}

/// The names of headers that cannot be sent, with their errors.
pub(crate) fn header_errors<'a>(
    headers: impl IntoIterator<Item = &'a (String, String)>,
) -> Vec<(&'a str, EndpointError)> {
    let mut known = HashSet::new();
    let wrong = headers.into_iter().filter_map(|(name, value)| {
        let small = name.to_lowercase();
        if OWN_HEADERS.contains(&small.as_str()) {
            return Some((name.as_str(), EndpointError::OwnHeader(name.clone())));
        }
        if let Err(error) = header(name, value) {
            return Some((name, error));
        }
        let is_new = known.insert(small);
        (!is_new).then(|| (name.as_str(), EndpointError::RepeatedHeader(name.clone())))
    });
    wrong.collect()
}

/// A header with a value that is excluded from logs.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let wrong = || EndpointError::Header(name.to_owned());
    let mut read = HeaderValue::from_str(value).map_err(|_| wrong())?;
    read.set_sensitive(true);
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    Ok((name, read))
}

/// Adds the names of headers to the audit entry, never their values.
pub(super) fn audit_headers(
    mut entry: AuditEntry,
    before: &[(String, String)],
    after: &[(String, String)],
) -> AuditEntry {
    let names = |headers: &[(String, String)]| -> Value {
        headers.iter().map(|(name, _)| name.as_str()).collect()
    };
    if before != after {
        let changed = json!([names(before), names(after)]);
        entry.changes.insert("headers".to_owned(), changed);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_back() {
        let options = EndpointOptions {
            url: Some("https://app.example.com/hooks".to_owned()),
            types: TypePatterns::parse("user.*,group.deleted").unwrap(),
            payload: Payload::Thin,
            order: DeliveryOrder::Tenant,
            concurrency: 3,
            timeout: 7,
            allows_private: true,
            stream: Some(StreamOptions {
                method: StreamMethod::Poll,
                mode: StreamMode::Full,
                audience: Some("https://app.example.com".to_owned()),
                algorithm: TokenAlgorithm::Rs256,
            }),
        };
        assert_eq!(EndpointOptions::read(&options.text()), options);
        assert_eq!(EndpointOptions::read("{}"), EndpointOptions::default());
    }

    #[test]
    fn headers_are_lines() {
        let read = read_headers("Authorization: Bearer a:b\n\n# why\nX-Key: 1\n").unwrap();
        assert_eq!(
            read,
            [("authorization", "Bearer a:b"), ("x-key", "1")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        for wrong in [
            "Authorization",
            "Host: a",
            "a b: c",
            "webhook-id: 1",
            "x: \u{1}",
            "x-key: 1\nX-Key: 2",
        ] {
            assert!(read_headers(wrong).is_err(), "{wrong}");
        }
    }
}
