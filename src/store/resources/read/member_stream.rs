//! A stream of the members of a large group, from one snapshot.

use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::resources::proof::ConfirmedScope;
use crate::store::resources::read::stored::{Related, StoredResource};
use crate::store::resources::scope::Scope;
use crate::store::resources::seq::type_id_of;
use tokio::sync::mpsc;

/// A stream of members in the order of their keys. It holds a connection until the last member was read or it is
/// dropped.
#[derive(Debug)]
pub(crate) struct MemberStream {
    scope: Scope,
    rows: mpsc::Receiver<Result<Row, StoreError>>,
}

impl Store {
    /// The members of a group after those that were read with it (at least one); `None` if the group has changed.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn stream(
        &self,
        scope: &ConfirmedScope,
        group: &StoredResource,
    ) -> Result<Option<MemberStream>, StoreError> {
        let args = vec![
            Arg::Int(scope.tenant),
            Arg::Int(group.seq),
            Arg::Int(group.meta.version),
            Arg::Int(group.last_member().unwrap_or(i64::MIN)),
        ];
        let mut rows =
            self.engine
                .rows_for_client(Statement::named("member.stream", MEMBERS, args));
        let is_as_found = rows.recv().await.transpose()?.is_some();
        Ok(is_as_found.then(|| MemberStream {
            scope: Scope::clone(scope),
            rows,
        }))
    }
}

impl MemberStream {
    /// The next member; `None` after the last.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn next(&mut self) -> Result<Option<Related>, StoreError> {
        loop {
            let Some(row) = self.rows.recv().await.transpose()? else {
                return Ok(None);
            };
            let seq = row.int(0)?;
            if let Some(of_type) = self.scope.layout.by_type_id(type_id_of(seq)) {
                return Ok(Some(Related {
                    seq,
                    id: row.uuid(1)?,
                    display: row.opt_text(2)?.map(str::to_owned),
                    resource_type: of_type.resource_type.clone(),
                    is_member: true,
                    is_direct: true,
                }));
            }
        }
    }
}

/// Starts with the last member that was read with the group: it exists as long as the version is unchanged.
const MEMBERS: &str = "select m.member_seq, o.id, o.display from resource g cross join member m \
     cross join {each:resource o} o.tenant = $1 and o.seq = m.member_seq{end_each:o} \
     where g.tenant = $1 and g.seq = $2 and g.version = $3 and m.tenant = $1 and m.group_seq = $2 and m.member_seq >= $4 \
     order by m.member_seq";
