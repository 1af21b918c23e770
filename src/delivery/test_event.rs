//! Test events that an operator sends to a receiver.

use crate::delivery::deliver::{Attempt, send};
use crate::delivery::endpoints::Endpoints;
use crate::delivery::error::{EndpointError, Result};
use crate::delivery::lane::AttemptOutcome;
use crate::delivery::message::Messenger;
use crate::delivery::options::EndpointOptions;
use crate::operator::Once;
use crate::outbound::Outbound;
use crate::store::{Endpoint, EndpointKind};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use uuid::Uuid;

/// The result of a test event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tested {
    /// Whether the receiver accepted it.
    pub(crate) is_accepted: bool,
    /// HTTP status; `None` without a response.
    pub(crate) status: Option<u16>,
    /// Duration until the response.
    pub(crate) took: Duration,
    /// The address that responded.
    pub(crate) address: Option<SocketAddr>,
    /// The response or the error.
    pub(crate) error: String,
}

/// Maximum wait for a response in seconds: shorter than the time limit of an operator's request.
const MAX_WAIT: u64 = 20;

/// The verification event of the Shared Signals Framework 1.0 (section 8.1.4.1).
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

impl Endpoints {
    /// Sends the event `scimd.test` to a webhook, or the verification event to a stream, from this process; the
    /// response of `once` is stored for repetitions of the request.
    ///
    /// # Errors
    /// [`EndpointError`] if it cannot be sent; a refusal is not an error.
    pub(crate) async fn test(
        &self,
        kind: EndpointKind,
        name: &str,
        outbound: &Outbound,
        once: Option<Once<'_, Tested>>,
    ) -> Result<Tested> {
        let endpoint = self.endpoint(kind, name).await?;
        let (options, secrets) = self.opened(&endpoint)?;
        let target = options
            .target()?
            .ok_or_else(|| EndpointError::Polled(name.to_owned()))?;
        let id = format!("evt_test{}", Uuid::now_v7().simple());
        let event = self.test_claims(&endpoint, &options, &id);
        let messenger = Messenger::of(self, &endpoint, &options, secrets).await?;
        let attempted = send(Attempt {
            outbound,
            target: &target,
            messenger: &messenger,
            clock: self.clock(),
            id: &id,
            body: messenger.signed(&event)?,
            timeout: Duration::from_secs(options.timeout.min(MAX_WAIT)),
        })
        .await;
        let reply = attempted.reply;
        let tested = Tested {
            is_accepted: attempted.outcome == AttemptOutcome::Accepted,
            status: reply.as_ref().map(|reply| reply.status),
            took: attempted.took,
            address: reply.as_ref().and_then(|reply| reply.address),
            error: match reply {
                Some(reply) if !reply.text.is_empty() => reply.text,
                _ => attempted.error,
            },
        };
        let kept = self.operator().kept(once, &tested)?;
        self.record_test(&endpoint, kept).await?;
        Ok(tested)
    }

    fn test_claims(&self, endpoint: &Endpoint, options: &EndpointOptions, id: &str) -> Value {
        let now = self.clock().now();
        let Some(stream) = &options.stream else {
            return json!({
                "id": id,
                "type": "scimd.test",
                "timestamp": now.to_string(),
                "position": null,
                "tenant": endpoint.tenant.as_ref().map(|(_, name)| name),
                "data": {},
                "source": {"token": null, "request": null},
            });
        };
        let mut claims = json!({
            "iss": self.issuer(),
            "iat": now.as_micros().div_euclid(1_000_000),
            "jti": id,
            "sub_id": {"format": "opaque", "id": endpoint.name},
            "events": {VERIFICATION: {}},
        });
        if let Some(audience) = &stream.audience {
            claims["aud"] = audience.as_str().into();
        }
        claims
    }
}
