//! Deleting a tenant, slice by slice, while requests of its clients may still be on their way.

use crate::store::db::statement::{Arg, Batch, Statement};
use crate::store::{Store, StoreError, pause};

/// Times that the tenant is emptied anew because a request that was on its way has written.
const ATTEMPTS: u32 = 20;

impl Store {
    /// Deletes a tenant with all that it has; `false` if there is none of that name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn delete_tenant(&self, name: &str) -> Result<bool, StoreError> {
        let suspended = self
            .write_one(Statement::new(SUSPEND, vec![name.into()]))
            .await?;
        let Some(tenant) = suspended.first().map(|row| row.int(0)).transpose()? else {
            return Ok(false);
        };
        let mut attempt = 0;
        loop {
            match self.empty_and_delete(tenant).await {
                Err(StoreError::Busy(_) | StoreError::Reference(_)) if attempt < ATTEMPTS => {
                    attempt += 1;
                    tokio::time::sleep(pause(attempt)).await;
                }
                outcome => return outcome.map(|()| true),
            }
        }
    }

    /// Whoever still writes holds the row of a resource, or keeps that of the tenant: when both are
    /// seized nobody does, and what is left was committed before the last batch.
    async fn empty_and_delete(&self, tenant: i64) -> Result<(), StoreError> {
        for slice in SLICES {
            let statement = Statement::new(*slice, vec![Arg::Int(tenant)]);
            while !self.write_one(statement.clone()).await?.is_empty() {}
        }
        let rest = || {
            let all = REST
                .iter()
                .map(|(name, text)| (*name, Statement::new(*text, vec![Arg::Int(tenant)])));
            let seized = Batch::after(Statement::new(SEIZE, vec![Arg::Int(tenant)]));
            all.fold(seized, |batch, (name, statement)| {
                batch.then(name, statement)
            })
        };
        self.write_retrying(rest).await.map(|_| ())
    }
}

const SUSPEND: &str = "update tenant set status = 'suspended', revision = revision + 1 where name = $1 returning tenant";

/// Rows of a tenant, a few thousand at a time: others are not kept waiting, and no statement takes
/// too long.
const SLICES: &[&str] = &[
    "delete from member where tenant = $1 and (group_seq, member_seq) in \
     (select group_seq, member_seq from member where tenant = $1 limit 2000) returning tenant",
    "delete from resource where tenant = $1 and seq in \
     (select seq from resource where tenant = $1 limit 2000) returning tenant",
    "delete from attribute_value where tenant = $1 and is_unique and (attribute, key) in \
     (select attribute, key from attribute_value where tenant = $1 and is_unique limit 2000) returning tenant",
    "delete from attribute_value where tenant = $1 and not is_unique and (attribute, key, seq) in \
     (select attribute, key, seq from attribute_value where tenant = $1 and not is_unique limit 2000) returning tenant",
    "delete from change_member where tenant = $1 and (change, id) in \
     (select change, id from change_member where tenant = $1 limit 2000) returning tenant",
    "delete from change where tenant = $1 and change in \
     (select change from change where tenant = $1 limit 2000) returning tenant",
    "delete from provisioning_body where tenant = $1 and entry in \
     (select entry from provisioning_body where tenant = $1 limit 200) returning tenant",
    "delete from provisioning_user where tenant = $1 and entry in \
     (select entry from provisioning_user where tenant = $1 limit 2000) returning tenant",
    "delete from provisioning_failure where tenant = $1 and entry in \
     (select entry from provisioning_failure where tenant = $1 limit 2000) returning tenant",
    "delete from provisioning where tenant = $1 and entry in \
     (select entry from provisioning where tenant = $1 limit 2000) returning tenant",
];
const SEIZE: &str = "select tenant from tenant where tenant = $1{seize}";
const REST: &[(&str, &str)] = &[
    ("unindexed", "delete from attribute_value where tenant = $1"),
    (
        "change_members",
        "delete from change_member where tenant = $1",
    ),
    ("changes", "delete from change where tenant = $1"),
    ("bodies", "delete from provisioning_body where tenant = $1"),
    ("named", "delete from provisioning_user where tenant = $1"),
    (
        "failures",
        "delete from provisioning_failure where tenant = $1",
    ),
    ("requests", "delete from provisioning where tenant = $1"),
    ("counters", "delete from counter where tenant = $1"),
    (
        "answer",
        "delete from tenant where tenant = $1 returning tenant",
    ),
];
