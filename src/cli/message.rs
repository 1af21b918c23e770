//! Messages of commands on standard error.

use std::io::{self, Write};

/// Prints a line on standard error. A failure to do so is ignored.
pub(super) fn print_message(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
