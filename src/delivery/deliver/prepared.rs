//! Bodies of messages that wait to be sent.

use super::attempt::Attempted;
use super::parts::Parts;
use crate::delivery::lane::{AttemptOutcome, EventKey, Item};
use crate::delivery::message::{Message, Messenger};
use crate::feed::FeedError;
use bytes::Bytes;
use std::collections::HashMap;
use std::time::Duration;

/// Maximum size of prepared messages, in bytes.
const CAPACITY: usize = 16 << 20;

/// Pause after an error of the database.
const PAUSE: Duration = Duration::from_secs(1);

/// Prepared messages; others are built again when they are sent.
#[derive(Debug, Default)]
pub(super) struct PreparedMessages {
    bodies: HashMap<EventKey, Bytes>,
    bytes: usize,
}

impl PreparedMessages {
    /// Keeps the body of a message, if there is room, and returns its item.
    pub(super) fn keep(&mut self, Message { item, body }: Message) -> Item {
        if self.bytes + body.len() <= CAPACITY {
            self.bytes += body.len();
            self.bodies.insert(item.key, body);
        }
        item
    }

    /// Removes the body of a message.
    pub(super) fn take(&mut self, key: EventKey) -> Option<Bytes> {
        let body = self.bodies.remove(&key)?;
        self.bytes -= body.len();
        Some(body)
    }
}

/// Builds the body of a message that is not prepared.
///
/// # Errors
/// The outcome of the attempt, if the event is gone or the database fails.
pub(super) async fn body_of(
    parts: &Parts,
    messenger: &Messenger,
    item: &Item,
) -> Result<Bytes, Attempted> {
    let id = messenger.event_id(&item.event);
    match parts.endpoints.feed().event(id, None).await {
        Ok(Some(event)) => {
            let messages = messenger.messages(&event);
            let mut messages = messages.into_iter();
            messages
                .find(|message| message.item.key == item.key)
                .map(|message| message.body)
                .ok_or_else(|| Attempted::failed(AttemptOutcome::GivenUp, "the event was deleted"))
        }
        Ok(None) | Err(FeedError::Gone) => Err(Attempted::failed(
            AttemptOutcome::GivenUp,
            "the event was deleted by the retention",
        )),
        Err(FeedError::Failed(error)) => {
            tokio::time::sleep(PAUSE).await;
            Err(Attempted::failed(AttemptOutcome::CutOff, error.to_string()))
        }
    }
}
