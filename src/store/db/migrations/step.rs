//! The steps of a migration's text.
//!
//! A line that begins with one of these headings begins a step, and its text goes to the log:
//!
//! - `-- step: TEXT`: statements that run in one transaction.
//! - `-- index NAME: TEXT`: a `create index concurrently NAME`, outside of a transaction.
//! - `-- outside: TEXT`: one other statement that must run outside of a transaction.
//! - `-- slices: TEXT`: one statement that is run repeatedly, each time in a transaction, until it returns no row. It
//!   continues after the key `($1, $2)` and returns the last key.
//!
//! A text without a heading is one step. `{schema}` in a statement outside of a transaction is the schema of
//! the tables, because only a transaction has a search path behind a pooler.

/// An atomic part of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step<'a> {
    title: Option<&'a str>,
    pub(super) work: Work<'a>,
    pub(super) text: &'a str,
}

/// How a step is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work<'a> {
    /// In one transaction.
    Transaction,
    /// Builds the index of this name, outside of a transaction.
    Index(&'a str),
    /// Outside of a transaction.
    Outside,
    /// In a transaction for each slice of the rows.
    Slices,
}

impl<'a> Step<'a> {
    /// The title of the step, for the log; by default the name of the file.
    pub(super) fn title(&self, file: &str) -> String {
        self.title.map_or_else(|| title_of(file), str::to_owned)
    }
}

/// The title of a migration without headings: its file name in words.
pub(super) fn title_of(file: &str) -> String {
    let name = file.strip_suffix(".sql").unwrap_or(file);
    let words = name.split_once('_').map_or(name, |(_, words)| words);
    words.replace('_', " ")
}

/// The steps of a text, in order.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn steps(text: &str) -> Result<Vec<Step<'_>>, String> {
    let mut found: Vec<(Heading<'_>, usize, usize)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(heading) = heading(line.trim_end()) {
            if let Some((_, _, end)) = found.last_mut() {
                *end = at;
            }
            found.push((heading, at + line.len(), text.len()));
        }
        at += line.len();
    }
    if found.is_empty() {
        return Ok(vec![Step {
            title: None,
            work: Work::Transaction,
            text,
        }]);
    }
    found
        .into_iter()
        .map(|(heading, start, end)| step(heading, text.get(start..end).unwrap_or_default().trim()))
        .collect()
}

/// A step, if its text matches its heading.
fn step<'a>((work, title): Heading<'a>, text: &'a str) -> Result<Step<'a>, String> {
    let is_right = match work {
        Work::Index(name) => text.contains(&format!("index concurrently {name} on {{schema}}.")),
        Work::Outside => text.contains(" concurrently "),
        Work::Slices => text.contains("($1, $2)"),
        Work::Transaction => !text.contains(" concurrently ") && !text.is_empty(),
    };
    if !is_right {
        return Err(format!("the step \"{title}\" is not a {work:?}"));
    }
    Ok(Step {
        title: Some(title),
        work,
        text: text.trim_end_matches(';'),
    })
}

type Heading<'a> = (Work<'a>, &'a str);

fn heading(line: &str) -> Option<Heading<'_>> {
    let (kind, title) = line.strip_prefix("-- ")?.split_once(": ")?;
    let work = match kind.split_once(' ') {
        None => match kind {
            "step" => Work::Transaction,
            "outside" => Work::Outside,
            "slices" => Work::Slices,
            _ => return None,
        },
        Some(("index", name)) if !name.contains(' ') => Work::Index(name),
        Some(_) => return None,
    };
    Some((work, title))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_headings_is_one_step() {
        let text = "-- Why: because.\nselect 1;\n";
        let found = steps(text).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].work, found[0].text),
            (Work::Transaction, text),
            "all of the text"
        );
        assert_eq!(found[0].title("0010_put_without.sql"), "put without");
    }

    #[test]
    fn headings_divide_a_text() {
        let text = "-- About all.\n-- step: a table\ncreate table a (b integer);\n\n-- index i: an index\n\
                    create index concurrently i on {schema}.a (b);\n-- outside: no index\n\
                    drop index concurrently {schema}.j;\n-- slices: rows\nselect ($1, $2);\n";
        let found: Vec<_> = steps(text)
            .unwrap()
            .into_iter()
            .map(|step| (step.work, step.title("file"), step.text))
            .collect();
        let step = |work, title: &str, text| (work, title.to_owned(), text);
        assert_eq!(
            found,
            [
                step(Work::Transaction, "a table", "create table a (b integer)"),
                step(
                    Work::Index("i"),
                    "an index",
                    "create index concurrently i on {schema}.a (b)"
                ),
                step(
                    Work::Outside,
                    "no index",
                    "drop index concurrently {schema}.j"
                ),
                step(Work::Slices, "rows", "select ($1, $2)"),
            ]
        );
    }

    #[test]
    fn a_step_that_contradicts_its_heading_is_refused() {
        for text in [
            "-- step: empty\n",
            "-- step: an index\ncreate index concurrently i on {schema}.a (b);",
            "-- index i: another\ncreate index concurrently j on {schema}.a (b);",
            "-- index i: plain\ncreate index i on {schema}.a (b);",
            "-- index i: anywhere\ncreate index concurrently i on a (b);",
            "-- slices: all\ninsert into a select 1;",
        ] {
            assert!(steps(text).is_err(), "{text}");
        }
    }

    /// Migrations that are not in a release yet must hold no lock for long, in a database of any size.
    #[test]
    fn steps_hold_no_lock_for_long() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
        let mut seen = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.as_str() < "0009" {
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let steps = steps(&text).unwrap_or_else(|problem| panic!("{name}: {problem}"));
            for step in &steps {
                seen += 1;
                if step.work == Work::Transaction {
                    let title = step.title(&name);
                    let problem = problem(step.text, steps.len() > 1);
                    assert_eq!(problem, None, "{name}, {title}");
                }
            }
        }
        assert!(seen > 9, "{seen}");
    }

    #[test]
    fn a_step_that_holds_a_lock_for_long_is_found() {
        for text in [
            "create index i on change (tenant)",
            "update resource set version = 1",
            "alter table change alter column version type text",
            "alter table change add column a uuid not null default gen_random_uuid()",
            "alter table tenant add column a text; alter table token add column a text",
            "alter table tenant add constraint a check (seats > 0)",
            "insert into tenant (name) values (1) on conflict do nothing",
        ] {
            assert!(problem(text, false).is_some(), "{text}");
        }
        let once = "alter table tenant add column a text";
        assert_eq!(
            (problem(once, false), problem(once, true).is_some()),
            (None, true)
        );
        assert_eq!(
            problem(
                "create table if not exists a (b text); create index if not exists i on a (b)",
                true
            ),
            None
        );
    }

    /// Whether the statement only sets the fill factor of a table.
    fn is_storage_parameter(statement: &str) -> bool {
        let change = statement
            .strip_prefix("alter table ")
            .and_then(|rest| rest.split_once(' '));
        change.is_some_and(|(_, change)| change.starts_with("set (fillfactor = "))
    }

    /// The problem with a step that runs in a transaction, alone or one of several.
    fn problem(text: &str, is_repeated: bool) -> Option<String> {
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .collect();
        let code = code.join(" ");
        // Without the bodies of functions.
        let code: String = code.split("$$").step_by(2).collect();
        let (mut made, mut changed) = (Vec::new(), std::collections::BTreeSet::new());
        for statement in code
            .split(';')
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            let words: Vec<&str> = statement.split_whitespace().collect();
            let after = |word: &str| {
                let at = words.iter().position(|other| *other == word)?;
                words.get(at + 1).copied()
            };
            let plain = statement
                .replace("if not exists ", "")
                .replace("if exists ", "");
            // The text of a migration that has an effect only on SQLite.
            if plain == "select 1" {
                continue;
            }
            let repeatable = plain != statement
                || is_storage_parameter(&plain)
                || plain.starts_with("create or replace ")
                || plain.starts_with("create trigger ")
                || plain.ends_with(" drop not null")
                || plain.ends_with(" on conflict do nothing");
            if is_repeated && !repeatable {
                return Some(format!("it cannot run twice: {statement}"));
            }
            if let Some(rest) = plain.strip_prefix("create table ") {
                made.push(
                    rest.split_whitespace()
                        .next()
                        .unwrap_or_default()
                        .to_owned(),
                );
            } else if plain.starts_with("create index ")
                || plain.starts_with("create unique index ")
            {
                let table = after("on").unwrap_or_default();
                if !made.iter().any(|name| name == table) {
                    return Some(format!("it builds an index on {table}, which has rows"));
                }
            } else if is_storage_parameter(&plain) {
                // Takes a lock that blocks neither reads nor writes, and does not change rows.
            } else if let Some(rest) = plain.strip_prefix("alter table ") {
                let (table, change) = rest.split_once(' ').unwrap_or_default();
                let adds = change.trim_start().starts_with("add column ")
                    && change.matches("add ").count() == change.matches("add column ").count()
                    && !change.contains("()");
                let is_cheap = adds || change.ends_with(" drop not null");
                if !is_cheap {
                    return Some(format!("it may rewrite or read {table}"));
                }
                changed.insert(table.to_owned());
            } else if plain.starts_with("insert into ") {
                let table = after("into").unwrap_or_default();
                if !made.iter().any(|name| name == table) {
                    return Some(format!("it writes rows of {table}, which is not new"));
                }
            } else if plain.starts_with("create trigger ") || plain.starts_with("drop trigger ") {
                changed.insert(after("on").unwrap_or_default().to_owned());
            } else if let Some(table) = plain.strip_prefix("drop table ") {
                changed.insert(table.to_owned());
            } else if !plain.starts_with("create or replace function ")
                && !plain.starts_with("drop function ")
            {
                return Some(format!(
                    "it is of a kind that is not known here: {statement}"
                ));
            }
        }
        (changed.len() > 1).then(|| format!("it locks several tables: {changed:?}"))
    }
}
