//! The text of coalesced short reads on PostgreSQL.

use crate::store::db::args::Arg;
use crate::store::db::marks::{END_ONCE, ONCE, Piece, pieces};
use crate::store::db::postgres_text::Expanded;
use std::sync::Arc;

/// The placeholder of the tenant.
const TENANT: usize = 1;

/// A query that executes another one for each row of its values, which are passed as columns.
#[derive(Debug)]
pub(in crate::store) struct JointText {
    text: Arc<str>,
    once: Vec<usize>,
    each: Vec<usize>,
}

impl JointText {
    /// The text for several reads of a text with values of these types; `None` if one has no list type.
    pub(in crate::store) fn of(text: &str, args: &[Arg]) -> Option<Self> {
        let (before, shared, after) = parted(text);
        let (mut once, mut each) = (placeholders(&[shared]), placeholders(&[before, after]));
        once.push(TENANT);
        once.sort_unstable();
        once.dedup();
        each.retain(|n| *n != TENANT);
        if each.is_empty() {
            return None;
        }
        let types = each
            .iter()
            .map(|n| args.get(n.checked_sub(1)?).and_then(list_type));
        let types: Vec<&str> = types.collect::<Option<_>>()?;
        Some(Self {
            text: joint(text, &once, &each, &types).into(),
            once,
            each,
        })
    }

    /// The text. Its first placeholders are those of [`JointText::once`]; then come lists for those of [`JointText::each`].
    /// The rows have the number of the read as their last column.
    pub(in crate::store) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Placeholders with common values of all reads: the tenant, and those of the part that the text reads once.
    pub(in crate::store) fn once(&self) -> &[usize] {
        &self.once
    }

    /// Placeholders with separate values for each read.
    pub(in crate::store) fn each(&self) -> &[usize] {
        &self.each
    }
}

/// The text before the part that is read once, that part, and the rest.
fn parted(text: &str) -> (&str, &str, &str) {
    text.split_once(ONCE)
        .and_then(|(before, rest)| {
            let (once, after) = rest.split_once(END_ONCE)?;
            Some((before, once, after))
        })
        .unwrap_or((text, "", ""))
}

fn placeholders(parts: &[&str]) -> Vec<usize> {
    let all = parts.iter().flat_map(|part| pieces(part));
    let numbers = all.filter_map(|piece| match piece {
        Piece::Placeholder(n) => Some(n),
        Piece::Text(_) | Piece::Mark(_) => None,
    });
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn list_type(arg: &Arg) -> Option<&'static str> {
    match arg {
        Arg::Int(_) => Some("int8[]"),
        Arg::Bool(_) => Some("bool[]"),
        Arg::Uuid(_) => Some("uuid[]"),
        Arg::Text(_) | Arg::OptText(_) => Some("text[]"),
        Arg::OptInt(_) | Arg::Column(_) => None,
    }
}

/// `offset 0` keeps the inner query separate, so that it has the plan of a single read.
fn joint(text: &str, once: &[usize], each: &[usize], types: &[&str]) -> String {
    let (before, shared, after) = parted(text);
    let mut into = Expanded::empty();
    let scalar = |n: usize| {
        let place = once.iter().position(|one| *one == n);
        format!("${}", place.map_or(0, |place| place + 1))
    };
    let listed = |n: usize| match n {
        TENANT => scalar(n),
        _ => format!("asked.v{n}"),
    };
    if !shared.is_empty() {
        into.text.push_str("with shared as materialized (");
        push(&mut into, shared, scalar);
        into.text.push_str(") ");
    }
    into.text.push_str("select one.*, asked.number from ");
    if !shared.is_empty() {
        into.text.push_str("shared cross join ");
    }
    into.text.push_str("unnest(");
    for (i, of_type) in types.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        let number = once.len() + i + 1;
        into.push(format_args!("{comma}${number}::{of_type}"));
    }
    into.text.push_str(") with ordinality as asked(");
    for n in each {
        into.push(format_args!("v{n}, "));
    }
    into.text.push_str("number) cross join lateral (");
    push(&mut into, before, listed);
    if !shared.is_empty() {
        into.text.push_str("(select 1)");
        push(&mut into, after, listed);
    }
    into.text.push_str(" offset 0) as one");
    into.text
}

fn push(into: &mut Expanded, text: &str, placeholder: impl Fn(usize) -> String) {
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => into.text.push_str(text),
            Piece::Placeholder(n) => into.text.push_str(&placeholder(n)),
            // The text is expanded and has no marks.
            Piece::Mark(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(text: &str, args: &[Arg]) -> String {
        JointText::of(text, args).unwrap().text.to_string()
    }

    #[test]
    fn the_shared_part_is_separate() {
        let text = "select r.a from (/*once*/ select 1 from token where tenant = $1 and id = $2 /*end*/) as caller \
             left join r on r.tenant = $1 and r.id = $3";
        let args = [Arg::Int(7), "a".into(), Arg::Int(1)];
        assert_eq!(
            text_of(text, &args),
            "with shared as materialized (select 1 from token where tenant = $1 and id = $2) \
             select one.*, asked.number from shared cross join unnest($3::int8[]) with ordinality \
             as asked(v3, number) cross join lateral (select r.a from (select 1) as caller \
             left join r on r.tenant = $1 and r.id = asked.v3 offset 0) as one"
        );
        let joint = JointText::of(text, &args).unwrap();
        assert_eq!((joint.once(), joint.each()), (&[1, 2][..], &[3][..]));
    }

    #[test]
    fn a_text_can_have_no_shared_part() {
        let args = [Arg::Int(7), "a".into()];
        assert_eq!(
            text_of("select seq from r where tenant = $1 and key = $2", &args),
            "select one.*, asked.number from unnest($2::text[]) with ordinality as asked(v2, number) \
             cross join lateral (select seq from r where tenant = $1 and key = asked.v2 offset 0) as one"
        );
        let args = [Arg::Int(7), Arg::OptInt(None)];
        assert!(JointText::of("select $1, $2", &args).is_none());
    }
}
