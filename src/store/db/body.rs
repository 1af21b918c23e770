//! The text of a statement with its values.

use crate::store::db::args::{Arg, Table};
use crate::store::db::error::StoreError;
use crate::store::db::marks::{Piece, pieces};
use std::borrow::Cow;
use std::hash::{Hash, Hasher};

/// Text with its values.
#[derive(Debug, Clone)]
pub(in crate::store) struct Body {
    pub(super) text: Cow<'static, str>,
    pub(super) args: Vec<Arg>,
    /// Names of the first values, for `{:name}`.
    pub(super) names: Vec<&'static str>,
    pub(super) rows: Table,
    pub(super) is_verbatim: bool,
    pub(super) is_by_row: bool,
}

impl Body {
    pub(in crate::store) fn new(text: impl Into<Cow<'static, str>>, args: Vec<Arg>) -> Self {
        Self {
            text: text.into(),
            args,
            names: Vec::new(),
            rows: Table::new(),
            is_verbatim: false,
            is_by_row: false,
        }
    }

    /// Values by name, for `{:name}`.
    pub(in crate::store) fn bound(
        text: impl Into<Cow<'static, str>>,
        values: Vec<(&'static str, Arg)>,
    ) -> Self {
        let (names, args) = values.into_iter().unzip();
        Self::with_names(text, args, names)
    }

    /// Values of which the first ones have names.
    pub(in crate::store) fn with_names(
        text: impl Into<Cow<'static, str>>,
        args: Vec<Arg>,
        names: Vec<&'static str>,
    ) -> Self {
        Self {
            names,
            ..Self::new(text, args)
        }
    }

    /// Everything that the text depends on, which excludes the values.
    pub(in crate::store) fn shape(&self) -> Self {
        let rows = self.rows.iter();
        Self {
            args: vec![Arg::Bool(false); self.args.len()],
            rows: rows
                .map(|(name, column)| (*name, column.emptied()))
                .collect(),
            text: self.text.clone(),
            names: self.names.clone(),
            is_verbatim: self.is_verbatim,
            is_by_row: self.is_by_row,
        }
    }

    /// Whether the texts are equal except for the numbers of placeholders.
    pub(in crate::store) fn has_shape_of(&self, other: &Self) -> bool {
        let columns = || self.rows.iter().zip(&other.rows);
        self.text == other.text
            && self.is_verbatim == other.is_verbatim
            && self.is_by_row == other.is_by_row
            && self.args.len() == other.args.len()
            && self.names == other.names
            && self.rows.len() == other.rows.len()
            && columns().all(|((name, column), (other_name, other))| {
                name == other_name && column.pg_type() == other.pg_type()
            })
    }

    /// Adds to a hash what [`Body::has_shape_of`] compares.
    pub(in crate::store) fn hash_shape(&self, into: &mut impl Hasher) {
        self.text.hash(into);
        self.args.len().hash(into);
        for (name, column) in &self.rows {
            (name, column.pg_type()).hash(into);
        }
    }

    /// The values for PostgreSQL, in the order of the placeholders.
    pub(in crate::store) fn into_values(mut self) -> Vec<Arg> {
        let columns = self.rows.into_iter().map(|(_, column)| Arg::Column(column));
        self.args.extend(columns);
        self.args
    }

    /// The values of the placeholders.
    pub(in crate::store) fn args(&self) -> &[Arg] {
        &self.args
    }

    /// The parts of the text, in order.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let (verbatim, marked) = if self.is_verbatim {
            (self.text.as_ref(), "")
        } else {
            ("", self.text.as_ref())
        };
        std::iter::once(Piece::Text(verbatim)).chain(pieces(marked))
    }

    /// The number of the placeholder for a named value.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if there is none.
    pub(super) fn number(&self, value: &str, name: &str) -> Result<usize, StoreError> {
        let position = self.names.iter().position(|own| *own == value);
        position
            .map(|position| position + 1)
            .ok_or_else(|| unknown(&format!(":{value}"), name))
    }
}

/// The error of a text with an unknown mark.
pub(super) fn unknown(mark: &str, name: &str) -> StoreError {
    let problem = format!("statement {name}: nothing is known as {{{mark}}}");
    StoreError::Fault(sqlx::Error::Configuration(problem.into()))
}
