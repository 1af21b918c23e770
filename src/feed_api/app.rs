//! Handles the requests of the application: pages of events, one event, the ends of the feed.

use super::authentication::Authentication;
use super::poll;
use super::problem::{Problem, answer};
use super::query::{EventsQuery, ResourcesArguments};
use super::waiting;
use crate::access::{Access, FeedReader};
use crate::delivery::{Endpoints, Poll};
use crate::feed::{
    Cursor, Event, Feed, FeedError, FeedPage, FeedPosition, PageQuery, Payload, ResourcesQuery,
};
use crate::store::TenantKey;
use crate::wire::body::Upload;
use crate::wire::rate::TokenLimits;
use crate::wire::{Refusal, Refused};
use axum::extract::Request;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

/// The prefix of the paths of the change feed.
pub const PREFIX: &str = "/feed/v1";

/// Maximum number of waiting requests on one instance.
const WAITING: usize = 200;
/// Interval at which a waiting request confirms its token.
const CONFIRM: Duration = Duration::from_secs(1);

/// Maximum wait of a poll for a token.
const MAX_POLL: Duration = Duration::from_secs(25);

/// The type that selects memberships instead of a resource type.
const MEMBERSHIP: &str = "Membership";

const JSON: &str = "application/json";

/// The application of the change feed; clones share it.
#[derive(Debug, Clone)]
pub struct FeedApp {
    feed: Feed,
    authentication: Authentication,
    streams: Endpoints,
    waiting: Arc<Semaphore>,
}

impl FeedApp {
    /// The feed and polled streams, for readers that `access` authenticates within `limits`.
    pub fn new(feed: Feed, access: Access, streams: Endpoints, limits: Arc<TokenLimits>) -> Self {
        Self {
            feed,
            authentication: Authentication::new(access, limits),
            streams,
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// The response to a request whose path begins with [`PREFIX`].
    pub async fn answer(self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let mut upload = Upload::new(&head, body);
        match self.route(&head, &mut upload).await {
            Ok(response) => response,
            Err(problem) => {
                upload.discard().await;
                problem.response()
            }
        }
    }

    async fn route(&self, head: &Parts, upload: &mut Upload) -> Result<Response, Problem> {
        let reader = self.authentication.admit(head).await?;
        let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        if let Some(name) = polled_stream(path) {
            if head.method != Method::POST {
                return Err(Problem::method_not_allowed("POST"));
            }
            return self.poll(head, upload, name, &reader).await;
        }
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Problem::method_not_allowed("GET, HEAD"));
        }
        match path {
            "/events" => self.events(head, &reader).await,
            "/head" => self.head().await,
            "/resources" => self.resources(head, &reader).await,
            path => match path.strip_prefix("/events/") {
                Some(id) => self.event(id, &reader).await,
                None => Err(Problem::not_found(
                    "This path does not exist. The paths are /feed/v1/events, /feed/v1/events/{id}, /feed/v1/head, /feed/v1/resources and /feed/v1/streams/{name}/poll.",
                )),
            },
        }
    }

    async fn events(&self, head: &Parts, reader: &FeedReader) -> Result<Response, Problem> {
        let parameters = EventsQuery::parse(head.uri.query())?;
        let mut query = PageQuery {
            after: self.place(parameters.after.as_deref()).await?,
            tenant: self.tenant(parameters.tenant.as_deref(), reader).await?,
            types: parameters.types,
            except: Vec::new(),
            limit: parameters.limit,
        };
        let end = waiting::until(head, parameters.wait);
        let mut newest = self.feed.newest();
        newest.borrow_and_update();
        let mut page = self.page(&query).await?;
        if page.events.is_empty() && !parameters.wait.is_zero() {
            let Ok(_place) = self.waiting.try_acquire() else {
                return Err(Problem::too_many("Too many requests wait for events."));
            };
            while page.events.is_empty() && Instant::now() < end && !self.feed.is_closed() {
                query.after = page.next.place;
                if page.more {
                    page = self.page(&query).await?;
                    continue;
                }
                let confirm = (Instant::now() + CONFIRM).min(end);
                tokio::select! {
                    _ = newest.changed() => page = self.page(&query).await?,
                    () = self.feed.closed() => {}
                    () = sleep(confirm.saturating_duration_since(Instant::now())) => {
                        self.authentication.confirm(head).await?;
                    }
                }
            }
        }
        Ok(answer(200, JSON, text_of(&page)))
    }

    async fn poll(
        &self,
        head: &Parts,
        upload: &mut Upload,
        name: &str,
        reader: &FeedReader,
    ) -> Result<Response, Problem> {
        let parameters = poll::read(head, upload).await?;
        let tenant = reader.tenant.map(TenantKey::number);
        let mut newest = self.feed.newest();
        newest.borrow_and_update();
        let stream = self.streams.polled_stream(name, tenant).await?;
        let mut polled = self.streams.poll(&stream, &parameters.poll).await?;
        if polled.tokens.is_empty() && parameters.waits {
            let Ok(_place) = self.waiting.try_acquire() else {
                return Err(Problem::too_many("Too many requests wait for events."));
            };
            // Acknowledgements are already stored.
            let again = Poll {
                max: parameters.poll.max,
                ..Poll::default()
            };
            let end = waiting::until(head, MAX_POLL);
            while polled.tokens.is_empty() && Instant::now() < end && !self.feed.is_closed() {
                let confirm = (Instant::now() + CONFIRM).min(end);
                tokio::select! {
                    _ = newest.changed() => {
                        let stream = self.streams.polled_stream(name, tenant).await?;
                        polled = self.streams.poll(&stream, &again).await?;
                    }
                    () = self.feed.closed() => {}
                    () = sleep(confirm.saturating_duration_since(Instant::now())) => {
                        self.authentication.confirm(head).await?;
                    }
                }
            }
        }
        Ok(answer(200, JSON, poll::text(polled)))
    }

    async fn page(&self, query: &PageQuery) -> Result<FeedPage, Problem> {
        let page = self.feed.page(query).await;
        self.problem_of(page).await
    }

    /// The position of an `after`.
    async fn place(&self, after: Option<&str>) -> Result<FeedPosition, Problem> {
        let text = match after {
            None | Some("start") => return Ok(self.feed.start().await?.place),
            Some("now") => return Ok(self.feed.head().await?.place),
            Some(text) => text,
        };
        let cursor = Cursor::parse(text).ok_or_else(|| {
            Problem::invalid("\"after\" is not a cursor: use a cursor of a response, start or now.")
        })?;
        let place = self.feed.place(cursor).await;
        self.problem_of(place).await
    }

    /// Converts the outcome; the error for deleted events has the oldest cursor.
    async fn problem_of<T>(&self, outcome: Result<T, FeedError>) -> Result<T, Problem> {
        match outcome {
            Err(FeedError::Gone) => Err(Problem::gone(self.feed.start().await?.to_string())),
            outcome => Ok(outcome?),
        }
    }

    /// The tenant of the events; `None` for all.
    async fn tenant(
        &self,
        parameters: Option<&str>,
        reader: &FeedReader,
    ) -> Result<Option<TenantKey>, Problem> {
        match (parameters, reader.tenant) {
            (None, tenant) => Ok(tenant),
            (Some(name), Some(tenant)) if *name == *reader.tenant_name => Ok(Some(tenant)),
            (Some(_), Some(_)) => Err(Problem::new(
                403,
                "wrong-scope",
                "This token has no access to this tenant.",
            )),
            (Some(name), None) => {
                let found = self.feed.tenant(name).await?;
                let none = || Problem::not_found(format!("There is no tenant \"{name}\"."));
                found.map(Some).ok_or_else(none)
            }
        }
    }

    async fn event(&self, id: &str, reader: &FeedReader) -> Result<Response, Problem> {
        let event = self.feed.event(id, reader.tenant).await?;
        let event = event.ok_or_else(|| {
            Problem::not_found(
                "There is no event with this id, or it was deleted by the retention.",
            )
        })?;
        Ok(answer(200, JSON, event.json(Payload::Full)))
    }

    async fn resources(&self, head: &Parts, reader: &FeedReader) -> Result<Response, Problem> {
        let arguments = ResourcesArguments::parse(head.uri.query())?;
        let is_type = arguments.resource_type != MEMBERSHIP;
        let query = ResourcesQuery {
            resource_type: Some(arguments.resource_type).filter(|_| is_type),
            after: arguments.after,
            tenant: self.tenant(arguments.tenant.as_deref(), reader).await?,
            limit: arguments.limit,
        };
        let page = self.feed.resources(&query).await?;
        let next = page.next.map(|next| next.to_string());
        let text = format!(
            "{{\"resources\":[{}],\"next\":{},\"cursor\":{}}}",
            page.entries.join(","),
            Value::from(next),
            Value::from(page.cursor.to_string())
        );
        Ok(answer(200, JSON, text))
    }

    async fn head(&self) -> Result<Response, Problem> {
        let (head, oldest) = (self.feed.head().await?, self.feed.start().await?);
        let ends = json!({"cursor": head.to_string(), "oldest": oldest.to_string()});
        Ok(answer(200, JSON, ends.to_string()))
    }
}

/// The response to a request for [`PREFIX`] that the wire layer refuses.
pub fn refusal(refusal: Refusal, _: &Refused) -> Response {
    Problem::from(refusal).response()
}

fn text_of(page: &FeedPage) -> String {
    let events: Vec<_> = page.events.iter().map(full).collect();
    format!(
        "{{\"events\":[{}],\"cursor\":{},\"more\":{}}}",
        events.join(","),
        Value::from(page.next.to_string()),
        page.more
    )
}

fn full(event: &Event) -> String {
    event.json(Payload::Full)
}

/// The name of the stream that a path polls.
fn polled_stream(path: &str) -> Option<&str> {
    path.strip_prefix("/streams/")?.strip_suffix("/poll")
}
