//! The HTTP client for all outgoing requests of the server, with allowed addresses, time limits, and a limit on
//! responses. Redirects are not followed, and proxy settings of the environment are ignored.

mod address;
mod target;

pub(crate) use target::RefusedTarget;
pub use target::Target;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Certificate, Client, Response, redirect};
use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use target::Reach;
use tokio::time::{Instant, timeout, timeout_at};

/// Maximum number of bytes of a response that are read.
const BODY: usize = 16 * 1024;

/// Maximum number of characters of a response that are stored.
const KEPT: usize = 500;

/// Maximum wait for the body of a response after its status.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// Maximum number of idle connections to one host.
const IDLE_CONNECTIONS: usize = 32;

/// Resolves the addresses of a name.
pub(crate) type Lookup = Arc<dyn Fn(String) -> Found + Send + Sync>;

/// A future of the addresses of a name.
pub(crate) type Found = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Settings of the client.
#[derive(Clone, Default)]
pub struct OutboundSettings {
    /// Certificates (PEM) of authorities to trust in addition to those of the system.
    pub(crate) authorities: Option<Vec<u8>>,
    /// Resolver in place of that of the system.
    pub lookup: Option<Lookup>,
}

impl fmt::Debug for OutboundSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundSettings").finish_non_exhaustive()
    }
}

/// The client. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// A client for each [`Reach`], so that connections are not shared between them.
    clients: [Client; 3],
}

/// A POST request.
#[derive(Debug)]
pub struct OutboundCall<'a> {
    /// The target.
    pub(crate) target: &'a Target,
    /// Headers of the request.
    pub(crate) headers: HeaderMap,
    /// Body of the request.
    pub(crate) body: Bytes,
    /// Time limit for the status of the response.
    pub(crate) timeout: Duration,
}

/// The response to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundReply {
    /// HTTP status.
    pub(crate) status: u16,
    /// Requested pause (`Retry-After`).
    pub(crate) retry_after: Option<Duration>,
    /// The beginning of the body, at most 500 characters.
    pub(crate) text: String,
    /// Address that responded.
    pub(crate) address: Option<SocketAddr>,
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The address is not allowed.
    #[error("{0}")]
    Refused(String),
    /// There was no response.
    #[error("{0}")]
    NoAnswer(String),
}

impl Outbound {
    /// A client.
    ///
    /// # Errors
    /// A text, if the authorities cannot be read or the client cannot be created.
    pub fn new(settings: &OutboundSettings) -> Result<Self, String> {
        let client = |reach| client(settings, reach);
        Ok(Self {
            clients: [
                client(Reach::Public)?,
                client(Reach::PublicOrPrivate)?,
                client(Reach::Private)?,
            ],
        })
    }

    /// Sends a POST and reads the beginning of the response.
    ///
    /// # Errors
    /// [`CallError`] without a status in time, or if the address is not allowed.
    pub(crate) async fn post(&self, call: OutboundCall<'_>) -> Result<OutboundReply, CallError> {
        let reach = call.target.reach();
        let [public, both, private] = &self.clients;
        let client = match reach {
            Reach::Public => public,
            Reach::PublicOrPrivate => both,
            Reach::Private => private,
        };
        let sent = client
            .post(call.target.url().clone())
            .headers(call.headers)
            .body(call.body)
            .send();
        match timeout(call.timeout, sent).await {
            Ok(Ok(response)) => Ok(read(response).await),
            Ok(Err(error)) => Err(failure(error)),
            Err(_) => Err(CallError::NoAnswer(format!(
                "no response within {} s",
                call.timeout.as_secs()
            ))),
        }
    }
}

fn client(settings: &OutboundSettings, reach: Reach) -> Result<Client, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("scimd/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_secs(60))
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .http2_max_header_list_size(64 * 1024)
        .dns_resolver(Arc::new(FilteringResolver {
            lookup: settings.lookup.clone(),
            reach,
        }));
    if let Some(pem) = &settings.authorities {
        let authorities = Certificate::from_pem_bundle(pem)
            .map_err(|error| format!("the certificates cannot be read: {error}"))?;
        builder = builder.tls_certs_merge(authorities);
    }
    builder
        .build()
        .map_err(|error| format!("no client for outgoing calls: {error}"))
}

/// Resolves and checks the addresses of names: the client connects only to the returned addresses, so that a second
/// lookup cannot differ. One forbidden address refuses all.
struct FilteringResolver {
    lookup: Option<Lookup>,
    reach: Reach,
}

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let (lookup, reach) = (self.lookup.clone(), self.reach);
        Box::pin(async move {
            let found = match lookup {
                Some(lookup) => lookup(name.clone()).await?,
                None => system_lookup(&name).await?,
            };
            if let Some(refused) = found.iter().find_map(|address| reach.refuses(*address)) {
                return Err(RefusedTarget::address(&name, refused).into());
            }
            let addresses: Addrs =
                Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

async fn system_lookup(name: &str) -> io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((name, 0)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

async fn read(mut response: Response) -> OutboundReply {
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let (status, address) = (response.status().as_u16(), response.remote_addr());
    let mut body = Vec::new();
    let end = Instant::now() + BODY_TIMEOUT;
    while body.len() < BODY
        && let Ok(Ok(Some(chunk))) = timeout_at(end, response.chunk()).await
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(BODY);
    let text = String::from_utf8_lossy(&body);
    let kept = text.chars().filter(|c| !c.is_control() || *c == '\n');
    OutboundReply {
        status,
        retry_after,
        text: kept.take(KEPT).collect(),
        address,
    }
}

/// The error, without the URL, which can contain a secret.
fn failure(error: reqwest::Error) -> CallError {
    let error = error.without_url();
    let mut causes = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(refused) = cause.downcast_ref::<RefusedTarget>() {
            return CallError::Refused(refused.to_string());
        }
        causes.push(cause.to_string());
        next = cause.source();
    }
    // Some errors repeat their source.
    causes.dedup_by(|cause, above| above.contains(cause.as_str()));
    CallError::NoAnswer(causes.join(": "))
}

#[cfg(test)]
mod tests;
