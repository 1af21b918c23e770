//! The batch of combined writes: the statements of a single write, each over all writes.

use crate::store::changes::append::append_gathered;
use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::batch::Batch;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Step;
use crate::store::handle::Store;
use crate::store::resources::index::{self, IndexRow};
use crate::store::resources::leftover;
use crate::store::resources::write::gathered::{GatheredAction, GatheredKind, GatheredWrite};
use crate::store::resources::write::steps::{SHARDS, WRITTEN};

/// The batch; it returns the key and the new version of each written resource.
pub(in crate::store) fn batch(
    store: &Store,
    kind: &GatheredKind,
    writes: &[GatheredWrite],
) -> Batch {
    let batch = Batch::new(name(kind.action)).then("written", write(kind, writes));
    let batch = index_steps(batch, kind.tenant, writes);
    let batch = count(batch, store, kind, writes);
    let changes: Vec<_> = writes
        .iter()
        .map(|write| {
            let number = store.sequence.for_change(write.change.author.at);
            (number, &write.change)
        })
        .collect();
    append_gathered(batch, kind.tenant, &changes, store.keeps_documents)
        .then("answer", Step::new(ANSWER, Vec::new()))
}

fn name(action: GatheredAction) -> &'static str {
    match action {
        GatheredAction::Create => "resource.create_many",
        GatheredAction::Replace => "resource.replace_many",
        GatheredAction::Delete => "resource.delete_many",
    }
}

/// Writes the resources whose conditions hold, if the schemas are unchanged and the caller is confirmed.
fn write(kind: &GatheredKind, writes: &[GatheredWrite]) -> Step {
    let mut sql = Sql::bound(vec![
        ("tenant", Arg::Int(kind.tenant)),
        ("schema_revision", Arg::Int(kind.schema_revision)),
    ]);
    sql.raw(match kind.action {
        GatheredAction::Create => INSERT,
        GatheredAction::Replace => UPDATE,
        GatheredAction::Delete => DELETE,
    });
    if let Some(claim) = kind.proof.claim() {
        sql.raw(" and exists (");
        claim.prove(&mut sql);
        sql.raw(")");
    }
    sql.raw(match kind.action {
        GatheredAction::Delete => {
            " returning seq, id, version + 1 as version, resource.document, created"
        }
        _ => " returning seq, id, version, resource.document, created",
    });
    sql.step().with_rows(table(writes)).returning(WRITTEN)
}

fn table(writes: &[GatheredWrite]) -> Table {
    let ids = writes.iter().map(|write| write.id).collect();
    let mut table = vec![
        ("at_seq", ints(writes, GatheredWrite::seq)),
        ("at_id", Column::Uuids(ids)),
        ("at_revision", ints(writes, |write| write.revision)),
        ("at_version", ints(writes, |write| write.version)),
    ];
    let columns = writes.first().map_or(&[][..], |write| &write.columns);
    for (i, (name, _)) in columns.iter().enumerate() {
        let values = writes
            .iter()
            .map(|write| write.columns.get(i).map(|(_, value)| value));
        table.extend(Column::of(values).map(|column| (*name, column)));
    }
    table
}

fn ints(writes: &[GatheredWrite], of: impl Fn(&GatheredWrite) -> i64) -> Column {
    Column::Ints(writes.iter().map(of).collect())
}

fn index_steps(mut batch: Batch, tenant: i64, writes: &[GatheredWrite]) -> Batch {
    batch = index::remove_of_several(batch, tenant, index_rows(writes, |write| &write.removed));
    batch = index::add_to_several(batch, tenant, index_rows(writes, |write| &write.added));
    let left = writes
        .iter()
        .filter_map(|write| Some((write.seq(), Some(write.left.clone()?))));
    let (keys, texts): (Vec<i64>, Vec<Option<String>>) = left.unzip();
    match keys.is_empty() {
        true => batch,
        false => batch.and(leftover::leave(tenant, keys, texts)),
    }
}

/// Index rows of all writes with the keys of their resources.
fn index_rows(
    writes: &[GatheredWrite],
    of: impl Fn(&GatheredWrite) -> &[IndexRow],
) -> impl Iterator<Item = (i64, &IndexRow)> {
    writes
        .iter()
        .flat_map(move |write| of(write).iter().map(|row| (write.seq(), row)))
}

/// Counts the written resources and their seats.
fn count(batch: Batch, store: &Store, kind: &GatheredKind, writes: &[GatheredWrite]) -> Batch {
    let (live, gone) = match kind.action {
        GatheredAction::Create => (1, 0),
        GatheredAction::Replace => (0, 0),
        GatheredAction::Delete => (-1, 1),
    };
    if live == 0 && writes.iter().all(|write| write.seats == 0) {
        return batch;
    }
    let shard = store.sequence.round_robin(SHARDS);
    let args = [kind.tenant, kind.type_id, shard, live, gone].map(Arg::Int);
    let rows = vec![
        ("at_seq", ints(writes, GatheredWrite::seq)),
        ("seats", ints(writes, |write| write.seats)),
    ];
    batch.and(Step::new(COUNT, args.to_vec()).with_rows(rows))
}

const ANSWER: &str = "select seq, version from {written}";

const INSERT: &str = "insert into resource (tenant, seq, id, document, display, display_key, password, takes_seat, \
       lookup_1, lookup_2, lookup_3, scanned, scanned_revision, version, revision, created, modified) \
     select {:tenant}, at_seq, at_id, document, display, display_key, password, takes_seat, \
       lookup_1, lookup_2, lookup_3, scanned, 1, 1, 1, modified, modified from {rows} \
     where exists (select 1 from tenant where tenant = {:tenant} and schema_revision = {:schema_revision})";
/// Rows are looked up individually, so that the index is used regardless of the planner's estimates. Rows that are
/// selected by their physical place are also compared with the tenant, with `+ 0` to avoid an index.
const UPDATE: &str = "update resource set document = given.document, display = given.display, display_key = given.display_key, \
     password = coalesce(given.password, resource.password), takes_seat = given.takes_seat, \
     lookup_1 = given.lookup_1, lookup_2 = given.lookup_2, lookup_3 = given.lookup_3, \
     scanned = given.scanned, scanned_revision = resource.revision + 1, \
     version = resource.version + 1, revision = resource.revision + 1, modified = given.modified from {rows} \
     where {row_among:resource.rowid}(select (select r.{row:rowid} from resource r where r.tenant = {:tenant} and r.seq = given.at_seq \
       limit 1) from {rows})) and resource.tenant + 0 = {:tenant} and resource.seq + 0 = given.at_seq \
     and resource.revision = given.at_revision and resource.scanned_revision = resource.revision \
     and (given.at_version = 0 or resource.version = given.at_version) \
     and exists (select 1 from tenant where tenant = {:tenant} and schema_revision = {:schema_revision})";
/// A resource that concurrently joins a group violates the foreign key; then each is deleted separately.
const DELETE: &str = "delete from resource where {row_among:rowid}(select (select r.{row:rowid} from resource r \
       where r.tenant = {:tenant} and r.seq = given.at_seq limit 1) from {rows})) and resource.tenant + 0 = {:tenant} \
     and scanned_revision = revision and exists (select 1 from {rows} where given.at_seq = resource.seq \
       and given.at_revision = resource.revision and (given.at_version = 0 or given.at_version = resource.version)) \
     and not exists (select 1 from member m where m.tenant = {:tenant} and m.member_seq = resource.seq limit 1 offset 0) \
     and exists (select 1 from tenant t where t.tenant = {:tenant} and t.schema_revision = {:schema_revision})";

const COUNT: &str = "insert into counter (tenant, kind, shard, live, active, gone) \
     select $1, $2, $3, n * $4, seats, n * $5 from (select count(*) as n, cast(coalesce(sum(seats), 0) as bigint) as seats \
       from {rows} where at_seq in (select seq from {written})) as sums where n > 0 \
     on conflict (tenant, kind, shard) do update set live = counter.live + excluded.live, \
     active = counter.active + excluded.active, gone = counter.gone + excluded.gone";
