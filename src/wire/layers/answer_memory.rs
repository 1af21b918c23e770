//! Counts the bytes of a response until they are written.

use crate::wire::in_flight::Ticket;
use crate::wire::layers::middleware::{Inner, Middleware, answer};
use crate::wire::layers::task::is_safe;
use crate::wire::refusal::{RefusalForms, Refused};
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Body;

/// Size up to which a response is never refused, because the request has been admitted.
const SMALL: usize = 64 << 10;

/// Bytes in memory of a streamed response.
const WHILE_READ: usize = 1 << 20;

/// Counts the bytes of the response for the client of the request, and refuses the request if there are too many. The
/// response to a write is never refused.
#[derive(Debug, Clone)]
pub(crate) struct AnswerMemory {
    pub(crate) refuse: RefusalForms,
}

impl<S: Inner> Middleware<S> for AnswerMemory {
    async fn run(&self, request: Request, inner: S) -> Response {
        let ticket = request.extensions().get::<Ticket>().cloned();
        let is_safe = is_safe(request.method());
        let (refuse, refused) = (self.refuse.at(request.uri().path()), Refused::of(&request));
        let response = answer(inner, request).await;
        let Some(ticket) = ticket else {
            return response;
        };
        let exact = response.body().size_hint().exact();
        let bytes = exact.map_or(WHILE_READ, |bytes| {
            usize::try_from(bytes).unwrap_or(usize::MAX)
        });
        match ticket.keep(bytes, is_safe && bytes > SMALL) {
            Ok(()) => response,
            Err(refusal) => refuse(refusal, &refused),
        }
    }
}
