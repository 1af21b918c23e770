//! The provisioning log: what identity providers asked of a tenant, and what they got. A request
//! leaves its [`Trail`]; the [`Recorder`] writes it, apart from the request.

mod body;
mod notes;
mod read;
mod recorder;
mod trail;

pub use notes::{NoteText, UnknownAttribute};
pub use recorder::{Asked, Record, Recorder};
pub(crate) use trail::Asker;
pub use trail::Trail;
