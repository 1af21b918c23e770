//! The condition of a resource with an id.

use crate::store::db::args::Arg;
use crate::store::db::sql::Sql;
use crate::store::resources::seq::keys_of_type;
use uuid::Uuid;

/// Appends the condition of a resource with this id, of one of the types, to that of the tenant, which has `+ 0` too.
/// That keeps PostgreSQL from using the index of keys instead of that of ids: while it expects few resources it would
/// read all of the type or the tenant, and keep the plan.
pub(in crate::store) fn by_id(sql: &mut Sql, id: Uuid, types: &[i64]) {
    sql.raw("id = ").arg(Arg::Uuid(id));
    for (i, type_id) in types.iter().enumerate() {
        let keys = keys_of_type(*type_id);
        sql.raw(if i == 0 { " and (" } else { " or " });
        sql.raw("seq + 0 >= ").int(keys.start);
        sql.raw(" and seq + 0 < ").int(keys.end);
    }
    sql.raw(if types.is_empty() { " and 1 = 0" } else { ")" });
}
