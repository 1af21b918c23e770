//! The only module with SQL that reads a value of a document by a resolved path.

use super::dialect::Dialect;
use crate::mapping::{ColumnType, Condition, Container, Source};

/// An expression for the first source that has a value. `document` is JSON: `jsonb` on
/// PostgreSQL, text on SQLite.
pub(super) fn first(dialect: Dialect, document: &str, sources: &[Source]) -> String {
    let each: Vec<_> = sources
        .iter()
        .map(|source| read(dialect, document, source))
        .collect();
    match each.as_slice() {
        [] => "null".to_owned(),
        [one] => one.clone(),
        several => format!("coalesce({})", several.join(", ")),
    }
}

/// Text as an SQL literal.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn read(dialect: Dialect, document: &str, source: &Source) -> String {
    match (dialect, &source.container) {
        (Dialect::Postgres, Container::Document) => postgres(document, source),
        (Dialect::Postgres, Container::Extension(urn)) => {
            postgres(&format!("{document} -> {}", quoted(urn)), source)
        }
        (Dialect::Postgres, Container::AnyExtension) => {
            let value = postgres("x.value", source);
            format!(
                "(select {value} from jsonb_each({document}) as x(key, value) where lower(left(x.key, 4)) = 'urn:' \
                 and {value} is not null order by x.key collate \"C\" limit 1)"
            )
        }
        (Dialect::Sqlite, Container::Document) => sqlite(document, "$", source),
        (Dialect::Sqlite, Container::Extension(urn)) => {
            sqlite(document, &format!("$.\"{urn}\""), source)
        }
        (Dialect::Sqlite, Container::AnyExtension) => {
            let value = sqlite("case when x.type = 'object' then x.value end", "$", source);
            format!(
                "(select {value} from json_each({document}) as x where lower(substr(x.key, 1, 4)) = 'urn:' \
                 and {value} is not null order by x.key limit 1)"
            )
        }
    }
}

/// The expression for PostgreSQL; The expression for PostgreSQL; `holder` is the object that has the attribute.
fn postgres(holder: &str, source: &Source) -> String {
    let attribute = format!("{holder} -> {}", quoted(&source.attribute));
    let end = |value: &str| match &source.sub {
        Some(sub) => format!("{value} -> {}", quoted(sub)),
        None => value.to_owned(),
    };
    if !source.is_list {
        return typed(&end(&attribute), source.kind);
    }
    let value = typed(&end("v.value"), source.kind);
    let conditions: String = source.conditions.iter().map(postgres_condition).collect();
    format!(
        "(select {value} from jsonb_array_elements(case jsonb_typeof({attribute}) when 'array' then {attribute} end) \
         with ordinality as v(value, place) where {conditions}{value} is not null order by v.place limit 1)"
    )
}

/// A value of another type, which only a tenant's own schema can define, is null.
fn typed(value: &str, kind: ColumnType) -> String {
    match kind {
        ColumnType::Text => format!("(({value}) #>> '{{}}')"),
        ColumnType::Boolean => {
            format!("case jsonb_typeof({value}) when 'boolean' then ({value})::boolean end")
        }
        ColumnType::Decimal => {
            format!("case jsonb_typeof({value}) when 'number' then ({value})::numeric end")
        }
        ColumnType::Integer => format!(
            "case when jsonb_typeof({value}) = 'number' and abs(({value})::numeric) < 9223372036854775808 \
             then ({value})::numeric::bigint end"
        ),
    }
}

fn postgres_condition(condition: &Condition) -> String {
    match condition {
        Condition::Is(name, flag) => format!("v.value -> {} = '{flag}' and ", quoted(name)),
        Condition::Equals(name, text, false) => {
            format!("v.value ->> {} = {} and ", quoted(name), quoted(text))
        }
        Condition::Equals(name, text, true) => {
            let text = quoted(&text.to_ascii_lowercase());
            format!(
                "lower((v.value ->> {}) collate \"C\") = {text} and ",
                quoted(name)
            )
        }
    }
}

/// The expression for SQLite; The expression for SQLite; `holder` is the path of the object that has the attribute.
fn sqlite(document: &str, holder: &str, source: &Source) -> String {
    let attribute = format!("{holder}.\"{}\"", source.attribute);
    let sub = source
        .sub
        .as_ref()
        .map(|sub| format!(".\"{sub}\""))
        .unwrap_or_default();
    if !source.is_list {
        return extract(document, &format!("{attribute}{sub}"), source.kind);
    }
    let element = "case when v.type = 'object' then v.value end";
    let value = match source.sub {
        Some(_) => extract(element, &format!("${sub}"), source.kind),
        None => "v.value".to_owned(),
    };
    let conditions: String = source
        .conditions
        .iter()
        .map(|condition| sqlite_condition(element, condition))
        .collect();
    format!(
        "(select {value} from json_each({document}, {}) as v where {conditions}{value} is not null order by v.key limit 1)",
        quoted(&attribute)
    )
}

fn extract(document: &str, path: &str, kind: ColumnType) -> String {
    let path = quoted(path);
    match kind {
        ColumnType::Boolean => {
            format!("case json_type({document}, {path}) when 'true' then 1 when 'false' then 0 end")
        }
        _ => format!("json_extract({document}, {path})"),
    }
}

fn sqlite_condition(element: &str, condition: &Condition) -> String {
    let of = |name: &str| {
        format!(
            "json_extract({element}, {})",
            quoted(&format!("$.\"{name}\""))
        )
    };
    match condition {
        Condition::Is(name, flag) => format!("{} = {flag} and ", of(name)),
        Condition::Equals(name, text, false) => format!("{} = {} and ", of(name), quoted(text)),
        Condition::Equals(name, text, true) => {
            format!(
                "lower({}) = {} and ",
                of(name),
                quoted(&text.to_ascii_lowercase())
            )
        }
    }
}
