//! The program `scimd`.

use scimd::config::Environment;
use std::process::ExitCode;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    scimd::telemetry::log_panics();
    // The first use of a page of 2 MiB takes up to milliseconds, in which a thread serves no request: the kernel moves
    // other memory out of the way, and fills it with zeros. An error means that the kernel has no such pages.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_thp_disable(true);
    // Before the first use of TLS: rustls selects no default provider if several are compiled in. An error means that
    // one is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    scimd::cli::run(std::env::args_os(), &Environment::of_process())
}
