//! A log line as a JSON object, written field by field.

use crate::resource::json::needs_no_escape;
use std::fmt::{self, Debug, Write};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes an event as one JSON object: `timestamp`, `level`, the fields in their order, and `target`.
#[derive(Debug)]
pub(super) struct JsonLine;

/// Discards the fields of spans, which lines do not contain.
#[derive(Debug)]
pub(super) struct NoSpanFields;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let about = event.metadata();
        let mut line = Line(String::with_capacity(512));
        line.0.push_str("{\"timestamp\":\"");
        SystemTime.format_time(&mut Writer::new(&mut line.0))?;
        write!(line.0, "\",\"level\":\"{}\"", about.level())?;
        event.record(&mut line);
        line.text("target", about.target());
        line.0.push_str("}\n");
        writer.write_str(&line.0)
    }
}

impl<'a> FormatFields<'a> for NoSpanFields {
    fn format_fields<R: RecordFields>(&self, _: Writer<'a>, _: R) -> fmt::Result {
        Ok(())
    }
}

/// A line that is being built.
struct Line(String);

impl Line {
    fn name(&mut self, name: &str) {
        self.0.push(',');
        self.string(name);
        self.0.push(':');
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.string(value);
    }

    fn unquoted(&mut self, name: &str, value: impl fmt::Display) {
        self.name(name);
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{value}");
    }

    fn string(&mut self, text: &str) {
        if needs_no_escape(text) {
            self.0.push('"');
            self.0.push_str(text);
            self.0.push('"');
        } else {
            let _ = write!(self.0, "{}", serde_json::Value::from(text));
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.unquoted(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.unquoted(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.unquoted(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.unquoted(field.name(), serde_json::Value::from(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Written {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_line_is_one_json_object() {
        let written = Written::default();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(JsonLine)
            .fmt_fields(NoSpanFields)
            .with_writer(written.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let _within = tracing::info_span!("request", secret = "not shown").entered();
            tracing::warn!(
                target: "scimd::test",
                status = 404_u16,
                less = -1,
                elapsed_ms = 0.5,
                nan = f64::NAN,
                is_good = true,
                absent = None::<&str>,
                cause = "a \"quoted\"\nline \u{1}",
                peer = %"::1",
                "went {}", "wrong"
            );
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(text.ends_with("}\n") && text.lines().count() == 1, "{text}");
        let mut line: serde_json::Value = serde_json::from_str(&text).unwrap();
        let time = line["timestamp"].take();
        let time: Timestamp = time.as_str().unwrap().parse().unwrap();
        assert!(time > Timestamp::UNIX_EPOCH);
        let expected = serde_json::json!({
            "timestamp": null, "level": "WARN", "message": "went wrong", "status": 404, "less": -1, "elapsed_ms": 0.5,
            "nan": null, "is_good": true, "cause": "a \"quoted\"\nline \u{1}", "peer": "::1", "target": "scimd::test"
        });
        assert_eq!(line, expected);
    }
}
