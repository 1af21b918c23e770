//! The output of a run: progress, a table, and JSON lines in a file.

use crate::tally::Tally;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

/// The output of a run.
#[derive(Debug)]
pub(crate) struct Output {
    bar: ProgressBar,
    file: Option<File>,
    /// Total number of wrong responses.
    pub(crate) wrong: u64,
    has_head: bool,
}

impl Output {
    /// JSON lines are added to the file.
    pub(crate) fn new(file: Option<&Path>) -> Result<Self, String> {
        let open = |path: &Path| OpenOptions::new().create(true).append(true).open(path);
        let file = file
            .map(|path| open(path).map_err(|error| format!("{}: {error}", path.display())))
            .transpose()?;
        let bar = if io::stderr().is_terminal() {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Ok(Self {
            bar,
            file,
            wrong: 0,
            has_head: false,
        })
    }

    /// The current step.
    pub(crate) fn now(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// A line of the table.
    pub(crate) fn say(&self, text: &str) {
        self.bar.suspend(|| println!("{text}"));
    }

    /// A line of results.
    pub(crate) fn line(&mut self, line: &Value) {
        if let Some(Err(error)) = self.file.as_mut().map(|file| writeln!(file, "{line}")) {
            eprintln!("load: results cannot be written: {error}");
            self.file = None;
        }
    }

    /// The result of a phase.
    pub(crate) fn phase(&mut self, what: &str, side: &str, tally: &Tally) {
        if !self.has_head {
            self.has_head = true;
            let heads = [
                "ops",
                "wrong",
                "ops/s",
                "p50 ms",
                "p99 ms",
                "server ms",
                "pg ms",
                "driver ms",
                "other_load",
            ];
            let heads: String = heads.iter().map(|head| format!("{head:>10}")).collect();
            self.say(&format!("{:<22}{:<12}{heads}", "phase", "side"));
        }
        let numbers = [
            tally.rate(),
            tally.within(0.5),
            tally.within(0.99),
            tally.each(tally.server),
            tally.each(tally.postgres),
            tally.each(tally.driver),
            tally.other_load / tally.seconds.max(1e-9),
        ];
        let numbers: String = numbers
            .iter()
            .map(|number| format!("{number:>10.3}"))
            .collect();
        self.say(&format!(
            "{what:<22}{side:<12}{:>10}{:>10}{numbers}",
            tally.operations(),
            tally.wrong
        ));
        if let Some(first) = &tally.first_wrong {
            self.say(&format!("    first wrong response: {first}"));
        }
        self.wrong += tally.wrong;
        let mut line = json!({"kind": "phase", "phase": what, "side": side});
        if let (Some(line), Value::Object(measured)) = (line.as_object_mut(), tally.line()) {
            line.extend(measured);
        }
        self.line(&line);
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
