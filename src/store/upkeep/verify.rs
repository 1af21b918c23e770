//! Compares every derived row with its source, and repairs those that differ.
//!
//! Sources are the documents and the memberships. Derived data are the index of values, columns, counters, and the
//! number of seats in use. A tenant is read in the order of its keys, one resource at a time; a repair is made only if
//! the resource is unchanged since the read, so the server can run meanwhile.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::resources::document::DerivedColumns;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::index;
use crate::store::resources::scope::Scope;
use crate::store::resources::seq::{TYPE_SHIFT, type_id_of};
use crate::store::upkeep::finding::{Fault, Finding, LiveCounts, StalePart, Unrepaired};
use crate::store::upkeep::restore::{Restoration, Restored};
use crate::store::upkeep::stored_rows::{STORED, Stored, paths, stale_columns};
use crate::store::upkeep::verified::Verified;
use std::collections::BTreeMap;
use tokio::task::JoinSet;

/// Seconds within which a running server assigns a position to a change.
const NUMBERED_WITHIN: i64 = 60;

/// Resources that are repaired at the same time, so that repairs share commits.
const CONCURRENT_REPAIRS: usize = 32;

pub(in crate::store) struct Verification<'a> {
    store: &'a Store,
    scope: &'a Scope,
    tenant: &'a str,
    repair: bool,
    verified: Verified,
    restored: BTreeMap<Restored, u64>,
    /// Repairs in progress, each with its finding.
    restoring: JoinSet<(Fault, Result<Restored, StoreError>)>,
}

/// Options of a verification.
pub(crate) struct VerifyRequest<'a> {
    /// Whether differences are repaired.
    pub(crate) repair: bool,
    /// The time; changes shortly before it may have no position yet.
    pub(crate) now: Timestamp,
    /// Called for each resource that was compared.
    pub(crate) compared: &'a mut (dyn FnMut() + Send),
}

impl Store {
    /// Compares every derived row of a tenant with its source, and repairs differences if requested.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn verify(
        &self,
        scope: &Scope,
        tenant: &str,
        request: VerifyRequest<'_>,
    ) -> Result<Verified, StoreError> {
        let mut verification = Verification::new(self, scope, tenant, request.repair);
        verification.resources(request.compared).await?;
        verification.members().await?;
        verification.counters().await?;
        verification.seats().await?;
        verification.change_log(request.now).await?;
        Ok(verification.verified)
    }
}

impl<'a> Verification<'a> {
    pub(in crate::store) fn new(
        store: &'a Store,
        scope: &'a Scope,
        tenant: &'a str,
        repair: bool,
    ) -> Self {
        Self {
            store,
            scope,
            tenant,
            repair,
            verified: Verified::default(),
            restored: BTreeMap::new(),
            restoring: JoinSet::new(),
        }
    }

    /// Counts a resource with this outcome.
    pub(in crate::store) fn count(&self, restored: Restored) -> u64 {
        self.restored.get(&restored).copied().unwrap_or(0)
    }

    fn found(&mut self, fault: Fault) {
        self.found_unrepaired(fault, None);
    }

    fn found_unrepaired(&mut self, fault: Fault, unrepaired: Option<Unrepaired>) {
        self.verified.add(Finding {
            tenant: self.tenant.to_owned(),
            fault,
            unrepaired,
        });
    }

    /// The reason why a damaged source is not repaired, if that was requested.
    fn unrepairable(&self, why: Unrepaired) -> Option<Unrepaired> {
        self.repair.then_some(why)
    }

    fn args(&self, more: impl IntoIterator<Item = Arg>) -> Vec<Arg> {
        std::iter::once(Arg::Int(self.scope.tenant))
            .chain(more)
            .collect()
    }

    /// Compares all resources with their derived data; `seen` is called for each.
    pub(in crate::store) async fn resources(
        &mut self,
        seen: &mut (dyn FnMut() + Send),
    ) -> Result<(), StoreError> {
        let mut rows =
            self.store
                .engine
                .rows(Statement::named("verify.resources", STORED, self.args([])));
        let mut stored: Option<Stored> = None;
        while let Some(row) = rows.recv().await.transpose()? {
            let seq = row.int(0)?;
            if let Some(whole) = stored.take_if(|stored| stored.seq != seq) {
                self.resource(whole).await?;
                seen();
            }
            stored.get_or_insert_with(|| Stored::new(seq)).take(&row)?;
        }
        if let Some(last) = stored {
            self.resource(last).await?;
        }
        while self.settle_one().await? {}
        Ok(())
    }

    async fn resource(&mut self, stored: Stored) -> Result<(), StoreError> {
        // Resources of a type that is not configured cannot be compared.
        let scope = self.scope;
        let Some(of_type) = scope.layout.by_type_id(type_id_of(stored.seq)) else {
            return Ok(());
        };
        let Some(source) = &stored.source else {
            return self.orphans(of_type, &stored).await;
        };
        let resource_type = of_type.resource_type.name().to_string();
        let id = source.id;
        let Ok(attributes) = source.document.attributes() else {
            let fault = Fault::Unreadable { resource_type, id };
            self.found_unrepaired(fault, self.unrepairable(Unrepaired::DocumentIsSource));
            return Ok(());
        };
        let derived = DerivedColumns::of(of_type, &attributes);
        let expected = match source.scanned {
            Some(_) => index::rows(of_type, &attributes),
            None => index::former_rows(of_type, &attributes),
        };
        let (lacking, surplus) = stored.against(&expected);
        let mut parts = stale_columns(source, &derived);
        parts.extend(paths(of_type, &lacking).map(StalePart::LackingRows));
        parts.extend(paths(of_type, &surplus).map(StalePart::ExtraRows));
        if parts.is_empty() {
            return Ok(());
        }
        let fault = Fault::Resource {
            resource_type,
            id,
            parts,
        };
        if !self.repair {
            self.found(fault);
            return Ok(());
        }
        // A repair always writes the scanned values to their column.
        let (lacking, surplus) = stored.against(&index::rows(of_type, &attributes));
        let revision = source.revision;
        let restoration = Restoration {
            store: self.store.clone(),
            tenant: scope.tenant,
            seq: stored.seq,
            revision,
            derived,
            surplus,
            lacking,
        };
        if self.restoring.len() >= CONCURRENT_REPAIRS {
            self.settle_one().await?;
        }
        self.restoring
            .spawn(async move { (fault, restoration.run().await) });
        Ok(())
    }

    /// Waits for the end of one repair; `false` if there is none.
    async fn settle_one(&mut self) -> Result<bool, StoreError> {
        let Some(joined) = self.restoring.join_next().await else {
            return Ok(false);
        };
        let (fault, outcome) = joined.map_err(|_| StoreError::Away(sqlx::Error::WorkerCrashed))?;
        let outcome = outcome?;
        *self.restored.entry(outcome).or_default() += 1;
        self.found_unrepaired(fault, outcome.unrepaired());
        Ok(true)
    }

    async fn orphans(&mut self, of_type: &TypeIds, stored: &Stored) -> Result<(), StoreError> {
        let (tenant, seq) = (self.scope.tenant, stored.seq);
        self.found(Fault::Orphan {
            resource_type: of_type.resource_type.name().to_string(),
        });
        if self.repair {
            let gone = || {
                Batch::new("verify.orphans").then(
                    "written",
                    Step::new(GONE, self.args([Arg::Int(seq)])).returning(&["tenant"]),
                )
            };
            let batch = || {
                index::remove(gone(), tenant, seq, &stored.rows)
                    .then("answer", Step::new(ANSWER, vec![]))
            };
            self.store.engine.write_retrying(batch).await?;
        }
        Ok(())
    }

    async fn members(&mut self) -> Result<(), StoreError> {
        let mut rows = self.store.engine.rows(Statement::named(
            "verify.members",
            format!("{ENDS}{LOOSE}"),
            self.args([]),
        ));
        while let Some(row) = rows.recv().await.transpose()? {
            let (group, member) = (row.int(0)?, row.int(1)?);
            self.found(Fault::Membership {
                group_type: self.type_name(type_id_of(group)),
                member_type: self.type_name(type_id_of(member)),
            });
            if self.repair {
                let text = format!("{UNTIE}{LOOSE}");
                let args = self.args([Arg::Int(group), Arg::Int(member)]);
                self.store
                    .engine
                    .write_one(Statement::named("verify.untie", text, args))
                    .await?;
            }
        }
        Ok(())
    }

    fn type_name(&self, type_id: i64) -> String {
        let layout = self.scope.layout.by_type_id(type_id);
        layout.map_or_else(
            || format!("type {type_id}"),
            |layout| layout.resource_type.name().to_string(),
        )
    }

    /// Differences are added to the counters, so that concurrent counts are not lost.
    async fn counters(&mut self) -> Result<(), StoreError> {
        let mut rows = self.store.engine.rows(Statement::named(
            "verify.counters",
            COUNTERS,
            self.args([Arg::Int(1 << TYPE_SHIFT)]),
        ));
        while let Some(row) = rows.recv().await.transpose()? {
            let type_id = row.int(0)?;
            let counts = |live, active| {
                Ok::<_, StoreError>(LiveCounts {
                    live: row.int(live)?,
                    active: row.int(active)?,
                })
            };
            let (actual, counted) = (counts(1, 2)?, counts(3, 4)?);
            self.found(Fault::Counters {
                resource_type: self.type_name(type_id),
                actual,
                counted,
            });
            if self.repair {
                let differences = [
                    type_id,
                    actual.live - counted.live,
                    actual.active - counted.active,
                ]
                .map(Arg::Int);
                self.store
                    .engine
                    .write_one(Statement::named(
                        "verify.recount",
                        RECOUNT,
                        self.args(differences),
                    ))
                    .await?;
            }
        }
        Ok(())
    }

    /// The change log cannot be recomputed from other data.
    async fn change_log(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let settled = now.plus_seconds(-NUMBERED_WITHIN);
        let faults = self.store.verify_log(self.scope.tenant, settled).await?;
        let why = self.unrepairable(Unrepaired::LogIsSource);
        if faults.unnumbered > 0 {
            self.found_unrepaired(Fault::Unnumbered(faults.unnumbered), why);
        }
        if faults.miscounted > 0 {
            self.found_unrepaired(Fault::Miscounted(faults.miscounted), why);
        }
        Ok(())
    }

    async fn seats(&mut self) -> Result<(), StoreError> {
        let mut rows =
            self.store
                .engine
                .rows(Statement::named("verify.seats", SEATS, self.args([])));
        while let Some(row) = rows.recv().await.transpose()? {
            let (counted, actual) = (row.int(0)?, row.int(1)?);
            self.found(Fault::Seats { actual, counted });
            if self.repair {
                let difference = [Arg::Int(actual - counted)];
                self.store
                    .engine
                    .write_one(Statement::named(
                        "verify.reseat",
                        RESEAT,
                        self.args(difference),
                    ))
                    .await?;
            }
        }
        Ok(())
    }
}

const GONE: &str = "select tenant from tenant where tenant = $1 \
     and not exists (select 1 from resource where tenant = $1 and seq = $2) \
     and not exists (select 1 from deleted_resource where tenant = $1 and seq = $2)";
const ANSWER: &str = "select 1 from {written}";

const ENDS: &str = "select group_seq, member_seq from member where tenant = $1";
const UNTIE: &str = "delete from member where tenant = $1 and group_seq = $2 and member_seq = $3";
const LOOSE: &str = " and (not exists (select 1 from resource where resource.tenant = $1 and seq = group_seq) \
     or not exists (select 1 from resource where resource.tenant = $1 and seq = member_seq))";

const COUNTERS: &str = "select kind, cast(sum(live) as bigint), cast(sum(active) as bigint), \
       cast(sum(counted) as bigint), cast(sum(counted_active) as bigint) from \
     (select seq / $2 as kind, 1 as live, case when takes_seat then 1 else 0 end as active, \
        0 as counted, 0 as counted_active from resource where tenant = $1 \
      union all select kind, 0, 0, live, active from counter where tenant = $1) as counts \
     group by kind having sum(live) <> sum(counted) or sum(active) <> sum(counted_active) order by kind";
const RECOUNT: &str = "insert into counter (tenant, kind, shard, live, active, gone) values ($1, $2, 0, $3, $4, 0) \
     on conflict (tenant, kind, shard) do update set live = counter.live + excluded.live, \
     active = counter.active + excluded.active";
const SEATS: &str = "select used, taken from (select used, cast((select count(*) from resource \
       where resource.tenant = $1 and takes_seat) as bigint) as taken from tenant \
     where tenant = $1 and seats is not null) as seats where used <> taken";
const RESEAT: &str = "update tenant set used = used + $2 where tenant = $1 and seats is not null";
