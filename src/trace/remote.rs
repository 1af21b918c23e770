//! Trace contexts of OpenTelemetry.

use crate::trace::parent::TraceParent;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Sets a span of the client as parent.
pub(super) fn set_parent(span: &Span, parent: TraceParent) {
    let parent = SpanContext::new(
        TraceId::from(parent.trace),
        SpanId::from(parent.span),
        TraceFlags::new(parent.flags),
        true,
        TraceState::default(),
    );
    // Fails only while traces are disabled.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
}

/// Renames a span; a field would have no effect after its start.
pub(super) fn rename(span: &Span, name: String) {
    span.context().span().update_name(name);
}

/// Links a span to one of another trace.
pub(super) fn link(span: &Span, other: &Span) {
    span.add_link(other.context().span().span_context().clone());
}

/// The trace context of a span, for outgoing requests; `None` while traces are disabled.
pub(crate) fn place(span: &Span) -> Option<TraceParent> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let place = context.span().span_context().clone();
    place.is_valid().then(|| TraceParent {
        trace: u128::from_be_bytes(place.trace_id().to_bytes()),
        span: u64::from_be_bytes(place.span_id().to_bytes()),
        flags: place.trace_flags().to_u8(),
    })
}
