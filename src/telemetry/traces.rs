//! The configuration of the export of traces, from the OpenTelemetry variables.

#[cfg(feature = "otlp")]
use super::otlp::Exporter;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::Registry;

/// A layer over the register of spans.
pub(super) type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The export of traces, if it is enabled.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    #[cfg(feature = "otlp")]
    exporter: Option<Exporter>,
}

/// Why traces cannot be exported as configured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TraceError {
    /// A variable has a value that scimd does not support.
    #[error("{variable} = \"{value}\": allowed is {allowed}")]
    Unsupported {
        /// Name of the variable.
        variable: &'static str,
        /// Value of the variable.
        value: String,
        /// Supported values.
        allowed: &'static str,
    },
    /// The exporter cannot be created from the variables.
    #[cfg(feature = "otlp")]
    #[error("the exporter of traces cannot start with the OTEL_ variables: {0}")]
    Exporter(String),
    /// The program was built without the export of traces.
    #[cfg(not(feature = "otlp"))]
    #[error(
        "the OTEL_ variables enable traces, but this program was built without the feature otlp"
    )]
    Missing,
}

impl Traces {
    /// A disabled export.
    pub(crate) fn off() -> Self {
        Self::default()
    }

    /// The configured export: enabled if `OTEL_TRACES_EXPORTER` is `otlp`, or if a variable has an endpoint; disabled
    /// if `OTEL_TRACES_EXPORTER` is `none` or `OTEL_SDK_DISABLED` is `true`. `read` returns the value of a variable.
    ///
    /// # Errors
    /// If a variable has a value that is not supported, or the program was built without the export.
    pub(crate) fn of_variables(read: impl Fn(&str) -> Option<String>) -> Result<Self, TraceError> {
        if !is_asked_for(&read)? {
            return Ok(Self::off());
        }
        check_protocol(&read)?;
        #[cfg(feature = "otlp")]
        return Ok(Self {
            exporter: Some(Exporter::start(read).map_err(TraceError::Exporter)?),
        });
        #[cfg(not(feature = "otlp"))]
        return Err(TraceError::Missing);
    }

    /// The layer for spans; `None` while traces are disabled.
    #[cfg(feature = "otlp")]
    pub(super) fn layer(&self) -> Option<SpanLayer> {
        self.exporter.as_ref().map(Exporter::layer)
    }

    /// No layer: the program was built without the export.
    #[cfg(not(feature = "otlp"))]
    pub(super) fn layer(&self) -> Option<SpanLayer> {
        None
    }

    /// Sends remaining spans, and ends the export. Blocks while it sends.
    pub(crate) fn finish(&self) {
        #[cfg(feature = "otlp")]
        if let Some(exporter) = &self.exporter {
            exporter.finish();
        }
    }
}

/// The value of a variable; an empty one is treated as unset.
fn set(read: &impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    read(name)
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

fn is_asked_for(read: &impl Fn(&str) -> Option<String>) -> Result<bool, TraceError> {
    let is_disabled =
        set(read, "OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let exporter = set(read, "OTEL_TRACES_EXPORTER");
    let endpoints = [
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ];
    match exporter.as_deref() {
        _ if is_disabled => Ok(false),
        Some("none") => Ok(false),
        Some("otlp") => Ok(true),
        None => Ok(endpoints.iter().any(|name| set(read, name).is_some())),
        Some(other) => Err(TraceError::Unsupported {
            variable: "OTEL_TRACES_EXPORTER",
            value: other.to_owned(),
            allowed: "otlp or none",
        }),
    }
}

fn check_protocol(read: &impl Fn(&str) -> Option<String>) -> Result<(), TraceError> {
    for variable in [
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ] {
        if let Some(value) = set(read, variable)
            && value != "http/protobuf"
        {
            return Err(TraceError::Unsupported {
                variable,
                value,
                allowed: "http/protobuf",
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_requested(variables: &[(&str, &str)]) -> Result<bool, String> {
        let read = |name: &str| {
            let found = variables.iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let is_requested = is_asked_for(&read).map_err(|error| error.to_string())?;
        check_protocol(&read).map_err(|error| error.to_string())?;
        Ok(is_requested)
    }

    #[test]
    fn variables_switch_traces_on() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        let traces = (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://127.0.0.1:4318/v1/traces",
        );
        for (variables, expected) in [
            (&[][..], false),
            (&[endpoint], true),
            (&[traces], true),
            (&[("OTEL_TRACES_EXPORTER", "otlp")], true),
            (&[endpoint, ("OTEL_TRACES_EXPORTER", "none")], false),
            (&[endpoint, ("OTEL_SDK_DISABLED", "true")], false),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")], false),
            (
                &[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")],
                true,
            ),
        ] {
            assert_eq!(is_requested(variables), Ok(expected), "{variables:?}");
        }
        for variables in [
            [endpoint, ("OTEL_TRACES_EXPORTER", "jaeger")],
            [endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
        ] {
            assert!(is_requested(&variables).is_err(), "{variables:?}");
        }
    }
}
