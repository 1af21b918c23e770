//! A filter that is resolved against a resource type; its evaluation cannot fail.
//!
//! [`Predicate::matches`] evaluates it in memory; a store translates it to a query.

use crate::resource::Key;
use crate::schema::AttributePath;
use std::fmt;

/// A comparison operator (RFC 7644 table 3). `ne` is `not (… eq …)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `eq`
    Equal,
    /// `co`
    Contains,
    /// `sw`
    StartsWith,
    /// `ew`
    EndsWith,
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

impl Operator {
    const ALL: [Self; 8] = [
        Self::Equal,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Less,
        Self::LessOrEqual,
    ];

    /// The keyword in a filter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::Contains => "co",
            Self::StartsWith => "sw",
            Self::EndsWith => "ew",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
        }
    }

    /// The operator for a keyword in any letter case.
    pub fn from_keyword(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operator| operator.as_str().eq_ignore_ascii_case(word))
    }

    /// Whether the comparison of the first key with the second holds.
    pub fn holds(self, value: &Key, with: &Key) -> bool {
        match self {
            Self::Equal => value == with,
            Self::Contains => value.as_str().contains(with.as_str()),
            Self::StartsWith => value.as_str().starts_with(with.as_str()),
            Self::EndsWith => value.as_str().ends_with(with.as_str()),
            Self::Greater => value > with,
            Self::GreaterOrEqual => value >= with,
            Self::Less => value < with,
            Self::LessOrEqual => value <= with,
        }
    }
}

/// The compared value: a path of the document, or metadata of the server.
#[derive(Debug, Clone)]
pub enum Target {
    /// A path that ends in a simple value.
    Attribute(AttributePath),
    /// `id`; keys are case-exact text.
    Id,
    /// `meta.created`; keys are those of timestamps.
    Created,
    /// `meta.lastModified`; keys are those of timestamps.
    LastModified,
    /// `meta.version`, as the number in the entity tag; keys are those of integers.
    Version,
}

/// A condition on a resource, or, within [`Predicate::Element`], on one value of a
/// multi-valued attribute.
///
/// A store translates it to a query over the index rows that it wrote for each
/// [`entry`](crate::resource::entries::entries) of a resource. Here they are in a table `entry (resource, leaf, element,
/// key)`, compared byte by byte, and each condition becomes the set of the matching resources:
///
/// ```
/// use scim_core::filter::{FilterLimits, Operator, Predicate, Target, parse_filter, resolve};
/// use scim_core::resource::Conformance;
/// use scim_core::schema::Catalog;
///
/// /// The query of the matching resources, with the values to bind.
/// fn sql(predicate: &Predicate, values: &mut Vec<String>) -> String {
///     let mut joined = |terms: &[Predicate], word: &str, empty: &str| {
///         let parts: Vec<_> = terms.iter().map(|term| sql(term, values)).collect();
///         if parts.is_empty() { empty.to_owned() } else { format!("({})", parts.join(word)) }
///     };
///     match predicate {
///         Predicate::All(terms) => joined(terms, " intersect ", "select id from resource"),
///         Predicate::Any(terms) => joined(terms, " union ", "select id from resource where false"),
///         Predicate::Not(term) => format!("(select id from resource except {})", sql(term, values)),
///         Predicate::Compare { target: Target::Attribute(path), operator: Operator::Equal, key } => {
///             values.extend([path.to_string(), key.to_string()]);
///             let n = values.len();
///             format!("(select resource from entry where leaf = ${} and key = ${n})", n - 1)
///         }
///         // Element: the same condition over rows with one `element`. Other operators and targets follow in the
///         // same way.
///         _ => unimplemented!("{predicate}"),
///     }
/// }
///
/// let catalog = Catalog::new(&[])?;
/// let user = catalog.by_name("User").expect("User is built in");
/// let text = r#"userName eq "Ann" and not (title eq "Boss")"#;
/// let filter = parse_filter(text, &FilterLimits::default(), Conformance::Rfc)?;
/// let mut values = Vec::new();
/// assert_eq!(
///     sql(&resolve(&filter, user, Conformance::Rfc)?, &mut values),
///     "((select resource from entry where leaf = $1 and key = $2) intersect \
///      (select id from resource except (select resource from entry where leaf = $3 and key = $4)))"
/// );
/// assert_eq!(values, ["userName", "ann", "title", "boss"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub enum Predicate {
    /// Every term is true; without terms: always true.
    All(Vec<Predicate>),
    /// At least one term is true; without terms: never true.
    Any(Vec<Predicate>),
    /// The condition is false.
    Not(Box<Predicate>),
    /// A value exists that is not the empty string.
    Present(Target),
    /// The comparison holds for at least one value.
    Compare {
        /// The compared value.
        target: Target,
        /// The operator.
        operator: Operator,
        /// The value of the filter.
        key: Key,
    },
    /// A single value of a multi-valued attribute matches the whole condition (RFC 7644 section 3.4.2.2, value paths).
    /// Inside, targets are paths of that attribute.
    Element {
        /// The attribute, without a sub-attribute.
        attribute: AttributePath,
        /// The condition on the value.
        predicate: Box<Predicate>,
    },
}

impl Predicate {
    /// The condition that is always true.
    pub fn always() -> Self {
        Self::All(Vec::new())
    }

    /// The condition that is never true.
    pub fn never() -> Self {
        Self::Any(Vec::new())
    }

    /// The condition that every term is true, flattened and without redundant terms.
    pub fn all(terms: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for term in terms {
            match term {
                Self::All(inner) => flat.extend(inner),
                never if never.is_never() => return never,
                other => flat.push(other),
            }
        }
        alone(flat).unwrap_or_else(Self::All)
    }

    /// The condition that at least one term is true, flattened and without redundant terms.
    pub fn any(terms: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for term in terms {
            match term {
                Self::Any(inner) => flat.extend(inner),
                always if always.is_always() => return always,
                other => flat.push(other),
            }
        }
        alone(flat).unwrap_or_else(Self::Any)
    }

    /// The opposite of the condition.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            always if always.is_always() => Self::never(),
            never if never.is_never() => Self::always(),
            other => Self::Not(Box::new(other)),
        }
    }

    /// Whether it is the constant true.
    pub fn is_always(&self) -> bool {
        matches!(self, Self::All(terms) if terms.is_empty())
    }

    /// Whether it is the constant false.
    pub fn is_never(&self) -> bool {
        matches!(self, Self::Any(terms) if terms.is_empty())
    }
}

/// The single term of a list, or the list.
fn alone(mut terms: Vec<Predicate>) -> Result<Predicate, Vec<Predicate>> {
    if terms.len() == 1 {
        terms.pop().ok_or(terms)
    } else {
        Err(terms)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(path) => write!(f, "{path}"),
            Self::Id => f.write_str("id"),
            Self::Created => f.write_str("meta.created"),
            Self::LastModified => f.write_str("meta.lastModified"),
            Self::Version => f.write_str("meta.version"),
        }
    }
}

impl fmt::Display for Predicate {
    /// Text for logs and tests: a filter with keys in place of values, and parentheses around every list.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(terms) if terms.is_empty() => f.write_str("always"),
            Self::Any(terms) if terms.is_empty() => f.write_str("never"),
            Self::All(terms) => write_list(terms, " and ", f),
            Self::Any(terms) => write_list(terms, " or ", f),
            Self::Not(inner) => write!(f, "not {inner}"),
            Self::Present(target) => write!(f, "{target} pr"),
            Self::Compare {
                target,
                operator,
                key,
            } => {
                write!(f, "{target} {} {:?}", operator.as_str(), key.as_str())
            }
            Self::Element {
                attribute,
                predicate,
            } => write!(f, "{attribute}[{predicate}]"),
        }
    }
}

fn write_list(terms: &[Predicate], between: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let terms: Vec<_> = terms.iter().map(ToString::to_string).collect();
    write!(f, "({})", terms.join(between))
}
