//! Tenants: the operator's statements, which alone span tenants.

use crate::clock::Timestamp;
use crate::keyword::keywords;
use crate::model::TypeRoles;
use crate::resource::Conformance;
use crate::store::activity::health::Health;
use crate::store::changes::{TOLD, TenantNews};
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::logged_request::TenantKey;
use crate::store::resources::ids::{CatalogIds, TypeIds};
use crate::store::resources::scope::Scope;
use std::sync::Arc;

keywords! {
    /// Whether a tenant is served.
    Status {
        /// Requests are served.
        Active = "active",
        /// Every request is refused until it is resumed.
        Suspended = "suspended",
    }
}

keywords! {
    /// What user names of a tenant look like.
    UsernameFormat {
        /// Any text.
        Any = "any",
        /// An e-mail address.
        Email = "email",
    }
}

keywords! {
    /// What becomes of passwords that identity providers send.
    PasswordPolicy {
        /// They are dropped.
        Discard = "discard",
        /// They are kept as argon2id digests.
        Argon2id = "argon2id",
    }
}

keywords! {
    /// What becomes of the members of a group by a PUT that does not name `members`.
    PutWithoutMembers {
        /// They stay.
        Keep = "keep",
        /// They are removed, as RFC 7644 section 3.5.1 lets a server do.
        Clear = "clear",
    }
}

/// A tenant as a request meets it.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub(in crate::store) number: i64,
    /// Name of the tenant.
    pub name: String,
    /// Whether it is served.
    pub status: Status,
    /// How much is forgiven.
    pub conformance: Conformance,
    /// What user names look like.
    pub username_format: UsernameFormat,
    /// Whether two groups may not have one name.
    pub unique_group_names: bool,
    /// What becomes of passwords.
    pub password_policy: PasswordPolicy,
    /// What a lenient tenant makes of a PUT without members.
    pub put_without_members: PutWithoutMembers,
    /// Base URL in place of the server's.
    pub base_url: Option<String>,
    /// Most users that are active at once.
    pub seats: Option<i64>,
    /// Counts the changes of its settings and schemas.
    pub revision: i64,
    /// Counts those that change what its resources are.
    pub schema_revision: i64,
    /// Until when the provisioning log keeps the bodies of requests.
    pub bodies_until: Option<Timestamp>,
    /// Whom the customer asks, in place of the server's contact: an e-mail address or a URL.
    pub support: Option<String>,
}

impl Tenant {
    /// The number by which the store knows it.
    pub fn number(&self) -> i64 {
        self.number
    }

    /// The number that leads every statement about the tenant's resources, with the numbers of
    /// its types.
    pub fn scope(&self, layout: Arc<CatalogIds>) -> Scope {
        Scope {
            tenant: self.number,
            schema_revision: self.schema_revision,
            layout,
        }
    }

    /// What names it in its provisioning log.
    pub fn key(&self) -> TenantKey {
        TenantKey(self.number)
    }
}

/// A tenant as the operator sees it.
#[derive(Debug, Clone)]
pub struct TenantInfo {
    /// Settings of the tenant.
    pub settings: Tenant,
    /// Seats that are taken.
    pub used: i64,
    /// Live resources that can take a seat.
    pub users: i64,
    /// Live resources that take a seat.
    pub active_users: i64,
    /// Live resources of other types.
    pub groups: i64,
    /// When it was created.
    pub created: Timestamp,
    /// Whether provisioning works.
    pub health: Health,
    /// When its latest request came.
    pub last_request: Option<Timestamp>,
    /// What the client of that request calls itself.
    pub last_client: Option<String>,
}

/// Settings to be changed; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantChange {
    /// Whether it is served.
    pub status: Option<Status>,
    /// How much is forgiven.
    pub conformance: Option<Conformance>,
    /// What user names look like.
    pub username_format: Option<UsernameFormat>,
    /// Whether two groups may not have one name.
    pub unique_group_names: Option<bool>,
    /// What becomes of passwords.
    pub password_policy: Option<PasswordPolicy>,
    /// What a PUT without members does.
    pub put_without_members: Option<PutWithoutMembers>,
    /// Base URL; `Some(None)` takes it away.
    pub base_url: Option<Option<String>>,
    /// Most users that are active at once; `Some(None)` takes the limit away.
    pub seats: Option<Option<i64>>,
    /// Until when bodies are kept; `Some(None)` keeps none.
    pub bodies_until: Option<Option<Timestamp>>,
    /// Whom the customer asks; `Some(None)` leaves that to the server's contact.
    pub support: Option<Option<String>>,
}

/// Columns of [`Tenant`], in the order that [`read_tenant`] reads them.
pub(in crate::store) const COLUMNS: &str = "t.tenant, t.name, t.status, t.conformance, t.username_format, \
     t.unique_group_names, t.password_policy, t.base_url, t.seats, t.revision, t.schema_revision, t.bodies_until, \
     t.put_without_members, t.support";
/// How many they are.
pub(in crate::store) const WIDTH: usize = 14;

pub(in crate::store) fn read_tenant(row: &Row) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        number: row.int(0)?,
        name: row.text(1)?.to_owned(),
        status: Status::from_keyword(row.text(2)?).unwrap_or(Status::Suspended),
        conformance: Conformance::from_keyword(row.text(3)?).unwrap_or(Conformance::Lenient),
        username_format: UsernameFormat::from_keyword(row.text(4)?).unwrap_or(UsernameFormat::Any),
        unique_group_names: row.bool(5)?,
        password_policy: PasswordPolicy::from_keyword(row.text(6)?)
            .unwrap_or(PasswordPolicy::Discard),
        base_url: row.opt_text(7)?.map(str::to_owned),
        seats: row.opt_int(8)?,
        revision: row.int(9)?,
        schema_revision: row.int(10)?,
        bodies_until: row.opt_int(11)?.map(Timestamp::from_micros),
        put_without_members: PutWithoutMembers::from_keyword(row.text(12)?)
            .unwrap_or(PutWithoutMembers::Keep),
        support: row.opt_text(13)?.map(str::to_owned),
    })
}

impl Store {
    /// Creates a tenant; `false` if there is one of that name.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn create_tenant(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let create = || {
            let args = vec![name.into(), Arg::Int(now.as_micros())];
            let create = Step::new(CREATE, args).returning(TOLD);
            let batch = Batch::new("tenant.create").then("told", create);
            self.tell(batch, TenantNews::Created, now)
                .then("answer", Step::new(ANSWER, vec![]))
        };
        let is_new = !self.engine.write_retrying(create).await?.is_empty();
        self.changes_made.notify_one();
        Ok(is_new)
    }

    /// The tenant of that number, as it is now.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn tenant_now(&self, number: i64) -> Result<Option<Tenant>, StoreError> {
        let text = format!("select {COLUMNS} from tenant t where t.tenant = $1");
        let rows = self
            .engine
            .read(&Statement::named(
                "tenant.by_number",
                text,
                vec![Arg::Int(number)],
            ))
            .await?;
        rows.first().map(read_tenant).transpose()
    }

    /// The limit of seats of the tenant with that number, and how many are in use; `None` if the tenant
    /// is gone.
    pub async fn seats(&self, number: i64) -> Result<Option<(Option<i64>, i64)>, StoreError> {
        let statement = Statement::named("tenant.seats", SEATS, vec![Arg::Int(number)]);
        let rows = self.engine.read(&statement).await?;
        let seats = |row: &Row| Ok((row.opt_int(0)?, row.int(1)?));
        rows.first().map(seats).transpose()
    }

    /// Changes settings of a tenant; `false` if there is none of that name. The first limit of seats
    /// counts those that are taken; a later one goes by what was counted since, for a count would
    /// miss who takes a seat at that moment.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn change_tenant(
        &self,
        name: &str,
        change: &TenantChange,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let keyword = |keyword: Option<&str>| Arg::OptText(keyword.map(str::to_owned));
        let values = vec![
            ("name", name.into()),
            ("status", keyword(change.status.map(Status::as_str))),
            (
                "conformance",
                keyword(change.conformance.map(Conformance::as_str)),
            ),
            (
                "username_format",
                keyword(change.username_format.map(UsernameFormat::as_str)),
            ),
            (
                "unique_group_names",
                Arg::OptInt(change.unique_group_names.map(i64::from)),
            ),
            (
                "password_policy",
                keyword(change.password_policy.map(PasswordPolicy::as_str)),
            ),
            ("sets_base_url", Arg::Bool(change.base_url.is_some())),
            ("base_url", Arg::OptText(change.base_url.clone().flatten())),
            ("sets_seats", Arg::Bool(change.seats.is_some())),
            ("seats", Arg::OptInt(change.seats.flatten())),
            (
                "sets_bodies_until",
                Arg::Bool(change.bodies_until.is_some()),
            ),
            (
                "bodies_until",
                Arg::OptInt(change.bodies_until.flatten().map(Timestamp::as_micros)),
            ),
            (
                "put_without_members",
                keyword(change.put_without_members.map(PutWithoutMembers::as_str)),
            ),
            ("sets_support", Arg::Bool(change.support.is_some())),
            ("support", Arg::OptText(change.support.clone().flatten())),
        ];
        let batch = || {
            let before = Step::new(STATUS, vec![name.into()]).returning(&["status"]);
            let changed = Step::bound(CHANGE, values.clone()).returning(TOLD);
            let batch = Batch::new("tenant.change")
                .then("before", before)
                .then("told", changed);
            let batch = match change.status {
                Some(_) => self.tell(batch, TenantNews::Status, now),
                None => batch,
            };
            batch.then("answer", Step::new(ANSWER, vec![]))
        };
        let is_there = !self.engine.write_retrying(batch).await?.is_empty();
        self.changes_made.notify_one();
        Ok(is_there)
    }

    /// Makes the display attributes of a type unique in a tenant, or lets them repeat.
    ///
    /// # Errors
    /// [`StoreError::Unique`] if two resources have one value, or the database's failure.
    pub async fn claim_display(
        &self,
        tenant: &str,
        of_type: &TypeIds,
        unique: bool,
    ) -> Result<(), StoreError> {
        for name in of_type.resource_type.display() {
            let path = of_type
                .resource_type
                .top_attribute(name)
                .map(|a| of_type.resource_type.path(None, a, None));
            let Some(attribute) = path.and_then(|path| of_type.attribute(&path)) else {
                continue;
            };
            let args = vec![tenant.into(), Arg::Int(attribute), Arg::Bool(unique)];
            self.engine
                .write_one(Statement::named("tenant.claim_display", CLAIM, args))
                .await?;
        }
        Ok(())
    }
}

const SEATS: &str = "select seats, used from tenant where tenant = $1";
const CREATE: &str = "insert into tenant (name, created) values ($1, $2) on conflict (name) do nothing \
     returning tenant, name, status, revision";
const ANSWER: &str = "select tenant from {told}";
/// Without a lock: PostgreSQL passes over a row that the same statement changes.
const STATUS: &str = "select status from tenant where name = $1";
const CHANGE: &str = "update tenant set status = coalesce({:status}, status), conformance = coalesce({:conformance}, conformance), \
     username_format = coalesce({:username_format}, username_format), \
     unique_group_names = case when {:unique_group_names} is null then unique_group_names when {:unique_group_names} = 1 then true else false end, \
     password_policy = coalesce({:password_policy}, password_policy), \
     base_url = case when {:sets_base_url} then {:base_url} else base_url end, \
     used = case when {:sets_seats} and seats is null then cast(coalesce((select sum(active) from counter c where c.tenant = tenant.tenant), 0) as bigint) else used end, \
     seats = case when {:sets_seats} then {:seats} else seats end, \
     bodies_until = case when {:sets_bodies_until} then {:bodies_until} else bodies_until end, \
     put_without_members = coalesce({:put_without_members}, put_without_members), \
     support = case when {:sets_support} then {:support} else support end, revision = revision + 1, \
     schema_revision = schema_revision + case when {:unique_group_names} is null then 0 else 1 end \
     where name = {:name} returning tenant, name, status, revision";
const CLAIM: &str = "update attribute_value set is_unique = $3 \
     where tenant = (select tenant from tenant where name = $1) and attribute = $2 and is_unique <> $3";
