//! The version of the running program.

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub(super) fn register(registry: &mut Registry) {
    let labels = vec![("version", env!("VERSION_WITH_COMMIT"))];
    registry.register(
        "build",
        "Version and commit of the server",
        Info::new(labels),
    );
}
