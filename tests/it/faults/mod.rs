//! Handling of requests when the database is silent, full, locked or damaged: each is answered in time, nothing that
//! was acknowledged is lost, and the server goes on by itself.

mod crowd;
mod damaged;
mod full;
mod locked;
mod pools;
mod silence;
mod standby;
mod stop;

pub(crate) use silence::{commit_on_both, url};
