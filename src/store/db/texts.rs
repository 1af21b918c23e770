//! The texts of statements and batches for PostgreSQL, built once for each shape: everything that a text depends on
//! except the values.

use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::body::Body;
use crate::store::db::error::StoreError;
use crate::store::db::joint_text::JointText;
use crate::store::db::postgres_text::Expanded;
use crate::store::db::statement::Statement;
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Texts that are kept. Clients choose the shape of a filter, so there is no end of shapes; when this many are known, all
/// are forgotten.
const MOST: usize = 512;
/// Bytes of the longest text that is kept.
const LONGEST: usize = 16 << 10;

/// A statement for PostgreSQL.
#[derive(Debug)]
pub(in crate::store) struct Prepared {
    pub(in crate::store) text: Arc<str>,
    pub(in crate::store) args: Vec<Arg>,
    /// The text of several coalesced statements with this text, after it was built.
    pub(in crate::store) together: Together,
}

/// A text that is built when it is first needed; `None` if there is none.
pub(in crate::store) type Together = Arc<OnceLock<Option<JointText>>>;

impl From<Expanded> for Prepared {
    fn from(Expanded { text, args, .. }: Expanded) -> Self {
        Self {
            text: text.into(),
            args,
            together: Arc::default(),
        }
    }
}

/// The texts by the hashes of their shapes.
#[derive(Debug, Default)]
pub(in crate::store) struct Texts(RwLock<HashMap<u64, Vec<Known>, FixedState>>);

/// A shape and its text: the steps with their names, and whether it is a batch.
#[derive(Debug)]
struct Known {
    steps: Vec<(&'static str, Body)>,
    text: Arc<str>,
    together: Together,
}

impl Texts {
    /// A statement with its text.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if the text has an unknown mark.
    pub(in crate::store) fn statement(&self, statement: Statement) -> Result<Prepared, StoreError> {
        let steps = [(STATEMENT, statement.body())];
        let hash = hash(&steps);
        if let Some((text, together)) = self.known(hash, &steps) {
            let args = statement.into_body().into_values();
            return Ok(Prepared {
                text,
                args,
                together,
            });
        }
        let shape = vec![(STATEMENT, statement.body().shape())];
        let made = Prepared::from(statement.for_postgres()?);
        self.keep(hash, shape, &made);
        Ok(made)
    }

    /// A batch with its text.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if a text has an unknown mark.
    pub(in crate::store) fn batch(&self, batch: Batch) -> Result<Prepared, StoreError> {
        let bodies = batch.steps().iter();
        let steps: Vec<_> = bodies
            .map(|(step, statement)| (*step, statement.body()))
            .collect();
        let hash = hash(&steps);
        if let Some((text, together)) = self.known(hash, &steps) {
            let args = batch.into_values();
            return Ok(Prepared {
                text,
                args,
                together,
            });
        }
        let shape = steps
            .iter()
            .map(|(step, body)| (*step, body.shape()))
            .collect();
        let made = Prepared::from(batch.for_postgres()?);
        self.keep(hash, shape, &made);
        Ok(made)
    }

    fn known(&self, hash: u64, steps: &[(&'static str, &Body)]) -> Option<(Arc<str>, Together)> {
        let texts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let alike = |known: &&Known| {
            known.steps.len() == steps.len()
                && known
                    .steps
                    .iter()
                    .zip(steps)
                    .all(|((name, shape), (step, body))| name == step && shape.has_shape_of(body))
        };
        let found = texts.get(&hash)?.iter().find(alike)?;
        Some((found.text.clone(), found.together.clone()))
    }

    fn keep(&self, hash: u64, steps: Vec<(&'static str, Body)>, made: &Prepared) {
        if made.text.len() > LONGEST {
            return;
        }
        let mut texts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if texts.len() >= MOST {
            texts.clear();
        }
        texts.entry(hash).or_default().push(Known {
            steps,
            text: made.text.clone(),
            together: made.together.clone(),
        });
    }
}

/// In place of the name of a step, for a statement that is in no batch.
const STATEMENT: &str = "-";

fn hash(steps: &[(&'static str, &Body)]) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    for (step, body) in steps {
        step.hash(&mut hasher);
        body.hash_shape(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::args::Column;
    use crate::store::db::statement::Step;

    fn find(text: &'static str, value: Arg) -> Statement {
        Statement::named("r.find", text, vec![value])
    }

    #[test]
    fn a_text_is_made_once_for_a_shape() {
        let texts = Texts::default();
        let text = "select 1 where a = $1";
        let first = texts.statement(find(text, Arg::Int(1))).unwrap();
        let second = texts.statement(find(text, Arg::Int(2))).unwrap();
        assert!(Arc::ptr_eq(&first.text, &second.text));
        assert!(matches!(second.args[..], [Arg::Int(2)]));
        let other = texts.statement(find("select 2 where a = $1", Arg::Int(1)));
        assert_eq!(&*other.unwrap().text, "select 2 where a = $1");
    }

    #[test]
    fn batches_of_the_same_texts_differ_by_steps_names_values_and_tables() {
        let texts = Texts::default();
        let batch = |step: &'static str, name: &'static str, column: Column, more: usize| {
            let mut values = vec![(name, Arg::Int(7))];
            values.extend(std::iter::repeat_n(("other", Arg::Int(8)), more));
            let written = Step::bound("select {:a} from {rows}", values);
            Batch::new("r.change")
                .then(
                    step,
                    written.with_rows(vec![("c", column)]).returning(&["a"]),
                )
                .then("answer", Step::new("select 1", vec![]))
        };
        let made = |step, name, column, more| {
            let known = texts.batch(batch(step, name, column, more));
            let fresh = batch(step, name, Column::Ints(vec![1]), more).for_postgres();
            (
                known.map(|known| (known.text, known.args.len())),
                fresh.map(|fresh| fresh.text),
            )
        };
        let ints = || Column::Ints(vec![1]);
        let first = made("one", "a", ints(), 0).0.unwrap();
        assert_eq!((&*first.0, first.1), (first.0.as_ref(), 2));
        assert!(Arc::ptr_eq(
            &first.0,
            &made("one", "a", ints(), 0).0.unwrap().0
        ));
        let (more, fresh) = made("one", "a", ints(), 1);
        let more = more.unwrap();
        assert_eq!((&*more.0, more.1), (&*fresh.unwrap(), 3));
        let (two, fresh) = made("two", "a", ints(), 0);
        assert_eq!(&*two.unwrap().0, &*fresh.unwrap());
        assert!(made("one", "b", ints(), 0).0.is_err(), "another name");
        let texts_column = made("one", "a", Column::Texts(vec![None]), 0).0.unwrap();
        assert!(texts_column.0.contains("text[]"));
    }
}
