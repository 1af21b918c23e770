//! A buffer for composed statements, which accepts only static text and values.

use crate::store::db::args::Arg;
use crate::store::db::body::Body;
use crate::store::db::statement::{Statement, Step};

/// Text so far, with its values.
#[derive(Debug, Default)]
pub(in crate::store) struct Sql {
    text: String,
    args: Vec<Arg>,
    /// Names of the first values.
    names: Vec<&'static str>,
}

impl Sql {
    /// An empty text with named values, which the text refers to as `{:name}`.
    pub(in crate::store) fn bound(values: Vec<(&'static str, Arg)>) -> Self {
        let (names, args) = values.into_iter().unzip();
        Self {
            text: String::new(),
            args,
            names,
        }
    }

    /// Adds text. Because it is static, it cannot contain input of a client.
    pub(in crate::store) fn raw(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a placeholder with its value.
    pub(in crate::store) fn arg(&mut self, arg: Arg) -> &mut Self {
        self.args.push(arg);
        self.text.push('$');
        self.push_number(self.args.len());
        self
    }

    /// Adds a placeholder with a number.
    pub(in crate::store) fn int(&mut self, value: i64) -> &mut Self {
        self.arg(Arg::Int(value))
    }

    fn push_number(&mut self, number: usize) {
        if number >= 10 {
            self.push_number(number / 10);
        }
        let digit = u32::try_from(number % 10).ok();
        self.text
            .extend(digit.and_then(|digit| char::from_digit(digit, 10)));
    }

    /// The statement, under a name for logs.
    pub(in crate::store) fn statement(self, name: &'static str) -> Statement {
        Statement::of(name, self.body())
    }

    /// The step of a batch.
    pub(in crate::store) fn step(self) -> Step {
        Step::of(self.body())
    }

    fn body(self) -> Body {
        Body::with_names(self.text, self.args, self.names)
    }
}
