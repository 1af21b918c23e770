//! Rows of the change log about tenants themselves. Creation and deletion have tenant number 0, other events the number
//! of the tenant. The key of a resource is 0 there, or the tenant's number under number 0; the version is the tenant's
//! revision, and the document a list of its name and status.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::statement::Step;
use crate::store::handle::Store;

/// Columns that the steps return for the rows.
pub(in crate::store) const SUBJECT_COLUMNS: &[&str] = &["tenant", "name", "status", "revision"];

/// An event of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum TenantEvent {
    /// The tenant was created; the step `subject` returns it.
    Created,
    /// The status of the tenant changed; the step `subject` returns it, and `before` the previous status.
    Status,
    /// The schemas of one or several tenants changed; the step `subject` returns them.
    Schemas,
    /// The next step deletes the tenant with this number.
    Deleted(i64),
}

impl Store {
    /// Adds the rows of events of tenants.
    pub(in crate::store) fn log_tenant_event(
        &self,
        batch: Batch,
        event: TenantEvent,
        now: Timestamp,
    ) -> Batch {
        let mut values = vec![
            ("number", Arg::Int(self.sequence.for_change(now))),
            ("at", Arg::Int(now.as_micros())),
        ];
        let text = match event {
            TenantEvent::Created => CREATED,
            TenantEvent::Status => STATUS,
            TenantEvent::Schemas => SCHEMAS,
            TenantEvent::Deleted(tenant) => {
                values.push(("tenant", Arg::Int(tenant)));
                DELETED
            }
        };
        batch.then("event", Step::bound(text, values))
    }
}

macro_rules! log {
    ($owner:literal, $seq:literal, $action:literal, $attributes:literal, $from:literal) => {
        concat!(
            "insert into change (tenant, change, seq, id, version, action, attributes, at, document, created) select ",
            $owner,
            ", {:number}, ",
            $seq,
            ", '00000000-0000-0000-0000-000000000000', subject.revision, '",
            $action,
            "', '",
            $attributes,
            "', {:at}, cast({row_of}(subject.name, subject.status) as text), {:at} from ",
            $from
        )
    };
}

const CREATED: &str = log!("0", "subject.tenant", "create", "", "{subject}");
const STATUS: &str = log!(
    "subject.tenant",
    "0",
    "modify",
    "status",
    "{subject} cross join {before} where subject.status <> before.status"
);
const SCHEMAS: &str = log!("subject.tenant", "0", "modify", "schemas", "{subject}");
const DELETED: &str = log!(
    "0",
    "subject.tenant",
    "delete",
    "",
    "(select tenant, name, status, revision + 1 as revision from tenant where tenant = {:tenant}) as subject"
);
