//! The provisioning log: what identity providers asked of a tenant, and what they got. A request
//! leaves its [`Trail`]; the [`Recorder`] writes it, apart from the request.

mod action;
mod asserted;
mod body;
mod notes;
mod read;
mod recorder;
mod trail;
mod user_name;

pub use action::{Action, Deed};
pub use notes::{NoteText, UnknownAttribute};
pub use recorder::{Asked, Record, Recorder};
pub(crate) use trail::Asker;
pub use trail::Trail;
pub(crate) use user_name::{UserDigests, share_name};
