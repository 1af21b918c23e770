//! The server under test, and the HTTP client for it.

use crate::check::{CheckResult, Problem};
use crate::response::{List, ScimResponse};
use crate::test_resources::{CleanupList, name_attribute};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// Timeout of a request, as long as Okta's.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Maximum number of retries of a request after status 429.
const RETRIES: usize = 5;
/// Maximum wait before a retry, in seconds; a longer Retry-After is cut.
const MAX_RETRY_AFTER: u64 = 30;

/// Prefix of userName, displayName and externalId of every test resource.
pub const PREFIX: &str = "scimd-doctor";

/// The header `Authorization` of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Credentials<'a> {
    /// The bearer token of the target.
    Token,
    /// Another value of the header.
    Header(&'a str),
    /// No header.
    None,
}

/// Why a server cannot be tested: a wrong argument, no SCIM server at the URL, or a refused token. The text says what
/// to do; it does not contain the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetError(pub(crate) String);

impl fmt::Display for TargetError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Error for TargetError {}

/// The server under test: base URL, bearer token, HTTP client, and the test resources on it.
#[derive(Debug)]
pub struct Target {
    client: Client,
    base: Url,
    authorization: HeaderValue,
    pub(crate) token: SecretString,
    /// Random part of the names in this run.
    pub(crate) run: String,
    pub(crate) cleanup: CleanupList,
    /// Content types other than `application/scim+json`, each with the first request whose response had it.
    other_content_types: Mutex<BTreeMap<String, String>>,
}

impl Target {
    /// A target from its base URL, as it is pasted into an identity provider, and its bearer token without the word
    /// Bearer. Sends no request.
    ///
    /// # Errors
    ///
    /// The URL is not the base URL of a server, the token cannot be sent in a header, or TLS is not available.
    pub fn new(base: &str, token: SecretString) -> Result<Self, TargetError> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| {
                TargetError(
                    "the token has characters that are not allowed in a header; copy it again"
                        .to_owned(),
                )
            })?;
        authorization.set_sensitive(true);
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("scimd-doctor/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                let cause = causes(error);
                TargetError(format!(
                    "cannot set up HTTPS: {cause}; install ca-certificates, or set SSL_CERT_FILE to a file of \
                     certificates"
                ))
            })?;
        Ok(Self {
            client,
            base: base_url(base).map_err(TargetError)?,
            authorization,
            token,
            run: random().map_err(TargetError)?,
            cleanup: CleanupList::default(),
            other_content_types: Mutex::default(),
        })
    }

    /// The base URL without a trailing slash.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The base URL.
    pub(crate) fn url(&self) -> &Url {
        &self.base
    }

    /// A unique name with a suffix, in lower case.
    pub(crate) fn name(&self, suffix: &str) -> String {
        format!("{PREFIX}-{}-{suffix}", self.run)
    }

    /// A unique userName with a suffix of its local part.
    pub(crate) fn user_name(&self, suffix: &str) -> String {
        format!("{}@example.com", self.name(suffix))
    }

    /// The password of the test users.
    pub(crate) fn password(&self) -> String {
        format!("Aa1!{}", self.run)
    }

    /// Sends a request to any URL. The error is one of the connection: every status is a response.
    pub(crate) async fn request(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
        credentials: Credentials<'_>,
    ) -> reqwest::Result<ScimResponse> {
        let mut request = self
            .client
            .request(method, url)
            .header(ACCEPT, "application/scim+json");
        request = match credentials {
            Credentials::Token => request.header(AUTHORIZATION, self.authorization.clone()),
            Credentials::Header(value) => request.header(AUTHORIZATION, value),
            Credentials::None => request,
        };
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/scim+json; charset=utf-8")
                .body(body.to_string());
        }
        let mut retries = 0;
        loop {
            // A request whose body is text can be cloned.
            let Some(again) = request.try_clone() else {
                return read(request.send().await?).await;
            };
            let response = again.send().await?;
            if response.status() != 429 || retries == RETRIES {
                return read(response).await;
            }
            retries += 1;
            sleep(wait(&response)).await;
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        credentials: Credentials<'_>,
    ) -> CheckResult<ScimResponse> {
        let summary = format!("{method} {}", path.split(['?']).next().unwrap_or(path));
        let url = format!("{}{path}", self.base());
        match self.request(method, &url, body, credentials).await {
            Ok(response) => {
                self.record_content_type(&response, &summary);
                Ok(response)
            }
            Err(error) => Err(Problem::Failure(format!(
                "{summary}: no response: {}",
                causes(error)
            ))),
        }
    }

    fn record_content_type(&self, response: &ScimResponse, request: &str) {
        if !response.text.is_empty() && response.content_type != "application/scim+json" {
            let mut others = self
                .other_content_types
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            others
                .entry(response.content_type.clone())
                .or_insert_with(|| format!("status {} to {request}", response.status));
        }
    }

    /// Content types other than `application/scim+json` so far, each with status and request of a response.
    pub(crate) fn other_content_types(&self) -> BTreeMap<String, String> {
        self.other_content_types
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sends GET.
    pub(crate) async fn get(&self, path: &str) -> CheckResult<ScimResponse> {
        self.send(Method::GET, path, None, Credentials::Token).await
    }

    /// GET with other credentials.
    pub(crate) async fn get_as(
        &self,
        credentials: Credentials<'_>,
        path: &str,
    ) -> CheckResult<ScimResponse> {
        self.send(Method::GET, path, None, credentials).await
    }

    /// Sends PUT with a body.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> CheckResult<ScimResponse> {
        self.send(Method::PUT, path, Some(body), Credentials::Token)
            .await
    }

    /// PATCH; both 200 and 204 are success (RFC 7644, section 3.5.2).
    pub(crate) async fn patch(&self, path: &str, operations: Value) -> CheckResult<ScimResponse> {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        self.send(Method::PATCH, path, Some(&body), Credentials::Token)
            .await?
            .expect(&[200, 204])
    }

    /// POST of a test resource, which is put on the cleanup list first.
    pub(crate) async fn create(
        &self,
        endpoint: &'static str,
        body: &Value,
    ) -> CheckResult<ScimResponse> {
        let number = self.cleanup.add(
            endpoint,
            body[name_attribute(endpoint)].as_str().unwrap_or_default(),
        );
        let response = self
            .send(Method::POST, endpoint, Some(body), Credentials::Token)
            .await?;
        match (response.status, &response.body) {
            (200..=299, Some(resource)) => self.cleanup.confirm(number, resource),
            (400..=499, _) => self.cleanup.remove_refused(number),
            _ => {}
        }
        Ok(response)
    }

    /// DELETE of a test resource, which leaves the cleanup list.
    pub(crate) async fn delete(
        &self,
        endpoint: &'static str,
        id: &str,
    ) -> CheckResult<ScimResponse> {
        let response = self
            .send(Method::DELETE, &at(endpoint, id), None, Credentials::Token)
            .await?;
        if matches!(response.status, 200..=299 | 404) {
            self.cleanup.remove_deleted(endpoint, id);
        }
        Ok(response)
    }

    /// The query by userName or displayName that both identity providers send before a create.
    pub(crate) async fn lookup(&self, endpoint: &str, name: &str) -> CheckResult<List> {
        let filter = encode(&format!("{} eq \"{name}\"", name_attribute(endpoint)));
        self.get(&format!(
            "{endpoint}?filter={filter}&startIndex=1&count=100"
        ))
        .await?
        .list()
    }

    /// GET of a resource.
    pub(crate) async fn read(&self, path: &str) -> CheckResult<Value> {
        self.get(path).await?.resource(200)
    }
}

/// The path of a resource below the base URL.
pub(crate) fn at(endpoint: &str, id: &str) -> String {
    format!("{endpoint}/{}", encode(id))
}

/// Encoded characters in a segment of a path or a value of a query: all except the unreserved ones (RFC 3986, section
/// 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Percent-encodes a segment of a path or a value of a query.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// An error and its causes in one line, without the URL.
pub(crate) fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

fn base_url(text: &str) -> Result<Url, String> {
    let example = "enter the URL as in Okta, such as https://scim.example.com/scim/v2";
    let url = Url::parse(text.trim_end_matches('/'))
        .map_err(|error| format!("{text} is not a URL: {error}; {example}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("{text} is not the URL of a server; {example}"));
    }
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(format!(
            "the base URL must have no query, fragment, user or password; {example}"
        ));
    }
    Ok(url)
}

fn random() -> Result<String, String> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(|error| format!("cannot read random bytes: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn wait(response: &Response) -> Duration {
    let seconds = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1).clamp(1, MAX_RETRY_AFTER))
}

async fn read(response: Response) -> reqwest::Result<ScimResponse> {
    let status = response.status().as_u16();
    let header = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let content_type = header(CONTENT_TYPE)
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let location = header(LOCATION).map(str::to_owned);
    let text = String::from_utf8_lossy(&response.bytes().await?).into_owned();
    let body = serde_json::from_str(&text).ok();
    Ok(ScimResponse {
        status,
        content_type,
        location,
        text,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        for valid in ["https://a.example.com/scim/v2/", "http://127.0.0.1:1"] {
            assert!(base_url(valid).is_ok(), "{valid}");
        }
        for invalid in [
            "",
            "a.example.com",
            "ftp://a/b",
            "https://a/b?c=d",
            "https://u:p@a/b",
            "localhost:8080/scim",
        ] {
            assert!(base_url(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn reserved_characters_are_encoded() {
        assert_eq!(encode("a b\"@é/.."), "a%20b%22%40%C3%A9%2F..");
    }
}
