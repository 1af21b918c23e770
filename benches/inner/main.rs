//! Benchmarks of the inner loops of the server: duration and allocations of an iteration. `docs/performance.md`
//! describes the output.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::too_many_lines,
    missing_docs
)]

mod answers;
mod bodies;
mod filters;
mod fixture;
mod patches;
mod tokens;
#[path = "../load/users.rs"]
#[allow(dead_code, reason = "the load program needs more of it")]
mod users;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: divan::AllocProfiler<mimalloc::MiMalloc> =
    divan::AllocProfiler::new(mimalloc::MiMalloc);

fn main() {
    divan::main();
}
