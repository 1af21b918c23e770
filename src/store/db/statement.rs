//! Statements, each written once for both databases. Differences in syntax are marks in the text
//! ([`crate::store::db::marks`]).

use crate::store::db::args::{Arg, Table};
use crate::store::db::body::Body;
use crate::store::db::error::StoreError;
use crate::store::db::postgres_text::Expanded;
use std::borrow::Cow;

/// A statement outside of a batch.
#[derive(Debug, Clone)]
pub(in crate::store) struct Statement {
    name: &'static str,
    body: Body,
    is_coalescible: bool,
}

/// A statement of a batch.
#[derive(Debug, Clone)]
pub(in crate::store) struct Step {
    body: Body,
    returns: &'static [&'static str],
}

impl Statement {
    /// A statement with its values. The name is for logs: object and action, such as `resource.find`. A composed text
    /// consists of static text only; input of a client can only be a value.
    pub(in crate::store) fn named(
        name: &'static str,
        text: impl Into<Cow<'static, str>>,
        args: Vec<Arg>,
    ) -> Self {
        Self::of(name, Body::new(text, args))
    }

    /// A statement with a body.
    pub(in crate::store) fn of(name: &'static str, body: Body) -> Self {
        Self {
            name,
            body,
            is_coalescible: false,
        }
    }

    /// Sets the table for `{rows}`.
    pub(in crate::store) fn with_rows(mut self, rows: Table) -> Self {
        self.body.rows = rows;
        self
    }

    /// Allows coalescing with other statements of the same text and tenant. The first value must be the tenant, and the
    /// statement must read few rows.
    pub(in crate::store) fn coalescible(self) -> Self {
        Self {
            is_coalescible: true,
            ..self
        }
    }

    /// Whether it can be coalesced with others of the same text and tenant.
    pub(in crate::store) fn is_coalescible(&self) -> bool {
        self.is_coalescible
    }

    /// Name of the statement.
    pub(in crate::store) fn name(&self) -> &'static str {
        self.name
    }

    /// Text and values of the statement.
    pub(in crate::store) fn body(&self) -> &Body {
        &self.body
    }

    /// Text and values of the statement.
    pub(in crate::store) fn into_body(self) -> Body {
        self.body
    }

    /// The statement as a step of a batch that returns nothing to other steps.
    pub(in crate::store) fn into_step(self) -> Step {
        Step::of(self.body)
    }

    /// The statement for PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError::Fault`] if the text has an unknown mark.
    pub(in crate::store) fn for_postgres(&self) -> Result<Expanded, StoreError> {
        let mut into = Expanded::empty();
        self.body.expand_postgres(&mut into, &(), self.name)?;
        self.body.clone().move_values(&mut into);
        Ok(into)
    }
}

impl Step {
    /// A step with its values, in the order of `$1`, `$2` …
    pub(in crate::store) fn new(text: impl Into<Cow<'static, str>>, args: Vec<Arg>) -> Self {
        Self::of(Body::new(text, args))
    }

    /// A step with its values by name, for `{:name}`.
    pub(in crate::store) fn bound(
        text: impl Into<Cow<'static, str>>,
        values: Vec<(&'static str, Arg)>,
    ) -> Self {
        Self::of(Body::bound(text, values))
    }

    /// A step whose text has no marks.
    pub(in crate::store) fn verbatim(text: String) -> Self {
        Self::of(Body {
            is_verbatim: true,
            ..Body::new(text, Vec::new())
        })
    }

    /// A step with a body.
    pub(in crate::store) fn of(body: Body) -> Self {
        Self { body, returns: &[] }
    }

    /// Sets the table for `{rows}`.
    pub(in crate::store) fn with_rows(mut self, rows: Table) -> Self {
        self.body.rows = rows;
        self
    }

    /// Declares that the effect of the step for a row of its table does not depend on other rows or their order. SQLite
    /// then runs it once for each row.
    pub(in crate::store) fn by_row(mut self) -> Self {
        self.body.is_by_row = true;
        self
    }

    /// Declares the columns that the step returns, for later steps that refer to it.
    pub(in crate::store) fn returning(self, returns: &'static [&'static str]) -> Self {
        Self { returns, ..self }
    }

    /// Names of the columns that it returns to later steps.
    pub(in crate::store) fn returns(&self) -> &'static [&'static str] {
        self.returns
    }

    /// Text and values of the step.
    pub(in crate::store) fn body(&self) -> &Body {
        &self.body
    }

    /// Text and values of the step.
    pub(in crate::store) fn into_body(self) -> Body {
        self.body
    }

    /// Text and values of the step, for moving them.
    pub(in crate::store) fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::CacheMetrics;
    use crate::store::db::args::Column;
    use crate::store::db::batch::Batch;
    use crate::store::db::sqlite_returned::ReturnedRows;
    use crate::store::db::sqlite_row::SqliteRow;
    use crate::store::db::sqlite_text::{Source, SqliteText};
    use crate::store::db::sqlite_texts::SqliteTexts;
    use std::sync::Arc;

    fn sqlite(statement: &Statement) -> Result<SqliteText, StoreError> {
        let earlier = ReturnedRows::default();
        statement.body().sqlite_text(&earlier, statement.name())
    }

    fn insert(attributes: &[i64]) -> Statement {
        let keys = attributes.iter().map(|_| Some("a")).collect();
        let rows = vec![
            ("attribute", Column::Ints(attributes.to_vec())),
            ("key", Column::Texts(keys)),
        ];
        Statement::named(
            "value.add",
            "insert into v select $1, attribute, key from {rows}",
            vec![Arg::Int(1)],
        )
        .with_rows(rows)
    }

    #[test]
    fn a_table_is_a_parameter() {
        let postgres = insert(&[7]).for_postgres().unwrap();
        assert_eq!(
            postgres.text,
            "insert into v select $1, attribute, key from unnest($2::int8[],$3::text[]) as given(attribute,key)"
        );
        assert_eq!(postgres.args.len(), 3);
        let one = sqlite(&insert(&[7])).unwrap();
        assert!(
            one.text
                .ends_with("from (select ?2 as attribute, ?3 as key) as given")
        );
        assert_eq!(one.sources, [(Source::Row, 2)]);
        let several = sqlite(&insert(&[7, 8])).unwrap();
        assert!(several.text.ends_with("from (select json_extract(value, '$[0]') as attribute, json_extract(value, '$[1]') as key from json_each(?2)) as given"));
        assert_eq!(several.sources, [(Source::Table, 2)]);
    }

    #[test]
    fn a_failed_statement_of_sqlite_is_not_rolled_back_by_itself() {
        let starts = |text: &'static str, with: &str| {
            let statement = Statement::named("r.change", text, vec![]);
            sqlite(&statement).unwrap().text.starts_with(with)
        };
        assert!(starts("insert into r select 1", "insert or fail into r "));
        assert!(starts("update r set a = 1", "update or fail r "));
        assert!(starts("delete from r", "delete from r"));
    }

    #[test]
    fn sqlite_runs_a_step_by_row_once_for_each() {
        let step = insert(&[7, 8]).into_step().by_row();
        let text = step
            .body()
            .sqlite_text(&ReturnedRows::default(), "value.add");
        let SqliteText { text, sources, .. } = text.unwrap();
        assert!(text.ends_with("from (select ?2 as attribute, ?3 as key) as given"));
        assert_eq!(sources, [(Source::Row, 2)]);
    }

    #[test]
    fn a_text_of_sqlite_depends_on_how_many_rows_an_earlier_step_returned() {
        let texts = SqliteTexts::new(CacheMetrics::default());
        let step = Step::new("select seq from {written} where $1", vec![Arg::Bool(true)]);
        let text = |rows: &[i64]| {
            let mut earlier = ReturnedRows::default();
            let rows = rows.iter().map(|seq| SqliteRow::of(vec![(*seq).into()]));
            earlier.keep("written", &["seq"], rows.collect()).unwrap();
            texts.text(step.body(), &earlier, "r.change").unwrap()
        };
        let (none, one, several) = (text(&[]), text(&[7]), text(&[7, 8]));
        assert!(
            none.text
                .contains("(select null as seq where false) as written")
        );
        assert!(one.text.contains("(select ?2 as seq) as written"));
        assert_eq!(one.sources, [(Source::Returned(0), 2)]);
        assert_eq!(several.sources, [(Source::ReturnedTable(0), 2)]);
        assert!(Arc::ptr_eq(&one, &text(&[9])));
        let unknown = texts.text(step.body(), &ReturnedRows::default(), "r.change");
        assert!(unknown.is_err());
    }

    #[test]
    fn sqlite_prepares_a_statement_with_a_limit_once() {
        let page = Statement::named(
            "r.list",
            "select seq from r where tenant = $1 {limit}$2",
            vec![Arg::Int(1), Arg::Int(2)],
        );
        assert_eq!(
            sqlite(&page).unwrap().text,
            "select seq from r where tenant = ?1 limit +?2"
        );
        assert_eq!(
            page.for_postgres().unwrap().text,
            "select seq from r where tenant = $1 limit $2"
        );
    }

    #[test]
    fn rows_are_looked_up_for_each_row_before_them() {
        let text = "select m.g from f cross join {each:member m} m.u = f.seq{end_each:m}";
        let groups = Statement::named("r.groups", text, vec![]);
        assert_eq!(
            sqlite(&groups).unwrap().text,
            "select m.g from f cross join member m on m.u = f.seq"
        );
        assert_eq!(
            groups.for_postgres().unwrap().text,
            "select m.g from f cross join lateral (select * from member m where m.u = f.seq offset 0) as m"
        );
    }

    #[test]
    fn a_text_may_be_for_one_database() {
        let text = "select 1{postgres: from a}{sqlite: from b}";
        let one = Statement::named("r.one", text, vec![]);
        assert_eq!(sqlite(&one).unwrap().text, "select 1 from b");
        assert_eq!(one.for_postgres().unwrap().text, "select 1 from a");
    }

    #[test]
    fn a_text_for_one_database_has_values() {
        let text =
            "delete from a {postgres:where b = $2 and c = $1}{sqlite:where d = $1 and e = $2}";
        let one = Step::new(text, vec![Arg::Int(1), Arg::Int(2)]);
        let sqlite_text = one
            .body()
            .sqlite_text(&ReturnedRows::default(), "a.forget")
            .unwrap();
        assert_eq!(sqlite_text.text, "delete from a where d = ?1 and e = ?2");
        let first = Step::new("select $1", vec![Arg::Int(0)]);
        let batch = Batch::new("a.forget").then("first", first).and(one);
        let postgres = batch.for_postgres().unwrap();
        assert!(
            postgres.text.contains("where b = $3 and c = $2"),
            "{}",
            postgres.text
        );
    }

    #[test]
    fn values_have_names() {
        let values = vec![("tenant", Arg::Int(1)), ("seq", Arg::Int(2))];
        let body = Body::bound("select 1 where s = {:seq} and t = {:tenant}", values);
        let statement = Statement::of("r.find", body);
        let text = "select 1 where s = $2 and t = $1";
        assert_eq!(statement.for_postgres().unwrap().text, text);
        let text = text.replace('$', "?");
        assert_eq!(sqlite(&statement).unwrap().text, text);
    }

    #[test]
    fn placeholders_are_allowed_in_marks() {
        let text = "select 1 where {row_among:tenant = $1 and seq}(select 2))";
        let statement = Statement::named("r.find", text, vec![Arg::Int(1)]);
        assert_eq!(
            sqlite(&statement).unwrap().text,
            "select 1 where (tenant = ?1 and seq in (select 2))"
        );
    }

    #[test]
    fn an_unknown_mark_is_an_error() {
        for text in [
            "select {limits}",
            "select {:seq}",
            "select {written}",
            "select {row}",
        ] {
            let statement = Statement::named("r.find", text, vec![Arg::Int(1)]);
            let errors = [
                statement.for_postgres().unwrap_err(),
                sqlite(&statement).unwrap_err(),
            ];
            for error in errors {
                let StoreError::Fault(cause) = &error else {
                    panic!("{error}");
                };
                assert!(cause.to_string().contains("statement r.find"), "{cause}");
            }
        }
    }
}
