//! Rotation and revocation of tokens of tenants and of operators.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::statement::Step;
use crate::store::operator::act::Act;

/// Sets the successor of a valid token without one, and its expiry to a time, unless it expires earlier. Returns a
/// column of the token.
pub(super) fn replaced(
    table: &'static str,
    act: &Act<'_>,
    id: &str,
    successor: &str,
    end: Timestamp,
    returned: &'static [&'static str],
) -> Step {
    let args = vec![
        id.into(),
        successor.into(),
        Arg::Int(act.at.as_micros()),
        Arg::Int(end.as_micros()),
    ];
    let columns = returned.join(", ");
    let text = format!(
        "update {table} set successor = $2, expires = case when expires < $4 then expires else $4 end \
         where id = $1 and successor is null and revoked is null and (expires is null or expires > $3) \
         returning {columns}"
    );
    Step::new(text, args).returning(returned)
}

/// Revokes a token that is not revoked. Returns its id.
pub(super) fn revoked(table: &'static str, act: &Act<'_>, id: &str) -> Step {
    let args = vec![id.into(), Arg::Int(act.at.as_micros())];
    let text =
        format!("update {table} set revoked = $2 where id = $1 and revoked is null returning id");
    Step::new(text, args).returning(&["id"])
}
