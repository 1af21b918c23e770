//! A buffer for statements that are put together: static text and values, nothing else.

use super::statement::{Arg, Statement};

/// Text so far, with its values.
#[derive(Debug, Default)]
pub(super) struct Sql {
    text: String,
    args: Vec<Arg>,
}

impl Sql {
    /// No text, and the values of `$1` and those after it, to be written as text.
    pub(super) fn with(args: Vec<Arg>) -> Self {
        Self {
            text: String::new(),
            args,
        }
    }

    /// Adds text. That it is static is the proof that nothing a client sent is in it.
    pub(super) fn raw(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a placeholder with its value.
    pub(super) fn arg(&mut self, arg: Arg) -> &mut Self {
        self.args.push(arg);
        self.text.push('$');
        self.text.push_str(&self.args.len().to_string());
        self
    }

    /// Adds a placeholder with a number.
    pub(super) fn int(&mut self, value: i64) -> &mut Self {
        self.arg(Arg::Int(value))
    }

    /// The statement.
    pub(super) fn finish(self) -> Statement {
        Statement::new(self.text, self.args)
    }
}
