//! Progress of long work: a bar on standard error on a terminal, and a line at the end.

use super::output::print_message;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// A progress bar, which is shown only if standard error is a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    since: Instant,
}

impl Progress {
    /// A bar for a known amount of work, or a spinner. The template defines the format of numbers.
    pub(super) fn new(whole: Option<u64>, template: &str) -> Self {
        let bar = match whole {
            _ if !io::stderr().is_terminal() => ProgressBar::hidden(),
            Some(whole) => ProgressBar::new(whole),
            None => ProgressBar::new_spinner(),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self {
            bar,
            since: Instant::now(),
        }
    }

    /// Adds to the amount of work.
    pub(super) fn expect(&self, more: u64) {
        self.bar.inc_length(more);
    }

    /// Adds to the completed work.
    pub(super) fn advance(&self, by: u64) {
        self.bar.inc(by);
    }

    /// Shows the current step.
    pub(super) fn now(&self, what: &'static str) {
        self.bar.set_message(what);
    }

    /// Prints a line on standard error, above the bar.
    pub(super) fn print_line(&self, line: &str) {
        self.bar.suspend(|| print_message(line));
    }

    /// Removes the bar; returns the seconds that the work took.
    pub(super) fn finish(&self) -> f64 {
        self.bar.finish_and_clear();
        self.since.elapsed().as_secs_f64()
    }
}

/// The rate per second, as text.
pub(super) fn rate(count: u64, seconds: f64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is shown without fractions")]
    let each = count as f64 / seconds.max(0.001);
    format!("{each:.0}/s")
}
