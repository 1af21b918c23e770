//! The syntax of a filter or path, before names are looked up and values get a type.

use super::Operator;
use serde_json::{Number, Value};
use std::fmt;

/// An attribute in attribute notation, with its URN and sub-attribute (RFC 7644 section 3.10).
///
/// Only a resource type can determine the end of a URN.
#[derive(Debug, Clone)]
pub struct Name {
    /// The notation.
    pub text: String,
    /// Column in the filter or path, from 1, for messages.
    pub position: usize,
}

impl PartialEq for Name {
    /// Compares the notation; the position is only for messages.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A value in a filter: a JSON literal (RFC 7644 section 3.4.2.2, `compValue`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// The text of a number, so that no digit is lost.
    Number(String),
    /// A string, unescaped.
    Text(String),
}

impl Literal {
    /// The JSON value; `None` for a number beyond a double.
    pub fn to_value(&self) -> Option<Value> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Boolean(flag) => Value::Bool(*flag),
            Self::Number(digits) => Value::Number(digits.parse::<Number>().ok()?),
            Self::Text(text) => Value::String(text.clone()),
        })
    }
}

impl fmt::Display for Literal {
    /// The literal as JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(flag) => write!(f, "{flag}"),
            Self::Number(digits) => f.write_str(digits),
            Self::Text(text) => write!(f, "{}", Value::from(text.as_str())),
        }
    }
}

/// A condition on an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// `pr`
    Present,
    /// Any operator except `ne`.
    Compare(Operator, Literal),
    /// `ne`
    NotEqual(Literal),
}

impl Test {
    fn outline(&self) -> String {
        match self {
            Self::Present => "pr".to_owned(),
            Self::Compare(operator, _) => format!("{} \u{2026}", operator.as_str()),
            Self::NotEqual(_) => "ne \u{2026}".to_owned(),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("pr"),
            Self::Compare(operator, literal) => write!(f, "{} {literal}", operator.as_str()),
            Self::NotEqual(literal) => write!(f, "ne {literal}"),
        }
    }
}

/// A filter (RFC 7644 figure 1), also in the brackets of a value path.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// At least two terms joined by `or`.
    Or(Vec<Filter>),
    /// At least two terms joined by `and`.
    And(Vec<Filter>),
    /// `not (…)`
    Not(Box<Filter>),
    /// A condition on an attribute.
    Test {
        /// The attribute; within brackets the sub-attribute.
        name: Name,
        /// The condition.
        test: Test,
    },
    /// `name[filter]`: a single value matches the filter.
    Values {
        /// The attribute.
        name: Name,
        /// The filter in the brackets.
        filter: Box<Filter>,
        /// A sub-attribute of that same value and the condition on it: Entra ID's
        /// `emails[type eq "work"].value eq "…"`, which the RFC's grammar does not have.
        then: Option<(Name, Test)>,
    },
}

impl Filter {
    /// The `eq` terms, if the filter is one such term or several joined by `and`: then they describe a matching value.
    /// `None` for any other filter.
    pub fn equalities(&self) -> Option<Vec<(&Name, &Literal)>> {
        match self {
            Self::Test {
                name,
                test: Test::Compare(Operator::Equal, literal),
            } => Some(vec![(name, literal)]),
            Self::And(terms) => {
                let each: Option<Vec<_>> = terms.iter().map(Self::equalities).collect();
                Some(each?.into_iter().flatten().collect())
            }
            _ => None,
        }
    }

    /// The filter without its values, for a log: `userName eq …`.
    pub fn outline(&self) -> String {
        let terms = |terms: &[Self], word: &str| {
            let each: Vec<_> = terms
                .iter()
                .map(|term| {
                    if term.rank() <= self.rank() {
                        format!("({})", term.outline())
                    } else {
                        term.outline()
                    }
                })
                .collect();
            each.join(word)
        };
        match self {
            Self::Or(each) => terms(each, " or "),
            Self::And(each) => terms(each, " and "),
            Self::Not(filter) => format!("not ({})", filter.outline()),
            Self::Test { name, test } => format!("{name} {}", test.outline()),
            Self::Values {
                name,
                filter,
                then: None,
            } => format!("{name}[{}]", filter.outline()),
            Self::Values {
                name,
                filter,
                then: Some((sub, test)),
            } => {
                format!("{name}[{}].{sub} {}", filter.outline(), test.outline())
            }
        }
    }

    /// The precedence: within an operator of higher precedence it needs parentheses.
    fn rank(&self) -> u8 {
        match self {
            Self::Or(_) => 0,
            Self::And(_) => 1,
            _ => 2,
        }
    }

    fn write_terms(&self, terms: &[Self], word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in terms.iter().enumerate() {
            if i > 0 {
                write!(f, " {word} ")?;
            }
            if term.rank() <= self.rank() {
                write!(f, "({term})")?;
            } else {
                write!(f, "{term}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Filter {
    /// Text that parses back to the same filter, with the fewest parentheses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(terms) => self.write_terms(terms, "or", f),
            Self::And(terms) => self.write_terms(terms, "and", f),
            Self::Not(filter) => write!(f, "not ({filter})"),
            Self::Test { name, test } => write!(f, "{name} {test}"),
            Self::Values {
                name,
                filter,
                then: None,
            } => write!(f, "{name}[{filter}]"),
            Self::Values {
                name,
                filter,
                then: Some((sub, test)),
            } => write!(f, "{name}[{filter}].{sub} {test}"),
        }
    }
}

/// The `path` of a PATCH operation (RFC 7644 figure 7).
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPath {
    /// The attribute, with the sub-attribute (`name.givenName`) if there are no brackets; it can also be the URN of a
    /// schema.
    pub name: Name,
    /// The inside of the brackets.
    pub filter: Option<Filter>,
    /// The sub-attribute after the brackets.
    pub sub: Option<Name>,
}

impl fmt::Display for PatchPath {
    /// Text that parses back to the same path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        self.sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}
