//! The views through which the application reads its users, and their lookup columns.
//!
//! A mapping takes effect in three steps: its lookups are stored, so that every writer uses them from its next start
//! on; the views are created to read documents, which is slow but correct; when every row has its lookups, the views
//! read these columns.

mod dialect;
mod json;
mod views;

pub(crate) use views::Views;

use crate::mapping::Directory;
use crate::resource::StoredDocument;
use crate::store::db::args::{Arg, Column};
use crate::store::db::batch::Batch;
use crate::store::db::engine::Database;
use crate::store::db::error::StoreError;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::resources::ids::{CatalogIds, TypeIds};
use crate::store::resources::lookup::{KEPT, Looked, looked};
use crate::store::resources::scope::Scope;
use crate::store::resources::seq::type_id_of;
use crate::store::shared::shared;
use dialect::Dialect;

/// The name in `shared` of the lookups that every row has.
const FILLED: &str = "lookups_filled";
/// The name in `shared` of the text of the views.
const MADE: &str = "directory";
/// Number of rows that one statement fills.
const AT_ONCE: usize = 200;

/// The state of a directory in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryState {
    /// There are no views.
    Missing,
    /// The views belong to another mapping.
    Different,
    /// The views are correct; some rows do not have their lookups yet, so searches are slow.
    Filling,
    /// The views are correct and all rows have their lookups.
    Ready,
}

/// A resource whose columns for lookups are stale.
struct StaleLookups {
    seq: i64,
    revision: i64,
    /// The correct values of the columns.
    values: Looked,
}

impl Store {
    fn dialect(&self) -> Dialect {
        match self.engine.database {
            Database::Postgres { .. } => Dialect::Postgres,
            Database::Sqlite { .. } => Dialect::Sqlite,
        }
    }

    /// Stores the lookups of a directory; writes with a layout that is read later use them.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn keep_lookups(&self, directory: &Directory) -> Result<(), StoreError> {
        let lookups = directory.lookups();
        if shared(&self.engine, KEPT).await?.as_ref() == Some(&lookups) {
            return Ok(());
        }
        let keep = || {
            Batch::new("directory.keep_lookups")
                .then(
                    "kept",
                    Step::new(KEEP_OTHER, vec![KEPT.into(), lookups.as_str().into()])
                        .returning(&["name"]),
                )
                .then("answer", Step::new(FORGET, vec![FILLED.into()]))
        };
        self.engine.write_retrying(keep).await.map(|_| ())
    }

    /// The views of a directory, with or without lookup columns.
    pub(crate) fn views(
        &self,
        directory: &Directory,
        layout: &CatalogIds,
        is_filled: bool,
    ) -> Views {
        Views::of(directory, layout, self.dialect(), is_filled)
    }

    /// The state of a directory.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn directory_state(
        &self,
        directory: &Directory,
        layout: &CatalogIds,
    ) -> Result<DirectoryState, StoreError> {
        let present = match self.dialect() {
            Dialect::Postgres => PRESENT_ON_POSTGRES,
            Dialect::Sqlite => PRESENT_ON_SQLITE,
        };
        let rows = self
            .engine
            .read(&Statement::named("directory.state", present, vec![]))
            .await?;
        let made = shared(&self.engine, MADE).await?;
        let is = |is_filled| made == Some(self.views(directory, layout, is_filled).text());
        Ok(match rows.first().map(|row| row.int(0)).transpose()? {
            Some(VIEWS) if is(true) => DirectoryState::Ready,
            Some(VIEWS) if is(false) => DirectoryState::Filling,
            Some(1..) => DirectoryState::Different,
            _ => DirectoryState::Missing,
        })
    }

    /// Whether every row has the lookups of a directory.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn is_filled(&self, directory: &Directory) -> Result<bool, StoreError> {
        Ok(shared(&self.engine, FILLED).await? == Some(directory.lookups()))
    }

    /// Creates the views atomically; grants on existing views stay.
    ///
    /// # Errors
    /// Any [`StoreError`]: also if another object depends on a view that must be recreated, and if a reader blocks the
    /// lock for too long.
    pub(crate) async fn make_views(&self, views: &Views) -> Result<(), StoreError> {
        let make = || match self.dialect() {
            Dialect::Postgres => Batch::new("directory.make_views")
                .then("answer", Step::verbatim(views::postgres_block(views, MADE))),
            Dialect::Sqlite => {
                let statements = views::sqlite_statements(views, MADE);
                statements
                    .into_iter()
                    .fold(Batch::new("directory.make_views"), |batch, text| {
                        batch.and(Step::verbatim(text))
                    })
            }
        };
        self.engine.write_retrying(make).await.map(|_| ())
    }

    /// Marks that every row has the lookups of a directory, if the stored lookups are unchanged.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn mark_filled(&self, directory: &Directory) -> Result<bool, StoreError> {
        let args = vec![
            FILLED.into(),
            directory.lookups().as_str().into(),
            KEPT.into(),
        ];
        Ok(!self
            .engine
            .write_one(Statement::named("directory.mark_filled", MARK, args))
            .await?
            .is_empty())
    }

    /// Writes the lookups of every resource of a tenant; returns the number of changed rows. Resources that are changed
    /// concurrently get them with the change.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn fill_lookups(&self, scope: &Scope) -> Result<u64, StoreError> {
        let mut rows = self.engine.rows(Statement::named(
            "directory.lookups",
            LOOKED,
            vec![Arg::Int(scope.tenant)],
        ));
        let (mut other, mut count) = (Vec::new(), 0);
        while let Some(row) = rows.recv().await.transpose()? {
            let (seq, revision) = (row.int(0)?, row.int(1)?);
            let Some(of_type) = scope.layout.by_type_id(type_id_of(seq)) else {
                continue;
            };
            let values = values(of_type, row.text(2)?);
            if values == looked(&row, 3)? {
                continue;
            }
            count += 1;
            other.push(StaleLookups {
                seq,
                revision,
                values,
            });
            if other.len() == AT_ONCE {
                self.write_lookups(scope, &std::mem::take(&mut other))
                    .await?;
            }
        }
        if !other.is_empty() {
            self.write_lookups(scope, &other).await?;
        }
        Ok(count)
    }

    async fn write_lookups(&self, scope: &Scope, rows: &[StaleLookups]) -> Result<(), StoreError> {
        let column = |at: usize| {
            Column::Texts(
                rows.iter()
                    .map(|row| row.values.get(at).and_then(Option::as_ref))
                    .collect(),
            )
        };
        let table = vec![
            (
                "seq",
                Column::Ints(rows.iter().map(|row| row.seq).collect()),
            ),
            (
                "revision",
                Column::Ints(rows.iter().map(|row| row.revision).collect()),
            ),
            ("one", column(0)),
            ("two", column(1)),
            ("three", column(2)),
        ];
        self.engine
            .write_one(
                Statement::named("directory.fill", FILL, vec![Arg::Int(scope.tenant)])
                    .with_rows(table),
            )
            .await
            .map(|_| ())
    }
}

fn values(of_type: &TypeIds, document: &str) -> Looked {
    let attributes = StoredDocument::from_stored(document).attributes();
    of_type.lookups.values(&attributes.unwrap_or_default())
}

const KEEP_OTHER: &str = "insert into shared (name, value) values ($1, $2) \
     on conflict (name) do update set value = excluded.value where shared.value <> excluded.value returning name";
const FORGET: &str = "delete from shared where name = $1 and exists (select 1 from {kept})";
const MARK: &str = "insert into shared (name, value) \
     select $1, value from shared where name = $3 and value = $2 \
     on conflict (name) do update set value = excluded.value returning name";
const LOOKED: &str =
    "select seq, revision, document, lookup_1, lookup_2, lookup_3 from resource where tenant = $1";
/// The set in addition to the join: without it SQLite would read the whole tenant for each slice.
const FILL: &str = "update resource set lookup_1 = given.one, lookup_2 = given.two, lookup_3 = given.three from {rows} \
     where resource.tenant = $1 and resource.seq in (select seq from {rows}) \
     and resource.seq = given.seq and resource.revision = given.revision";
/// Number of views.
const VIEWS: i64 = 5;
const PRESENT_ON_POSTGRES: &str = "select count(*) from pg_views where schemaname = current_schema() and viewname in \
     ('directory_users', 'directory_groups', 'directory_memberships', 'directory_events', 'directory_event_members')";
const PRESENT_ON_SQLITE: &str = "select count(*) from sqlite_schema where type = 'view' and name in \
     ('directory_users', 'directory_groups', 'directory_memberships', 'directory_events', 'directory_event_members')";

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
        let columns =
            ["seq", "revision", "one", "two", "three"].map(|name| (name, Column::Ints(vec![1])));
        let explained = Statement::named(
            "explain",
            format!("explain query plan {FILL}"),
            vec![Arg::Int(1)],
        );
        let plan = store
            .engine
            .read(&explained.with_rows(columns.to_vec()))
            .await
            .unwrap();
        let steps: Vec<_> = plan
            .iter()
            .map(|row| row.text(3).unwrap().to_owned())
            .collect();
        let is_by_key =
            |step: &String| step.starts_with("SEARCH resource") && step.contains("seq=?");
        assert!(steps.iter().any(is_by_key), "{steps:?}");
    }
}
