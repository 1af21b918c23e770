//! Tokens for the change feed, of one tenant or all tenants.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::logged_request::TenantKey;
use crate::store::operator::act::Act;
use crate::store::operator::token::{NewToken, StoredToken, TOKEN, TokenInfo, read_token};

/// The tenant name that represents all tenants.
pub(crate) const ALL_TENANTS: &str = "*";

impl Store {
    /// Stores a token for all tenants.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn add_token_of_all(
        &self,
        act: &Act<'_>,
        token: &NewToken,
    ) -> Result<(), StoreError> {
        let batch = || {
            let added = Step::new(ADD, token.args().collect()).returning(&["id"]);
            let batch = Batch::new("token.add_of_all").then("acted", added);
            act.end(batch, "acted", "id")
        };
        self.engine.write_retrying(batch).await.map(|_| ())
    }

    /// The token with that public part; a token for all tenants has no tenant.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn any_token(
        &self,
        id: &str,
    ) -> Result<Option<StoredToken<Option<TenantKey>>>, StoreError> {
        let rows = self
            .engine
            .read(&Statement::named("token.of_feed", find(), vec![id.into()]))
            .await?;
        let read = |row: &Row| {
            Ok(StoredToken {
                info: read_token(row, 0)?,
                digest: row.text(10)?.to_owned(),
                tenant: row.opt_int(11)?.map(TenantKey),
            })
        };
        rows.first().map(read).transpose()
    }

    /// A page of the tokens for all tenants in the order of issue, after one of them.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(super) async fn tokens_of_all(
        &self,
        after: Option<&TokenInfo>,
        limit: i64,
    ) -> Result<Vec<TokenInfo>, StoreError> {
        let after = after.map(|token| (token.created, token.id.clone()));
        self.list_as_issued(("token.list_of_all", "k.tenant is null"), after, limit)
            .await
    }

    /// A page of the tokens for the change feed, of one tenant or all, in the order of issue, after the one with this
    /// time and id.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn feed_tokens(
        &self,
        after: Option<(Timestamp, String)>,
        limit: i64,
    ) -> Result<Vec<TokenInfo>, StoreError> {
        self.list_as_issued(("token.list_of_feed", "k.scope = 'feed'"), after, limit)
            .await
    }

    async fn list_as_issued(
        &self,
        (name, condition): (&'static str, &'static str),
        after: Option<(Timestamp, String)>,
        limit: i64,
    ) -> Result<Vec<TokenInfo>, StoreError> {
        let mut sql = Sql::default();
        sql.raw("select ").raw(TOKEN);
        sql.raw(" from token k left join tenant t on t.tenant = k.tenant where ");
        sql.raw(condition);
        if let Some((created, id)) = after {
            sql.raw(" and (k.created, k.id) > (")
                .int(created.as_micros());
            sql.raw(", ").arg(Arg::Text(id)).raw(")");
        }
        sql.raw(" order by k.created, k.id {limit}").int(limit);
        let rows = self.engine.read(&sql.statement(name)).await?;
        rows.iter().map(|row| read_token(row, 0)).collect()
    }
}

fn find() -> String {
    format!(
        "select {TOKEN}, k.secret_digest, k.tenant from token k left join tenant t on t.tenant = k.tenant where k.id = $1"
    )
}

const ADD: &str = "insert into token (id, tenant, name, secret_digest, scope, created, expires, created_by) \
     values ($1, null, $2, $3, $4, $5, $6, $7) returning id";
