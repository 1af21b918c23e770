//! Reads the feed: positions, and the changes at them.

use crate::clock::Timestamp;
use crate::resource::{Meta, StoredDocument};
use crate::schema::ResourceType;
use crate::store::changes::append::ChangeAction;
use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::resources::read::stored::StoredResource;
use crate::store::resources::seq::moment_of;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// A position with its change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedKey {
    /// The position; the first one is 1.
    pub(crate) position: i64,
    /// Database id of the tenant; 0 for events about tenants for all readers.
    pub(crate) tenant: i64,
    /// Number of the change.
    pub(crate) change: i64,
}

/// The ends of the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FeedEnds {
    /// The oldest available position.
    pub(crate) oldest: i64,
    /// The newest position, with its change.
    pub(crate) newest: FeedKey,
}

/// A change with its position.
#[derive(Debug, Clone)]
pub(crate) struct FeedRow {
    /// The position, with its change.
    pub(crate) key: FeedKey,
    /// Name of the tenant; `None` for events about tenants for all readers.
    pub(crate) tenant: Option<String>,
    /// The current revision of the tenant.
    pub(crate) revision: Option<i64>,
    /// Name of the resource type; `None` for a change of the tenant.
    pub(crate) resource_type: Option<String>,
    /// Id of the resource.
    pub(crate) id: Uuid,
    /// Version of the resource after the change.
    pub(crate) version: i64,
    /// The action.
    pub(crate) action: ChangeAction,
    /// Names of the attributes that were written, separated by commas.
    pub(crate) attributes: String,
    /// Name of the token; `None` for the operator.
    pub(crate) token: Option<String>,
    /// Time of the change.
    pub(crate) at: Timestamp,
    /// The new state, or the last one for a deletion; `None` if unknown.
    pub(crate) document: Option<String>,
    /// The previous values of changed attributes: a JSON object.
    pub(crate) was: Option<String>,
    /// When the resource was created.
    pub(crate) created: Option<Timestamp>,
    /// Id of the request.
    pub(crate) request: Option<String>,
    /// Number of members that joined or left.
    pub(crate) members: i64,
    /// Whether the state is the current one, because none was stored with the change.
    pub(crate) is_reconstructed: bool,
}

/// A member that joined or left with a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangedMember {
    /// Id of the member.
    pub(crate) id: Uuid,
    /// Name of its resource type; `None` in rows of earlier versions.
    pub(crate) resource_type: Option<String>,
    /// Whether the member joined.
    pub(crate) added: bool,
}

impl FeedRow {
    /// The resource after the change, without memberships; `None` if its state is unknown.
    pub(crate) fn resource(&self, resource_type: &Arc<ResourceType>) -> Option<StoredResource> {
        Some(StoredResource {
            seq: 0,
            id: self.id,
            meta: Meta {
                version: self.version,
                created: self.created.unwrap_or(self.at),
                modified: self.at,
            },
            revision: 0,
            document: StoredDocument::from_stored(self.document.clone()?),
            relations: Vec::new(),
            resource_type: resource_type.clone(),
        })
    }
}

impl Store {
    /// The positions after the given one, in order: those of one tenant, or of all.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn feed_keys(
        &self,
        after: i64,
        tenant: Option<i64>,
        limit: i64,
    ) -> Result<Vec<FeedKey>, StoreError> {
        let statement = match tenant {
            Some(tenant) => Statement::named(
                "feed.keys_of_tenant",
                KEYS_OF_TENANT,
                vec![Arg::Int(tenant), Arg::Int(after), Arg::Int(limit)],
            ),
            None => Statement::named(
                "feed.keys",
                KEYS,
                vec![Arg::OptInt(Some(after)), Arg::Int(limit)],
            ),
        };
        self.engine
            .read(&statement)
            .await?
            .iter()
            .map(read_key)
            .collect()
    }

    /// The first position in `after + 1 ..= upto` of a change of another tenant than `tenants`; `None` if there is none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn feed_key_of_others(
        &self,
        after: i64,
        upto: i64,
        tenants: &[i64],
    ) -> Result<Option<FeedKey>, StoreError> {
        let args = vec![Arg::OptInt(Some(after)), Arg::Int(upto), Arg::Int(1)];
        let tenants = vec![("tenant", Column::Ints(tenants.to_vec()))];
        let statement =
            Statement::named("feed.key_of_others", KEY_OF_OTHERS, args).with_rows(tenants);
        let rows = self.engine.read(&statement).await?;
        rows.first().map(read_key).transpose()
    }

    /// The approximate position of the first change at a time or later; `None` if there is none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn feed_position_of(
        &self,
        moment: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let args = vec![Arg::OptInt(Some(moment_of(moment)))];
        self.one_position("feed.position_of", SINCE, args).await
    }

    /// The position with that number of later positions, of a tenant or of all; `None` if there is none.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn feed_position_before_last(
        &self,
        tenant: Option<i64>,
        count: i64,
    ) -> Result<Option<i64>, StoreError> {
        let count = Arg::OptInt(Some(count));
        match tenant {
            Some(tenant) => {
                let args = vec![Arg::Int(tenant), count];
                self.one_position("feed.last_of_tenant", LAST_OF_TENANT, args)
                    .await
            }
            None => self.one_position("feed.last", LAST, vec![count]).await,
        }
    }

    async fn one_position(
        &self,
        name: &'static str,
        text: &'static str,
        args: Vec<Arg>,
    ) -> Result<Option<i64>, StoreError> {
        let rows = self
            .engine
            .read(&Statement::named(name, text, args))
            .await?;
        rows.first().map_or(Ok(None), |row| row.opt_int(0))
    }

    /// The change at a position.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn feed_key(&self, position: i64) -> Result<Option<FeedKey>, StoreError> {
        let args = vec![Arg::OptInt(Some(position))];
        let rows = self
            .engine
            .read(&Statement::named("feed.key", KEY, args))
            .await?;
        rows.first().map(read_key).transpose()
    }

    /// The position of a change of a tenant.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn feed_key_of(
        &self,
        tenant: i64,
        change: i64,
    ) -> Result<Option<FeedKey>, StoreError> {
        let args = vec![Arg::Int(tenant), Arg::Int(change)];
        let rows = self
            .engine
            .read(&Statement::named("feed.key_of", KEY_OF, args))
            .await?;
        rows.first().map(read_key).transpose()
    }

    /// The ends of the feed; `None` if there was never a position.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn feed_ends(&self) -> Result<Option<FeedEnds>, StoreError> {
        let rows = self
            .engine
            .read(&Statement::named("feed.ends", ENDS, vec![]))
            .await?;
        let read = |row: &Row| {
            Ok(FeedEnds {
                oldest: row.int(3)?,
                newest: read_key(row)?,
            })
        };
        rows.first().map(read).transpose()
    }

    /// The changes at positions, in order, until their states exceed a number of bytes; at least the first. Changes of
    /// a deleted tenant are missing.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn feed_rows(
        &self,
        keys: &[FeedKey],
        bytes: i64,
    ) -> Result<Vec<FeedRow>, StoreError> {
        let args = vec![Arg::OptInt(Some(bytes))];
        let statement = Statement::named("feed.rows", ROWS, args).with_rows(table(keys));
        let rows = self.engine.read(&statement).await?;
        rows.iter().map(read_row).collect()
    }

    /// The members of a change of a group, in the order of their ids, from one of them on.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn changed_members(
        &self,
        key: FeedKey,
        from: i64,
        limit: i64,
    ) -> Result<Vec<ChangedMember>, StoreError> {
        let args = [key.tenant, key.change, limit, from].map(Arg::Int);
        let statement = Statement::named("feed.members", MEMBERS, args.to_vec());
        let rows = self.engine.read(&statement).await?;
        rows.iter().map(|row| read_member(row, 0)).collect()
    }

    /// The members of several changes, by position.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn members_of_changes(
        &self,
        keys: &[FeedKey],
    ) -> Result<HashMap<i64, Vec<ChangedMember>>, StoreError> {
        let mut found: HashMap<i64, Vec<ChangedMember>> = HashMap::new();
        if keys.is_empty() {
            return Ok(found);
        }
        let statement = Statement::named("feed.members_of", MEMBERS_OF, vec![]);
        for row in self.engine.read(&statement.with_rows(table(keys))).await? {
            let member = read_member(&row, 1)?;
            found.entry(row.int(0)?).or_default().push(member);
        }
        Ok(found)
    }
}

fn table(keys: &[FeedKey]) -> Table {
    let column = |of: fn(&FeedKey) -> i64| Column::Ints(keys.iter().map(of).collect());
    vec![
        ("position", column(|key| key.position)),
        ("tenant", column(|key| key.tenant)),
        ("change", column(|key| key.change)),
    ]
}

fn read_key(row: &Row) -> Result<FeedKey, StoreError> {
    Ok(FeedKey {
        position: row.int(0)?,
        tenant: row.int(1)?,
        change: row.int(2)?,
    })
}

fn read_row(row: &Row) -> Result<FeedRow, StoreError> {
    let text = |column| Ok::<_, StoreError>(row.opt_text(column)?.map(str::to_owned));
    Ok(FeedRow {
        key: read_key(row)?,
        tenant: text(3)?,
        resource_type: text(4)?,
        id: row.uuid(5)?,
        version: row.int(6)?,
        action: ChangeAction::from_str(row.text(7)?),
        attributes: row.text(8)?.to_owned(),
        token: text(9)?,
        at: Timestamp::from_micros(row.int(10)?),
        document: text(11)?,
        was: text(12)?,
        created: row.opt_int(13)?.map(Timestamp::from_micros),
        request: text(14)?,
        members: row.int(15)?,
        is_reconstructed: row.bool(16)?,
        revision: row.opt_int(17)?,
    })
}

fn read_member(row: &Row, first: usize) -> Result<ChangedMember, StoreError> {
    Ok(ChangedMember {
        id: row.uuid(first)?,
        resource_type: row.opt_text(first + 1)?.map(str::to_owned),
        added: row.bool(first + 2)?,
    })
}

const KEYS: &str =
    "select position, tenant, change from feed where position > $1 order by position {limit}$2";
const KEYS_OF_TENANT: &str = "select position, tenant, change from feed where tenant = $1 and position > $2 \
     order by position {limit}$3";
const KEY_OF_OTHERS: &str = "select position, tenant, change from feed where position > $1 and position <= $2 \
     and tenant not in (select tenant from {rows}) order by position {limit}$3";
/// Positions follow the time of changes closely, but not exactly.
const SINCE: &str = "select min(position) from (select position from feed where change >= $1 order by change limit 100) as first";
const LAST: &str = "select min(position) from (select position from feed order by position desc {limit}$1) as last";
const LAST_OF_TENANT: &str = "select min(position) from (select position from feed where tenant = $1 \
     order by position desc {limit}$2) as last";
const KEY: &str = "select position, tenant, change from feed where position = $1";
const KEY_OF: &str = "select position, tenant, change from feed where tenant = $1 and change = $2";
/// Each end is one index lookup.
const ENDS: &str = "select position, tenant, change, (select min(position) from feed) from feed order by position desc limit 1";
/// The current state replaces one that was not stored. The sum covers the preceding rows, so that the first row is
/// always included.
const ROWS: &str = "select position, tenant, change, name, kind, id, version, action, attributes, token_name, at, document, was, \
       created, request, members, is_reconstructed, revision \
     from (select sized.*, sum(octet_length(coalesce(document, '')) + octet_length(coalesce(was, ''))) \
         over (order by position rows between unbounded preceding and 1 preceding) as preceding \
       from (select given.position, c.tenant, c.change, \
         (select t.name from tenant t where t.tenant = c.tenant) as name, \
         (select t.revision from tenant t where t.tenant = c.tenant) as revision, \
         (select k.name from kind k where k.kind = c.seq >> 56) as kind, c.id, c.version, c.action, c.attributes, \
         case when c.token is not null then coalesce((select k.name from token k where k.id = c.token), c.token) end as token_name, \
         c.at, \
         coalesce(c.document, (select r.document from resource r where r.tenant = c.tenant and r.seq = c.seq)) as document, \
         c.was, coalesce(c.created, (select r.created from resource r where r.tenant = c.tenant and r.seq = c.seq)) as created, \
         c.request, c.members, c.document is null as is_reconstructed \
         from {rows} cross join {each:change c} c.tenant = given.tenant and c.change = given.change{end_each:c}) as sized) as measured \
     where preceding is null or preceding < $1 order by position";
const MEMBERS: &str = "select m.id, (select k.name from kind k where k.kind = m.kind), m.added from change_member m \
     where m.tenant = $1 and m.change = $2 order by m.id {limit}$3 offset $4";
const MEMBERS_OF: &str = "select given.position, m.id, (select k.name from kind k where k.kind = m.kind), m.added \
     from {rows} cross join {each:change_member m} m.tenant = given.tenant and m.change = given.change{end_each:m} \
     order by given.position, m.id";
