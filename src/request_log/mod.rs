//! The provisioning log: the requests of identity providers to a tenant, and their outcomes. The [`RequestContext`]
//! collects the properties of a request; the [`Recorder`] writes them in the background.

mod action;
mod asserted;
mod context;
mod left_out;
pub(crate) mod notes;
mod queue;
mod recorder;
mod redaction;
mod repeats;
mod shape;
pub(crate) mod user_name;

pub(crate) use action::ListShape;
pub(crate) use action::{Action, Deed};
pub(crate) use asserted::WriteRequest;
pub(crate) use context::RequestContext;
pub(crate) use context::Requester;
pub(crate) use left_out::Note;
pub use notes::NoteText;
pub(crate) use notes::UnknownAttribute;
pub use recorder::Record;
pub(crate) use recorder::{Recorder, RequestSummary};
pub use shape::Shape;
pub(crate) use user_name::{UserDigests, share_name};
