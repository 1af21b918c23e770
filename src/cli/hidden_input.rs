//! Input that a terminal does not show.

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use std::io::{self, stdin};

/// While this is held, the terminal on standard input does not show what is typed.
#[derive(Debug)]
pub(super) struct HiddenInput(Termios);

impl HiddenInput {
    /// Hides input; what was typed before is discarded.
    ///
    /// # Errors
    /// If standard input is no terminal.
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
