//! Whether every derived row is what its source says, and putting right what is not.
//!
//! Sources are the documents and the memberships. Derived are the index of values, what stands
//! in columns beside the document, counters, and the number of seats in use. All of a tenant is
//! read in the order of its keys, one resource at a time; a repair is made only if the resource is
//! still as it was read, so the server may be at work meanwhile.

use crate::clock::Timestamp;
use crate::resource::StoredDocument;
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::resources::document::DerivedColumns;
use crate::store::resources::ids::TypeIds;
use crate::store::resources::index::{self, IndexRow};
use crate::store::resources::lookup::{Looked, looked};
use crate::store::resources::scope::Scope;
use crate::store::resources::seq::{TYPE_SHIFT, type_id_of};
use crate::store::upkeep::restore::{Restoration, Restored};
use std::collections::{BTreeMap, BTreeSet};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Findings that are told one by one; the rest are counted.
const TOLD: usize = 10_000;

/// Seconds within which a running server gives a change its position.
const NUMBERED_WITHIN: i64 = 60;

/// Resources that are put right side by side: what waits shares a commit.
const SIDE_BY_SIDE: usize = 32;

/// A resource as it is stored, with its index rows.
#[derive(Debug)]
struct Stored {
    seq: i64,
    source: Option<Source>,
    rows: BTreeSet<IndexRow>,
    /// Rows that exist more than once.
    repeated: BTreeSet<IndexRow>,
}

#[derive(Debug)]
struct Source {
    id: Uuid,
    revision: i64,
    document: StoredDocument,
    display: Option<String>,
    display_key: Option<String>,
    takes_seat: bool,
    looked: Looked,
    /// `None` if scanned values have rows in the index.
    scanned: Option<String>,
}

pub(in crate::store) struct Verification<'a> {
    store: &'a Store,
    scope: &'a Scope,
    tenant: &'a str,
    repair: bool,
    told: Vec<String>,
    untold: usize,
    unrepaired: usize,
    restored: BTreeMap<Restored, u64>,
    /// Repairs in progress, each with the finding that it answers.
    restoring: JoinSet<(String, Result<Restored, StoreError>)>,
}

/// What a verification found.
#[derive(Debug, Default)]
pub struct Verified {
    /// A line for each finding; those that could not be repaired say why.
    pub findings: Vec<String>,
    /// How many could not be repaired though that was asked for.
    pub unrepaired: usize,
}

impl Store {
    /// Holds every derived row of a tenant against its source, and repairs what differs if asked to;
    /// `compared` is called for every resource. Changes that were made shortly before `now` may have no position yet.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn verify(
        &self,
        scope: &Scope,
        tenant: &str,
        repair: bool,
        (now, compared): (Timestamp, &mut (dyn FnMut() + Send)),
    ) -> Result<Verified, StoreError> {
        let mut verification = Verification::new(self, scope, tenant, repair);
        verification.resources(compared).await?;
        verification.members().await?;
        verification.counters().await?;
        verification.seats().await?;
        verification.change_log(now).await?;
        Ok(verification.findings())
    }
}

impl<'a> Verification<'a> {
    pub(in crate::store) fn new(
        store: &'a Store,
        scope: &'a Scope,
        tenant: &'a str,
        repair: bool,
    ) -> Self {
        let (told, untold, unrepaired, restored) = (Vec::new(), 0, 0, BTreeMap::new());
        Self {
            store,
            scope,
            tenant,
            repair,
            told,
            untold,
            unrepaired,
            restored,
            restoring: JoinSet::new(),
        }
    }

    /// How many of the resources that differed came to that.
    pub(in crate::store) fn count(&self, restored: Restored) -> u64 {
        self.restored.get(&restored).copied().unwrap_or(0)
    }

    fn tell(&mut self, finding: String) {
        if self.told.len() < TOLD {
            self.told.push(finding);
        } else {
            self.untold += 1;
        }
    }

    fn tell_of(&mut self, finding: String, why_not_repaired: Option<&str>) {
        match why_not_repaired {
            Some(why) => {
                self.unrepaired += 1;
                self.tell(format!("{finding} (not repaired: {why})"));
            }
            None => self.tell(finding),
        }
    }

    fn findings(mut self) -> Verified {
        if self.untold > 0 {
            self.told
                .push(format!("tenant {}: {} more", self.tenant, self.untold));
        }
        Verified {
            findings: self.told,
            unrepaired: self.unrepaired,
        }
    }

    fn args(&self, more: impl IntoIterator<Item = Arg>) -> Vec<Arg> {
        std::iter::once(Arg::Int(self.scope.tenant))
            .chain(more)
            .collect()
    }

    /// Holds all resources against their index; `seen` is told of each.
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
        // Of a type that is not configured now nothing can be said.
        let scope = self.scope;
        let Some(of_type) = scope.layout.by_type_id(type_id_of(stored.seq)) else {
            return Ok(());
        };
        let Some(source) = &stored.source else {
            return self.orphans(of_type, &stored).await;
        };
        let subject = format!(
            "tenant {}, {} {}",
            self.tenant,
            of_type.resource_type.name(),
            source.id
        );
        let Ok(attributes) = source.document.attributes() else {
            let reason = "it is the source of the rest";
            self.tell_of(
                format!("{subject}: the document cannot be read"),
                Some(reason).filter(|_| self.repair),
            );
            return Ok(());
        };
        let derived = DerivedColumns::of(of_type, &attributes);
        let expected = match source.scanned {
            Some(_) => index::rows(of_type, &attributes),
            None => index::former_rows(of_type, &attributes),
        };
        let (lacking, surplus) = stored.against(&expected);
        let mut differences = column_differences(source, &derived);
        differences.extend(of_index("lacks rows for", of_type, &lacking));
        differences.extend(of_index("has extra rows for", of_type, &surplus));
        if differences.is_empty() {
            return Ok(());
        }
        let finding = format!("{subject}: {}", differences.join("; "));
        if !self.repair {
            self.tell(finding);
            return Ok(());
        }
        // It is written with the scanned values in their column, whatever it was before.
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
        if self.restoring.len() >= SIDE_BY_SIDE {
            self.settle_one().await?;
        }
        self.restoring
            .spawn(async move { (finding, restoration.run().await) });
        Ok(())
    }

    /// Waits for one of those that are being put right; `false` if there is none.
    async fn settle_one(&mut self) -> Result<bool, StoreError> {
        let Some(joined) = self.restoring.join_next().await else {
            return Ok(false);
        };
        let (finding, outcome) =
            joined.map_err(|_| StoreError::Away(sqlx::Error::WorkerCrashed))?;
        let outcome = outcome?;
        *self.restored.entry(outcome).or_default() += 1;
        self.tell_of(finding, outcome.why_not());
        Ok(true)
    }

    async fn orphans(&mut self, of_type: &TypeIds, stored: &Stored) -> Result<(), StoreError> {
        let (tenant, seq) = (self.scope.tenant, stored.seq);
        let kind = of_type.resource_type.name();
        self.tell(format!(
            "tenant {}, a {kind} that is gone: it still has values in the index",
            self.tenant
        ));
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
            let (of_group, of_member) = (
                self.kind_name(type_id_of(group)),
                self.kind_name(type_id_of(member)),
            );
            self.tell(format!(
                "tenant {}: a {of_member} is member of a {of_group}, and one of them is gone",
                self.tenant
            ));
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

    fn kind_name(&self, kind: i64) -> String {
        let layout = self.scope.layout.by_type_id(kind);
        layout.map_or_else(
            || format!("type {kind}"),
            |layout| layout.resource_type.name().to_string(),
        )
    }

    /// Differences are added to the counters, so that what is counted meanwhile is not lost.
    async fn counters(&mut self) -> Result<(), StoreError> {
        let mut rows = self.store.engine.rows(Statement::named(
            "verify.counters",
            COUNTERS,
            self.args([Arg::Int(1 << TYPE_SHIFT)]),
        ));
        while let Some(row) = rows.recv().await.transpose()? {
            let (kind, live, active) = (row.int(0)?, row.int(1)?, row.int(2)?);
            let (counted, counted_active) = (row.int(3)?, row.int(4)?);
            self.tell(format!(
                "tenant {}, type {}: {live} resources, {active} active; counted are {counted}, {counted_active} active",
                self.tenant,
                self.kind_name(kind)
            ));
            if self.repair {
                let differences = [kind, live - counted, active - counted_active].map(Arg::Int);
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

    /// What was told of a change cannot be made up afterwards.
    async fn change_log(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let settled = now.plus_seconds(-NUMBERED_WITHIN);
        let faults = self.store.verify_log(self.scope.tenant, settled).await?;
        for (count, what) in [
            (faults.unnumbered, "have no position in the change feed"),
            (faults.miscounted, "count other members than they have"),
        ] {
            if count > 0 {
                let finding = format!("tenant {}: {count} changes {what}", self.tenant);
                let reason = "the change log is the source";
                self.tell_of(finding, Some(reason).filter(|_| self.repair));
            }
        }
        Ok(())
    }

    async fn seats(&mut self) -> Result<(), StoreError> {
        let mut rows =
            self.store
                .engine
                .rows(Statement::named("verify.seats", SEATS, self.args([])));
        while let Some(row) = rows.recv().await.transpose()? {
            let (used, taken) = (row.int(0)?, row.int(1)?);
            self.tell(format!(
                "tenant {}: {taken} seats are taken; counted are {used}",
                self.tenant
            ));
            if self.repair {
                let difference = [Arg::Int(taken - used)];
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

impl Stored {
    fn new(seq: i64) -> Self {
        Self {
            seq,
            source: None,
            rows: BTreeSet::new(),
            repeated: BTreeSet::new(),
        }
    }

    /// The rows that are expected and not there, and those that are there and not expected. A row that is there twice
    /// is both.
    fn against(&self, expected: &BTreeSet<IndexRow>) -> (BTreeSet<IndexRow>, BTreeSet<IndexRow>) {
        let lacking = expected.difference(&self.rows);
        let again = self.repeated.intersection(expected);
        let surplus = self.rows.difference(expected).chain(&self.repeated);
        (
            lacking.chain(again).cloned().collect(),
            surplus.cloned().collect(),
        )
    }

    fn take(&mut self, row: &Row) -> Result<(), StoreError> {
        if row.int(1)? == 0 {
            self.source = Some(Source {
                id: row.uuid(2)?,
                revision: row.int(3)?,
                takes_seat: row.bool(5)?,
                document: StoredDocument::from_stored(row.text(6)?),
                display: row.opt_text(7)?.map(str::to_owned),
                display_key: row.opt_text(8)?.map(str::to_owned),
                looked: looked(row, 9)?,
                scanned: row.opt_text(12)?.map(str::to_owned),
            });
            return Ok(());
        }
        let value = IndexRow {
            attribute: row.int(3)?,
            element: row.int(4)?,
            is_unique: row.bool(5)?,
            key: row.text(6)?.to_owned(),
            tail: row.opt_text(7)?.map(str::to_owned),
        };
        if let Some(again) = self.rows.replace(value) {
            self.repeated.insert(again);
        }
        Ok(())
    }
}

fn column_differences(source: &Source, derived: &DerivedColumns) -> Vec<String> {
    let mut differences = Vec::new();
    if (&source.display, &source.display_key) != (&derived.display, &derived.display_key) {
        differences.push("the display name column is stale".to_owned());
    }
    if source.looked != derived.looked {
        differences.push("the lookup columns are stale".to_owned());
    }
    if source
        .scanned
        .as_ref()
        .is_some_and(|scanned| *scanned != derived.scanned)
    {
        differences.push("the column of scanned values is stale".to_owned());
    }
    if source.takes_seat != derived.takes_seat {
        differences.push("the seat column is stale".to_owned());
    }
    differences
}

/// Names attributes, never values.
fn of_index(what: &str, of_type: &TypeIds, rows: &BTreeSet<IndexRow>) -> Option<String> {
    let numbers: BTreeSet<i64> = rows.iter().map(|row| row.attribute).collect();
    let leaves = || {
        of_type
            .attributes
            .iter()
            .zip(of_type.resource_type.leaves())
    };
    let name = |number: i64| {
        leaves()
            .find(|(own, _)| **own == Some(number))
            .map(|(_, path)| path.to_string())
    };
    let names: Vec<_> = numbers
        .into_iter()
        .map(|number| {
            name(number).unwrap_or_else(|| "an attribute that is not searched".to_owned())
        })
        .collect();
    (!names.is_empty()).then(|| format!("the index {what} {}", names.join(", ")))
}

const STORED: &str = "select seq, 0, id, revision, 0, takes_seat, document, display, display_key, \
       lookup_1, lookup_2, lookup_3, case when scanned_revision = revision then scanned end from resource where tenant = $1 \
     union all select seq, 1, null, attribute, element, is_unique, key, tail, null, null, null, null, null from attribute_value where tenant = $1 \
     order by 1";
const GONE: &str = "select tenant from tenant where tenant = $1 \
     and not exists (select 1 from resource where tenant = $1 and seq = $2)";
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
