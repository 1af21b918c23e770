//! Schemas that the database keeps: those of a tenant, and those of all.

use super::read::Scope;
use super::row::Row;
use super::statement::{Arg, Batch, Statement};
use super::{Store, StoreError};

/// A schema that the database keeps.
#[derive(Debug, Clone)]
pub struct KeptSchema {
    /// The tenant that has it; `None` if all have.
    pub tenant: Option<String>,
    /// Its URN in lower case.
    pub urn: String,
    /// The schema file.
    pub document: String,
    /// The number of its last change, which no other change of a schema has.
    pub change: i64,
}

/// Name of the number of changes, among what instances share.
const CHANGES: &str = "schema_changes";

impl Store {
    /// The schemas that the database keeps: all, or those that the tenant of that number has.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn kept_schemas(&self, tenant: Option<i64>) -> Result<Vec<KeptSchema>, StoreError> {
        let rows = self.engine.read(&Statement::new(KEPT, vec![Arg::OptInt(tenant)])).await?;
        rows.iter().map(read_kept).collect()
    }

    /// How many changes of schemas there were.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn schema_changes(&self) -> Result<i64, StoreError> {
        Ok(self.shared(CHANGES, "0".to_owned()).await?.parse().unwrap_or(0))
    }

    /// Keeps a schema of a tenant, or of all, or with no document forgets it, if there were so many
    /// changes before; `false` if there were more. From then on no write is taken that was made
    /// under the schemas before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn change_schema(
        &self,
        tenant: Option<i64>,
        urn: &str,
        document: Option<&str>,
        seen: i64,
    ) -> Result<bool, StoreError> {
        let numbers = |number: i64| Arg::Text(number.to_string());
        let tenant = Arg::Int(tenant.unwrap_or(0));
        let target = vec![tenant.clone(), urn.into()];
        let batch = || {
            let counted = Statement::new(COUNT, vec![CHANGES.into(), numbers(seen), numbers(seen + 1)]);
            let changed = match document {
                Some(text) => {
                    let args = target.iter().cloned().chain([text.into(), Arg::Int(seen + 1)]);
                    Statement::new(PUT, args.collect())
                }
                None => Statement::new(FORGET, target.clone()),
            };
            Batch::default()
                .then("counted", counted)
                .and(changed)
                .and(Statement::new(TELL, vec![tenant.clone()]))
                .then("answer", Statement::new("select name from {counted}", vec![]))
        };
        Ok(!self.write_retrying(batch).await?.is_empty())
    }

    /// Whether the schemas of a scope are still those of its tenant.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has_schemas_of(&self, scope: &Scope) -> Result<bool, StoreError> {
        let args = vec![Arg::Int(scope.tenant), Arg::Int(scope.schema_revision)];
        Ok(!self.engine.read(&Statement::new(IS_CURRENT, args)).await?.is_empty())
    }
}

fn read_kept(row: &Row) -> Result<KeptSchema, StoreError> {
    Ok(KeptSchema {
        urn: row.text(0)?.to_owned(),
        document: row.text(1)?.to_owned(),
        change: row.int(2)?,
        tenant: row.opt_text(3)?.map(str::to_owned),
    })
}

const KEPT: &str = "select s.urn, s.document, s.change, t.name from schema_file s left join tenant t on t.tenant = s.tenant \
     where $1 is null or s.tenant is null or s.tenant = $1 order by s.tenant is not null, t.name, s.urn";
const IS_CURRENT: &str = "select 1 from tenant where tenant = $1 and schema_revision = $2";

const COUNT: &str = "update shared set value = $3 where name = $1 and value = $2 returning name";
const PUT: &str = "insert into schema_file (tenant, urn, document, change) select nullif($1, 0), $2, $3, $4 \
     where exists (select 1 from {counted}) \
     on conflict (coalesce(tenant, 0), urn) do update set document = excluded.document, change = excluded.change";
const FORGET: &str = "delete from schema_file where coalesce(tenant, 0) = $1 and urn = $2 \
     and exists (select 1 from {counted})";
const TELL: &str = "update tenant set revision = revision + 1, schema_revision = schema_revision + 1 \
     where ($1 = 0 or tenant = $1) and exists (select 1 from {counted})";
