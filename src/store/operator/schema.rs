//! Stored schemas: those of a tenant, those of all tenants, and those of the configuration's files, which take
//! precedence over schemas with the same URN that a command added.

use crate::clock::Timestamp;
use crate::store::changes::{SUBJECT_COLUMNS, TenantEvent};
use crate::store::db::args::{Arg, Column, Table};
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::{Statement, Step};
use crate::store::db::text_column::TextColumn;
use crate::store::handle::Store;
use crate::store::operator::act::Act;
use crate::store::resources::scope::Scope;
use crate::store::shared::shared;
use std::collections::BTreeSet;

/// A stored schema.
#[derive(Debug, Clone)]
pub(crate) struct KeptSchema {
    /// The tenant; `None` for all tenants.
    pub(crate) tenant: Option<String>,
    /// URN of the schema in lower case; for a resource type, which is always from a file, `type ` and the name.
    pub(crate) urn: String,
    /// The schema file.
    pub(crate) document: String,
    /// The number of its last change; all schemas share one sequence.
    pub(crate) change: i64,
    /// Path of its configuration file; `None` if a command added it.
    pub(crate) file: Option<String>,
    /// Former attributes of its URN, which this schema may not have.
    pub(crate) former: Vec<String>,
}

/// A schema or resource type file of the configuration, for storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfiguredSchema {
    /// Key of the file, in the form of [`KeptSchema::urn`].
    pub(crate) urn: String,
    /// Path of the file.
    pub(crate) origin: String,
    /// Text of the file.
    pub(crate) document: String,
    /// Names of the attributes that the file declares.
    pub(crate) attributes: Vec<String>,
}

/// Schema settings of the configuration; `None` leaves them unchanged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Configured {
    /// All schema and resource type files.
    pub(crate) files: Option<Vec<ConfiguredSchema>>,
    /// Searchable attributes, in attribute notation.
    pub(crate) searchable: Option<Vec<String>>,
}

/// Names of values shared by instances: the number of changes, and the searchable attributes.
const CHANGES: &str = "schema_changes";
const SEARCHABLE: &str = "searchable";

/// A schema that a command added and that is also in a file of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReplacedSchema {
    /// URN of the schema.
    pub(crate) urn: String,
    /// Name of the file.
    pub(crate) file: String,
    /// Name of the tenant of the schema; `None` for all.
    pub(crate) tenant: Option<String>,
}

/// A schema change by a command.
#[derive(Debug)]
pub(crate) struct SchemaDocument<'a> {
    /// Database id of the tenant of the schema; `None` for all.
    pub(crate) tenant: Option<i64>,
    /// URN of the schema.
    pub(crate) urn: &'a str,
    /// The document; `None` removes the schema.
    pub(crate) document: Option<&'a str>,
    /// Names of the attributes before and after.
    pub(crate) attributes: &'a BTreeSet<String>,
}

impl Store {
    /// The stored schemas: all, or those of the tenant with that id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn kept_schemas(
        &self,
        tenant: Option<i64>,
    ) -> Result<Vec<KeptSchema>, StoreError> {
        let rows = self
            .engine
            .read(&Statement::named(
                "schemas.kept",
                KEPT,
                vec![Arg::OptInt(tenant)],
            ))
            .await?;
        let mut kept: Vec<_> = rows.iter().map(read_kept).collect::<Result<_, _>>()?;
        for row in self
            .engine
            .read(&Statement::named(
                "schemas.former",
                FORMER,
                vec![Arg::OptInt(tenant)],
            ))
            .await?
        {
            let (urn, name, owner) = (row.text(0)?, row.text(1)?, row.opt_text(2)?);
            let is_of = |kept: &KeptSchema| {
                kept.tenant.is_none() || owner.is_none() || kept.tenant.as_deref() == owner
            };
            for kept in kept
                .iter_mut()
                .filter(|kept| kept.urn == urn && is_of(kept))
            {
                kept.former.push(name.to_owned());
            }
        }
        Ok(kept)
    }

    /// A slice of the schemas that commands added and no file overrides, with the number of their tenant or 0 for all,
    /// in the order of number and URN, after one of them.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn added_schemas_after(
        &self,
        (tenant, urn): (i64, &str),
        limit: i64,
    ) -> Result<Vec<(i64, KeptSchema)>, StoreError> {
        let args = vec![Arg::Int(tenant), urn.into(), Arg::Int(limit)];
        let statement = Statement::named("schemas.slice", SLICE, args);
        let rows = self.engine.read(&statement).await?;
        let numbered = |row: &Row| Ok((row.int(5)?, read_kept(row)?));
        rows.iter().map(numbered).collect()
    }

    /// The schemas that commands added, including those that files override.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn added_schemas(&self) -> Result<Vec<KeptSchema>, StoreError> {
        self.engine
            .read(&Statement::named("schemas.added", ADDED, vec![]))
            .await?
            .iter()
            .map(read_kept)
            .collect()
    }

    /// The URNs of current and former stored schemas.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn former_urns(&self) -> Result<BTreeSet<String>, StoreError> {
        let rows = self
            .engine
            .read(&Statement::named(
                "schemas.former_urns",
                FORMER_URNS,
                vec![],
            ))
            .await?;
        rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }

    /// Schemas that commands added and that are also in files of the configuration.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn replaced_schemas(&self) -> Result<Vec<ReplacedSchema>, StoreError> {
        let rows = self
            .engine
            .read(&Statement::named("schemas.replaced", REPLACED, vec![]))
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ReplacedSchema {
                    urn: row.text(0)?.to_owned(),
                    file: row.text(1)?.to_owned(),
                    tenant: row.opt_text(2)?.map(str::to_owned),
                })
            })
            .collect()
    }

    /// Searchable attributes, in attribute notation; `None` if no configuration has set them.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn searchable(&self) -> Result<Option<Vec<String>>, StoreError> {
        let text = shared(&self.engine, SEARCHABLE).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Replaces the schema settings of the configuration as a whole, if the number of changes is as expected; `false`
    /// if there were more. Later writes under the former schemas are not accepted.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn configure_schemas(
        &self,
        configured: &Configured,
        seen: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let searchable = configured
            .searchable
            .as_ref()
            .map(|names| serde_json::Value::from(names.clone()).to_string());
        let batch = || {
            let mut batch = Batch::new("schemas.configure").then("counted", count(seen));
            if let Some(files) = &configured.files {
                batch = put_files(batch, files, seen + 1);
            }
            if let Some(text) = &searchable {
                batch = batch.and(Step::new(
                    SEARCH,
                    vec![SEARCHABLE.into(), text.as_str().into()],
                ));
            }
            let batch = batch.then("subject", count_revisions(Arg::Int(0)));
            self.log_tenant_event(batch, TenantEvent::Schemas, now)
                .then("answer", Step::new("select name from {counted}", vec![]))
        };
        let is_done = !self.engine.write_retrying(batch).await?.is_empty();
        self.changes_made.notify_one();
        Ok(is_done)
    }

    /// The number of schema changes.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn schema_changes(&self) -> Result<i64, StoreError> {
        Ok(self
            .shared(CHANGES, "0".to_owned())
            .await?
            .parse()
            .unwrap_or(0))
    }

    /// Stores a schema, or removes it if there is no document, if the number of schema changes is `seen`; `false` if
    /// there were more. Later writes under the former schemas are not accepted.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn change_schema(
        &self,
        act: &Act<'_>,
        schema: &SchemaDocument<'_>,
        seen: i64,
    ) -> Result<bool, StoreError> {
        let urn = schema.urn;
        let tenant = Arg::Int(schema.tenant.unwrap_or(0));
        let target = vec![tenant.clone(), urn.into()];
        let batch = || {
            let changed = match schema.document {
                Some(text) => {
                    let args = target
                        .iter()
                        .cloned()
                        .chain([text.into(), Arg::Int(seen + 1)]);
                    Step::new(PUT, args.collect())
                }
                None => Step::new(FORGET, target.clone()),
            };
            let names = schema.attributes.iter();
            let names = names.map(|name| (urn.to_owned(), name.clone()));
            let batch = Batch::new("schema.change")
                .then("counted", count(seen))
                .and(changed)
                .and(Step::new(REMEMBER, vec![tenant.clone()]).with_rows(named(names)))
                .then("subject", count_revisions(tenant.clone()));
            self.log_tenant_event(act.follow(batch, "counted"), TenantEvent::Schemas, act.at)
                .then("answer", Step::new("select name from {counted}", vec![]))
        };
        let is_done = !self.engine.write_retrying(batch).await?.is_empty();
        self.changes_made.notify_one();
        Ok(is_done)
    }

    /// Whether the schemas of a scope are still current for its tenant.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn has_schemas_of(&self, scope: &Scope) -> Result<bool, StoreError> {
        let args = vec![Arg::Int(scope.tenant), Arg::Int(scope.schema_revision)];
        Ok(!self
            .engine
            .read(&Statement::named("schemas.is_current", IS_CURRENT, args))
            .await?
            .is_empty())
    }
}

/// Increments the number of changes, if it is the expected one.
fn count(seen: i64) -> Step {
    let number = |number: i64| Arg::Text(number.to_string());
    Step::new(COUNT, vec![CHANGES.into(), number(seen), number(seen + 1)]).returning(&["name"])
}

/// Replaces the files. An unchanged file keeps the number of its change.
fn put_files(batch: Batch, files: &[ConfiguredSchema], change: i64) -> Batch {
    let column = |of: fn(&ConfiguredSchema) -> &String| {
        Column::Texts(files.iter().map(|f| Some(of(f))).collect())
    };
    let urns = || vec![("urn", column(|file| &file.urn))];
    let whole = || {
        let mut rows = urns();
        rows.extend([
            ("origin", column(|file| &file.origin)),
            ("document", column(|file| &file.document)),
        ]);
        rows
    };
    let names = files.iter().flat_map(|file| {
        file.attributes
            .iter()
            .map(|name| (file.urn.clone(), name.clone()))
    });
    batch
        .and(Step::new(DROP_FILES, vec![]).with_rows(urns()))
        .and(Step::new(PUT_FILES, vec![Arg::Int(change)]).with_rows(whole()))
        .and(Step::new(REMEMBER, vec![Arg::Int(0)]).with_rows(named(names)))
}

fn named(names: impl Iterator<Item = (String, String)>) -> Table {
    let (urns, names): (TextColumn, TextColumn) =
        names.map(|(urn, name)| (Some(urn), Some(name))).unzip();
    vec![("urn", Column::Texts(urns)), ("name", Column::Texts(names))]
}

fn read_kept(row: &Row) -> Result<KeptSchema, StoreError> {
    Ok(KeptSchema {
        urn: row.text(0)?.to_owned(),
        document: row.text(1)?.to_owned(),
        change: row.int(2)?,
        tenant: row.opt_text(3)?.map(str::to_owned),
        file: row.opt_text(4)?.map(str::to_owned),
        former: Vec::new(),
    })
}

const KEPT: &str = "select urn, document, change, name, origin from ( \
       select urn, document, change, null as name, origin from configured_schema \
       union all select s.urn, s.document, s.change, t.name, null from schema_file s left join tenant t on t.tenant = s.tenant \
         where ($1 is null or s.tenant is null or s.tenant = $1) \
         and not exists (select 1 from configured_schema c where c.urn = s.urn)) as kept \
     order by origin is null, origin, name is not null, name, urn";
const ADDED: &str = "select s.urn, s.document, s.change, t.name, null from schema_file s \
     left join tenant t on t.tenant = s.tenant order by t.name is not null, t.name, s.urn";
const SLICE: &str = "select s.urn, s.document, s.change, t.name, null, cast(coalesce(s.tenant, 0) as bigint) from schema_file s \
     left join tenant t on t.tenant = s.tenant \
     where (coalesce(s.tenant, 0), s.urn) > ($1, $2) and not exists (select 1 from configured_schema c where c.urn = s.urn) \
     order by coalesce(s.tenant, 0), s.urn {limit}$3";
const FORMER_URNS: &str = "select urn from former_attribute union select urn from schema_file";
const FORMER: &str = "select f.urn, f.name, t.name from former_attribute f left join tenant t on t.tenant = f.tenant \
     where $1 is null or f.tenant is null or f.tenant = $1 order by f.urn, f.name";
const REPLACED: &str = "select s.urn, c.origin, t.name from schema_file s join configured_schema c on c.urn = s.urn \
     left join tenant t on t.tenant = s.tenant order by s.urn, t.name";
const IS_CURRENT: &str = "select 1 from tenant where tenant = $1 and schema_revision = $2";

const COUNT: &str = "update shared set value = $3 where name = $1 and value = $2 returning name";
const PUT: &str = "insert into schema_file (tenant, urn, document, change) select nullif($1, 0), $2, $3, $4 \
     where exists (select 1 from {counted}) \
     on conflict (coalesce(tenant, 0), urn) do update set document = excluded.document, change = excluded.change";
const FORGET: &str = "delete from schema_file where coalesce(tenant, 0) = $1 and urn = $2 \
     and exists (select 1 from {counted})";
/// The event that the schemas of the tenant with that id, or of all for 0, changed.
fn count_revisions(tenant: Arg) -> Step {
    Step::new(COUNT_REVISIONS, vec![tenant]).returning(SUBJECT_COLUMNS)
}

const COUNT_REVISIONS: &str = "update tenant set revision = revision + 1, schema_revision = schema_revision + 1 \
     where ($1 = 0 or tenant = $1) and exists (select 1 from {counted}) returning tenant, name, status, revision";
const REMEMBER: &str = "insert into former_attribute (tenant, urn, name) select nullif($1, 0), given.urn, given.name from {rows} \
     where exists (select 1 from {counted}) on conflict do nothing";
const DROP_FILES: &str = "delete from configured_schema where urn not in (select urn from {rows}) \
     and exists (select 1 from {counted})";
const PUT_FILES: &str = "insert into configured_schema (urn, origin, document, change) \
     select given.urn, given.origin, given.document, $1 from {rows} where exists (select 1 from {counted}) \
     on conflict (urn) do update set origin = excluded.origin, document = excluded.document, change = excluded.change \
     where (configured_schema.origin, configured_schema.document) <> (excluded.origin, excluded.document)";
const SEARCH: &str = "insert into shared (name, value) select $1, $2 where exists (select 1 from {counted}) \
     on conflict (name) do update set value = excluded.value";
