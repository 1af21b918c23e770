//! `scimd completions`.

use super::Cli;
use super::failure::Failure;
use clap::{Args, CommandFactory};
use std::io::Write;

/// Arguments of `scimd completions`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        // The generator panics if it cannot write, so it writes to memory.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "scimd", &mut script);
        Ok(out.write_all(&script)?)
    }
}
