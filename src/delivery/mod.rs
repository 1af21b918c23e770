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

pub use answer_times::Percentiles;
pub use deliver::{Deliverer, DelivererSettings, SoleSender};
pub use endpoints::{Endpoints, Start};
pub use error::EndpointError;
pub use info::{EndpointInfo, attempt_as_json, held_as_json};
pub use key_place::KeyPlace;
pub use lane::DeliveryOrder;
pub use options::{
    CONCURRENCY, EndpointOptions, StreamMethod, StreamMode, StreamOptions, TIMEOUT, read_headers,
};
pub use published::{key_set, transmitter};
pub use sign::token::TokenAlgorithm;
pub use sign::webhook::SignatureKind;
pub use streams::{NewStream, Poll, Polled};
pub use test_event::Tested;
pub use token_keys::KeyInfo;
pub use webhooks::{MadeWebhook, NewWebhook, WebhookSettings};
