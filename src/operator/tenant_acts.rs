//! Creating, changing and deleting tenants.

use crate::audit::{AuditAction, AuditEntry};
use crate::clock::Timestamp;
use crate::operator::acting::{Once, moment};
use crate::operator::error::{OperatorError, Result};
use crate::operator::handle::Operator;
use crate::operator::tenants::COUNTED;
use crate::store::{Act, Health, Tenant, TenantChange, TenantInfo};
use serde_json::Value;

/// Maximum number of retries of a change after concurrent changes of settings.
const ATTEMPTS: u32 = 16;

impl Operator {
    /// Creates a tenant with settings.
    ///
    /// # Errors
    /// For an invalid name or invalid settings, and if the tenant exists.
    pub async fn create_tenant(&self, name: &str, change: &TenantChange) -> Result<TenantInfo> {
        self.create_tenant_once(name, change, None).await
    }

    /// Creates a tenant with settings; the response of `once` is stored for repetitions of the request.
    ///
    /// # Errors
    /// For an invalid name or invalid settings, and if the tenant exists.
    pub(crate) async fn create_tenant_once(
        &self,
        name: &str,
        change: &TenantChange,
        once: Option<Once<'_, TenantInfo>>,
    ) -> Result<TenantInfo> {
        check_tenant_name(name)?;
        check(change)?;
        let fresh = TenantInfo::fresh(name, change, self.clock.now());
        let kept = self.kept(once, &fresh)?;
        let entry = AuditEntry::new(AuditAction::TenantCreate).in_tenant(name);
        let entry = differences(
            entry,
            &Tenant::fresh(name, &TenantChange::default()),
            change,
        );
        let act = Act {
            at: fresh.created,
            ..self.act(entry, kept.as_ref())
        };
        if !self.store.create_tenant(&act, name, change).await? {
            return Err(OperatorError::TenantExists(name.to_owned()));
        }
        Ok(fresh)
    }

    /// One tenant.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub async fn tenant(&self, name: &str) -> Result<TenantInfo> {
        self.store
            .tenant(name, COUNTED, self.health_time())
            .await?
            .ok_or_else(|| no_tenant(name))
    }

    /// Changes settings of a tenant.
    ///
    /// # Errors
    /// 400 for invalid settings, 404 for an unknown tenant.
    pub async fn change_tenant(&self, name: &str, change: &TenantChange) -> Result<TenantInfo> {
        self.change_tenant_from(name, change, None).await
    }

    /// Changes settings of a tenant, if it has the expected revision.
    ///
    /// # Errors
    /// For invalid settings, an unknown tenant, or another revision.
    pub(crate) async fn change_tenant_from(
        &self,
        name: &str,
        change: &TenantChange,
        expected: Option<i64>,
    ) -> Result<TenantInfo> {
        check(change)?;
        if let Some(unique) = change.unique_group_names {
            self.claim_group_names(name, unique).await?;
        }
        for _ in 0..ATTEMPTS {
            let before = self.tenant(name).await?;
            let revision = before.settings.revision;
            if expected.is_some_and(|expected| expected != revision) {
                return Err(OperatorError::OtherRevision(name.to_owned()));
            }
            let act = self.act(entry_of_change(&before.settings, change), None);
            let changed = self.store.change_tenant(&act, name, revision, change);
            if changed.await? {
                return self.tenant(name).await;
            }
        }
        Err(OperatorError::OtherRevision(name.to_owned()))
    }

    /// Deletes a tenant with all its data.
    ///
    /// # Errors
    /// 404 for an unknown tenant.
    pub async fn delete_tenant(&self, name: &str) -> Result<()> {
        self.delete_tenant_from(name, None).await
    }

    /// Deletes a tenant with all its data, if it has the expected revision.
    ///
    /// # Errors
    /// For an unknown tenant, or another revision.
    pub(crate) async fn delete_tenant_from(&self, name: &str, expected: Option<i64>) -> Result<()> {
        let entry = AuditEntry::new(AuditAction::TenantDelete).in_tenant(name);
        let act = self.act(entry, None);
        if self.store.delete_tenant(&act, name, expected).await? {
            return Ok(());
        }
        match expected {
            Some(_) => {
                self.tenant(name).await?;
                Err(OperatorError::OtherRevision(name.to_owned()))
            }
            None => Err(no_tenant(name)),
        }
    }

    /// Makes the names of groups unique, or allows duplicates.
    async fn claim_group_names(&self, tenant: &str, unique: bool) -> Result<()> {
        let settings = self.tenant(tenant).await?.settings;
        let numbered = self.catalogs.made_of(&self.store, &settings, true).await?;
        for resource_type in numbered
            .catalog
            .resource_types()
            .iter()
            .filter(|resource_type| resource_type.members().is_some())
        {
            let Some(of_type) = numbered.layout.of_type(resource_type) else {
                continue;
            };
            self.store
                .claim_display(tenant, of_type, unique)
                .await
                .map_err(OperatorError::SharedGroupNames)?;
        }
        Ok(())
    }
}

/// Checks the name of a tenant.
///
/// # Errors
/// [`OperatorError::TenantName`].
pub(crate) fn check_tenant_name(name: &str) -> Result<()> {
    let is_name = !name.is_empty()
        && name.len() <= 63
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.starts_with('-');
    if is_name {
        Ok(())
    } else {
        Err(OperatorError::TenantName(name.to_owned()))
    }
}

fn check(change: &TenantChange) -> Result<()> {
    if change.seats.flatten().is_some_and(|seats| seats < 0) {
        return Err(OperatorError::NegativeSeats);
    }
    Ok(())
}

pub(super) fn no_tenant(name: &str) -> OperatorError {
    OperatorError::NoTenant(name.to_owned())
}

/// The act for a change of the settings of a tenant. Starting or ending the recording of bodies is a separate kind of
/// act.
fn entry_of_change(before: &Tenant, change: &TenantChange) -> AuditEntry {
    let is_of_bodies = change.bodies_until.is_some()
        && *change
            == TenantChange {
                bodies_until: change.bodies_until,
                ..TenantChange::default()
            };
    let action = if is_of_bodies {
        AuditAction::LogBodies
    } else {
        AuditAction::TenantChange
    };
    let entry = AuditEntry::new(action).in_tenant(&before.name);
    differences(entry, before, change)
}

/// The entry with the changed settings, with their JSON names.
fn differences(entry: AuditEntry, before: &Tenant, change: &TenantChange) -> AuditEntry {
    let after = before.with(change);
    let values = |tenant: &Tenant| -> [(&'static str, Value); 12] {
        [
            ("status", tenant.status.as_str().into()),
            ("conformance", tenant.conformance.as_str().into()),
            ("usernameFormat", tenant.username_format.as_str().into()),
            ("uniqueGroupNames", tenant.unique_group_names.into()),
            ("passwordPolicy", tenant.password_policy.as_str().into()),
            (
                "putWithoutMembers",
                tenant.put_without_members.as_str().into(),
            ),
            ("baseUrl", tenant.base_url.clone().into()),
            ("seats", tenant.seats.into()),
            ("bodiesUntil", moment(tenant.bodies_until).into()),
            ("support", tenant.support.clone().into()),
            ("displayName", tenant.display_name.clone().into()),
            ("reference", tenant.reference.clone().into()),
        ]
    };
    let pairs = values(before).into_iter().zip(values(&after));
    pairs.fold(entry, |entry, ((name, before), (_, after))| {
        entry.changing(name, before, after)
    })
}

impl TenantInfo {
    /// A tenant that has just been created.
    fn fresh(name: &str, change: &TenantChange, created: Timestamp) -> Self {
        Self {
            settings: Tenant::fresh(name, change),
            used: 0,
            users: 0,
            active_users: 0,
            groups: 0,
            health: Health::NeverConnected,
            last_request: None,
            last_client: None,
            created,
        }
    }
}
