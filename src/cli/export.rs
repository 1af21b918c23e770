//! `scimd export`.

use super::failure::Failure;
use super::progress::{Progress, rate};
use super::{open, output};
use crate::config::Config;
use crate::operator::{ExportRequest, Exported, Operator};
use clap::Args;
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Arguments of `scimd export`.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Name of the tenant
    #[arg(long, value_name = "NAME", default_value = crate::operator::DEFAULT_TENANT)]
    tenant: String,
    /// A new file, in place of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Includes what no client can read: secret attributes and digests of passwords
    #[arg(long)]
    with_secrets: bool,
    /// Prints the result as JSON
    #[arg(long, requires = "out")]
    json: bool,
}

/// Warns about values that the export omits.
fn print_hidden(resources: u64) {
    output::print_message(&format!(
        "warning: omitted: hidden values of {resources} resources, whose schema was removed (scimd schema list)"
    ));
}

impl Export {
    pub(super) async fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = open::existing(config).await?;
        let tenant = operator.tenant(&self.tenant).await?;
        let whole = u64::try_from(tenant.users + tenant.groups).ok();
        let progress = Progress::new(
            whole,
            "{wide_bar} {human_pos} of {human_len} resources, {per_sec}, {eta}",
        );
        let exported = match &self.out {
            None => {
                self.write(&operator, &progress, &mut BufWriter::new(&mut *out), None)
                    .await?
            }
            Some(file) => self.write_file(&operator, &progress, file).await?,
        };
        let seconds = progress.finish();
        if exported.holding_hidden > 0 {
            print_hidden(exported.holding_hidden);
        }
        if self.json {
            return output::json(out, &json!({"done": exported, "seconds": seconds}));
        }
        output::print_message(&format!(
            "Exported: {} resources, {} memberships, {}",
            exported.resources,
            exported.memberships,
            rate(exported.resources, seconds)
        ));
        Ok(())
    }

    /// Exports into a file that only this user can read. An incomplete file is deleted.
    async fn write_file(
        &self,
        operator: &Operator,
        progress: &Progress,
        file: &Path,
    ) -> Result<Exported, Failure> {
        let trouble = |error: io::Error| {
            Failure::Failed(format!("{} cannot be written: {error}", file.display()))
        };
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)
            .map_err(trouble)?;
        let written = self
            .write(operator, progress, &mut BufWriter::new(&made), Some(&made))
            .await;
        if written.is_err() {
            // The original error is reported.
            let _ = std::fs::remove_file(file);
        }
        written
    }

    async fn write(
        &self,
        operator: &Operator,
        progress: &Progress,
        out: &mut dyn Write,
        file: Option<&File>,
    ) -> Result<Exported, Failure> {
        let request = ExportRequest {
            tenant: &self.tenant,
            with_secrets: self.with_secrets,
        };
        let mut sink = |line: &str| -> Result<(), Failure> {
            // A line that continues the previous one is not a separate resource.
            progress.advance(u64::from(line.starts_with("{\"schemas\"")));
            Ok(writeln!(out, "{line}")?)
        };
        let exported = operator.export(&request, &mut sink).await?;
        out.flush()?;
        if let Some(file) = file {
            file.sync_all()?;
        }
        Ok(exported)
    }
}
