//! Sending changes to the application: webhooks and security event tokens, and their management.

mod acts;
mod answer_times;
mod deliver;
mod endpoints;
mod error;
mod info;
mod key_place;
mod lane;
mod measures;
mod message;
mod options;
mod published;
mod set;
mod sign;
mod streams;
mod test_event;
mod token_keys;
mod webhooks;

pub use deliver::{Deliverer, DelivererSettings};
pub use endpoints::{Endpoints, Start};
pub use error::EndpointError;
pub use info::EndpointInfo;
pub(crate) use info::held_as_json;
pub use key_place::KeyPlace;
pub(crate) use lane::DeliveryOrder;
pub(crate) use options::{CONCURRENCY, TIMEOUT, read_headers};
pub use options::{StreamMethod, StreamMode, StreamOptions};
pub(crate) use published::{key_set, transmitter};
pub use sign::token::TokenAlgorithm;
pub use sign::webhook::SignatureKind;
pub(crate) use streams::Polled;
pub use streams::{NewStream, Poll};
pub(crate) use test_event::Tested;
pub(crate) use token_keys::KeyInfo;
pub(crate) use webhooks::MadeWebhook;
pub use webhooks::{NewWebhook, WebhookSettings};
