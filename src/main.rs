//! The program `scimd`.

use scimd::config::Environment;
use std::process::ExitCode;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    scimd::telemetry::log_panics();
    // Before anything speaks TLS: rustls takes no provider by itself when there could be two. An
    // error means that there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    scimd::cli::run(std::env::args_os(), &Environment::of_process())
}
