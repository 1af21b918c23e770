//! Authentication and limits of readers.

use super::problem::Problem;
use crate::access::{Access, FeedReader, FeedRefusal};
use crate::wire::deadlines::ConnectionDeadlines;
use crate::wire::in_flight::Ticket;
use crate::wire::layers::client_address::ClientAddress;
use crate::wire::rate::TokenLimits;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// Authenticates readers, and counts their requests and failures.
#[derive(Debug, Clone)]
pub(super) struct Authentication {
    access: Access,
    limits: Arc<TokenLimits>,
}

impl Authentication {
    pub(super) fn new(access: Access, limits: Arc<TokenLimits>) -> Self {
        Self { access, limits }
    }

    /// The reader of a request, which is admitted under the limits of its token, its tenant and its address.
    ///
    /// # Errors
    /// 401 or 403 for a token without access to the feed; 429 or 503 beyond the limits.
    pub(super) async fn admit(&self, head: &Parts) -> Result<FeedReader, Problem> {
        let ticket = head.extensions.get::<Ticket>();
        let admitted = self.admitted(head, ticket).await;
        if let Some(ticket) = ticket {
            ticket.release_slot();
        }
        admitted
    }

    async fn admitted(&self, head: &Parts, ticket: Option<&Ticket>) -> Result<FeedReader, Problem> {
        let reader = match self.reader(head).await {
            Ok(reader) => reader,
            Err(refusal) => {
                self.count(head, &refusal)?;
                return Err(refusal.error.into());
            }
        };
        self.limits.forget_guesses(address(head));
        self.limits.admit(&reader.token_id)?;
        if let Some(ticket) = ticket {
            ticket.admit(&reader.token_id, &reader.tenant_name)?;
        }
        if let Some(deadlines) = head.extensions.get::<ConnectionDeadlines>() {
            deadlines.know();
        }
        Ok(reader)
    }

    /// Whether the token of a waiting request is still valid.
    ///
    /// # Errors
    /// 401 or 403 if it is not; 503 if the database is unavailable.
    pub(super) async fn confirm(&self, head: &Parts) -> Result<(), Problem> {
        let reader = self.reader(head).await;
        reader.map(|_| ()).map_err(|refusal| refusal.error.into())
    }

    async fn reader(&self, head: &Parts) -> Result<FeedReader, FeedRefusal> {
        let header = head.headers.get(AUTHORIZATION);
        let text = header.map(|header| String::from_utf8_lossy(header.as_bytes()));
        self.access.feed_reader(text.as_deref()).await
    }

    /// Counts a refused request: for its token if it is known, otherwise as a wrong token of its address. A request
    /// without a token is not counted.
    fn count(&self, head: &Parts, refusal: &FeedRefusal) -> Result<(), Problem> {
        match &refusal.token {
            Some(token) => self.limits.admit(token)?,
            None if refusal.error.status() == 401 && head.headers.contains_key(AUTHORIZATION) => {
                self.limits.refuse_guess(address(head), Instant::now())?;
            }
            None => {}
        }
        Ok(())
    }
}

fn address(head: &Parts) -> Option<IpAddr> {
    let address = head.extensions.get::<ClientAddress>();
    address.map(|address| address.0)
}
