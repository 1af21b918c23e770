//! The message of an event, its headers and signature, and the meaning of responses.

use crate::clock::Timestamp;
use crate::delivery::endpoints::Endpoints;
use crate::delivery::error::Result;
use crate::delivery::lane::{AttemptOutcome, EventKey, Item};
use crate::delivery::options::{EndpointOptions, EndpointSecrets};
use crate::delivery::set::{StreamClaims, tokens_of};
use crate::delivery::sign::token::TokenKey;
use crate::delivery::sign::webhook;
use crate::feed::{Event, EventData, Payload};
use crate::outbound::OutboundReply;
use crate::store::Endpoint;
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use uuid::Uuid;

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// The type of security event tokens (RFC 8417 section 2.3).
const TOKEN: &str = "secevent+jwt";

/// Statuses with which a receiver can request a pause.
const BUSY: [u16; 2] = [429, 503];

/// The status of a receiver that is gone for good.
const GONE: u16 = 410;

/// A message with its key in the order.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) item: Item,
    pub(super) body: Bytes,
}

/// Builds the messages of an endpoint.
#[derive(Debug)]
pub(super) struct Messenger {
    kind: Kind,
    secrets: EndpointSecrets,
    headers: HeaderMap,
}

#[derive(Debug)]
enum Kind {
    Webhook(Payload),
    Tokens(Box<StreamClaims>, Box<TokenKey>),
}

impl Messenger {
    /// Creates the messenger of an endpoint.
    pub(super) async fn of(
        endpoints: &Endpoints,
        endpoint: &Endpoint,
        options: &EndpointOptions,
        secrets: EndpointSecrets,
    ) -> Result<Self> {
        let kind = match &options.stream {
            None => Kind::Webhook(options.payload),
            Some(stream) => {
                let claims = StreamClaims {
                    issuer: endpoints.issuer().to_owned(),
                    audience: stream.audience.clone(),
                    stream: endpoint.name.clone(),
                    mode: stream.mode,
                };
                let key = endpoints.signing_key(stream.algorithm).await?;
                Kind::Tokens(Box::new(claims), Box::new(key))
            }
        };
        Ok(Self {
            kind,
            headers: secrets.header_map()?,
            secrets,
        })
    }

    /// The messages of an event.
    pub(super) fn messages(&self, event: &Event) -> Vec<Message> {
        let (resource, part) = match &event.data {
            EventData::Resource(subject) => {
                let members = subject.members.as_ref();
                (subject.id, members.map_or(1, |members| members.part))
            }
            EventData::Tenant(_) => (Uuid::nil(), 1),
        };
        let item = |part, id: &str| Item {
            key: EventKey {
                position: event.position,
                part,
            },
            tenant: event.tenant_number,
            resource,
            event: id.to_owned(),
        };
        match &self.kind {
            Kind::Webhook(payload) => vec![Message {
                item: item(part, &event.id),
                body: event.json(*payload).into(),
            }],
            Kind::Tokens(stream, key) => {
                let tokens = tokens_of(event, stream).into_iter();
                let tokens = tokens.filter_map(|token| {
                    // A parsed key can always sign.
                    let signed = key.sign(TOKEN, &token.claims).ok()?;
                    Some(Message {
                        item: item(token.number, &token.id),
                        body: signed.into(),
                    })
                });
                tokens.collect()
            }
        }
    }

    /// A message with claims without an event.
    pub(super) fn signed(&self, claims: &Value) -> Result<Bytes> {
        Ok(match &self.kind {
            Kind::Webhook(_) => claims.to_string().into(),
            Kind::Tokens(_, key) => key.sign(TOKEN, claims)?.into(),
        })
    }

    /// Id of the event of a message.
    pub(super) fn event_id<'a>(&self, message: &'a str) -> &'a str {
        match &self.kind {
            Kind::Webhook(_) => message,
            // Neither verbs nor names of streams contain an underscore.
            Kind::Tokens(..) => message.rsplitn(3, '_').last().unwrap_or(message),
        }
    }

    /// The headers of an attempt at a time.
    ///
    /// # Errors
    /// If a stored key is damaged.
    pub(super) fn headers(&self, id: &str, body: &[u8], now: Timestamp) -> Result<HeaderMap> {
        let mut headers = self.headers.clone();
        if let Kind::Tokens(..) = &self.kind {
            let media_type = HeaderValue::from_static("application/secevent+jwt");
            headers.insert(CONTENT_TYPE, media_type);
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            return Ok(headers);
        }
        let seconds = now.as_micros().div_euclid(1_000_000);
        let keys = self.secrets.keys_at(now)?;
        let signature = webhook::signature(&keys, id, seconds, body);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(seconds));
        // Ids and signatures are ASCII.
        for (name, value) in [(WEBHOOK_ID, id), (WEBHOOK_SIGNATURE, &signature)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        Ok(headers)
    }

    /// The outcome by a response.
    pub(super) fn meaning(&self, reply: &OutboundReply) -> AttemptOutcome {
        match (reply.status, reply.retry_after, &self.kind) {
            (200..300, _, _) => AttemptOutcome::Accepted,
            (GONE, _, _) => AttemptOutcome::Gone,
            // An invalid token stays invalid (RFC 8935 section 2.3).
            (400, _, Kind::Tokens(..)) if is_refusal(&reply.text) => AttemptOutcome::GivenUp,
            (status, Some(pause), _) if BUSY.contains(&status) => {
                let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                AttemptOutcome::Pause(millis.max(1_000))
            }
            _ => AttemptOutcome::Refused,
        }
    }
}

fn is_refusal(text: &str) -> bool {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    answer["err"].is_string()
}
