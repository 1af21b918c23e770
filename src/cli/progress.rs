//! How far long work has come: a bar on standard error while a terminal is there, and a line at
//! the end.

use super::output::say;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// A bar, which nobody sees unless standard error is a terminal.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    since: Instant,
}

impl Progress {
    /// A bar for so much work, or one that only moves where that is not known. The template says
    /// how numbers are shown.
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

    /// So much more is to be done than was known.
    pub(super) fn expect(&self, more: u64) {
        self.bar.inc_length(more);
    }

    /// So much more is done.
    pub(super) fn advance(&self, by: u64) {
        self.bar.inc(by);
    }

    /// What is being done now.
    pub(super) fn now(&self, what: &'static str) {
        self.bar.set_message(what);
    }

    /// A line on standard error, above the bar.
    pub(super) fn tell(&self, line: &str) {
        self.bar.suspend(|| say(line));
    }

    /// Takes the bar away; gives the seconds that the work took.
    pub(super) fn finish(&self) -> f64 {
        self.bar.finish_and_clear();
        self.since.elapsed().as_secs_f64()
    }
}

/// A count for each second.
pub(super) fn rate(count: u64, seconds: f64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is shown without fractions")]
    let each = count as f64 / seconds.max(0.001);
    format!("{each:.0}/s")
}
