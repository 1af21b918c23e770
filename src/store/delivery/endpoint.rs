//! Endpoints and their settings.

use crate::clock::Timestamp;
use crate::keyword::keywords;
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::{Statement, Step};
use crate::store::delivery::signing_key::{SigningKey, first_keys};
use crate::store::handle::Store;
use crate::store::operator::act::Act;

keywords! {
    /// What is sent to an endpoint.
    EndpointKind {
        /// Events as webhooks.
        Webhook = "webhook",
        /// Security event tokens, pushed or polled.
        Stream = "stream",
    }
}

keywords! {
    /// Whether events are sent to an endpoint.
    EndpointStatus {
        /// Events are sent.
        Active = "active",
        /// An operator paused it.
        Paused = "paused",
        /// The receiver does not accept events at present; it is retried periodically.
        Failing = "failing",
        /// The receiver no longer exists, or failed for too long.
        Disabled = "disabled",
        /// The next event was deleted by the retention.
        Behind = "behind",
    }
}

/// An endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Database id.
    pub(crate) number: i64,
    /// The kind of endpoint.
    pub(crate) kind: EndpointKind,
    /// Name that the operator gave it.
    pub(crate) name: String,
    /// Database id and name of its tenant; `None`: all tenants.
    pub(crate) tenant: Option<(i64, String)>,
    /// Settings, as JSON.
    pub(crate) options: String,
    /// Keys and headers, sealed.
    pub(crate) secrets: String,
    /// Whether events are sent.
    pub(crate) status: EndpointStatus,
    /// The reason for the status.
    pub(crate) why: Option<String>,
    /// Time of the last change of the status.
    pub(crate) since: Timestamp,
    /// All events up to this position are delivered or held.
    pub(crate) position: i64,
    /// Number of delivered or held parts of the next position.
    pub(crate) parts: i64,
    /// Number of times that an operator set the position.
    pub(crate) rewinds: i64,
    /// Number of changes by operators.
    pub(crate) revision: i64,
    /// Number of accepted events.
    pub accepted: i64,
    /// Time of the last accepted event.
    pub(crate) last_accepted: Option<Timestamp>,
    /// Whether the receiver polls.
    pub(crate) is_polled: bool,
}

/// An endpoint to be stored.
#[derive(Debug, Clone)]
pub(crate) struct NewEndpoint {
    /// The kind of endpoint.
    pub(crate) kind: EndpointKind,
    /// Name.
    pub(crate) name: String,
    /// Database id and name of its tenant; `None`: all tenants.
    pub(crate) tenant: Option<(i64, String)>,
    /// Settings, as JSON.
    pub(crate) options: String,
    /// Keys and headers, sealed.
    pub(crate) secrets: String,
    /// Position after which it begins.
    pub(crate) position: i64,
    /// Whether the receiver polls.
    pub(crate) is_polled: bool,
}

impl Endpoint {
    /// A new endpoint before it is stored. Its database id is 0.
    pub(crate) fn fresh(new: NewEndpoint, now: Timestamp) -> Self {
        Self {
            number: 0,
            kind: new.kind,
            name: new.name,
            tenant: new.tenant,
            options: new.options,
            secrets: new.secrets,
            status: EndpointStatus::Active,
            why: None,
            since: now,
            position: new.position,
            parts: 0,
            rewinds: 0,
            revision: 1,
            accepted: 0,
            last_accepted: None,
            is_polled: new.is_polled,
        }
    }
}

/// A change of an endpoint by an operator; `None` leaves a value unchanged.
#[derive(Debug, Clone, Default)]
pub(crate) struct EndpointChange<'a> {
    /// Settings, as JSON.
    pub(crate) options: Option<&'a str>,
    /// Keys and headers, sealed.
    pub(crate) secrets: Option<&'a str>,
    /// Status with its reason.
    pub(crate) status: Option<(EndpointStatus, Option<&'a str>)>,
    /// Position after which it continues, for all its tenants or for the one with this id.
    pub(crate) position: Option<(i64, Option<i64>)>,
}

pub(in crate::store) fn read_endpoint(row: &Row) -> Result<Endpoint, StoreError> {
    let tenant = row.opt_int(3)?.zip(row.opt_text(4)?.map(str::to_owned));
    Ok(Endpoint {
        number: row.int(0)?,
        kind: EndpointKind::from_keyword(row.text(1)?).unwrap_or(EndpointKind::Webhook),
        name: row.text(2)?.to_owned(),
        tenant,
        options: row.text(5)?.to_owned(),
        secrets: row.text(6)?.to_owned(),
        status: EndpointStatus::from_keyword(row.text(7)?).unwrap_or(EndpointStatus::Disabled),
        why: row.opt_text(8)?.map(str::to_owned),
        since: Timestamp::from_micros(row.int(9)?),
        position: row.int(10)?,
        parts: row.int(11)?,
        rewinds: row.int(12)?,
        revision: row.int(13)?,
        accepted: row.int(14)?,
        last_accepted: row.opt_int(15)?.map(Timestamp::from_micros),
        is_polled: row.bool(16)?,
    })
}

/// Columns of [`Endpoint`], in the order that [`read_endpoint`] reads them.
pub(in crate::store) const ENDPOINT: &str = "endpoint.endpoint, endpoint.kind, endpoint.name, endpoint.tenant, \
     (select t.name from tenant t where t.tenant = endpoint.tenant), endpoint.options, endpoint.secrets, endpoint.status, endpoint.why, endpoint.since, \
     endpoint.position, endpoint.parts, endpoint.rewinds, endpoint.revision, endpoint.accepted, endpoint.last_accepted, endpoint.is_polled";

impl Store {
    /// Stores an endpoint, and keys for its tokens if there are none for their algorithm; `false` if the kind and name
    /// exist.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn add_endpoint(
        &self,
        act: &Act<'_>,
        new: &Endpoint,
        keys: &[SigningKey],
    ) -> Result<bool, StoreError> {
        let batch = || {
            let args = vec![
                new.kind.as_str().into(),
                new.name.as_str().into(),
                Arg::OptInt(new.tenant.as_ref().map(|(number, _)| *number)),
                new.options.as_str().into(),
                new.secrets.as_str().into(),
                new.status.as_str().into(),
                Arg::Int(new.since.as_micros()),
                Arg::Int(new.position),
                Arg::Bool(new.is_polled),
            ];
            let added = Step::new(ADD, args).returning(&["endpoint"]);
            let batch = Batch::new("endpoint.add").then("acted", added);
            let batch = match first_keys(keys) {
                Some(keys) => batch.and(keys),
                None => batch,
            };
            act.end(batch, "acted", "endpoint")
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }

    /// Endpoints in the order of their names: those of one kind, or the endpoint with the given name.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn endpoints(
        &self,
        kind: EndpointKind,
        name: Option<&str>,
    ) -> Result<Vec<Endpoint>, StoreError> {
        let mut sql = Sql::default();
        sql.raw("select ")
            .raw(ENDPOINT)
            .raw(" from endpoint where endpoint.kind = ");
        sql.arg(kind.as_str().into());
        if let Some(name) = name {
            sql.raw(" and endpoint.name = ").arg(name.into());
        }
        sql.raw(" order by endpoint.name");
        let rows = self.engine.read(&sql.statement("endpoint.list")).await?;
        rows.iter().map(read_endpoint).collect()
    }

    /// Whether there is a stream.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn has_streams(&self) -> Result<bool, StoreError> {
        let text = "select 1 from endpoint where kind = 'stream' limit 1";
        let statement = Statement::named("endpoint.any_stream", text, vec![]);
        Ok(!self.engine.read(&statement).await?.is_empty())
    }

    /// Changes an endpoint; `false` if it does not exist.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn change_endpoint(
        &self,
        act: &Act<'_>,
        number: i64,
        change: &EndpointChange<'_>,
    ) -> Result<bool, StoreError> {
        let batch = || {
            let changed = changed(number, change, act.at).returning(&["endpoint"]);
            let batch = Batch::new("endpoint.change").then("acted", changed);
            let batch = match change.position {
                Some(position) => set_lanes(batch, number, position),
                None => batch,
            };
            act.end(batch, "acted", "endpoint")
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }

    /// Deletes an endpoint with all its data; `false` if it does not exist.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn delete_endpoint(
        &self,
        act: &Act<'_>,
        kind: EndpointKind,
        name: &str,
    ) -> Result<bool, StoreError> {
        let batch = || {
            let deleted = Step::new(DELETE, vec![kind.as_str().into(), name.into()]);
            let deleted = deleted.returning(&["endpoint"]);
            let batch = Batch::new("endpoint.delete").then("acted", deleted);
            act.end(batch, "acted", "endpoint")
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }
}

/// The step that changes the row of an endpoint.
fn changed(number: i64, change: &EndpointChange<'_>, now: Timestamp) -> Step {
    let mut sql = Sql::default();
    sql.raw("update endpoint set revision = revision + 1");
    if let Some(options) = change.options {
        sql.raw(", options = ").arg(options.into());
    }
    if let Some(secrets) = change.secrets {
        sql.raw(", secrets = ").arg(secrets.into());
    }
    if let Some((status, why)) = change.status {
        sql.raw(", status = ").arg(status.as_str().into());
        sql.raw(", why = ")
            .arg(Arg::OptText(why.map(str::to_owned)));
        sql.raw(", since = ").int(now.as_micros());
    }
    match change.position {
        Some((position, None)) => {
            sql.raw(", rewinds = rewinds + 1, parts = 0, position = ")
                .int(position);
        }
        Some((_, Some(_))) => _ = sql.raw(", rewinds = rewinds + 1"),
        None => {}
    }
    sql.raw(" where endpoint = ").int(number);
    sql.raw(" returning endpoint");
    sql.step()
}

/// Sets the position of lanes: of all, or of the one of a tenant. An instance that is sending cannot store its
/// progress, because the number of rewinds has changed.
fn set_lanes(batch: Batch, number: i64, (position, tenant): (i64, Option<i64>)) -> Batch {
    // Held events after the position are sent with the others.
    let mut sql = Sql::default();
    sql.raw("delete from held_event where endpoint = ")
        .int(number);
    sql.raw(" and position > ").int(position);
    if let Some(tenant) = tenant {
        sql.raw(" and tenant = ").int(tenant);
    }
    sql.raw(" and exists (select 1 from {acted})");
    let batch = batch.and(sql.step());
    batch.and(match tenant {
        None => Step::new(FORGET_LANES, vec![Arg::Int(number)]),
        Some(tenant) => Step::new(SET_LANE, [number, tenant, position].map(Arg::Int).to_vec()),
    })
}

const DELETE: &str = "delete from endpoint where kind = $1 and name = $2 returning endpoint";
const FORGET_LANES: &str =
    "delete from lane where endpoint = $1 and exists (select 1 from {acted})";
const ADD: &str = "insert into endpoint (kind, name, tenant, options, secrets, status, since, position, created, is_polled) \
     select $1, $2, $3, $4, $5, $6, $7, $8, $7, $9 where true on conflict do nothing returning endpoint";
const SET_LANE: &str = "insert into lane (endpoint, tenant, position, parts) \
     select $1, $2, $3, 0 where exists (select 1 from {acted}) \
     on conflict (endpoint, tenant) do update set position = excluded.position, parts = 0";
