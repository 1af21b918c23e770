//! Deletion of a tenant in slices, while requests of its clients may be running.

use crate::store::activity::write as activity;
use crate::store::changes::{self, TenantEvent};
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::retry::pause;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::operator::act::Act;

/// Maximum number of repetitions because of concurrent writes.
const ATTEMPTS: u32 = 20;

impl Store {
    /// Deletes a tenant with all its data; `false` if the name does not exist, or its revision is not the expected one.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn delete_tenant(
        &self,
        act: &Act<'_>,
        name: &str,
        expected: Option<i64>,
    ) -> Result<bool, StoreError> {
        let args = vec![name.into(), Arg::OptInt(expected)];
        let suspended = self
            .engine
            .write_one(Statement::named("tenant.suspend", SUSPEND, args))
            .await?;
        let Some(tenant) = suspended.first().map(|row| row.int(0)).transpose()? else {
            return Ok(false);
        };
        let mut attempt = 0;
        loop {
            match self.empty_and_delete(act, tenant).await {
                Err(StoreError::Busy(_) | StoreError::Reference(_)) if attempt < ATTEMPTS => {
                    attempt += 1;
                    tokio::time::sleep(pause(attempt)).await;
                }
                outcome => {
                    self.changes_made.notify_one();
                    return outcome.map(|()| true);
                }
            }
        }
    }

    /// Deletes all rows of a tenant. The last batch locks its row and those of its resources. A concurrent write locks
    /// one of them too, so none is running then, and all remaining rows were committed before the last batch.
    async fn empty_and_delete(&self, act: &Act<'_>, tenant: i64) -> Result<(), StoreError> {
        for slice in SLICES.into_iter().chain(changes::DELETE_SLICE) {
            let statement = Statement::named("tenant.delete_slice", slice, vec![Arg::Int(tenant)]);
            while !self.engine.write_one(statement.clone()).await?.is_empty() {}
        }
        let rest = || {
            let step = |text: &'static str| Step::new(text, vec![Arg::Int(tenant)]);
            let derived = activity::DELETE_ALL.into_iter();
            let all = changes::DELETE_ALL.into_iter().chain(derived).chain(REST);
            let batch = Batch::after("tenant.delete", &step(SEIZE));
            let emptied = all.fold(
                self.log_tenant_event(batch, TenantEvent::Deleted(tenant), act.at),
                |batch, (name, text)| batch.then(name, step(text)),
            );
            let deleted = step(DELETE).returning(&["tenant"]);
            act.end(emptied.then("acted", deleted), "acted", "tenant")
        };
        self.engine.write_retrying(rest).await.map(|_| ())
    }
}

const SUSPEND: &str = "update tenant set status = 'suspended', revision = revision + 1 where name = $1 and ($2 is null or revision = $2) returning tenant";
const DELETE: &str = "delete from tenant where tenant = $1 returning tenant";

/// Deletes a few thousand rows at a time, so that other requests do not wait and no statement takes too long. SQLite
/// compares the columns of a row value with the affinity of its first column. The text column is first, because SQLite
/// would otherwise not search the index by it, and read all values of an attribute for each slice.
const SLICES: [&str; 9] = [
    "delete from member where tenant = $1 and (group_seq, member_seq) in \
     (select group_seq, member_seq from member where tenant = $1 limit 2000) returning tenant",
    "delete from resource where tenant = $1 and seq in \
     (select seq from resource where tenant = $1 limit 2000) returning tenant",
    "delete from deleted_resource where tenant = $1 and seq in \
     (select seq from deleted_resource where tenant = $1 limit 2000) returning tenant",
    "delete from attribute_value where tenant = $1 and is_unique and (key, attribute) in \
     (select key, attribute from attribute_value where tenant = $1 and is_unique limit 2000) returning tenant",
    "delete from attribute_value where tenant = $1 and not is_unique and (key, attribute, seq) in \
     (select key, attribute, seq from attribute_value where tenant = $1 and not is_unique limit 2000) returning tenant",
    "delete from provisioning_body where tenant = $1 and entry in \
     (select entry from provisioning_body where tenant = $1 limit 200) returning tenant",
    "delete from provisioning_about where tenant = $1 \
     and run = (select run from provisioning_about where tenant = $1 order by run limit 1) \
     and about <= coalesce((select about from provisioning_about where tenant = $1 \
       and run = (select run from provisioning_about where tenant = $1 order by run limit 1) \
       order by about, entry limit 1 offset 2000), '~') returning tenant",
    "delete from provisioning_failure where tenant = $1 and entry in \
     (select entry from provisioning_failure where tenant = $1 limit 2000) returning tenant",
    "delete from provisioning where tenant = $1 and entry in \
     (select entry from provisioning where tenant = $1 limit 2000) returning tenant",
];
const SEIZE: &str = "select tenant from tenant where tenant = $1{for_update}";
const REST: [(&str, &str); 8] = [
    (
        "leftovers",
        "delete from deleted_resource where tenant = $1",
    ),
    ("unindexed", "delete from attribute_value where tenant = $1"),
    ("bodies", "delete from provisioning_body where tenant = $1"),
    ("about", "delete from provisioning_about where tenant = $1"),
    ("runs", "delete from provisioning_run where tenant = $1"),
    (
        "failures",
        "delete from provisioning_failure where tenant = $1",
    ),
    ("requests", "delete from provisioning where tenant = $1"),
    ("counters", "delete from counter where tenant = $1"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::settings::PoolSettings;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_embedded_database_finds_the_rows_of_a_slice_by_their_keys() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&folder.path().join("a.db"), &PoolSettings::default())
            .await
            .unwrap();
        let values = SLICES
            .iter()
            .filter(|text| text.starts_with("delete from attribute_value"));
        assert_eq!(values.clone().count(), 2);
        for slice in values {
            let text = format!("explain query plan {slice}");
            let explained = Statement::named("explain", text, vec![Arg::Int(1)]);
            let plan = store.engine.read(&explained).await.unwrap();
            let step = plan[0].text(3).unwrap().to_owned();
            assert!(step.contains("attribute=? AND key=?"), "{slice}: {step}");
        }
    }
}
