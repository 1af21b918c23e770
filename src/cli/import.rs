//! `scimd import`.

use super::failure::Failure;
use super::progress::{Progress, rate};
use super::{open, output};
use crate::config::Config;
use crate::operator::{Counts, ImportRequest, ImportStep, Imported, OnError};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Arguments of `scimd import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// A file of resources, one JSON object per line; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// Name of an existing tenant
    #[arg(long, value_name = "NAME", default_value = crate::operator::DEFAULT_TENANT)]
    tenant: String,
    /// Reports what would change and writes nothing
    #[arg(long)]
    dry_run: bool,
    /// Number of resources that are written in parallel
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch: u16,
    /// Reaction to a line that cannot be imported
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    on_error: AfterError,
    /// Omits attributes that no schema declares; without it a line with such attributes is an error
    #[arg(long)]
    drop_unknown: bool,
    /// Prints the result as JSON
    #[arg(long)]
    json: bool,
}

/// Maximum number of failed lines in the JSON; the others are counted.
const NAMED: usize = 10_000;

/// A line that could not be imported, or not as a whole.
#[derive(Debug, Serialize)]
struct FailedLine {
    line: u64,
    detail: String,
}

/// Reaction to a line that cannot be imported.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum AfterError {
    /// Stop
    Stop,
    /// Continue with the next line
    Skip,
}

impl Import {
    /// Imports the lines. Lines that could not be imported are a failure.
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let (mut input, size) = self.input()?;
        // A dry run writes nothing, and does not create a database.
        let operator = if self.dry_run {
            open::existing(config).await?
        } else {
            open::or_create(config).await?
        };
        let progress = Progress::new(
            size,
            match size {
                Some(_) => "{wide_bar} {bytes} of {total_bytes}, {eta} {msg}",
                None => "{spinner} {bytes} read {msg}",
            },
        );
        let request = ImportRequest {
            tenant: &self.tenant,
            dry_run: self.dry_run,
            side_by_side: usize::from(self.batch),
            on_error: match self.on_error {
                AfterError::Stop => OnError::Stop,
                AfterError::Skip => OnError::Skip,
            },
            drop_unknown: self.drop_unknown,
        };
        let mut failed = Vec::new();
        let mut print_line = |step: ImportStep<'_>| match step {
            ImportStep::Read(bytes) => progress.advance(bytes),
            ImportStep::Members => progress.now("writing memberships"),
            ImportStep::Problem { line, detail } => {
                progress.print_line(&format!("line {line}: {detail}"));
                if failed.len() < NAMED {
                    failed.push(FailedLine {
                        line,
                        detail: detail.to_owned(),
                    });
                }
            }
        };
        let done = operator
            .import(&request, &mut *input, &mut print_line)
            .await?;
        self.report(&done, &failed, progress.finish(), out)?;
        if done.undeclared > 0 {
            output::print_message(
                "Add schemas for the undeclared attributes (scimd schema add), or omit the attributes with --drop-unknown.",
            );
        }
        if done.failed == 0 {
            Ok(())
        } else {
            Err(Failure::Silent)
        }
    }

    fn input(&self) -> Result<(Box<dyn BufRead>, Option<u64>), Failure> {
        if self.file == Path::new("-") {
            return Ok((Box::new(BufReader::new(io::stdin())), None));
        }
        let trouble = |error: io::Error| {
            Failure::Failed(format!("{} cannot be read: {error}", self.file.display()))
        };
        let file = File::open(&self.file).map_err(trouble)?;
        let size = file.metadata().map_err(trouble)?.len();
        Ok((
            Box::new(BufReader::with_capacity(1 << 16, file)),
            Some(size),
        ))
    }

    fn report(
        &self,
        done: &Imported,
        failed: &[FailedLine],
        seconds: f64,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if self.json {
            let summary = json!({"done": done, "failedLines": failed, "dryRun": self.dry_run, "seconds": seconds});
            output::json(out, &summary)?;
            return Ok(out.flush()?);
        }
        for (what, times) in &done.left_out {
            output::print_message(&format!("left out {times} times: {what}"));
        }
        let row = |(
            kind,
            Counts {
                created,
                updated,
                unchanged,
            },
        ): (&String, &Counts)| {
            vec![
                kind.clone(),
                created.to_string(),
                updated.to_string(),
                unchanged.to_string(),
            ]
        };
        let rows: Vec<Vec<String>> = done.types.iter().map(row).collect();
        if self.dry_run && !rows.is_empty() {
            output::table(out, &["TYPE", "CREATED", "UPDATED", "UNCHANGED"], &rows)?;
            out.flush()?;
        }
        let all = done.created + done.updated + done.unchanged + done.failed;
        output::print_message(&format!(
            "{}: {} created, {} updated, {} unchanged, {} failed; memberships: {} added, {} removed; {}",
            if self.dry_run { "Dry run" } else { "Imported" },
            done.created,
            done.updated,
            done.unchanged,
            done.failed,
            done.joined,
            done.left,
            rate(all, seconds)
        ));
        if done.failed > 0 && matches!(self.on_error, AfterError::Stop) {
            output::print_message(
                "Stopped at the first error. Correct it and run the import again; it continues from there.",
            );
        }
        Ok(())
    }
}
