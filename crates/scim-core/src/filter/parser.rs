//! Recursive descent over filters and PATCH paths (RFC 7644 figures 1 and 7).
//!
//! The grammar of the RFC is ambiguous; this parser accepts the same language with the precedence of section 3.4.2.2:
//! grouping, `not`, `and`, `or`. Depth and clauses are counted during parsing, so that no tree exceeds the limits.

use super::lexer::{Lexer, Problem, Read, quoted};
use super::resolve::tolerance;
use super::{Filter, Name, Operator, PatchPath, Test};
use crate::error::{Error, Result};
use crate::resource::Conformance;

/// Limits of a filter.
#[derive(Debug, Clone, Copy)]
pub struct FilterLimits {
    /// Maximum bytes of a filter.
    pub bytes: usize,
    /// Maximum nesting depth of parentheses and brackets.
    pub depth: usize,
    /// Maximum number of comparisons and presence tests.
    pub clauses: usize,
    /// Maximum bytes of a PATCH path.
    pub path_bytes: usize,
}

impl Default for FilterLimits {
    fn default() -> Self {
        Self {
            bytes: 8 * 1024,
            depth: 32,
            clauses: 100,
            path_bytes: 1024,
        }
    }
}

/// Parses a filter.
///
/// # Errors
/// 400 `invalidFilter` with the column and the expected syntax, or with the exceeded limit (RFC 7644 section 3.4.2.2).
pub fn parse_filter(text: &str, limits: &FilterLimits, conformance: Conformance) -> Result<Filter> {
    if text.len() > limits.bytes {
        let (bytes, max) = (text.len(), limits.bytes);
        return Err(Error::invalid_filter(format!(
            "Filter has {bytes} bytes; at most {max} are allowed."
        )));
    }
    let mut parser = Parser::new(text, limits, conformance);
    without_nul(text)
        .and_then(|()| parser.filter_alone())
        .map_err(|problem| in_filter(text, &problem))
}

/// Parses the path of a PATCH operation.
///
/// # Errors
/// 400 `invalidPath`, or `invalidFilter` for the content of brackets, with the column and the expected syntax (RFC 7644
/// section 3.5.2).
pub fn parse_path(
    text: &str,
    limits: &FilterLimits,
    conformance: Conformance,
) -> Result<PatchPath> {
    if text.len() > limits.path_bytes {
        let (bytes, max) = (text.len(), limits.path_bytes);
        return Err(Error::invalid_path(format!(
            "Path has {bytes} bytes; at most {max} are allowed."
        )));
    }
    let mut parser = Parser::new(text, limits, conformance);
    parser.is_path = true;
    let name = without_nul(text)
        .and_then(|()| parser.path_name())
        .map_err(|problem| in_path(text, &problem))?;
    let filter = parser
        .path_filter()
        .map_err(|problem| in_filter(text, &problem))?;
    let sub = parser
        .path_end(filter.is_some())
        .map_err(|problem| in_path(text, &problem))?;
    Ok(PatchPath { name, filter, sub })
}

fn in_filter(text: &str, problem: &Problem) -> Error {
    let column = column(text, problem.at);
    let message = |what: &str| format!("Filter is not understood at column {column}: {what}.");
    Error::invalid_filter(message(&problem.what)).logged_as(message(&masked(&problem.what)))
}

fn in_path(text: &str, problem: &Problem) -> Error {
    let column = column(text, problem.at);
    let message = |what: &str| format!("Path is not understood at column {column}: {what}.");
    Error::invalid_path(message(&problem.what)).logged_as(message(&masked(&problem.what)))
}

/// The text of a problem without words of the client, which can be values.
fn masked(what: &str) -> String {
    const KEYWORDS: [&str; 16] = [
        "and", "or", "not", "(", ")", "[", "]", "eq", "co", "sw", "ew", "gt", "ge", "lt", "le",
        "pr",
    ];
    let pieces = what.split('"').enumerate();
    let piece = |(i, text)| {
        if i % 2 == 0 || KEYWORDS.contains(&text) {
            text
        } else {
            "\u{2026}"
        }
    };
    pieces.map(piece).collect::<Vec<_>>().join("\"")
}

/// Refuses U+0000, because databases handle it differently.
fn without_nul(text: &str) -> Read<()> {
    let what = || "the text holds the character U+0000".to_owned();
    text.find('\0')
        .map_or(Ok(()), |at| Err(Problem { at, what: what() }))
}

/// The column of a byte, in characters from 1.
fn column(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count() + 1
}

struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    limits: &'a FilterLimits,
    conformance: Conformance,
    depth: usize,
    clauses: usize,
    in_brackets: bool,
    is_path: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, limits: &'a FilterLimits, conformance: Conformance) -> Self {
        Self {
            text,
            lexer: Lexer::new(text),
            limits,
            conformance,
            depth: 0,
            clauses: 0,
            in_brackets: false,
            is_path: false,
        }
    }

    fn filter_alone(&mut self) -> Read<Filter> {
        let filter = self.disjunction()?;
        if self.lexer.peek().is_some() {
            return Err(self.expected("\"and\", \"or\" or the end"));
        }
        Ok(filter)
    }

    fn disjunction(&mut self) -> Read<Filter> {
        let first = self.conjunction()?;
        let mut terms = Vec::new();
        while self.lexer.take_word("or") {
            terms.push(self.conjunction()?);
        }
        Ok(joined(first, terms, Filter::Or))
    }

    fn conjunction(&mut self) -> Read<Filter> {
        let first = self.factor()?;
        let mut terms = Vec::new();
        while self.lexer.take_word("and") {
            terms.push(self.factor()?);
        }
        Ok(joined(first, terms, Filter::And))
    }

    /// Parses one term with surrounding spaces.
    fn factor(&mut self) -> Read<Filter> {
        self.lexer.take_blanks();
        let filter = if self.lexer.take_not() {
            Filter::Not(Box::new(self.enclosed('(', ')')?))
        } else if self.lexer.peek() == Some('(') {
            self.enclosed('(', ')')?
        } else {
            self.attribute_expression()?
        };
        self.lexer.take_blanks();
        Ok(filter)
    }

    /// Parses a filter in brackets or parentheses; the opening one is next.
    fn enclosed(&mut self, open: char, close: char) -> Read<Filter> {
        if self.depth == self.limits.depth {
            let max = self.limits.depth;
            return Err(self.lexer.problem(format!(
                "it is nested too deeply; at most {max} levels are allowed"
            )));
        }
        self.depth += 1;
        self.lexer.take(open);
        let filter = self.disjunction()?;
        if !self.lexer.take(close) {
            return Err(self.expected(&format!("\"and\", \"or\" or \"{close}\"")));
        }
        self.depth -= 1;
        Ok(filter)
    }

    fn attribute_expression(&mut self) -> Read<Filter> {
        let name = self.name()?;
        if self.lexer.peek() == Some('[') {
            return self.value_path(name);
        }
        let test = self.test(&name.text)?;
        Ok(Filter::Test { name, test })
    }

    fn value_path(&mut self, name: Name) -> Read<Filter> {
        let filter = Box::new(self.brackets()?);
        let then = if self.lexer.take('.') {
            let sub = self.sub_name()?;
            let test = self.test(&sub.text)?;
            Some((sub, test))
        } else {
            self.test_after_brackets()?
        };
        Ok(Filter::Values { name, filter, then })
    }

    /// Parses a test after brackets, which the grammar does not have.
    fn test_after_brackets(&mut self) -> Read<Option<(Name, Test)>> {
        let mut ahead = self.lexer;
        let is_test = ahead.take_blanks() && is_operator(ahead.take_name());
        let Some(sub) = tolerance::compared_after_brackets(self.conformance).filter(|_| is_test)
        else {
            return Ok(None);
        };
        let name = Name {
            text: sub.to_owned(),
            position: column(self.text, self.lexer.at()),
        };
        let test = self.test(sub)?;
        Ok(Some((name, test)))
    }

    fn brackets(&mut self) -> Read<Filter> {
        if self.in_brackets {
            return Err(self.lexer.problem("brackets cannot be nested"));
        }
        self.in_brackets = true;
        let filter = self.enclosed('[', ']')?;
        self.in_brackets = false;
        Ok(filter)
    }

    fn name(&mut self) -> Read<Name> {
        let at = self.lexer.at();
        let text = self.lexer.take_name();
        if text.is_empty() {
            return Err(self.expected("an attribute name"));
        }
        let is_fit = is_name(text) || self.is_path && is_dotted_name(text);
        if !is_fit {
            return Err(Problem {
                at,
                what: format!("{} is not an attribute name", quoted(text)),
            });
        }
        Ok(Name {
            text: text.to_owned(),
            position: column(self.text, at),
        })
    }

    fn sub_name(&mut self) -> Read<Name> {
        let at = self.lexer.at();
        let name = self.name()?;
        let is_fit = if self.is_path {
            is_dotted_name
        } else {
            is_simple_name
        };
        if !is_fit(&name.text) {
            return Err(Problem {
                at,
                what: format!("{} is not the name of a sub-attribute", quoted(&name.text)),
            });
        }
        Ok(name)
    }

    /// Parses the test after a name: `pr`, or an operator and a value.
    fn test(&mut self, name: &str) -> Read<Test> {
        self.count_clause()?;
        let after_blank = self.lexer.take_blanks();
        let mut ahead = self.lexer;
        let word = ahead.take_name();
        if !after_blank || !is_operator(word) {
            return Err(self.no_operator(name));
        }
        self.lexer = ahead;
        if word.eq_ignore_ascii_case("pr") {
            self.end_of_word()?;
            return Ok(Test::Present);
        }
        if !self.lexer.take_blanks() {
            return Err(self.expected(&format!("a blank and a value after {}", quoted(word))));
        }
        let literal = self.lexer.take_literal(self.conformance)?;
        self.end_of_word()?;
        Ok(match Operator::from_keyword(word) {
            Some(operator) => Test::Compare(operator, literal),
            None => Test::NotEqual(literal),
        })
    }

    fn count_clause(&mut self) -> Read<()> {
        if self.clauses == self.limits.clauses {
            let max = self.limits.clauses;
            return Err(self.lexer.problem(format!(
                "there are too many comparisons; at most {max} are allowed"
            )));
        }
        self.clauses += 1;
        Ok(())
    }

    fn no_operator(&self, name: &str) -> Problem {
        if name.eq_ignore_ascii_case("not") {
            return self.expected("\"(\" after \"not\"");
        }
        let operators = "eq, ne, co, sw, ew, gt, ge, lt, le, pr";
        self.lexer.problem(format!(
            "expected an operator ({operators}) after {}",
            quoted(name)
        ))
    }

    fn end_of_word(&self) -> Read<()> {
        match self.lexer.peek() {
            None | Some(')' | ']') => Ok(()),
            Some(blank) if blank.is_ascii_whitespace() => Ok(()),
            Some(_) => Err(self.expected("a blank")),
        }
    }

    fn expected(&self, what: &str) -> Problem {
        self.lexer.problem(format!(
            "expected {what}, not {}",
            self.lexer.next_in_words()
        ))
    }

    fn path_name(&mut self) -> Read<Name> {
        self.lexer.take_blanks();
        self.name()
    }

    fn path_filter(&mut self) -> Read<Option<Filter>> {
        if self.lexer.peek() == Some('[') {
            self.brackets().map(Some)
        } else {
            Ok(None)
        }
    }

    fn path_end(&mut self, after_brackets: bool) -> Read<Option<Name>> {
        let sub = if after_brackets && self.lexer.take('.') {
            Some(self.sub_name()?)
        } else {
            None
        };
        self.lexer.take_blanks();
        match self.lexer.peek() {
            None => Ok(sub),
            Some(_) => Err(self.expected("the end")),
        }
    }
}

/// Whether a text consists of names separated by full stops, of any number. The resource type refuses a path with more
/// than two levels.
fn is_dotted_name(text: &str) -> bool {
    text.split('.').all(is_simple_name)
}

fn is_operator(word: &str) -> bool {
    Operator::from_keyword(word).is_some()
        || ["pr", "ne"]
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known))
}

fn joined(first: Filter, mut rest: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    if rest.is_empty() {
        return first;
    }
    rest.insert(0, first);
    join(rest)
}

/// Whether a text can be attribute notation. A text with a colon contains a URN, whose end depends on the resource
/// type.
fn is_name(text: &str) -> bool {
    if text.contains(':') {
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic());
        return starts_well
            && !text.ends_with([':', '.'])
            && !text.contains("..")
            && !text.contains(":.");
    }
    match text.split_once('.') {
        Some((name, sub)) => is_simple_name(name) && is_simple_name(sub),
        None => is_simple_name(text),
    }
}

/// Whether a text is an `attrName` of RFC 7643 section 2.1, or begins with `$`, as in `$ref`.
fn is_simple_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_$".contains(&byte))
}
