//! The changes of one resource, latest first.

use crate::clock::Timestamp;
use crate::store::db::args::{Arg, Column};
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::logged_request::TenantKey;
use crate::store::resources::seq::{milliseconds, moment_of};
use uuid::Uuid;

/// Maximum number of members that are read for one change.
const MEMBERS: i64 = 1000;
/// Maximum difference between the time in an id and the creation of the resource, in milliseconds.
const AROUND: i64 = 60_000;

/// A change of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceChange {
    /// Time of the change.
    pub at: Timestamp,
    /// Version of the resource after it.
    pub version: i64,
    /// The action: `create`, `modify` or `delete`.
    pub action: String,
    /// Names of the attributes that changed.
    pub attributes: Vec<String>,
    /// Ids of members that joined; at most a thousand members in total are returned.
    pub added: Vec<Uuid>,
    /// Ids of members that left.
    pub removed: Vec<Uuid>,
    /// Public id of the token; `None` for the operator.
    pub token: Option<String>,
    /// Name of the token, if it still exists.
    pub token_name: Option<String>,
    /// Id of the request, if known.
    pub request: Option<String>,
    number: i64,
}

impl Store {
    /// Changes of the resource with that id and versions before the given one, latest first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn history(
        &self,
        tenant: TenantKey,
        id: Uuid,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<ResourceChange>, StoreError> {
        let Some(seq) = self.seq_of(tenant, id).await? else {
            return Ok(Vec::new());
        };
        let args = [tenant.0, seq, before.unwrap_or(i64::MAX), limit];
        let args = args.into_iter().map(Arg::Int).collect();
        let statement = Statement::named("change.history", CHANGES, args);
        let rows = self.engine.read(&statement).await?;
        let mut changes: Vec<_> = rows.iter().map(read).collect::<Result<_, _>>()?;
        self.add_members(tenant, &mut changes).await?;
        Ok(changes)
    }

    /// The key of an existing or deleted resource: its id contains the approximate creation time.
    async fn seq_of(&self, tenant: TenantKey, id: Uuid) -> Result<Option<i64>, StoreError> {
        let args = vec![Arg::Int(tenant.0), Arg::Uuid(id)];
        let live = Statement::named("change.live", LIVE, args);
        if let Some(row) = self.engine.read(&live).await?.first() {
            return row.int(0).map(Some);
        }
        let Some(made) = id.get_timestamp() else {
            return Ok(None);
        };
        let (seconds, nanos) = made.to_unix();
        let millis =
            i64::try_from(seconds).unwrap_or(0).saturating_mul(1000) + i64::from(nanos / 1_000_000);
        let at = moment_of(Timestamp::from_micros(millis.saturating_mul(1000)));
        let around = milliseconds(AROUND);
        let args = vec![
            Arg::Int(tenant.0),
            Arg::Uuid(id),
            Arg::Int(at - around),
            Arg::Int(at + around),
        ];
        let gone = Statement::named("change.gone", GONE, args);
        let rows = self.engine.read(&gone).await?;
        rows.first().map(|row| row.int(0)).transpose()
    }

    async fn add_members(
        &self,
        tenant: TenantKey,
        changes: &mut [ResourceChange],
    ) -> Result<(), StoreError> {
        let numbers = changes.iter().map(|change| change.number).collect();
        let statement = Statement::named(
            "change.history_members",
            MOVED,
            vec![Arg::Int(tenant.0), Arg::Int(MEMBERS)],
        );
        let statement = statement.with_rows(vec![("change", Column::Ints(numbers))]);
        for row in self.engine.read(&statement).await? {
            let (number, id) = (row.int(0)?, row.uuid(1)?);
            if let Some(change) = changes.iter_mut().find(|change| change.number == number) {
                let moved = if row.bool(2)? {
                    &mut change.added
                } else {
                    &mut change.removed
                };
                moved.push(id);
            }
        }
        Ok(())
    }
}

fn read(row: &Row) -> Result<ResourceChange, StoreError> {
    let text = |column| Ok::<_, StoreError>(row.opt_text(column)?.map(str::to_owned));
    let attributes = row.text(3)?.split(',').filter(|name| !name.is_empty());
    Ok(ResourceChange {
        number: row.int(0)?,
        version: row.int(1)?,
        action: row.text(2)?.to_owned(),
        attributes: attributes.map(str::to_owned).collect(),
        at: Timestamp::from_micros(row.int(4)?),
        token: text(5)?,
        token_name: text(6)?,
        request: text(7)?,
        added: Vec::new(),
        removed: Vec::new(),
    })
}

const LIVE: &str = "select seq from resource where tenant + 0 = $1 and id = $2";
const GONE: &str =
    "select seq from change where tenant = $1 and id = $2 and change >= $3 and change < $4 limit 1";
const CHANGES: &str = "select c.change, c.version, c.action, c.attributes, c.at, c.token, t.name, c.request \
     from change c left join token t on t.id = c.token where c.tenant = $1 and c.seq = $2 and c.version < $3 \
     order by c.version desc {limit}$4";
const MOVED: &str = "select change, id, added from (select m.change, m.id, m.added, \
       row_number() over (partition by m.change order by m.id) as place \
     from change_member m where m.tenant = $1 and m.change in (select change from {rows})) as moved where place <= $2";
