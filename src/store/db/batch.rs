//! Batches: steps that are executed atomically.
//!
//! On PostgreSQL a batch is one statement with data-modifying expressions: one round trip, atomic, and no `BEGIN`
//! that a cancelled request could leave behind. On SQLite the steps run one after the other within the transaction
//! of the writer.

use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::flow::Flow;
use crate::store::db::postgres_text::{Earlier, Expanded};
use crate::store::db::statement::{Statement, Step};

/// Steps that are executed atomically. The last one returns the result.
#[derive(Debug)]
pub(in crate::store) struct Batch {
    name: &'static str,
    claim: Option<Statement>,
    steps: Vec<(&'static str, Step)>,
}

impl Batch {
    /// A batch without steps. The name is for logs: object and action, such as `resource.create`.
    pub(in crate::store) fn new(name: &'static str) -> Self {
        Self {
            name,
            claim: None,
            steps: Vec::new(),
        }
    }

    /// A batch that sees everything committed before its `claim`, a query with a lock, acquired that lock; other
    /// batches see everything committed before they started. On PostgreSQL it needs a transaction with several round
    /// trips.
    pub(in crate::store) fn after(name: &'static str, claim: &Step) -> Self {
        Self {
            claim: Some(Statement::of(name, claim.body().clone())),
            ..Self::new(name)
        }
    }

    /// A batch of one statement.
    pub(in crate::store) fn one(statement: Statement) -> Self {
        Self::new(statement.name()).then("answer", statement.into_step())
    }

    /// Name of the batch.
    pub(in crate::store) fn name(&self) -> &'static str {
        self.name
    }

    /// The claim, if the batch has one.
    pub(in crate::store) fn claim(&self) -> Option<&Statement> {
        self.claim.as_ref()
    }

    /// The flow of the batch, from its first step.
    pub(in crate::store) fn flow(&self) -> Flow {
        let first = self.steps.first().map(|(_, step)| step.body().args());
        first.map_or(Flow::Server, Flow::of)
    }

    /// The batch with one more step. Later steps refer to the rows it returns as `{step}`.
    #[must_use]
    pub(in crate::store) fn then(mut self, step: &'static str, statement: Step) -> Self {
        self.steps.push((step, statement));
        self
    }

    /// The batch with one more step, to which no other step refers.
    #[must_use]
    pub(in crate::store) fn and(self, statement: Step) -> Self {
        self.then("", statement)
    }

    /// The steps in order, with their names.
    pub(in crate::store) fn steps(&self) -> &[(&'static str, Step)] {
        &self.steps
    }

    /// The values of all steps for PostgreSQL, in the order of the placeholders.
    pub(in crate::store) fn into_values(self) -> Vec<Arg> {
        let mut values = Vec::with_capacity(32);
        for (_, step) in self.steps {
            values.append(&mut step.into_body().into_values());
        }
        values
    }

    /// The batch as one statement of PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if a text has an unknown mark.
    pub(in crate::store) fn for_postgres(mut self) -> Result<Expanded, StoreError> {
        let mut into = Expanded::empty();
        let last = self.steps.len().saturating_sub(1);
        for i in 0..self.steps.len() {
            let (before, rest) = self.steps.split_at_mut(i);
            let Some((step, statement)) = rest.first_mut() else {
                break;
            };
            match *step {
                _ if i == last => into.text.push_str(if i == 0 { "" } else { " " }),
                step => {
                    into.text.push_str(if i == 0 { "with " } else { ", " });
                    match step {
                        "" => into.push(format_args!("step_{i} as (")),
                        step => into.push(format_args!("{step} as (")),
                    }
                }
            }
            statement
                .body()
                .expand_postgres(&mut into, &Names(before), self.name)?;
            statement.body_mut().move_values(&mut into);
            if i < last {
                into.text.push(')');
            }
        }
        Ok(into)
    }
}

/// Steps of PostgreSQL, to which later ones refer.
struct Names<'a>(&'a [(&'static str, Step)]);

impl Earlier for Names<'_> {
    fn has(&self, step: &str) -> bool {
        let mut earlier = self.0.iter();
        earlier.any(|(name, earlier)| *name == step && !earlier.returns().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::args::Column;

    #[test]
    fn a_batch_is_one_statement() {
        let rows = vec![
            ("attribute", Column::Ints(vec![7])),
            ("key", Column::Texts([Some("a")].into_iter().collect())),
        ];
        let update = Step::bound(
            "update r set a = {:a} returning seq",
            vec![("a", Arg::Int(5))],
        );
        let insert = Step::new(
            "insert into v select $1, attribute, key from {rows}",
            vec![Arg::Int(1)],
        );
        let batch = Batch::new("r.change")
            .then("written", update.returning(&["seq"]))
            .then("indexed", insert.with_rows(rows))
            .then(
                "answer",
                Step::new("select seq from {written} where $1", vec![Arg::Bool(true)]),
            );
        assert_eq!(
            batch.for_postgres().unwrap().text,
            "with written as (update r set a = $1 returning seq), indexed as (insert into v select $2, attribute, key \
             from unnest($3::int8[],$4::text[]) as given(attribute,key)) select seq from written where $5"
        );
    }

    #[test]
    fn a_step_refers_to_earlier_steps_that_return_rows() {
        let unknown = |step: &'static str| {
            let batch = Batch::new("r.change")
                .then("written", Step::new("update r set a = 1", vec![]))
                .then(
                    "answer",
                    Step::new(format!("select seq from {{{step}}}"), vec![]),
                )
                .then("later", Step::new("select 1", vec![]).returning(&["one"]));
            batch.for_postgres().is_err()
        };
        assert!(unknown("written") && unknown("later") && unknown("writen"));
    }
}
