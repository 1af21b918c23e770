//! Confirmation before data is removed.

use super::failure::Failure;
use super::output::print_message;
use std::io::{self, IsTerminal};

/// Succeeds if the word is typed, on a terminal; otherwise `--yes` is needed. `what` completes "this …", and `kind`
/// describes the word.
pub(super) fn confirm(what: &str, word: &str, kind: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Misused(format!("this {what}: give --yes")));
    }
    print_message(&format!("This {what}. Type {kind} to go on:"));
    let mut answer = String::new();
    match io::stdin().read_line(&mut answer) {
        Ok(_) if answer.trim() == word => Ok(()),
        _ => Err(Failure::Failed("nothing was changed".to_owned())),
    }
}
