//! Handling of requests while the database is unresponsive, full, locked or damaged: each gets a response in time, no
//! acknowledged change is lost, and the server recovers by itself.

mod crowd;
mod damaged;
mod full;
mod locked;
mod pools;
mod silence;
mod standby;
mod stop;

pub(crate) use silence::{commit_on_both, url};
