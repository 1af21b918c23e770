//! Additional operations of the store for export, import and backup: reading many resources, digests of passwords,
//! paged members, the copy of a database.

use crate::clock::Timestamp;
use crate::resource::Attributes;
use crate::resource::entries::entries;
use crate::schema::ResourceType;
use crate::store::changes::last_deletions;
use crate::store::db::args::{Arg, Column};
use crate::store::db::error::StoreError;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::index_key::split;
use crate::store::resources::proof::ConfirmedScope;
use crate::store::resources::read::query::resources;
use crate::store::resources::read::stored::{Documents, Relations, StoredResource};
use crate::store::resources::scope::Scope;
use crate::store::resources::seq::{TYPE_SHIFT, keys_of_type, type_id_of};
use crate::store::resources::write::context::ReservedSeq;
use crate::store::resources::write::member_delta::MemberKey;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// A member of a group, for an export.
#[derive(Debug, Clone)]
pub(crate) struct MemberRow {
    /// Key of the member, by which members are paged.
    pub(crate) key: MemberKey,
    /// Id of the member.
    pub(crate) id: Uuid,
    /// Type of the member.
    pub(crate) resource_type: Arc<ResourceType>,
}

/// The time of an export: resources created later are not included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until(i64);

impl Until {
    /// Whether a resource existed at that time.
    pub(crate) fn includes(self, found: &StoredResource) -> bool {
        found.seq - (type_id_of(found.seq) << TYPE_SHIFT) < self.0
    }

    fn includes_key(self, key: MemberKey) -> bool {
        key.0 - (type_id_of(key.0) << TYPE_SHIFT) < self.0
    }
}

impl Store {
    /// The current time, for an export.
    pub(crate) fn until(&self, now: Timestamp) -> Until {
        Until(self.sequence.for_change(now))
    }

    /// Reserves a key in the order of creation; later reservations return greater keys.
    pub(crate) fn place(&self, of_type: &TypeIds, now: Timestamp) -> ReservedSeq {
        ReservedSeq(self.sequence.for_type(of_type.type_id, now))
    }

    /// The resources of any type with these ids, without memberships.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn find_many(
        &self,
        scope: &ConfirmedScope,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, StoredResource>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut sql = Sql::default();
        sql.raw(
            "with recursive found(seq, place) as (select seq, 1 from resource where tenant + 0 = ",
        )
        .int(scope.tenant);
        sql.raw(" and id in (");
        for (i, id) in ids.iter().enumerate() {
            sql.raw(if i > 0 { ", " } else { "" }).arg(Arg::Uuid(*id));
        }
        sql.raw("))");
        let relations = Relations::default();
        resources(&mut sql, scope, relations, Documents::All, true);
        let (_, page) = self
            .page("resource.find_many", scope, relations, sql)
            .await?;
        Ok(page
            .found
            .into_iter()
            .map(|found| (found.id, found))
            .collect())
    }

    /// The versions at which resources with these ids were deleted: a resource that is created again continues from
    /// there.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn last_versions(
        &self,
        scope: &Scope,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, i64>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let statement = last_deletions(scope.tenant, ids);
        let rows = self.engine.read(&statement).await?;
        let mut last = HashMap::new();
        for row in rows {
            if let Some(version) = row.opt_int(1)? {
                last.insert(row.uuid(0)?, version);
            }
        }
        Ok(last)
    }

    /// The password digests of resources that have one.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn password_digests(
        &self,
        scope: &Scope,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, String>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let statement = Statement::named(
            "resource.password_digests",
            DIGESTS,
            vec![Arg::Int(scope.tenant)],
        );
        let rows = self
            .engine
            .read(&statement.with_rows(vec![("id", Column::Uuids(ids.to_vec()))]))
            .await?;
        rows.iter()
            .map(|row| Ok((row.uuid(0)?, row.text(1)?.to_owned())))
            .collect()
    }

    /// A page of the members of a group, all or those of a type, in the order of their keys, after one of them.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn members_page(
        &self,
        scope: &Scope,
        group: &StoredResource,
        of_type: Option<&ResourceType>,
        after: Option<MemberKey>,
        take: usize,
    ) -> Result<Vec<MemberRow>, StoreError> {
        let keys = of_type
            .and_then(|kind| scope.layout.of_type(kind))
            .map_or(0..i64::MAX, |kind| keys_of_type(kind.type_id));
        let after = after.map_or(keys.start - 1, |MemberKey(seq)| seq);
        let args = [
            scope.tenant,
            group.seq,
            after,
            keys.end,
            i64::try_from(take).unwrap_or(1),
        ];
        let rows = self
            .engine
            .read(&Statement::named(
                "member.page",
                MEMBERS,
                args.map(Arg::Int).to_vec(),
            ))
            .await?;
        let mut members = Vec::with_capacity(rows.len());
        for row in rows {
            let key = MemberKey(row.int(0)?);
            let Some(of_type) = scope.layout.by_type_id(type_id_of(key.0)) else {
                continue;
            };
            members.push(MemberRow {
                key,
                id: row.uuid(1)?,
                resource_type: of_type.resource_type.clone(),
            });
        }
        Ok(members)
    }

    /// The resource that already has a unique value of these attributes, if any.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn holder(
        &self,
        scope: &Scope,
        of_type: &TypeIds,
        attributes: &Attributes,
    ) -> Result<Option<Uuid>, StoreError> {
        for entry in entries(&of_type.resource_type, attributes) {
            let is_unique = of_type
                .resource_type
                .leaves()
                .get(entry.leaf)
                .is_some_and(|path| path.end().is_unique());
            let Some(attribute) = of_type
                .attributes
                .get(entry.leaf)
                .copied()
                .flatten()
                .filter(|_| is_unique)
            else {
                continue;
            };
            let (head, _) = split(&entry.key);
            let args = vec![Arg::Int(scope.tenant), Arg::Int(attribute), head.into()];
            if let Some(row) = self
                .engine
                .read(&Statement::named("resource.holder", HOLDER, args))
                .await?
                .first()
            {
                return Ok(Some(row.uuid(0)?));
            }
        }
        Ok(None)
    }

    /// Copies a snapshot of the embedded database into an existing empty file; `false` for PostgreSQL, which has its
    /// own tools.
    ///
    /// # Errors
    /// If the copy cannot be written.
    pub(crate) async fn copy_into(&self, file: &str) -> Result<bool, StoreError> {
        self.engine.copy_into(file).await
    }
}

impl MemberRow {
    /// Whether it existed at that time.
    pub(crate) fn is_within(&self, until: Until) -> bool {
        until.includes_key(self.key)
    }
}

const DIGESTS: &str = "select id, password from resource where tenant = $1 and password is not null \
     and id in (select id from {rows})";
const MEMBERS: &str = "select m.member_seq, r.id from member m join resource r on r.tenant = m.tenant and r.seq = m.member_seq \
     where m.tenant = $1 and m.group_seq = $2 and m.member_seq > $3 and m.member_seq < $4 order by m.member_seq {limit}$5";
const HOLDER: &str = "select r.id from attribute_value v join resource r on r.tenant = v.tenant and r.seq = v.seq \
     where v.tenant = $1 and v.attribute = $2 and v.key = $3 and v.is_unique";
