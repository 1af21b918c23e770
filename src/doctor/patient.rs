//! The server under examination, as a client sees it.

use super::answer::{Answer, List};
use super::check::{Trouble, Verdict};
use super::made::{Estate, naming};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// As long as Okta waits.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a request is sent again that came too soon.
const RETRIES: usize = 5;
/// The longest wait that a server can ask for.
const LONGEST_WAIT: u64 = 30;

/// Name that everything made here begins with.
pub const PREFIX: &str = "scimd-doctor";

/// How a request shows who sends it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Badge<'a> {
    /// With the token of the examination.
    Own,
    /// With this in the header `Authorization`.
    Other(&'a str),
    /// Without the header.
    Nothing,
}

/// A server, how to reach it, and what was made on it.
#[derive(Debug)]
pub struct Patient {
    client: Client,
    base: Url,
    authorization: HeaderValue,
    pub(super) token: SecretString,
    /// Random part of the names of this examination.
    pub(super) run: String,
    pub(super) made: Estate,
    /// Content types beside SCIM's own, each with the first answer that had it.
    odd_kinds: Mutex<BTreeMap<String, String>>,
}

impl Patient {
    /// Prepares an examination. Nothing is sent yet.
    pub fn new(base: &str, token: SecretString) -> Result<Self, String> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| {
                "the token holds characters that no header can carry; copy it again".to_owned()
            })?;
        authorization.set_sensitive(true);
        let client = Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("scimd-doctor/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                let told = causes(error);
                format!(
                    "cannot prepare HTTPS: {told}; install ca-certificates, or name a file of them by SSL_CERT_FILE"
                )
            })?;
        Ok(Self {
            client,
            base: base_url(base)?,
            authorization,
            token,
            run: random()?,
            made: Estate::default(),
            odd_kinds: Mutex::default(),
        })
    }

    /// The base URL, without a slash at the end.
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub(super) fn url(&self) -> &Url {
        &self.base
    }

    /// A name of this examination, in lower case.
    pub(super) fn name(&self, what: &str) -> String {
        format!("{PREFIX}-{}-{what}", self.run)
    }

    /// The user name of a person.
    pub(super) fn user_name(&self, who: &str) -> String {
        format!("{}@example.com", self.name(who))
    }

    /// The password that users get.
    pub(super) fn password(&self) -> String {
        format!("Aa1!{}", self.run)
    }

    /// Sends a request to an address below any base URL; the error is one of the wire.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
        badge: Badge<'_>,
    ) -> reqwest::Result<Answer> {
        let mut request = self
            .client
            .request(method, url)
            .header(ACCEPT, "application/scim+json");
        request = match badge {
            Badge::Own => request.header(AUTHORIZATION, self.authorization.clone()),
            Badge::Other(value) => request.header(AUTHORIZATION, value),
            Badge::Nothing => request,
        };
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/scim+json; charset=utf-8")
                .body(body.to_string());
        }
        let mut tries = 0;
        loop {
            let Some(again) = request.try_clone() else {
                return read(request.send().await?).await;
            };
            let response = again.send().await?;
            if response.status() != 429 || tries == RETRIES {
                return read(response).await;
            }
            tries += 1;
            sleep(wait(&response)).await;
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        badge: Badge<'_>,
    ) -> Verdict<Answer> {
        let asked = format!("{method} {}", path.split(['?']).next().unwrap_or(path));
        let url = format!("{}{path}", self.base());
        match self.ask(method, &url, body, badge).await {
            Ok(answer) => {
                self.see_kind(&answer, &asked);
                Ok(answer)
            }
            Err(error) => Err(Trouble::Fails(format!(
                "{asked}: no answer: {}",
                causes(error)
            ))),
        }
    }

    fn see_kind(&self, answer: &Answer, asked: &str) {
        if !answer.text.is_empty() && answer.kind != "application/scim+json" {
            let mut kinds = self
                .odd_kinds
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            kinds
                .entry(answer.kind.clone())
                .or_insert_with(|| format!("status {} to {asked}", answer.status));
        }
    }

    /// Content types beside SCIM's own, each with an answer that had it.
    pub(super) fn odd_kinds(&self) -> BTreeMap<String, String> {
        self.odd_kinds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) async fn get(&self, path: &str) -> Verdict<Answer> {
        self.send(Method::GET, path, None, Badge::Own).await
    }

    pub(super) async fn get_as(&self, badge: Badge<'_>, path: &str) -> Verdict<Answer> {
        self.send(Method::GET, path, None, badge).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Verdict<Answer> {
        self.send(Method::PUT, path, Some(body), Badge::Own).await
    }

    /// Changes a resource; 200 and 204 are both right.
    pub(super) async fn patch(&self, path: &str, operations: Value) -> Verdict<Answer> {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        self.send(Method::PATCH, path, Some(&body), Badge::Own)
            .await?
            .expect(&[200, 204])
    }

    /// Asks for a new resource, and remembers that it may be there.
    pub(super) async fn create(&self, endpoint: &'static str, body: &Value) -> Verdict<Answer> {
        let number = self.made.ask(
            endpoint,
            body[naming(endpoint)].as_str().unwrap_or_default(),
        );
        let answer = self
            .send(Method::POST, endpoint, Some(body), Badge::Own)
            .await?;
        match (answer.status, &answer.body) {
            (200..=299, Some(resource)) => self.made.confirm(number, resource),
            (400..=499, _) => self.made.forget(number),
            _ => {}
        }
        Ok(answer)
    }

    pub(super) async fn delete(&self, endpoint: &'static str, id: &str) -> Verdict<Answer> {
        let answer = self
            .send(Method::DELETE, &at(endpoint, id), None, Badge::Own)
            .await?;
        if matches!(answer.status, 200..=299 | 404) {
            self.made.lose(endpoint, id);
        }
        Ok(answer)
    }

    /// What both identity providers do before they create.
    pub(super) async fn lookup(&self, endpoint: &str, name: &str) -> Verdict<List> {
        let filter = encode(&format!("{} eq \"{name}\"", naming(endpoint)));
        self.get(&format!(
            "{endpoint}?filter={filter}&startIndex=1&count=100"
        ))
        .await?
        .list()
    }

    /// The resource as it is now.
    pub(super) async fn read(&self, path: &str) -> Verdict<Value> {
        self.get(path).await?.resource(200)
    }
}

/// The path of a resource.
pub(super) fn at(endpoint: &str, id: &str) -> String {
    format!("{endpoint}/{}", encode(id))
}

/// Text as part of a URL.
pub(super) fn encode(text: &str) -> String {
    let shown = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if shown(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// An error with what is behind it, without the address.
pub(super) fn causes(error: reqwest::Error) -> String {
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
    let example =
        "give the URL as it is pasted into Okta, such as https://scim.example.com/scim/v2";
    let url = Url::parse(text.trim_end_matches('/'))
        .map_err(|error| format!("{text} is no URL: {error}; {example}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("{text} is no URL of a server; {example}"));
    }
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(format!(
            "the base URL must end with its path and name no user; {example}"
        ));
    }
    Ok(url)
}

fn random() -> Result<String, String> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(|error| format!("no randomness: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn wait(response: &Response) -> Duration {
    let asked = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(asked.unwrap_or(1).clamp(1, LONGEST_WAIT))
}

async fn read(response: Response) -> reqwest::Result<Answer> {
    let status = response.status().as_u16();
    let header = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let kind = header(CONTENT_TYPE)
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default()
        .trim();
    let (kind, location) = (
        kind.to_ascii_lowercase(),
        header(LOCATION).map(str::to_owned),
    );
    let text = String::from_utf8_lossy(&response.bytes().await?).into_owned();
    let body = serde_json::from_str(&text).ok();
    Ok(Answer {
        status,
        kind,
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
        for sound in ["https://a.example.com/scim/v2/", "http://127.0.0.1:1"] {
            assert!(base_url(sound).is_ok(), "{sound}");
        }
        for wrong in [
            "",
            "a.example.com",
            "ftp://a/b",
            "https://a/b?c=d",
            "https://u:p@a/b",
            "localhost:8080/scim",
        ] {
            assert!(base_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn text_in_a_url() {
        assert_eq!(encode("a b\"@é/.."), "a%20b%22%40%C3%A9%2F..");
    }
}
