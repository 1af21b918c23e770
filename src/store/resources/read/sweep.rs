//! Reads all resources of a type, or all memberships, of a tenant in the order of their keys.

use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::read::stored::{StoredResource, found};
use crate::store::resources::scope::Scope;
use crate::store::resources::seq::keys_of_type;
use uuid::Uuid;

/// A membership with its keys.
#[derive(Debug, Clone)]
pub(crate) struct SweptMember {
    /// Key of the group and of the member.
    pub(crate) keys: (i64, i64),
    /// Id of the group.
    pub(crate) group: Uuid,
    /// Id of the member.
    pub(crate) member: Uuid,
    /// Name of the member's resource type.
    pub(crate) resource_type: Option<String>,
}

impl Store {
    /// Resources of a type after a key, in order, up to a limit, each with its key. Memberships are not read.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn sweep_resources(
        &self,
        scope: &Scope,
        of_type: &TypeIds,
        after: i64,
        limit: i64,
    ) -> Result<Vec<(i64, StoredResource)>, StoreError> {
        let keys = keys_of_type(of_type.type_id);
        let args = [scope.tenant, after.max(keys.start - 1), keys.end, limit].map(Arg::Int);
        let statement = Statement::named("sweep.resources", RESOURCES, args.to_vec());
        let mut swept = Vec::new();
        for row in self.engine.read(&statement).await? {
            if let Some(resource) = found(scope, &row, 0)? {
                swept.push((row.int(0)?, resource));
            }
        }
        Ok(swept)
    }

    /// Memberships after the keys of a group and a member, in order, up to a limit.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn sweep_members(
        &self,
        tenant: i64,
        (group, member): (i64, i64),
        limit: i64,
    ) -> Result<Vec<SweptMember>, StoreError> {
        let args = [tenant, group, member, limit].map(Arg::Int);
        let statement = Statement::named("sweep.members", MEMBERS, args.to_vec());
        let rows = self.engine.read(&statement).await?;
        let read = |row: &crate::store::db::row::Row| {
            Ok(SweptMember {
                keys: (row.int(0)?, row.int(1)?),
                group: row.uuid(2)?,
                member: row.uuid(3)?,
                resource_type: row.opt_text(4)?.map(str::to_owned),
            })
        };
        rows.iter().map(read).collect()
    }

    /// The database id of the first tenant after an id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn tenant_after(&self, number: i64) -> Result<Option<i64>, StoreError> {
        let args = vec![Arg::Int(number)];
        let statement = Statement::named("sweep.tenant", TENANT, args);
        let rows = self.engine.read(&statement).await?;
        rows.first().map(|row| row.int(0)).transpose()
    }
}

const RESOURCES: &str = "select seq, id, document, version, revision, created, modified from resource \
     where tenant = $1 and seq > $2 and seq < $3 order by seq {limit}$4";
const MEMBERS: &str = "select m.group_seq, m.member_seq, \
     (select g.id from resource g where g.tenant = m.tenant and g.seq = m.group_seq), \
     (select r.id from resource r where r.tenant = m.tenant and r.seq = m.member_seq), \
     (select k.name from kind k where k.kind = m.member_seq >> 56) from member m \
     where m.tenant = $1 and (m.group_seq, m.member_seq) > ($2, $3) order by m.group_seq, m.member_seq {limit}$4";
const TENANT: &str = "select tenant from tenant where tenant > $1 order by tenant limit 1";
