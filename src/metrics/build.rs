//! Which build runs.

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub(super) fn register(registry: &mut Registry) {
    let labels = vec![("version", env!("VERSION_WITH_COMMIT"))];
    registry.register(
        "build",
        "The version of the server, with the commit that it is built from",
        Info::new(labels),
    );
}
