//! Tokens: only the digest of a secret is stored.

use crate::clock::Timestamp;
use crate::keyword::keywords;
use crate::store::db::args::Arg;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::operator::act::Act;
use crate::store::operator::tenant::{COLUMNS, Tenant, WIDTH, read_tenant};
use crate::store::operator::token_end::{replaced, revoked};
use crate::store::resources::proof::CallerSnapshot;

keywords! {
    /// The scope of a token.
    TokenScope {
        /// Everything.
        ReadWrite = "read-write",
        /// Reading.
        ReadOnly = "read-only",
        /// Reading and writing users; no access to groups and other types.
        UsersOnly = "users-only",
        /// Only reading the change feed.
        Feed = "feed",
    }
}

/// A token without its secret.
#[derive(Debug, Clone)]
pub struct TokenInfo {
    /// Public part.
    pub id: String,
    /// Name of its tenant.
    pub tenant: String,
    /// Name.
    pub name: String,
    /// Scope.
    pub(crate) scope: TokenScope,
    /// Time of issue.
    pub(crate) created: Timestamp,
    /// Expiry.
    pub(crate) expires: Option<Timestamp>,
    /// Last use, to the minute, or to the hour for a feed token.
    pub last_used: Option<Timestamp>,
    /// Time of revocation.
    pub(crate) revoked: Option<Timestamp>,
    /// Public part of its successor.
    pub(crate) successor: Option<String>,
    /// Name of the operator token that issued it; `None`: a command.
    pub(crate) created_by: Option<String>,
}

/// A stored token, for authentication.
#[derive(Debug, Clone)]
pub struct StoredToken<T> {
    /// The token.
    pub(crate) info: TokenInfo,
    /// Digest of the secret, in hexadecimal digits.
    pub(crate) digest: String,
    /// The tenant of the token.
    pub tenant: T,
}

/// A token to be stored.
#[derive(Debug, Clone)]
pub(crate) struct NewToken {
    /// Public part.
    pub(crate) id: String,
    /// Name.
    pub(crate) name: String,
    /// Digest of the secret, in hexadecimal digits.
    pub(crate) secret_digest: String,
    /// Scope.
    pub(crate) scope: TokenScope,
    /// Time of issue.
    pub(crate) created: Timestamp,
    /// Expiry.
    pub(crate) expires: Option<Timestamp>,
    /// Name of the operator token that issues it.
    pub(crate) created_by: Option<String>,
}

impl NewToken {
    /// The values of its columns.
    pub(in crate::store) fn args(&self) -> impl Iterator<Item = Arg> {
        let args: [Arg; 7] = [
            Arg::Text(self.id.clone()),
            Arg::Text(self.name.clone()),
            Arg::Text(self.secret_digest.clone()),
            self.scope.as_str().into(),
            Arg::Int(self.created.as_micros()),
            Arg::OptInt(self.expires.map(Timestamp::as_micros)),
            Arg::OptText(self.created_by.clone()),
        ];
        args.into_iter()
    }
}

/// Reads the columns of [`TOKEN`], from the given first one.
pub(in crate::store) fn read_token(row: &Row, first: usize) -> Result<TokenInfo, StoreError> {
    let moment =
        |column: usize| Ok::<_, StoreError>(row.opt_int(column)?.map(Timestamp::from_micros));
    Ok(TokenInfo {
        id: row.text(first)?.to_owned(),
        tenant: row.text(first + 1)?.to_owned(),
        name: row.text(first + 2)?.to_owned(),
        scope: TokenScope::from_keyword(row.text(first + 3)?).unwrap_or(TokenScope::ReadOnly),
        created: Timestamp::from_micros(row.int(first + 4)?),
        expires: moment(first + 5)?,
        last_used: moment(first + 6)?,
        revoked: moment(first + 7)?,
        successor: row.opt_text(first + 8)?.map(str::to_owned),
        created_by: row.opt_text(first + 9)?.map(str::to_owned),
    })
}

impl CallerSnapshot {
    /// A snapshot of a valid token and its tenant.
    pub(crate) fn of(tenant: &Tenant, token: &TokenInfo) -> Self {
        Self {
            token: token.id.as_str().into(),
            token_scope: token.scope.as_str(),
            expires: token.expires,
            revision: tenant.revision,
        }
    }

    /// A snapshot of the same token with a newer state of the tenant.
    #[must_use]
    pub(crate) fn with_tenant(&self, tenant: &Tenant) -> Self {
        Self {
            revision: tenant.revision,
            ..self.clone()
        }
    }
}

impl Store {
    /// Stores a token of a tenant; `false` if the tenant does not exist.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn add_token(
        &self,
        act: &Act<'_>,
        tenant: &str,
        token: &NewToken,
    ) -> Result<bool, StoreError> {
        let batch = || {
            let args = std::iter::once(tenant.into()).chain(token.args()).collect();
            let added = Step::new(ADD, args).returning(&["id"]);
            act.end(Batch::new("token.add").then("acted", added), "acted", "id")
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }

    /// Stores the successor of a valid token without one, and sets the expiry of the token to a time, unless it expires
    /// earlier. `false` if there is no valid token without a successor.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn rotate_token(
        &self,
        act: &Act<'_>,
        id: &str,
        successor: &NewToken,
        end: Timestamp,
    ) -> Result<bool, StoreError> {
        let batch = || {
            let old = replaced("token", act, id, &successor.id, end, &["tenant"]);
            let batch = Batch::new("token.rotate")
                .then("acted", old)
                .and(Step::new(SUCCEED, successor.args().collect()));
            act.end(batch, "acted", "tenant")
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }

    /// The token of a tenant with that public part.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub async fn token(&self, id: &str) -> Result<Option<StoredToken<Tenant>>, StoreError> {
        let rows = self
            .engine
            .read(&Statement::named("token.find", find(), vec![id.into()]))
            .await?;
        let read = |row: &Row| {
            Ok(StoredToken {
                info: read_token(row, WIDTH)?,
                digest: row.text(WIDTH + 10)?.to_owned(),
                tenant: read_tenant(row)?,
            })
        };
        rows.first().map(read).transpose()
    }

    /// Revokes a token; `false` if there is no valid one.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn revoke_token(&self, act: &Act<'_>, id: &str) -> Result<bool, StoreError> {
        let batch = || {
            let batch = Batch::new("token.revoke").then("acted", revoked("token", act, id));
            act.end(batch, "acted", "id")
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }

    /// Stores the last use of a token.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn touch_token(&self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        let args = vec![id.into(), Arg::Int(at.as_micros())];
        self.engine
            .write_one(Statement::named("token.touch", TOUCH, args))
            .await
            .map(|_| ())
    }
}

fn find() -> String {
    format!(
        "select {COLUMNS}, {TOKEN}, k.secret_digest from token k join tenant t on t.tenant = k.tenant where k.id = $1"
    )
}

/// Columns of [`TokenInfo`], in the order that [`read_token`] reads them.
pub(in crate::store) const TOKEN: &str = "k.id, coalesce(t.name, '*'), k.name, k.scope, k.created, k.expires, k.last_used, k.revoked, k.successor, \
     k.created_by";
const ADD: &str = "insert into token (id, tenant, name, secret_digest, scope, created, expires, created_by) \
     select $2, tenant, $3, $4, $5, $6, $7, $8 from tenant where name = $1 returning id";
const SUCCEED: &str = "insert into token (id, tenant, name, secret_digest, scope, created, expires, created_by) \
     select $1, tenant, $2, $3, $4, $5, $6, $7 from {acted}";
const TOUCH: &str = "update token set last_used = $2 where id = $1 returning id";
