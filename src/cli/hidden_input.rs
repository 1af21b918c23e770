//! Input that a terminal does not show.

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::io::{self, stdin};

/// Disables echo of the terminal on standard input until it is dropped.
#[derive(Debug)]
pub(super) struct HiddenInput(Termios);

impl HiddenInput {
    /// Disables echo; earlier input is discarded.
    ///
    /// # Errors
    /// If standard input is not a terminal.
    pub(super) fn begin() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        hidden.local_flags.insert(LocalFlags::ECHONL);
        tcsetattr(stdin(), SetArg::TCSAFLUSH, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, &self.0);
    }
}
