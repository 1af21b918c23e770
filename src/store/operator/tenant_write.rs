//! Creating and changing tenants, and single values of a tenant.

use crate::clock::Timestamp;
use crate::model::TypeRoles;
use crate::resource::Conformance;
use crate::store::changes::{SUBJECT_COLUMNS, TenantEvent};
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::operator::act::Act;
use crate::store::operator::tenant::{
    COLUMNS, PasswordPolicy, PutWithoutMembers, Status, Tenant, TenantChange, UsernameFormat,
    read_tenant,
};
use crate::store::resources::ids::TypeIds;

impl Store {
    /// The database id of the tenant with a name.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn tenant_number(&self, name: &str) -> Result<Option<i64>, StoreError> {
        let text = "select tenant from tenant where name = $1";
        let statement = Statement::named("tenant.number", text, vec![name.into()]);
        let rows = self.engine.read(&statement).await?;
        rows.first().map(|row| row.int(0)).transpose()
    }

    /// Creates a tenant with settings; `false` if the name exists. A missing setting has the default of the column.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn create_tenant(
        &self,
        act: &Act<'_>,
        name: &str,
        settings: &TenantChange,
    ) -> Result<bool, StoreError> {
        let batch = || {
            let mut values = vec![("created", Arg::Int(act.at.as_micros()))];
            values.extend(settings_of(name, settings));
            let created = Step::bound(CREATE, values).returning(SUBJECT_COLUMNS);
            let batch = Batch::new("tenant.create").then("subject", created);
            act.end(
                self.log_tenant_event(batch, TenantEvent::Created, act.at),
                "subject",
                "tenant",
            )
        };
        let is_new = !self.engine.write_retrying(batch).await?.is_empty();
        self.changes_made.notify_one();
        Ok(is_new)
    }

    /// The current tenant with that id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn tenant_now(&self, number: i64) -> Result<Option<Tenant>, StoreError> {
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

    /// The limit of seats of the tenant with that id, and the number in use; `None` if the tenant was deleted.
    pub(crate) async fn seats(
        &self,
        number: i64,
    ) -> Result<Option<(Option<i64>, i64)>, StoreError> {
        let statement = Statement::named("tenant.seats", SEATS, vec![Arg::Int(number)]);
        let rows = self.engine.read(&statement).await?;
        let seats = |row: &Row| Ok((row.opt_int(0)?, row.int(1)?));
        rows.first().map(seats).transpose()
    }

    /// Changes settings of a tenant; `false` if the name does not exist, or its revision differs. The first limit of
    /// seats counts the used seats; a later one uses the maintained count, because a new count would miss concurrent
    /// changes.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn change_tenant(
        &self,
        act: &Act<'_>,
        name: &str,
        revision: i64,
        change: &TenantChange,
    ) -> Result<bool, StoreError> {
        let batch = || {
            let mut values = vec![("revision", Arg::Int(revision))];
            values.extend(settings_of(name, change));
            let before = Step::new(STATUS, vec![name.into()]).returning(&["status"]);
            let changed = Step::bound(CHANGE, values).returning(SUBJECT_COLUMNS);
            let batch = Batch::new("tenant.change")
                .then("before", before)
                .then("subject", changed);
            let batch = match change.status {
                Some(_) => self.log_tenant_event(batch, TenantEvent::Status, act.at),
                None => batch,
            };
            act.end(batch, "subject", "tenant")
        };
        let is_changed = !self.engine.write_retrying(batch).await?.is_empty();
        self.changes_made.notify_one();
        Ok(is_changed)
    }

    /// Makes the display attributes of a type unique in a tenant, or allows duplicates.
    ///
    /// # Errors
    /// [`StoreError::Unique`] if two resources have the same value, or an error of the database.
    pub(crate) async fn claim_display(
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
/// The values of statements about settings: each setting by name, and whether an optional one is given.
fn settings_of(name: &str, change: &TenantChange) -> Vec<(&'static str, Arg)> {
    let keyword = |keyword: Option<&str>| Arg::OptText(keyword.map(str::to_owned));
    let text = |text: &Option<Option<String>>| Arg::OptText(text.clone().flatten());
    let folded = |text: &Option<Option<String>>| {
        let text = text.as_ref().and_then(|text| text.as_deref());
        Arg::OptText(text.map(search_key))
    };
    let is_given = |is_given: bool| Arg::Bool(is_given);
    vec![
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
        ("sets_base_url", is_given(change.base_url.is_some())),
        ("base_url", text(&change.base_url)),
        ("sets_seats", is_given(change.seats.is_some())),
        ("seats", Arg::OptInt(change.seats.flatten())),
        ("sets_bodies_until", is_given(change.bodies_until.is_some())),
        (
            "bodies_until",
            Arg::OptInt(change.bodies_until.flatten().map(Timestamp::as_micros)),
        ),
        (
            "put_without_members",
            keyword(change.put_without_members.map(PutWithoutMembers::as_str)),
        ),
        ("sets_support", is_given(change.support.is_some())),
        ("support", text(&change.support)),
        ("sets_display_name", is_given(change.display_name.is_some())),
        ("display_name", text(&change.display_name)),
        ("display_key", folded(&change.display_name)),
        ("sets_reference", is_given(change.reference.is_some())),
        ("reference", text(&change.reference)),
        ("reference_key", folded(&change.reference)),
    ]
}

/// The search key of a name, independent of letter case.
pub(in crate::store) fn search_key(text: &str) -> String {
    text.to_lowercase()
}

const CREATE: &str = "insert into tenant (name, created, status, conformance, username_format, unique_group_names, \
       password_policy, base_url, seats, bodies_until, put_without_members, support, display_name, reference, display_key, \
       reference_key) \
     select {:name}, {:created}, coalesce({:status}, 'active'), coalesce({:conformance}, 'lenient'), \
       coalesce({:username_format}, 'any'), coalesce({:unique_group_names}, 1) = 1, coalesce({:password_policy}, 'discard'), \
       {:base_url}, {:seats}, {:bodies_until}, coalesce({:put_without_members}, 'keep'), {:support}, {:display_name}, \
       {:reference}, {:display_key}, {:reference_key} \
     where not exists (select 1 from tenant where name = {:name}) on conflict (name) do nothing \
     returning tenant, name, status, revision";
/// Without a lock: PostgreSQL skips a row that the same statement changes.
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
     support = case when {:sets_support} then {:support} else support end, \
     display_name = case when {:sets_display_name} then {:display_name} else display_name end, \
     display_key = case when {:sets_display_name} then {:display_key} else display_key end, \
     reference = case when {:sets_reference} then {:reference} else reference end, \
     reference_key = case when {:sets_reference} then {:reference_key} else reference_key end, revision = revision + 1, \
     schema_revision = schema_revision + case when {:unique_group_names} is null then 0 else 1 end \
     where name = {:name} and revision = {:revision} returning tenant, name, status, revision";
const CLAIM: &str = "update attribute_value set is_unique = $3 \
     where tenant = (select tenant from tenant where name = $1) and attribute = $2 and is_unique <> $3";
