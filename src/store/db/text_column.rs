//! A column of texts in one buffer, so that its number of allocations does not depend on the number of rows.

use std::fmt::{Display, Write};

/// The texts of a column; each can be null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::store) struct TextColumn {
    buffer: String,
    rows: Vec<End>,
}

/// Where a text ends in the buffer; it begins at the end of the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    at: usize,
    is_null: bool,
}

impl TextColumn {
    /// Adds a text or null.
    pub(in crate::store) fn push(&mut self, text: Option<&str>) {
        self.buffer.push_str(text.unwrap_or_default());
        self.end(text.is_none());
    }

    /// Adds the text of a value.
    pub(in crate::store) fn push_display(&mut self, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.buffer, "{value}");
        self.end(false);
    }

    fn end(&mut self, is_null: bool) {
        self.rows.push(End {
            at: self.buffer.len(),
            is_null,
        });
    }

    /// The text of a row; `None` if it is null, or there is no such row.
    pub(in crate::store) fn get(&self, row: usize) -> Option<&str> {
        let end = self.rows.get(row).filter(|end| !end.is_null)?;
        let before = row.checked_sub(1).and_then(|row| self.rows.get(row));
        let start = before.map_or(0, |before| before.at);
        self.buffer.get(start..end.at)
    }

    /// The texts, in order.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.rows.len()).map(|row| self.get(row))
    }

    /// Number of rows.
    pub(in crate::store) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Bytes of all texts.
    pub(in crate::store) fn bytes(&self) -> usize {
        self.buffer.len()
    }
}

impl<T: AsRef<str>> Extend<Option<T>> for TextColumn {
    fn extend<I: IntoIterator<Item = Option<T>>>(&mut self, texts: I) {
        for text in texts {
            self.push(text.as_ref().map(T::as_ref));
        }
    }
}

impl<T: AsRef<str>> FromIterator<Option<T>> for TextColumn {
    fn from_iter<I: IntoIterator<Item = Option<T>>>(texts: I) -> Self {
        let mut column = Self::default();
        column.extend(texts);
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_separate() {
        let texts = [Some("a\u{e9}"), None, Some(""), Some("b")];
        let mut column: TextColumn = texts.into_iter().collect();
        column.push_display(7);
        let mut expected = texts.to_vec();
        expected.push(Some("7"));
        assert_eq!(column.iter().collect::<Vec<_>>(), expected);
        assert_eq!((column.len(), column.bytes()), (5, 5));
        assert_eq!(column.get(5), None);
    }
}
