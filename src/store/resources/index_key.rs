//! Keys in the index: the head of a long key, its tail, and comparisons.

use crate::filter::Operator;
use crate::resource::Key;
use crate::store::db::args::Arg;
use crate::store::db::sql::Sql;

/// Characters of a key in the index: with four bytes each they stay below the third of a page that PostgreSQL allows.
/// Unique values are not longer.
const HEAD: usize = 512;

/// The stored form of the key: the head, and the tail if the key is longer.
pub(in crate::store) fn split(key: &Key) -> (&str, Option<&str>) {
    let text = key.as_str();
    if text.len() <= HEAD {
        return (text, None);
    }
    match text.char_indices().nth(HEAD) {
        Some((at, _)) => {
            let (head, tail) = text.split_at(at);
            (head, Some(tail))
        }
        None => (text, None),
    }
}

/// Adds a condition on a stored key: `key`, with `tail` the column of the rest; without it, `key` is complete.
pub(in crate::store) fn compare(
    sql: &mut Sql,
    key: &'static str,
    tail: Option<&'static str>,
    operator: Operator,
    with: &Key,
) {
    match (operator, tail) {
        (Operator::Contains, _) => {
            whole(sql.raw("{position}("), key, tail);
            sql.raw(", ").arg(with.as_str().into()).raw(") > 0");
        }
        (Operator::EndsWith, _) => ends_with(sql, key, tail, with.as_str()),
        (Operator::StartsWith, None) => starts_with(sql, key, with.as_str()),
        (_, None) => {
            sql.raw(key).raw(symbol(operator)).arg(with.as_str().into());
        }
        (_, Some(tail)) => match split(with) {
            (head, None) => compare_short(sql, key, tail, operator, head),
            (head, Some(rest)) => compare_long(sql, key, tail, operator, (head, rest)),
        },
    }
}

/// The stored key including its tail.
fn whole(sql: &mut Sql, key: &'static str, tail: Option<&'static str>) {
    sql.raw("(").raw(key);
    if let Some(tail) = tail {
        sql.raw(" || coalesce(").raw(tail).raw(", '')");
    }
    sql.raw(")");
}

/// A pattern would be equivalent, but takes quadratic time.
fn ends_with(sql: &mut Sql, key: &'static str, tail: Option<&'static str>, end: &str) {
    let length = i64::try_from(end.chars().count()).unwrap_or(i64::MAX);
    whole(sql.raw("substr("), key, tail);
    whole(sql.raw(", length("), key, tail);
    sql.raw(") - cast(")
        .int(length - 1)
        .raw(" as integer), cast(")
        .int(length)
        .raw(" as integer)) = ");
    sql.arg(end.into());
}

fn starts_with(sql: &mut Sql, key: &'static str, prefix: &str) {
    sql.raw("(").raw(key).raw(" >= ").arg(prefix.into());
    if let Some(end) = successor(prefix) {
        sql.raw(" and ").raw(key).raw(" < ").arg(Arg::Text(end));
    }
    sql.raw(")");
}

fn symbol(operator: Operator) -> &'static str {
    match operator {
        Operator::Greater => " > ",
        Operator::GreaterOrEqual => " >= ",
        Operator::Less => " < ",
        Operator::LessOrEqual => " <= ",
        _ => " = ",
    }
}

/// Against a key without a tail, only a stored key of full length can have one.
fn compare_short(
    sql: &mut Sql,
    key: &'static str,
    tail: &'static str,
    operator: Operator,
    with: &str,
) {
    let is_full = with.chars().nth(HEAD - 1).is_some();
    match operator {
        Operator::StartsWith => starts_with(sql, key, with),
        _ if is_full => {
            sql.raw("(")
                .raw(key)
                .raw(", coalesce(")
                .raw(tail)
                .raw(", ''))")
                .raw(symbol(operator));
            sql.raw("(").arg(with.into()).raw(", '')");
        }
        _ => {
            sql.raw(key).raw(symbol(operator)).arg(with.into());
        }
    }
}

fn compare_long(
    sql: &mut Sql,
    key: &'static str,
    tail: &'static str,
    operator: Operator,
    with: (&str, &str),
) {
    let (head, rest) = with;
    match operator {
        Operator::StartsWith => {
            sql.raw("(")
                .raw(key)
                .raw(" = ")
                .arg(head.into())
                .raw(" and ");
            starts_with(sql, tail, rest);
            sql.raw(")");
        }
        _ => {
            sql.raw("(")
                .raw(key)
                .raw(", coalesce(")
                .raw(tail)
                .raw(", ''))")
                .raw(symbol(operator));
            sql.raw("(")
                .arg(head.into())
                .raw(", ")
                .arg(rest.into())
                .raw(")");
        }
    }
}

/// The smallest text that is greater than every text with this prefix; `None` if there is none.
fn successor(prefix: &str) -> Option<String> {
    let mut rest = prefix.to_owned();
    while let Some(last) = rest.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            _ => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            rest.push(next);
            return Some(rest);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_is_the_next_prefix() {
        assert_eq!(successor("ab").as_deref(), Some("ac"));
        assert_eq!(successor("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(successor("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(successor("\u{10ffff}"), None);
        assert_eq!(successor(""), None);
    }

    #[test]
    fn long_keys_are_split_by_characters() {
        let long = Key::text(&"é".repeat(600), true);
        let (head, tail) = split(&long);
        assert_eq!(
            (head.chars().count(), tail.map(|t| t.chars().count())),
            (512, Some(88))
        );
        assert_eq!(split(&Key::text(&"é".repeat(512), true)).1, None);
    }
}
