//! Log lines on standard error, because standard output is for the output of commands; traces, which are sent to a
//! collector.

mod json;
#[cfg(feature = "otlp")]
mod otlp;
mod output;
mod traces;

pub(crate) use output::write_before_waiting;
pub(crate) use traces::Traces;

use crate::trace::TARGET;
use output::LogOutput;
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::Metadata;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

/// Levels that are valid alone.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text on a terminal, otherwise JSON.
    Auto,
    /// One JSON object per line.
    Json,
    /// Text.
    Text,
}

/// Starts the log, and the export of traces if it is enabled; `level` is the input of [`filter`].
pub(crate) fn init(format: LogFormat, level: &str, traces: &Traces) {
    let filter = filter(level).unwrap_or_default();
    let (lines, lines_handle) = reload::Layer::new(lines_of(format));
    let lines = lines.with_filter(filter_fn(is_for_lines));
    let registry = tracing_subscriber::registry();
    // The log has one global filter, which is cheapest, unless spans have to bypass it.
    match traces.layer() {
        Some(spans) => {
            let (filter, level_handle) = reload::Layer::new(filter);
            let lines = lines.with_filter(filter).boxed();
            let started = registry.with(vec![lines, spans]).try_init();
            keep(&started, lines_handle, level_handle);
        }
        None => {
            let (filter, level_handle) = reload::Layer::new(filter);
            let started = registry.with(lines).with(filter).try_init();
            keep(&started, lines_handle, level_handle);
        }
    }
}

/// Stores the handles for replacing format and level. A second start, as in tests, keeps the first ones.
fn keep<S: 'static, E>(
    started: &Result<(), E>,
    lines: reload::Handle<Lines, Registry>,
    level: reload::Handle<EnvFilter, S>,
) {
    if started.is_ok() {
        let _ = RELOAD.set(Box::new(move |format, filter| {
            // Both fail only if the log was dropped.
            let _ = (lines.reload(lines_of(format)), level.reload(filter));
        }));
    }
}

/// Replaces the current format and filter.
type Reload = Box<dyn Fn(LogFormat, EnvFilter) + Send + Sync>;

static RELOAD: OnceLock<Reload> = OnceLock::new();

/// Replaces format and level, after the log is started.
pub(crate) fn renew(format: LogFormat, level: &str) {
    if let (Some(reload), Some(filter)) = (RELOAD.get(), filter(level)) {
        reload(format, filter);
    }
}

fn lines_of(format: LogFormat) -> Lines {
    let as_json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    LINES_SHOW_SPANS.store(!as_json, Ordering::Relaxed);
    if as_json { json_lines() } else { text_lines() }
}

/// The filter for a level or for directives; `None` if the text is neither. A level alone applies to scimd only: at
/// `debug` the libraries log a lot, including headers.
pub fn filter(text: &str) -> Option<EnvFilter> {
    let text = text.trim().to_ascii_lowercase();
    let is_level = |part: &str| LEVELS.contains(&part);
    let directives = match text.as_str() {
        // h2 warns about actions of clients, such as resetting streams.
        "info" | "debug" | "trace" => format!("warn,h2=error,scimd={text}"),
        "warn" => "warn,h2=error".to_owned(),
        _ => text,
    };
    // A single word, such as a misspelt level, would be treated as the name of a target.
    let is_directive = |part: &str| is_level(part.trim()) || part.contains('=');
    directives
        .split(',')
        .all(is_directive)
        .then(|| EnvFilter::try_new(&directives).ok())
        .flatten()
}

/// Whether lines contain their spans, which JSON lines do not. Spans without a reader are not created.
static LINES_SHOW_SPANS: AtomicBool = AtomicBool::new(false);

/// Spans of traces do not appear in lines. Statements and notices of PostgreSQL logged by sqlx can contain values and
/// are always suppressed.
fn is_for_lines(metadata: &Metadata<'_>) -> bool {
    let is_shown = metadata.is_event() || LINES_SHOW_SPANS.load(Ordering::Relaxed);
    is_shown
        && ![TARGET, "sqlx::query", "sqlx::postgres::notice"]
            .iter()
            .any(|target| metadata.target().starts_with(target))
}

/// A layer over the register of spans.
type Lines = Box<dyn Layer<Registry> + Send + Sync>;

fn json_lines() -> Lines {
    tracing_subscriber::fmt::layer()
        .event_format(json::JsonLine)
        .fmt_fields(json::NoSpanFields)
        .with_writer(LogOutput)
        .boxed()
}

fn text_lines() -> Lines {
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(colours)
        .with_writer(LogOutput)
        .boxed()
}

/// Logs each panic as one line, or prints it to standard error while there is no log.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("panic").replace('\n', " ");
        if tracing::dispatcher::has_been_set() {
            tracing::error!(place, cause = message, "panicked");
        } else {
            let _ = writeln!(
                std::io::stderr().lock(),
                "scimd: panicked at {place}: {message}"
            );
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_alone_applies_to_scimd() {
        for (text, shown) in [
            ("info", "scimd=info,h2=error,warn"),
            ("WARN", "h2=error,warn"),
            ("off", "off"),
            ("warn,scimd::store=debug", "scimd::store=debug,warn"),
        ] {
            assert_eq!(
                filter(text).map(|filter| filter.to_string()).as_deref(),
                Some(shown)
            );
        }
        for text in ["", "inof", "info,", "scimd=verbose", "store"] {
            assert!(filter(text).is_none(), "{text}");
        }
    }
}
