//! The client of a management API.

use super::api_request::ApiRequest;
use super::connection::Connection;
use crate::admin_api::{BASE, Method};
use crate::cli::api_refusal::ApiRefusal;
use crate::cli::failure::Failure;
use crate::cli::http::{cause, is_loopback};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Response, Url, retry};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// Maximum wait for a complete response; the server has a limit of 30 seconds.
const ANSWER: Duration = Duration::from_secs(60);
/// Maximum wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Maximum number of attempts of a repeatable request.
const ATTEMPTS: u32 = 4;
/// Maximum and default pause before a retry.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);

/// A management API with the operator token for it.
#[derive(Debug)]
pub(in crate::cli) struct ApiServer {
    /// URL without the base of the API and a slash at the end.
    url: String,
    authorization: HeaderValue,
    token_origin: String,
    client: Client,
}

impl ApiServer {
    /// The server of a connection, without a request.
    pub(in crate::cli) fn new(connection: &Connection) -> Result<Self, Failure> {
        let bearer = format!("Bearer {}", connection.token.expose_secret());
        let mut authorization = HeaderValue::from_str(&bearer)
            .map_err(|_| Failure::Misused(format!("{} has no token", connection.token_origin)))?;
        authorization.set_sensitive(true);
        let url = root(&connection.server)?;
        Ok(Self {
            client: client(&url, connection.ca_file.as_deref())?,
            url,
            authorization,
            token_origin: connection.token_origin.clone(),
        })
    }

    /// URL of the server.
    pub(in crate::cli) fn url(&self) -> &str {
        &self.url
    }

    /// Calls an operation; null without a result.
    pub(super) async fn call(&self, request: &ApiRequest) -> Result<Value, Failure> {
        let response = self.send(request).await?;
        if response.status().as_u16() == 204 {
            return Ok(Value::Null);
        }
        let bytes = response.bytes().await;
        let bytes = bytes.map_err(|error| self.unanswered(&error))?;
        serde_json::from_slice(&bytes).map_err(|_| self.not_an_api())
    }

    /// Sends a request, with retries if it can be repeated and the server was unavailable; returns the response of a
    /// successful operation.
    pub(super) async fn send(&self, request: &ApiRequest) -> Result<Response, Failure> {
        let target = request.target()?;
        let key = request.has_key().then(|| Uuid::now_v7().to_string());
        let is_repeatable = request.is_repeatable();
        let mut attempt = 1;
        loop {
            let is_last = !is_repeatable || attempt == ATTEMPTS;
            let made = self.made(request, &target, key.as_deref());
            let pause = match made.send().await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) if is_last => return Err(self.refused(response).await),
                Ok(response) => match pause_of(&response) {
                    Some(pause) => pause,
                    None => return Err(self.refused(response).await),
                },
                Err(error) if is_last || error.is_connect() => {
                    return Err(self.unanswered(&error));
                }
                Err(_) => PAUSE,
            };
            sleep(pause).await;
            attempt += 1;
        }
    }

    fn made(&self, request: &ApiRequest, target: &str, key: Option<&str>) -> RequestBuilder {
        let url = format!("{}{BASE}{target}", self.url);
        let mut made = match request.method() {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
            Method::Put => self.client.put(url),
            Method::Patch => self.client.patch(url),
            Method::Delete => self.client.delete(url),
        };
        made = made.header(AUTHORIZATION, self.authorization.clone());
        if !request.is_stream() {
            made = made.timeout(ANSWER);
        }
        if let Some(id) = request.last_event() {
            made = made.header("last-event-id", id);
        }
        if let Some(key) = key {
            made = made.header("idempotency-key", key);
        }
        match request.body() {
            Some(body) => made
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string()),
            None => made,
        }
    }

    /// The failure for a response with an error.
    async fn refused(&self, response: Response) -> Failure {
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let mut refusal = ApiRefusal::of(status, &body);
        if refusal.detail.is_empty() {
            return Failure::Failed(format!(
                "{} returned {status} without a reason; is it the URL of a management API?",
                self.url
            ));
        }
        if status == 401 {
            let origin = &self.token_origin;
            refusal.detail = format!("{} (the token in {origin})", refusal.detail);
        }
        refusal.into()
    }

    fn unanswered(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() && !error.is_connect() {
            let seconds = ANSWER.as_secs();
            return Failure::Unanswered(format!("{} did not respond within {seconds} s", self.url));
        }
        let cause = cause(error);
        let hint = if cause.contains("certificate") {
            "; --ca-file FILE trusts a private authority"
        } else {
            ""
        };
        Failure::Unanswered(format!("{} did not respond: {cause}{hint}", self.url))
    }

    /// The error for a response that is not from a management API.
    fn not_an_api(&self) -> Failure {
        Failure::Failed(format!(
            "{} is not a management API: correct the URL",
            self.url
        ))
    }
}

/// The pause before a retry of a request that the server could not process; `None` if it was refused.
fn pause_of(response: &Response) -> Option<Duration> {
    let header = response.headers().get(RETRY_AFTER);
    let is_to_come_again = match response.status().as_u16() {
        429 | 502 | 503 | 504 => true,
        // The same request is being executed.
        409 => header.is_some(),
        _ => false,
    };
    if !is_to_come_again {
        return None;
    }
    let seconds = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let pause = seconds.map_or(PAUSE, Duration::from_secs);
    (pause <= MAX_RETRY_AFTER).then_some(pause)
}

/// The URL without the base of the API and a slash at the end.
fn root(text: &str) -> Result<String, Failure> {
    let wrong = |problem: &str| {
        Failure::Misused(format!(
            "{text}: {problem}, such as https://scim.example.com:8081"
        ))
    };
    let url = Url::parse(text.trim()).map_err(|_| wrong("use a URL"))?;
    let is_plain = url.scheme() == "http";
    if !is_plain && url.scheme() != "https" || !url.has_host() {
        return Err(wrong("use a URL with https"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(wrong("use a URL without user and query"));
    }
    if is_plain && !is_loopback(&url) {
        return Err(wrong(
            "the operator token would be sent unencrypted: use a URL with https",
        ));
    }
    let url = url.as_str().split('#').next().unwrap_or_default();
    let url = url.trim_end_matches('/');
    Ok(url.strip_suffix(BASE).unwrap_or(url).to_owned())
}

fn client(url: &str, ca_file: Option<&Path>) -> Result<Client, Failure> {
    let mut builder = Client::builder()
        .user_agent(concat!("scimd/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .retry(retry::never())
        .connect_timeout(CONNECT);
    // No proxy for this machine: a proxy would resolve the address as its own.
    if Url::parse(url).is_ok_and(|url| is_loopback(&url)) {
        builder = builder.no_proxy();
    }
    if let Some(file) = ca_file {
        let unusable = |problem: String| {
            Failure::Misused(format!("{} cannot be read: {problem}", file.display()))
        };
        let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
        let authorities =
            Certificate::from_pem_bundle(&pem).map_err(|error| unusable(error.to_string()))?;
        if authorities.is_empty() {
            return Err(unusable("it has no certificate".to_owned()));
        }
        builder = builder.tls_certs_merge(authorities);
    }
    builder
        .build()
        .map_err(|error| Failure::Failed(format!("cannot prepare HTTP: {}", cause(&error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_a_server_is_found() {
        for (given, root_of) in [
            ("https://a.example.com", "https://a.example.com"),
            (
                "https://a.example.com:8081/api/v1/",
                "https://a.example.com:8081",
            ),
            (
                "https://a.example.com/scimd/api/v1",
                "https://a.example.com/scimd",
            ),
            ("http://127.0.0.1:8081/", "http://127.0.0.1:8081"),
            ("http://localhost:8081", "http://localhost:8081"),
        ] {
            assert_eq!(root(given).unwrap(), root_of, "{given}");
        }
        for wrong in [
            "a.example.com",
            "http://a.example.com",
            "http://192.0.2.1",
            "https://u:p@a.example.com",
            "https://a.example.com/?x=1",
            "ftp://a.example.com",
        ] {
            assert!(root(wrong).is_err(), "{wrong}");
        }
    }
}
