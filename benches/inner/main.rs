//! The inner loops of the server, each alone: how long one turn takes, and what it allocates.
//! `docs/performance.md` tells how to read it.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod answers;
mod bodies;
mod filters;
mod patches;
#[path = "../load/people.rs"]
#[allow(dead_code, reason = "the load program needs more of it")]
mod people;
mod stage;
mod tokens;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: divan::AllocProfiler<mimalloc::MiMalloc> =
    divan::AllocProfiler::new(mimalloc::MiMalloc);

fn main() {
    divan::main();
}
