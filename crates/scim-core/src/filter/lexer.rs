//! The lexer of filters and paths: words, punctuation and JSON literals with positions.

use super::Literal;
use super::resolve::tolerance;
use crate::resource::Conformance;
use serde::de::IgnoredAny;

/// A syntax error with its position.
#[derive(Debug)]
pub(super) struct Problem {
    /// Byte offset of the error.
    pub(super) at: usize,
    /// The problem, or the expected text, at that position.
    pub(super) what: String,
}

/// Result of parsing a part of the text.
pub(super) type Read<T> = Result<T, Problem>;

/// A text and the current position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The offset of the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn problem(&self, what: impl Into<String>) -> Problem {
        Problem {
            at: self.at,
            what: what.into(),
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Consumes one character if it is next.
    pub(super) fn take(&mut self, expected: char) -> bool {
        let comes = self.peek() == Some(expected);
        if comes {
            self.at += expected.len_utf8();
        }
        comes
    }

    /// Consumes spaces; returns whether there were any. The grammar has one space between words; clients send more.
    pub(super) fn take_blanks(&mut self) -> bool {
        !self
            .take_while(|byte| byte.is_ascii_whitespace())
            .is_empty()
    }

    /// Consumes the characters of a name, optionally with a URN; empty if there are none.
    pub(super) fn take_name(&mut self) -> &'a str {
        self.take_while(is_name_byte)
    }

    /// Consumes that word, in any letter case, if it is next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let mut ahead = *self;
        let comes = ahead.take_name().eq_ignore_ascii_case(word);
        if comes {
            *self = ahead;
        }
        comes
    }

    /// Consumes `not` if a parenthesis follows; otherwise it can be an attribute with that name.
    pub(super) fn take_not(&mut self) -> bool {
        let mut ahead = *self;
        let comes = ahead.take_word("not") && {
            ahead.take_blanks();
            ahead.peek() == Some('(')
        };
        if comes {
            *self = ahead;
        }
        comes
    }

    /// Consumes a JSON literal (RFC 8259 section 3), or a form that a lenient server accepts.
    pub(super) fn take_literal(&mut self, conformance: Conformance) -> Read<Literal> {
        match self.peek() {
            Some('"') => self.take_string().map(Literal::Text),
            Some('\'') if conformance.is_lenient() => self.take_single_quoted().map(Literal::Text),
            Some(_) if conformance.is_lenient() => self.take_unquoted(),
            Some('-' | '0'..='9') => self.take_number().map(Literal::Number),
            _ => self.take_keyword(),
        }
    }

    /// The next text, for messages.
    pub(super) fn next_in_words(&self) -> String {
        let mut ahead = *self;
        match (ahead.take_name(), self.peek()) {
            ("", None) => "the end".to_owned(),
            ("", Some(other)) => format!("{other:?}"),
            (word, _) => quoted(word),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take_while(&mut self, expected: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest
            .bytes()
            .position(|byte| !expected(byte))
            .unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn take_string(&mut self) -> Read<String> {
        let Some(length) = string_length(self.rest()) else {
            return Err(self.unclosed());
        };
        let json = self.rest().get(..length).unwrap_or_default();
        self.take_json(json, length)
    }

    fn take_single_quoted(&mut self) -> Read<String> {
        let Some((json, length)) = tolerance::single_quoted(self.rest()) else {
            return Err(self.unclosed());
        };
        self.take_json(&json, length)
    }

    fn unclosed(&self) -> Problem {
        self.problem("the string that begins here has no closing quote")
    }

    /// Consumes that many bytes, which represent a JSON string.
    fn take_json(&mut self, json: &str, length: usize) -> Read<String> {
        let text: String = serde_json::from_str(json).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default();
            self.problem(format!(
                "the string that begins here is not a JSON string ({reason})"
            ))
        })?;
        if text.contains('\0') {
            return Err(self.problem("the string that begins here holds the character U+0000"));
        }
        self.at += length;
        Ok(text)
    }

    fn take_unquoted(&mut self) -> Read<Literal> {
        let mut ahead = *self;
        let word =
            ahead.take_while(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b')' | b']'));
        let literal = tolerance::unquoted(word).ok_or_else(|| self.no_value())?;
        *self = ahead;
        Ok(literal)
    }

    fn no_value(&self) -> Problem {
        let forms = "a string in double quotes, a number, true, false or null";
        self.problem(format!(
            "expected a value ({forms}), not {}",
            self.next_in_words()
        ))
    }

    fn take_number(&mut self) -> Read<String> {
        let mut ahead = *self;
        let digits =
            ahead.take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if serde_json::from_str::<IgnoredAny>(digits).is_err() {
            return Err(self.problem(format!("{} is not a JSON number", quoted(digits))));
        }
        *self = ahead;
        Ok(digits.to_owned())
    }

    fn take_keyword(&mut self) -> Read<Literal> {
        let mut ahead = *self;
        let literal = match ahead.take_name() {
            "true" => Literal::Boolean(true),
            "false" => Literal::Boolean(false),
            "null" => Literal::Null,
            _ => return Err(self.no_value()),
        };
        *self = ahead;
        Ok(literal)
    }
}

/// Number of bytes up to and including the closing quote of a text that begins with the opening one.
fn string_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    let closing = text.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    closing.map(|position| position + 2)
}

/// Whether a byte can be part of a name: letters, digits, `-`, `_` and `$`, and the separators of URNs and
/// sub-attributes.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_$:./%~+@".contains(&byte)
}

/// Text of a client in a message, quoted.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", shortened(text))
}

/// Text of a client in a message, truncated if it is long.
pub(super) fn shortened(text: &str) -> String {
    const MAX: usize = 100;
    let mut shown: String = text.chars().take(MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
