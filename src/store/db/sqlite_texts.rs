//! The texts of statements for SQLite, built once for each shape: everything that a text depends on except the values.

use crate::store::db::body::Body;
use crate::store::db::error::StoreError;
use crate::store::db::sqlite_returned::{ReturnedRows, ReturnedShape};
use crate::store::db::sqlite_text::SqliteText;
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

/// Texts that are kept. Clients choose the shape of a filter, so there is no end of shapes; when this many are known, all
/// are forgotten.
const MOST: usize = 512;
/// Bytes of the longest text that is kept.
const LONGEST: usize = 16 << 10;

/// The texts by the hashes of their shapes; clones share them.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct SqliteTexts(Arc<RwLock<HashMap<u64, Vec<Known>, FixedState>>>);

#[derive(Debug)]
struct Known {
    body: Body,
    is_for_a_row: bool,
    earlier: Vec<ReturnedShape>,
    text: Arc<SqliteText>,
}

impl SqliteTexts {
    /// The text of a statement, in a batch whose steps so far returned `earlier`.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if it has an unknown mark.
    pub(in crate::store) fn text(
        &self,
        body: &Body,
        earlier: &ReturnedRows,
        name: &str,
    ) -> Result<Arc<SqliteText>, StoreError> {
        let hash = hash(body, earlier);
        if let Some(text) = self.known(hash, body, earlier) {
            return Ok(text);
        }
        let text = Arc::new(body.sqlite_text(earlier, name)?);
        if text.text.len() <= LONGEST {
            let mut texts = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if texts.len() >= MOST {
                texts.clear();
            }
            texts.entry(hash).or_default().push(Known {
                body: body.shape(),
                is_for_a_row: body.is_for_a_row(),
                earlier: earlier.shapes().collect(),
                text: text.clone(),
            });
        }
        Ok(text)
    }

    fn known(&self, hash: u64, body: &Body, earlier: &ReturnedRows) -> Option<Arc<SqliteText>> {
        let texts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_alike = |known: &&Known| {
            known.body.has_shape_of(body)
                && known.is_for_a_row == body.is_for_a_row()
                && earlier.shapes().eq(known.earlier.iter().copied())
        };
        let found = texts.get(&hash)?.iter().find(is_alike)?;
        Some(found.text.clone())
    }
}

fn hash(body: &Body, earlier: &ReturnedRows) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    body.hash_shape(&mut hasher);
    body.is_for_a_row().hash(&mut hasher);
    for ReturnedShape { step, count, .. } in earlier.shapes() {
        (step, count).hash(&mut hasher);
    }
    hasher.finish()
}
