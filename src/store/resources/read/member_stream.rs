//! The members of a large group, one by one, as they are at one moment.

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

/// Members on their way, in the order of their keys. They hold a connection until the last of them
/// was taken or this is dropped.
#[derive(Debug)]
pub struct MemberStream {
    scope: Scope,
    first: Option<Row>,
    rows: mpsc::Receiver<Result<Row, StoreError>>,
}

impl Store {
    /// Calls the members of a group; `None` if it is no longer as it was found.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn roll(
        &self,
        scope: &ConfirmedScope,
        group: &StoredResource,
    ) -> Result<Option<MemberStream>, StoreError> {
        let args = vec![
            Arg::Int(scope.tenant),
            Arg::Int(group.seq),
            Arg::Int(group.meta.version),
        ];
        let mut rows = self
            .engine
            .rows_for_client(Statement::named("member.stream", ROLL, args));
        let first = rows.recv().await.transpose()?;
        Ok(first.map(|first| MemberStream {
            scope: Scope::clone(scope),
            first: Some(first),
            rows,
        }))
    }
}

impl MemberStream {
    /// The next member; `None` after the last.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn next(&mut self) -> Result<Option<Related>, StoreError> {
        loop {
            let row = match self.first.take() {
                Some(row) => Some(row),
                None => self.rows.recv().await.transpose()?,
            };
            let Some(row) = row else { return Ok(None) };
            if let Some(of_type) = self.scope.layout.by_type_id(type_id_of(row.int(0)?)) {
                return Ok(Some(Related {
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

const ROLL: &str = "select m.member_seq, o.id, o.display from resource g cross join member m cross join resource o \
     where g.tenant = $1 and g.seq = $2 and g.version = $3 and m.tenant = $1 and m.group_seq = g.seq \
     and o.tenant = $1 and o.seq = m.member_seq order by m.member_seq";
