//! Lists of tokens, page by page.

use crate::clock::Timestamp;
use crate::store::db::args::Arg;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::sql::Sql;
use crate::store::db::statement::Statement;
use crate::store::handle::Store;
use crate::store::operator::feed_token::ALL_TENANTS;
use crate::store::operator::token::{TOKEN, TokenInfo, read_token};

/// A query of tokens, by the name of the tenant, then in the order of issue.
#[derive(Debug, Clone, Default)]
pub struct TokenQuery {
    /// Only tokens of the tenant with this name.
    pub tenant: Option<String>,
    /// Only tokens after the one with this public part.
    pub after: Option<String>,
    /// Maximum number of tokens.
    pub limit: i64,
}

/// A query of expiring tokens: those without a successor that are valid at one time and not at a later one, in the
/// order of their expiry.
#[derive(Debug, Clone)]
pub(crate) struct EndingQuery<'a> {
    /// Only tokens of the tenant with this name.
    pub(crate) tenant: Option<&'a str>,
    /// Time at which they are valid.
    pub(crate) now: Timestamp,
    /// Time at which they have expired.
    pub(crate) until: Timestamp,
    /// Only tokens after the one with this expiry and id.
    pub(crate) after: Option<&'a (Timestamp, String)>,
    /// Maximum number of tokens.
    pub(crate) limit: i64,
}

fn select_tokens() -> Sql {
    let mut sql = Sql::default();
    // SQLite joins the tables in this order, which is that of the list.
    sql.raw("select ")
        .raw(TOKEN)
        .raw(" from tenant t cross join token k where k.tenant = t.tenant");
    sql
}

impl Store {
    /// A page of tokens; `None` if the token of the start does not exist. Tokens for all tenants come first.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn tokens(
        &self,
        query: &TokenQuery,
    ) -> Result<Option<Vec<TokenInfo>>, StoreError> {
        let last = match &query.after {
            Some(after) => match self.any_token(after).await? {
                Some(found) => Some(found.info),
                None => return Ok(None),
            },
            None => None,
        };
        let mut listed = Vec::new();
        let is_of_all = |token: &TokenInfo| token.tenant == ALL_TENANTS;
        if query.tenant.is_none() && last.as_ref().is_none_or(is_of_all) {
            listed = self.tokens_of_all(last.as_ref(), query.limit).await?;
        }
        let limit = query.limit - i64::try_from(listed.len()).unwrap_or(0);
        let last = last.filter(|token| !is_of_all(token));
        listed.extend(
            self.tokens_of_tenants(query.tenant.as_deref(), last, limit)
                .await?,
        );
        Ok(Some(listed))
    }

    /// A page of tokens of one tenant, or of all.
    async fn tokens_of_tenants(
        &self,
        tenant: Option<&str>,
        after: Option<TokenInfo>,
        limit: i64,
    ) -> Result<Vec<TokenInfo>, StoreError> {
        let mut sql = select_tokens();
        if let Some(tenant) = tenant {
            sql.raw(" and t.name = ").arg(tenant.into());
        }
        if let Some(last) = after {
            sql.raw(" and t.name >= ").arg(last.tenant.as_str().into());
            sql.raw(" and (t.name > ").arg(last.tenant.as_str().into());
            sql.raw(" or (k.created, k.id) > (")
                .int(last.created.as_micros());
            sql.raw(", ").arg(Arg::Text(last.id)).raw("))");
        }
        sql.raw(" order by t.name, k.created, k.id {limit}")
            .int(limit);
        self.listed(&sql.statement("token.list")).await
    }

    /// A page of expiring tokens.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn ending_tokens(
        &self,
        query: &EndingQuery<'_>,
    ) -> Result<Vec<TokenInfo>, StoreError> {
        let mut sql = Sql::default();
        sql.raw("select ")
            .raw(TOKEN)
            // A token for all tenants has no tenant, and is included.
            .raw(" from token k left join tenant t on t.tenant = k.tenant where true");
        // A rotated token expires as intended.
        sql.raw(" and k.revoked is null and k.successor is null and k.expires > ")
            .int(query.now.as_micros());
        sql.raw(" and k.expires <= ").int(query.until.as_micros());
        if let Some(tenant) = query.tenant {
            sql.raw(" and k.tenant = (select tenant from tenant where name = ")
                .arg(tenant.into())
                .raw(")");
        }
        if let Some((expires, id)) = query.after {
            sql.raw(" and (k.expires, k.id) > (")
                .int(expires.as_micros())
                .raw(", ")
                .arg(id.as_str().into())
                .raw(")");
        }
        sql.raw(" order by k.expires, k.id {limit}")
            .int(query.limit);
        self.listed(&sql.statement("token.list_ending")).await
    }

    /// Whether any token is valid at a time.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn has_good_token(&self, now: Timestamp) -> Result<bool, StoreError> {
        Ok(!self
            .engine
            .read(&Statement::named(
                "token.any_good",
                GOOD,
                vec![Arg::Int(now.as_micros())],
            ))
            .await?
            .is_empty())
    }

    /// The number of tokens of a tenant, valid or not.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn count_tokens(&self, tenant: &str) -> Result<i64, StoreError> {
        let rows = self
            .engine
            .read(&Statement::named("token.count", COUNT, vec![tenant.into()]))
            .await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    async fn listed(&self, statement: &Statement) -> Result<Vec<TokenInfo>, StoreError> {
        let read = |row: &Row| read_token(row, 0);
        self.engine
            .read(statement)
            .await?
            .iter()
            .map(read)
            .collect()
    }
}

const GOOD: &str =
    "select 1 from token where revoked is null and (expires is null or expires > $1) limit 1";
const COUNT: &str =
    "select count(*) from token where tenant = (select tenant from tenant where name = $1)";
