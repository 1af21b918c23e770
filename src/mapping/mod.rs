//! The mapping of the directory: the attribute of each column of users and groups, for an application that reads them
//! with SQL.
//!
//! A mapping is configured as text and resolved against the resource types. A column has one or several paths, of which
//! the first with a value is used.

mod parse;
mod resolve;
mod source;
#[cfg(test)]
mod tests;

pub use parse::parse;
pub use resolve::Directory;
pub(crate) use resolve::{DirectoryColumn, DirectoryTable, LOOKUPS, Undeclared};
pub(crate) use source::{ColumnType, Condition, Container, Source};

/// The text of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Columns of users.
    pub(crate) users: Vec<Mapped>,
    /// Columns of groups.
    pub(crate) groups: Vec<Mapped>,
    /// Columns with an index for lookups.
    pub(crate) indexed: Vec<String>,
}

/// The text of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapped {
    /// Name of the column.
    pub(crate) column: String,
    /// Paths in attribute notation, with brackets or `*:` in place of the URN; without a path there is no column.
    pub(crate) paths: Vec<String>,
    /// The origin, for messages: a place, a colon, and the key with its section.
    pub(crate) origin: String,
}
