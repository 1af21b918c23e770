//! Management of streams of security event tokens, and polling by receivers (RFC 8936).

use crate::audit::AuditAction;
use crate::delivery::endpoint_acts::entry_of;
use crate::delivery::endpoints::{Endpoints, Start};
use crate::delivery::error::{EndpointError, Result};
use crate::delivery::info::EndpointInfo;
use crate::delivery::lane::Mark;
use crate::delivery::message::{Message, Messenger};
use crate::delivery::options::{
    EndpointOptions, EndpointSecrets, StreamMethod, StreamOptions, audit_headers, check_headers,
};
use crate::feed::{FeedPosition, PageQuery, TypePatterns};
use crate::operator::Once;
use crate::store::{
    Acknowledgements, Endpoint, EndpointKind, EndpointStatus, FailedAttempt, TenantKey,
};
use std::collections::{HashMap, HashSet};

/// Maximum number of offered tokens after the first unacknowledged one.
const WINDOW: usize = 1_000;

/// Number of changes in one read.
const SLICE: usize = 500;

/// A new stream.
#[derive(Debug, Clone)]
pub struct NewStream {
    /// Name.
    pub name: String,
    /// Name of its tenant; `None`: all tenants.
    pub tenant: Option<String>,
    /// The start.
    pub start: Start,
    /// URL of the receiver; `None` if it polls.
    pub url: Option<String>,
    /// Patterns of types, separated by commas.
    pub types: Option<String>,
    /// Whether private addresses are allowed.
    pub allows_private: bool,
    /// Headers of its requests.
    pub headers: Vec<(String, String)>,
    /// Settings specific to streams.
    pub options: StreamOptions,
}

/// A request of a receiver (RFC 8936 section 2.2).
#[derive(Debug, Clone, Default)]
pub struct Poll {
    /// Maximum number of tokens.
    pub max: usize,
    /// Ids of acknowledged tokens.
    pub acknowledged: Vec<String>,
    /// Ids of rejected tokens, with the error.
    pub errors: Vec<(String, String)>,
}

/// The response to a receiver (RFC 8936 section 2.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Polled {
    /// Tokens by id.
    pub tokens: Vec<(String, String)>,
    /// Whether there are more.
    pub more: bool,
}

/// Tokens that are unacknowledged, or acknowledged out of order.
struct Window {
    messages: Vec<Message>,
    /// The position of reading.
    upto: i64,
    is_at_end: bool,
}

impl Endpoints {
    /// Creates a stream; the response of `once` is stored for repetitions of the request.
    ///
    /// # Errors
    /// [`EndpointError`] for invalid settings, or if the name is in use.
    pub async fn add_stream(
        &self,
        new: &NewStream,
        once: Option<Once<'_, EndpointInfo>>,
    ) -> Result<EndpointInfo> {
        let types = new.types.as_deref().unwrap_or("*");
        let options = EndpointOptions {
            url: new.url.clone(),
            types: TypePatterns::parse(types).map_err(EndpointError::Types)?,
            allows_private: new.allows_private,
            stream: Some(new.options.clone()),
            ..EndpointOptions::default()
        };
        if options.target()?.is_none() && new.options.method == StreamMethod::Push {
            return Err(EndpointError::Polled(new.name.clone()));
        }
        check_headers(&new.headers)?;
        let secrets = EndpointSecrets {
            headers: new.headers.clone(),
            ..EndpointSecrets::default()
        };
        let place = (new.name.as_str(), new.tenant.as_deref(), &new.start);
        let kind = EndpointKind::Stream;
        let endpoint = self.fresh(kind, place, &options, &secrets).await?;
        let entry = entry_of(&endpoint, AuditAction::StreamAdd);
        let entry = EndpointOptions::default().audit_changes(entry, &options);
        let entry = audit_headers(entry, &[], &secrets.headers);
        let keys = self.first_keys(new.options.algorithm).await?;
        let made = self.info(endpoint).await?;
        let kept = self.operator().kept(once, &made)?;
        self.add(&made.endpoint, &keys, (entry, kept)).await?;
        Ok(made)
    }

    /// The polled stream with a name, if a token of one tenant or all may read it.
    ///
    /// # Errors
    /// [`EndpointError::NoEndpoint`], also for one of another tenant and for a pushed one.
    pub async fn polled_stream(&self, name: &str, tenant: Option<i64>) -> Result<Endpoint> {
        let endpoint = self.endpoint(EndpointKind::Stream, name).await?;
        let own = endpoint.tenant.as_ref().map(|(number, _)| *number);
        let may_read = tenant.is_none() || own == tenant;
        if may_read && EndpointOptions::read(&endpoint.options).is_polled() {
            return Ok(endpoint);
        }
        Err(EndpointError::NoEndpoint {
            kind: EndpointKind::Stream,
            name: name.to_owned(),
        })
    }

    /// Stores the acknowledgements of a receiver, and returns unacknowledged tokens, oldest first.
    ///
    /// # Errors
    /// [`EndpointError::Gone`] if the next event was deleted.
    pub async fn poll(&self, endpoint: &Endpoint, poll: &Poll) -> Result<Polled> {
        if endpoint.status != EndpointStatus::Active {
            return Ok(Polled::default());
        }
        let (options, secrets) = self.opened(endpoint)?;
        let messenger = Messenger::of(self, endpoint, &options, secrets).await?;
        let window = self.window(endpoint, &options, &messenger).await?;
        let mut known: HashSet<(i64, i64)> = self
            .store()
            .acknowledged(endpoint.number)
            .await?
            .into_iter()
            .collect();
        let before = known.len();
        let given = poll.acknowledged.iter();
        let given = given.chain(poll.errors.iter().map(|(id, _)| id));
        let given: HashSet<&str> = given.map(String::as_str).collect();
        let is_given = |message: &&Message| given.contains(message.item.event.as_str());
        let newly = window.messages.iter().filter(is_given);
        known.extend(newly.map(key));
        self.settle(endpoint, &window, &known, known.len() - before)
            .await?;
        self.note_errors(endpoint, &window, &poll.errors).await?;
        let waiting = window
            .messages
            .iter()
            .filter(|message| !known.contains(&key(message)));
        let waiting: Vec<_> = waiting.collect();
        let tokens = waiting.iter().take(poll.max).map(|message| {
            let token = String::from_utf8_lossy(&message.body).into_owned();
            (message.item.event.clone(), token)
        });
        Ok(Polled {
            tokens: tokens.collect(),
            more: waiting.len() > poll.max || !window.is_at_end,
        })
    }

    /// The tokens after the position of a stream.
    async fn window(
        &self,
        endpoint: &Endpoint,
        options: &EndpointOptions,
        messenger: &Messenger,
    ) -> Result<Window> {
        let mark = Mark {
            position: endpoint.position,
            parts: endpoint.parts,
        };
        let mut window = Window {
            messages: Vec::new(),
            upto: endpoint.position,
            is_at_end: false,
        };
        let mut query = PageQuery {
            after: FeedPosition::after(endpoint.position),
            tenant: endpoint
                .tenant
                .as_ref()
                .map(|(number, _)| TenantKey::of_number(*number)),
            types: options.types.clone(),
            except: Vec::new(),
            limit: SLICE,
        };
        while window.messages.len() < WINDOW && !window.is_at_end {
            let page = self.feed().page(&query).await?;
            let events = page.events.iter();
            let messages = events.flat_map(|event| messenger.messages(event));
            let messages = messages.filter(|message| !mark.includes(message.item.key));
            window.messages.extend(messages);
            query.after = page.next.place;
            let next = page.next.place;
            window.upto = next.position - i64::from(next.part > 0);
            window.is_at_end = !page.more;
        }
        Ok(window)
    }

    /// Advances the position of a stream over acknowledged tokens, and stores those acknowledged out of order.
    async fn settle(
        &self,
        endpoint: &Endpoint,
        window: &Window,
        known: &HashSet<(i64, i64)>,
        newly: usize,
    ) -> Result<()> {
        let first = window
            .messages
            .iter()
            .find(|message| !known.contains(&key(message)));
        let mark = first.map_or(Mark::at(window.upto), |message| {
            Mark::before(message.item.key)
        });
        let stored = Mark {
            position: endpoint.position,
            parts: endpoint.parts,
        };
        if newly == 0 && mark <= stored {
            return Ok(());
        }
        let beyond = window.messages.iter().map(|message| message.item.key);
        let beyond = beyond.filter(|place| !mark.includes(*place));
        let beyond = beyond.map(|place| (place.position, place.part));
        let given = Acknowledgements {
            endpoint: endpoint.number,
            rewinds: endpoint.rewinds,
            position: mark.position,
            parts: mark.parts,
            beyond: beyond.filter(|place| known.contains(place)).collect(),
            accepted: i64::try_from(newly).unwrap_or(0),
            now: self.clock().now().as_micros(),
        };
        self.store().acknowledge(&given).await?;
        Ok(())
    }

    /// Stores the errors of tokens reported by a receiver.
    async fn note_errors(
        &self,
        endpoint: &Endpoint,
        window: &Window,
        errors: &[(String, String)],
    ) -> Result<()> {
        let errors: HashMap<&str, &str> = errors
            .iter()
            .map(|(id, error)| (id.as_str(), error.as_str()))
            .collect();
        let now = self.clock().now();
        let failed = window.messages.iter().filter_map(|message| {
            let error = errors.get(message.item.event.as_str())?;
            Some(FailedAttempt {
                at: now,
                event: message.item.event.clone(),
                status: None,
                error: error.chars().take(500).collect(),
                attempt: 1,
            })
        });
        let failed: Vec<_> = failed.collect();
        if failed.is_empty() {
            return Ok(());
        }
        Ok(self
            .store()
            .add_failed_attempts(endpoint.number, &failed)
            .await?)
    }
}

fn key(message: &Message) -> (i64, i64) {
    (message.item.key.position, message.item.key.part)
}
