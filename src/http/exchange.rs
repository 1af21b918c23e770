//! What every request goes through, whatever it asks for: guarded, routed, handled in a task of
//! its own, answered in SCIM form, logged.

use crate::error::Result;
use crate::http::body::{Remainder, Upload};
use crate::http::in_flight::Ticket;
use crate::http::log::{Facts, Logs};
use crate::http::pulse::Pulse;
use crate::http::route::{BasePath, Route, Verb};
use crate::http::settings::HttpSettings;
use crate::http::tasks::Tasks;
use crate::http::{guard, respond, route};
use crate::live::Live;
use crate::service::Reply;
use axum::extract::Request;
use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Version};
use axum::response::Response;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tracing::Instrument;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Bytes of an answer that is never refused for them, as the request has been admitted.
const SMALL: usize = 64 << 10;

/// Bytes of an answer that is sent while it is read, as it is kept in memory.
const WHILE_READ: usize = 1 << 20;

/// The other end of a connection; the server puts it into each request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// A request on its way to its handler, without the body, which is read when its turn comes.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) head: Parts,
    /// The tenant that the path names.
    pub(super) tenant: Option<String>,
    pub(super) route: Route,
    pub(super) verb: Verb,
    pub(super) peer: Option<IpAddr>,
    pub(super) facts: Arc<Facts>,
    /// The settings in force when it came.
    pub(super) settings: Arc<HttpSettings>,
}

impl Call {
    /// The connection is one of somebody with a good token.
    pub(super) fn know(&self) {
        if let Some(pulse) = self.head.extensions.get::<Pulse>() {
            pulse.know();
        }
    }

    /// Counts the request for its caller.
    ///
    /// # Errors
    /// 429 or 503 if there are too many requests under way.
    pub(super) fn admit(&self, token: &Arc<str>, tenant: &Arc<str>) -> Result<()> {
        let Some(ticket) = self.ticket() else {
            return Ok(());
        };
        ticket.admit(token, tenant)?;
        ticket.end_turn();
        Ok(())
    }

    /// The request is refused: the next one may be admitted.
    pub(super) fn refuse(&self) {
        if let Some(ticket) = self.ticket() {
            ticket.end_turn();
        }
    }

    /// Counts the bytes that the request is going to keep.
    ///
    /// # Errors
    /// 429 or 503 if there are too many.
    pub(super) fn expect(&self, bytes: usize) -> Result<()> {
        self.ticket()
            .map_or(Ok(()), |ticket| ticket.keep(bytes, true))
    }

    fn ticket(&self) -> Option<&Ticket> {
        self.head.extensions.get()
    }
}

/// The common way of all requests.
#[derive(Debug)]
pub(super) struct Exchange {
    settings: Live<HttpSettings>,
    base: BasePath,
    tasks: Tasks,
    logs: Logs,
}

/// What the answer needs to know of the request.
struct Asked {
    verb: Verb,
    version: Version,
    has_credentials: bool,
    /// The connection.
    pulse: Option<Pulse>,
    /// What becomes of the rest of the body.
    remainder: Remainder,
}

impl Exchange {
    pub(super) fn new(settings: Live<HttpSettings>, tasks: Tasks, logs: Logs) -> Self {
        Self {
            base: BasePath::new(&settings.get().base_path),
            settings,
            tasks,
            logs,
        }
    }

    /// Answers a request with what `handle` makes of it.
    pub(super) async fn conduct<H, W>(&self, request: Request, handle: H) -> Response
    where
        H: FnOnce(Call, Upload) -> W,
        W: Future<Output = Result<Reply>> + Send + 'static,
    {
        let settings = self.settings.get();
        let (head, body) = request.into_parts();
        let peer = peer(&head, settings.behind_proxy);
        let mut entry = self.logs.begin(&head, peer);
        let ticket = head.extensions.get::<Ticket>().cloned();
        let upload = Upload::new(&head.headers, body, ticket.clone());
        let asked = Asked {
            verb: Verb::of(&head.method),
            version: head.version,
            has_credentials: head.headers.contains_key(axum::http::header::AUTHORIZATION),
            pulse: head.extensions.get().cloned(),
            remainder: upload.remainder(),
        };
        let outcome = match guard::check(&head, &settings) {
            Err(refusal) => Err(refusal),
            Ok(()) => {
                let path = head.uri.path();
                let (tenant, path) = if settings.tenant_paths {
                    self.base.tenant(path)
                } else {
                    (None, path)
                };
                let route = self.base.route(path);
                if matches!(route, Route::Outside | Route::OtherVersion(_)) {
                    entry.beside = Some(route::outline(path));
                }
                entry.route = Some(route.clone());
                let time = settings.request_time();
                let call = Call {
                    verb: asked.verb,
                    head,
                    tenant,
                    route,
                    peer,
                    facts: entry.facts.clone(),
                    settings,
                };
                // It is large, and handed on several times.
                let work = Box::pin(handle(call, upload)).instrument(entry.span());
                self.tasks.run(asked.verb.is_safe(), time, work).await
            }
        };
        let outcome = outcome.and_then(|reply| kept(reply, ticket.as_ref(), asked.verb));
        entry.finish(outcome.as_ref());
        answer(outcome, entry.route.as_ref(), &asked, &entry.request_id)
    }
}

/// The reply, whose bytes count from now on until they are written. What a write has to say is always said.
fn kept(reply: Reply, ticket: Option<&Ticket>, verb: Verb) -> Result<Reply> {
    let rest = if reply.rest.is_some() { WHILE_READ } else { 0 };
    let bytes = reply
        .body
        .as_ref()
        .map_or(0, String::len)
        .saturating_add(rest);
    if let Some(ticket) = ticket {
        ticket.keep(bytes, verb.is_safe() && bytes > SMALL)?;
    }
    Ok(reply)
}

/// Who sent the request: the other end of the connection or, behind a proxy, whom the proxy
/// names last in `X-Forwarded-For`; what stands before that was written by the client.
fn peer(head: &Parts, behind_proxy: bool) -> Option<IpAddr> {
    let connected = head.extensions.get::<Peer>().map(|peer| peer.0.ip());
    let forwarded = if behind_proxy {
        forwarded_for(&head.headers)
    } else {
        None
    };
    forwarded.or(connected)
}

fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .next_back()?
        .to_str()
        .ok()?
        .rsplit(',')
        .next()?
        .trim();
    last.parse()
        .ok()
        .or_else(|| last.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

fn answer(
    outcome: Result<Reply>,
    route: Option<&Route>,
    asked: &Asked,
    request_id: &str,
) -> Response {
    let mut response = match outcome {
        Ok(reply) => respond::reply(reply),
        Err(error) => respond::error(&error, asked.has_credentials),
    };
    let status = response.status().as_u16();
    if let Some(route) =
        route.filter(|_| status == 405 || (asked.verb == Verb::Options && status == 204))
    {
        allow(&mut response, route.allow());
    }
    if asked.verb == Verb::Patch && status == 204 {
        respond::name_type(&mut response);
    }
    if matches!(route, Some(Route::Live | Route::Ready)) && status == 200 {
        respond::put(&mut response, CONTENT_TYPE, "application/json");
    }
    if matches!(route, Some(Route::Front)) && status == 200 {
        respond::put(&mut response, CONTENT_TYPE, "text/plain; charset=utf-8");
    }
    // Where the request ends is unknown now, or there is more of it than will be read.
    let must_close =
        route.is_none() || asked.remainder.is_lost() || matches!(status, 408 | 413 | 414 | 431);
    if must_close && asked.version < Version::HTTP_2 {
        respond::put(&mut response, CONNECTION, "close");
        if let Some(pulse) = &asked.pulse {
            pulse.linger();
        }
    }
    respond::put(&mut response, REQUEST_ID, request_id);
    response
}

fn allow(response: &mut Response, methods: &str) {
    respond::put(response, ALLOW, methods);
    if methods.contains("PATCH") {
        respond::put(
            response,
            ACCEPT_PATCH,
            "application/scim+json, application/json",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(behind_proxy: bool, lines: &[&str]) -> Option<String> {
        let mut request = Request::new(axum::body::Body::empty());
        request
            .extensions_mut()
            .insert(Peer("192.0.2.9:4711".parse().unwrap()));
        for line in lines {
            request
                .headers_mut()
                .append(FORWARDED_FOR, line.parse().unwrap());
        }
        peer(&request.into_parts().0, behind_proxy).map(|peer| peer.to_string())
    }

    #[test]
    fn only_the_proxy_says_who_is_behind_it() {
        for (behind_proxy, lines, expected) in [
            (false, &["203.0.113.7"][..], "192.0.2.9"),
            (true, &[], "192.0.2.9"),
            (true, &["203.0.113.7"], "203.0.113.7"),
            (true, &["10.0.0.1, 203.0.113.7"], "203.0.113.7"),
            (true, &["10.0.0.1", "203.0.113.7:1234"], "203.0.113.7"),
            (true, &["[2001:db8::1]:80"], "2001:db8::1"),
            (true, &["nobody"], "192.0.2.9"),
        ] {
            assert_eq!(
                found(behind_proxy, lines).as_deref(),
                Some(expected),
                "{lines:?}"
            );
        }
    }
}
