//! The audit trail: acts without changes, paged reading, and retention.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::operator::act::{Act, first_id_at};
use uuid::Uuid;

/// A query of the audit trail, latest rows first.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only acts for the tenant with this name.
    pub tenant: Option<String>,
    /// Only acts for one of these tenants; `None`: all acts.
    pub among: Option<Vec<String>>,
    /// Only acts of actors with this name.
    pub actor: Option<String>,
    /// Only acts whose name begins with this.
    pub action: Option<String>,
    /// Only acts from this time on.
    pub since: Option<Timestamp>,
    /// Only acts before this time.
    pub until: Option<Timestamp>,
    /// Only rows before the one with this id.
    pub before: Option<Uuid>,
    /// Maximum number of rows.
    pub limit: i64,
}

/// A row of the audit trail.
#[derive(Debug, Clone)]
pub struct AuditRow {
    /// The id of the row, which increases with time.
    pub id: Uuid,
    /// Time of the act.
    pub at: Timestamp,
    /// Kind, id and name of the actor.
    pub actor: [String; 3],
    /// Address of the client.
    pub address: Option<String>,
    /// The action.
    pub action: String,
    /// Name of the tenant.
    pub tenant: Option<String>,
    /// The affected object.
    pub target: Option<String>,
    /// Old and new values of settings, as a JSON object.
    pub changes: Option<String>,
    /// Id of the request.
    pub request: Option<String>,
}

impl Store {
    /// Writes the row of an act without changes, such as reading resources.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn record_act(&self, act: &Act<'_>) -> Result<(), StoreError> {
        self.engine.write_retrying(|| act.alone()).await.map(|_| ())
    }

    /// Writes an act that changes nothing, unless there is a row with this key.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn record_act_once(&self, act: &Act<'_>, key: &str) -> Result<(), StoreError> {
        self.engine.write_one(act.once(key)).await.map(|_| ())
    }

    /// A page of the audit trail.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn audit_rows(&self, query: &AuditQuery) -> Result<Vec<AuditRow>, StoreError> {
        let mut sql = Sql::default();
        sql.raw(SELECT);
        if let Some(tenant) = &query.tenant {
            sql.raw(" and tenant = ").arg(tenant.as_str().into());
        }
        if let Some(among) = &query.among {
            sql.raw(" and tenant in (''");
            for tenant in among {
                sql.raw(", ").arg(tenant.as_str().into());
            }
            sql.raw(")");
        }
        if let Some(actor) = &query.actor {
            sql.raw(" and actor_name = ").arg(actor.as_str().into());
        }
        if let Some(action) = &query.action {
            // Names of acts are ASCII: names with a prefix are between the prefix and the prefix followed by the last
            // character.
            sql.raw(" and action >= ").arg(action.as_str().into());
            sql.raw(" and action < ")
                .arg(Arg::Text(format!("{action}\u{7f}")));
        }
        if let Some(since) = query.since {
            sql.raw(" and id >= ").arg(Arg::Uuid(first_id_at(since)));
        }
        if let Some(until) = query.until {
            sql.raw(" and id < ").arg(Arg::Uuid(first_id_at(until)));
        }
        if let Some(before) = query.before {
            sql.raw(" and id < ").arg(Arg::Uuid(before));
        }
        sql.raw(" order by id desc {limit}").int(query.limit);
        let rows = self.engine.read(&sql.statement("audit.list")).await?;
        rows.iter().map(read_row).collect()
    }

    /// Deletes a slice of the rows before a time; returns their number.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn forget_acts(&self, before: Timestamp) -> Result<usize, StoreError> {
        let statement =
            Statement::named("audit.forget", FORGET, vec![Arg::Uuid(first_id_at(before))]);
        Ok(self.engine.write_one(statement).await?.len())
    }
}

fn read_row(row: &Row) -> Result<AuditRow, StoreError> {
    let opt = |column: usize| Ok::<_, StoreError>(row.opt_text(column)?.map(str::to_owned));
    Ok(AuditRow {
        id: row.uuid(0)?,
        at: Timestamp::from_micros(row.int(1)?),
        actor: [
            row.text(2)?.to_owned(),
            row.text(3)?.to_owned(),
            row.text(4)?.to_owned(),
        ],
        address: opt(5)?,
        action: row.text(6)?.to_owned(),
        tenant: opt(7)?,
        target: opt(8)?,
        changes: opt(9)?,
        request: opt(10)?,
    })
}

const SELECT: &str = "select id, at, actor_kind, actor_id, actor_name, address, action, tenant, target, changes, request \
     from audit where id is not null";
const FORGET: &str = "delete from audit where id in (select id from audit where id < $1 order by id limit 1000) returning id";
