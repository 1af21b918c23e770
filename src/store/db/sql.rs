//! A buffer for statements that are put together: static text and values, nothing else.

use crate::store::db::statement::{Arg, Statement};

/// Text so far, with its values.
#[derive(Debug, Default)]
pub(in crate::store) struct Sql {
    text: String,
    args: Vec<Arg>,
}

impl Sql {
    /// No text, and the values of `$1` and those after it, to be written as text.
    pub(in crate::store) fn with(args: Vec<Arg>) -> Self {
        Self {
            text: String::new(),
            args,
        }
    }

    /// Adds text. That it is static is the proof that nothing a client sent is in it.
    pub(in crate::store) fn raw(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a placeholder with its value.
    pub(in crate::store) fn arg(&mut self, arg: Arg) -> &mut Self {
        self.args.push(arg);
        self.text.push('$');
        self.text.push_str(&self.args.len().to_string());
        self
    }

    /// Adds a placeholder with a number.
    pub(in crate::store) fn int(&mut self, value: i64) -> &mut Self {
        self.arg(Arg::Int(value))
    }

    /// The statement.
    pub(in crate::store) fn finish(self) -> Statement {
        Statement::new(self.text, self.args)
    }
}
