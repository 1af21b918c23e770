//! Tenants: statements of the operator, the only ones that cover several tenants.

use crate::clock::Timestamp;
use crate::keyword::keywords;
use crate::resource::Conformance;
use crate::store::activity::health::Health;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::logged_request::TenantKey;
use crate::store::resources::ids::CatalogIds;
use crate::store::resources::scope::Scope;
use std::sync::Arc;

keywords! {
    /// Whether a tenant is served.
    Status {
        /// Requests are served.
        Active = "active",
        /// Every request is refused until the tenant is resumed.
        Suspended = "suspended",
    }
}

keywords! {
    /// The required format of user names of a tenant.
    UsernameFormat {
        /// Any text.
        Any = "any",
        /// An e-mail address.
        Email = "email",
    }
}

keywords! {
    /// Handling of passwords that identity providers send.
    PasswordPolicy {
        /// They are dropped.
        Discard = "discard",
        /// They are stored as argon2id digests.
        Argon2id = "argon2id",
    }
}

keywords! {
    /// Effect of a PUT without `members` on the members of a group.
    PutWithoutMembers {
        /// They stay.
        Keep = "keep",
        /// They are removed, as RFC 7644 section 3.5.1 allows.
        Clear = "clear",
    }
}

/// The settings of a tenant.
#[derive(Debug, Clone)]
pub struct Tenant {
    pub(in crate::store) number: i64,
    /// Name of the tenant.
    pub name: String,
    /// Whether the tenant is served.
    pub(crate) status: Status,
    /// Conformance mode.
    pub(crate) conformance: Conformance,
    /// Required format of user names.
    pub(crate) username_format: UsernameFormat,
    /// Whether names of groups are unique.
    pub(crate) unique_group_names: bool,
    /// Handling of passwords.
    pub(crate) password_policy: PasswordPolicy,
    /// Effect of a PUT without members in lenient mode.
    pub(crate) put_without_members: PutWithoutMembers,
    /// Base URL, if it differs from the server's.
    pub(crate) base_url: Option<String>,
    /// Maximum number of active users.
    pub seats: Option<i64>,
    /// Number of changes of its settings and schemas.
    pub(crate) revision: i64,
    /// Number of changes that affect its schemas.
    pub(crate) schema_revision: i64,
    /// End of the recording of request bodies in the provisioning log.
    pub(crate) bodies_until: Option<Timestamp>,
    /// Contact for the customer, in place of the server's: an e-mail address or a URL.
    pub(crate) support: Option<String>,
    /// Display name; `None`: its name.
    pub(crate) display_name: Option<String>,
    /// Id of the customer in the vendor's system.
    pub(crate) reference: Option<String>,
}

impl Tenant {
    /// The database id of the tenant.
    pub(crate) fn number(&self) -> i64 {
        self.number
    }

    /// The scope of statements about the tenant's resources: its database id, with the ids of its types.
    pub fn scope(&self, layout: Arc<CatalogIds>) -> Scope {
        Scope {
            tenant: self.number,
            schema_revision: self.schema_revision,
            layout,
        }
    }

    /// The settings of a tenant that has just been created.
    pub(crate) fn fresh(name: &str, change: &TenantChange) -> Self {
        let unset = Self {
            number: 0,
            name: name.to_owned(),
            status: Status::Active,
            conformance: Conformance::Lenient,
            username_format: UsernameFormat::Any,
            unique_group_names: true,
            password_policy: PasswordPolicy::Discard,
            put_without_members: PutWithoutMembers::Keep,
            base_url: None,
            seats: None,
            revision: 1,
            schema_revision: 1,
            bodies_until: None,
            support: None,
            display_name: None,
            reference: None,
        };
        unset.with(change)
    }

    /// The settings after a change.
    #[must_use]
    pub(crate) fn with(&self, change: &TenantChange) -> Self {
        let text = |given: &Option<Option<String>>, own: &Option<String>| {
            given.clone().unwrap_or_else(|| own.clone())
        };
        Self {
            status: change.status.unwrap_or(self.status),
            conformance: change.conformance.unwrap_or(self.conformance),
            username_format: change.username_format.unwrap_or(self.username_format),
            unique_group_names: change.unique_group_names.unwrap_or(self.unique_group_names),
            password_policy: change.password_policy.unwrap_or(self.password_policy),
            put_without_members: change
                .put_without_members
                .unwrap_or(self.put_without_members),
            base_url: text(&change.base_url, &self.base_url),
            seats: change.seats.unwrap_or(self.seats),
            bodies_until: change.bodies_until.unwrap_or(self.bodies_until),
            support: text(&change.support, &self.support),
            display_name: text(&change.display_name, &self.display_name),
            reference: text(&change.reference, &self.reference),
            ..self.clone()
        }
    }

    /// The key in the provisioning log.
    pub(crate) fn key(&self) -> TenantKey {
        TenantKey(self.number)
    }
}

/// A tenant with its figures, for the operator.
#[derive(Debug, Clone)]
pub struct TenantInfo {
    /// Settings of the tenant.
    pub settings: Tenant,
    /// Number of seats in use.
    pub used: i64,
    /// Live resources of the type with seats.
    pub users: i64,
    /// Live resources with a seat.
    pub active_users: i64,
    /// Live resources of other types.
    pub(crate) groups: i64,
    /// Time of creation.
    pub(crate) created: Timestamp,
    /// Health.
    pub health: Health,
    /// Time of its latest request.
    pub last_request: Option<Timestamp>,
    /// User agent of that request.
    pub last_client: Option<String>,
}

/// Settings to be changed; `None` leaves a setting unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantChange {
    /// Whether the tenant is served.
    pub status: Option<Status>,
    /// Conformance mode.
    pub conformance: Option<Conformance>,
    /// Required format of user names.
    pub username_format: Option<UsernameFormat>,
    /// Whether names of groups are unique.
    pub unique_group_names: Option<bool>,
    /// Handling of passwords.
    pub password_policy: Option<PasswordPolicy>,
    /// Effect of a PUT without members.
    pub put_without_members: Option<PutWithoutMembers>,
    /// Base URL; `Some(None)` removes it.
    pub base_url: Option<Option<String>>,
    /// Maximum number of active users; `Some(None)` removes the limit.
    pub seats: Option<Option<i64>>,
    /// End of the recording of bodies; `Some(None)` ends it now.
    pub bodies_until: Option<Option<Timestamp>>,
    /// Contact for the customer; `Some(None)` means the server's contact.
    pub support: Option<Option<String>>,
    /// Display name; `Some(None)` removes it.
    pub display_name: Option<Option<String>>,
    /// Id of the customer in the vendor's system; `Some(None)` removes it.
    pub reference: Option<Option<String>>,
}

/// Columns of [`Tenant`], in the order that [`read_tenant`] reads them.
pub(in crate::store) const COLUMNS: &str = "t.tenant, t.name, t.status, t.conformance, t.username_format, \
     t.unique_group_names, t.password_policy, t.base_url, t.seats, t.revision, t.schema_revision, t.bodies_until, \
     t.put_without_members, t.support, t.display_name, t.reference";
/// Number of these columns.
pub(in crate::store) const WIDTH: usize = 16;

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
        display_name: row.opt_text(14)?.map(str::to_owned),
        reference: row.opt_text(15)?.map(str::to_owned),
    })
}
