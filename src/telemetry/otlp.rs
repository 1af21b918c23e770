//! The exporter of traces: OTLP over HTTP. The library itself reads the OpenTelemetry variables for endpoint, headers,
//! time limits, sampling and batches.

use crate::trace::TARGET;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::Registry;

/// Sends spans in batches, from a separate thread.
#[derive(Debug)]
pub(super) struct Exporter(SdkTracerProvider);

impl Exporter {
    /// Starts the thread.
    ///
    /// # Errors
    /// The error of a variable.
    pub(super) fn start(read: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let exporter = SpanExporter::builder()
            .with_http()
            .build()
            .map_err(|error| error.to_string())?;
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(read))
            .with_batch_exporter(exporter)
            .build();
        Ok(Self(provider))
    }

    /// The layer for the spans of requests, statements and deliveries only.
    pub(super) fn layer(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        let is_span = filter_fn(|metadata| metadata.is_span() && metadata.target() == TARGET);
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("scimd"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_level(false)
            .with_filter(is_span.with_max_level_hint(LevelFilter::DEBUG))
            .boxed()
    }

    /// Sends remaining spans.
    pub(super) fn finish(&self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "stopped before all traces were sent");
        }
    }
}

/// The resource of the spans: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, or else the name of the program.
fn resource(read: impl Fn(&str) -> Option<String>) -> Resource {
    let is_named = read("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty())
        || read("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|list| list.contains("service.name="));
    let mut resource = Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if !is_named {
        resource = resource.with_service_name("scimd");
    }
    resource.build()
}
