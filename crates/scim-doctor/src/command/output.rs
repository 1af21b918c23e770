//! The report as text and as JSON, and the progress on a terminal.

use super::only::Only;
use crate::{Finding, Outcome, PREFIX, Report, Target};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// The report as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonReport<'a> {
    base_url: &'a str,
    only: Only,
    ok: usize,
    failed: usize,
    notes: usize,
    checks: &'a [Finding],
    left_behind: &'a [String],
}

/// Number of checks that ended with ok, with a failure and with a note.
fn counts(report: &Report) -> [usize; 3] {
    [Outcome::Ok, Outcome::Fail, Outcome::Note].map(|outcome| report.count(outcome))
}

/// Writes the report for programs; `remaining` are the test resources that could not be deleted.
pub(super) fn json(
    target: &Target,
    only: Only,
    report: &Report,
    remaining: &[String],
    out: &mut dyn Write,
) -> io::Result<()> {
    let [ok, failed, notes] = counts(report);
    let value = JsonReport {
        base_url: target.base(),
        only,
        ok,
        failed,
        notes,
        checks: report.findings(),
        left_behind: remaining,
    };
    serde_json::to_writer_pretty(&mut *out, &value)?;
    writeln!(out)
}

/// Writes the report for readers; `remaining` are the test resources that could not be deleted.
pub(super) fn text(
    target: &Target,
    report: &Report,
    remaining: &[String],
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "Report on {}", target.base())?;
    let mut section = "";
    for finding in report.findings() {
        if finding.section != section {
            section = finding.section;
            writeln!(out, "\n{section}")?;
        }
        check(finding, out)?;
    }
    let [ok, failed, notes] = counts(report);
    writeln!(out, "\n{ok} ok, {failed} failed, notes: {notes}")?;
    if remaining.is_empty() {
        return writeln!(out, "Cleanup complete: every test resource was deleted.");
    }
    writeln!(
        out,
        "Cleanup incomplete: delete these test resources by hand; their names begin with {PREFIX}:"
    )?;
    remaining
        .iter()
        .try_for_each(|resource| writeln!(out, "  {resource}"))
}

/// One line for a check; three more if its result is not the expected one.
fn check(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let outcome = match finding.outcome {
        Outcome::Ok => "ok",
        Outcome::Fail => "FAIL",
        Outcome::Note => "note",
    };
    let providers: Vec<String> = finding
        .check
        .needed_by
        .iter()
        .map(ToString::to_string)
        .collect();
    let time = format!("{} ms", finding.millis);
    writeln!(
        out,
        "  {outcome:<4}  {:<46}  {:<11}  {time:>9}",
        finding.check.name,
        providers.join(", ")
    )?;
    if let Some(actual) = &finding.actual {
        for (label, text) in [
            ("expected", finding.check.expected),
            ("actual", actual),
            ("why", finding.check.why),
        ] {
            writeln!(out, "          {label:<8}  {text}")?;
        }
    }
    Ok(())
}

/// Writes a line to standard error. If standard error is closed, nobody can read it.
pub(super) fn message(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Shows the current step on a terminal, in a line that the next one overwrites.
pub(super) fn progress(step: &str) {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr().lock(), "\r\x1b[K{step} ...");
    }
}

/// Removes the line of [`progress`].
pub(super) fn clear_progress() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    }
}
