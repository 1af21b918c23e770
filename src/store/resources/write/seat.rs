//! Taking and freeing seats of a tenant.

use crate::store::db::args::Arg;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Step;
use crate::store::resources::proof::ScopeClaim;
use crate::store::resources::read::stored::StoredResource;
use crate::store::resources::write::context::WriteContext;
use crate::store::resources::write::steps::proving;

/// Takes a seat, if the caller is confirmed.
pub(super) fn take_seat(claim: &ScopeClaim, writing: &WriteContext<'_>) -> Step {
    let mut sql = Sql::bound(vec![
        ("tenant", writing.tenant()),
        ("schema_revision", writing.schema_revision()),
    ]);
    sql.raw(
        "update tenant set used = used + 1 where tenant = {:tenant} and used < seats \
         and schema_revision = {:schema_revision}",
    );
    proving(&mut sql, claim);
    sql.raw(" returning tenant");
    sql.step().returning(&["tenant"])
}

/// Takes a seat for a resource that is unchanged since the read.
pub(super) fn take_seat_for(writing: &WriteContext<'_>, found: &StoredResource) -> Step {
    let args = vec![
        writing.tenant(),
        Arg::Int(found.seq),
        Arg::Int(found.revision),
        writing.version(found),
        writing.schema_revision(),
    ];
    Step::new(TAKE_SEAT_FOR, args).returning(&["tenant"])
}

/// Frees the seat of the resource in `{written}`.
pub(super) fn free_seat(writing: &WriteContext<'_>) -> Step {
    Step::new(FREE_SEAT, vec![writing.tenant()])
}

const TAKE_SEAT_FOR: &str = "update tenant set used = used + 1 where tenant = $1 and used < seats \
     and exists (select 1 from resource where tenant = $1 and seq = $2 and revision = $3 and scanned_revision = revision \
       and ($4 = 0 or version = $4)) \
     and schema_revision = $5 returning tenant";
const FREE_SEAT: &str = "update tenant set used = used - 1 where tenant = $1 and seats is not null and exists (select 1 from {written})";
