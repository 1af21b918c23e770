//! The texts of statements for SQLite.

use crate::metrics::CacheMetrics;
use crate::store::db::body::Body;
use crate::store::db::error::StoreError;
use crate::store::db::sqlite_returned::{ReturnedRows, ReturnedShape};
use crate::store::db::sqlite_text::SqliteText;
use crate::store::db::text_cache::TextCache;
use quick_cache::Equivalent;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The texts for SQLite; clones share them.
#[derive(Debug, Clone)]
pub(in crate::store) struct SqliteTexts(Arc<TextCache<Shape, Arc<SqliteText>>>);

impl SqliteTexts {
    pub(in crate::store) fn new(metrics: CacheMetrics) -> Self {
        Self(Arc::new(TextCache::new(metrics)))
    }

    /// The text of a statement; `earlier` has the rows of the previous steps of the batch.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if it has an unknown mark.
    pub(in crate::store) fn text(
        &self,
        body: &Body,
        earlier: &ReturnedRows,
        name: &str,
    ) -> Result<Arc<SqliteText>, StoreError> {
        let step = StepOf { body, earlier };
        if let Some(text) = self.0.get(&step) {
            return Ok(text);
        }
        let text = Arc::new(body.sqlite_text(earlier, name)?);
        let shape = Shape {
            body: body.shape(),
            is_for_a_row: body.is_for_a_row(),
            earlier: earlier.shapes().collect(),
        };
        self.0.insert(shape, text.clone(), text.text.len());
        Ok(text)
    }
}

/// A statement without values, and what the earlier steps of its batch returned.
#[derive(Debug)]
struct Shape {
    body: Body,
    is_for_a_row: bool,
    earlier: Vec<ReturnedShape>,
}

/// A statement with its values and the rows of earlier steps, which is looked up by its shape.
struct StepOf<'a> {
    body: &'a Body,
    earlier: &'a ReturnedRows,
}

fn hash(
    body: &Body,
    is_for_a_row: bool,
    earlier: impl Iterator<Item = ReturnedShape>,
    state: &mut impl Hasher,
) {
    body.hash_shape(state);
    is_for_a_row.hash(state);
    for ReturnedShape { step, count, .. } in earlier {
        (step, count).hash(state);
    }
}

impl Hash for Shape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let earlier = self.earlier.iter().copied();
        hash(&self.body, self.is_for_a_row, earlier, state);
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.body.has_shape_of(&other.body)
            && self.is_for_a_row == other.is_for_a_row
            && self.earlier == other.earlier
    }
}

impl Eq for Shape {}

impl Hash for StepOf<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let earlier = self.earlier.shapes();
        hash(self.body, self.body.is_for_a_row(), earlier, state);
    }
}

impl Equivalent<Shape> for StepOf<'_> {
    fn equivalent(&self, shape: &Shape) -> bool {
        shape.body.has_shape_of(self.body)
            && shape.is_for_a_row == self.body.is_for_a_row()
            && self.earlier.shapes().eq(shape.earlier.iter().copied())
    }
}
