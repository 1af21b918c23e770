//! The texts of statements and batches for PostgreSQL.

use crate::metrics::CacheMetrics;
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::body::Body;
use crate::store::db::error::StoreError;
use crate::store::db::joint_text::JointText;
use crate::store::db::postgres_text::Expanded;
use crate::store::db::statement::Statement;
use crate::store::db::text_cache::TextCache;
use quick_cache::Equivalent;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

/// A statement for PostgreSQL.
#[derive(Debug)]
pub(in crate::store) struct Prepared {
    pub(in crate::store) text: Arc<str>,
    pub(in crate::store) args: Vec<Arg>,
    /// The text for several coalesced executions of this statement, once it is built.
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

/// The texts for PostgreSQL.
#[derive(Debug)]
pub(in crate::store) struct PostgresTexts(TextCache<Shape, (Arc<str>, Together)>);

/// The step name of a statement outside of a batch.
const STATEMENT: &str = "-";

impl PostgresTexts {
    pub(in crate::store) fn new(metrics: CacheMetrics) -> Self {
        Self(TextCache::new(metrics))
    }

    /// A statement with its text.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if the text has an unknown mark.
    pub(in crate::store) fn statement(&self, statement: Statement) -> Result<Prepared, StoreError> {
        let steps = Steps(std::iter::once((STATEMENT, statement.body())));
        if let Some((text, together)) = self.0.get(&steps) {
            let args = statement.into_body().into_values();
            return Ok(Prepared {
                text,
                args,
                together,
            });
        }
        let shape = steps.shape();
        Ok(self.keep(shape, statement.for_postgres()?))
    }

    /// A batch with its text.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if a text has an unknown mark.
    pub(in crate::store) fn batch(&self, batch: Batch) -> Result<Prepared, StoreError> {
        let steps = batch.steps().iter();
        let steps = Steps(steps.map(|(step, statement)| (*step, statement.body())));
        if let Some((text, together)) = self.0.get(&steps) {
            let args = batch.into_values();
            return Ok(Prepared {
                text,
                args,
                together,
            });
        }
        let shape = steps.shape();
        Ok(self.keep(shape, batch.for_postgres()?))
    }

    fn keep(&self, shape: Shape, built: Expanded) -> Prepared {
        let prepared = Prepared::from(built);
        let text = (prepared.text.clone(), prepared.together.clone());
        self.0.insert(shape, text, prepared.text.len());
        prepared
    }
}

/// The steps of a batch, or a statement as the only step, without values.
#[derive(Debug)]
struct Shape(Vec<(&'static str, Body)>);

/// Steps with their values, which are looked up by their shape.
struct Steps<I>(I);

impl<'a, I: Iterator<Item = (&'static str, &'a Body)> + Clone> Steps<I> {
    fn shape(&self) -> Shape {
        let steps = self.0.clone();
        Shape(steps.map(|(step, body)| (step, body.shape())).collect())
    }
}

impl<'a, I: Iterator<Item = (&'static str, &'a Body)> + Clone> Hash for Steps<I> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (step, body) in self.0.clone() {
            step.hash(state);
            body.hash_shape(state);
        }
    }
}

impl<'a, I: Iterator<Item = (&'static str, &'a Body)> + Clone> Equivalent<Shape> for Steps<I> {
    fn equivalent(&self, shape: &Shape) -> bool {
        let mut known = shape.0.iter();
        let is_alike = |(step, body): (&'static str, &Body)| {
            known
                .next()
                .is_some_and(|(known_step, known)| *known_step == step && known.has_shape_of(body))
        };
        self.0.clone().all(is_alike) && known.next().is_none()
    }
}

impl Hash for Shape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Steps(self.0.iter().map(|(step, body)| (*step, body))).hash(state);
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        Steps(self.0.iter().map(|(step, body)| (*step, body))).equivalent(other)
    }
}

impl Eq for Shape {}

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
        let texts = PostgresTexts::new(CacheMetrics::default());
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
        let texts = PostgresTexts::new(CacheMetrics::default());
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
        let texts_column = made(
            "one",
            "a",
            Column::Texts([None::<&str>].into_iter().collect()),
            0,
        )
        .0
        .unwrap();
        assert!(texts_column.0.contains("text[]"));
    }
}
