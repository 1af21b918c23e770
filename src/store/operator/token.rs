//! Tokens: only the digest of a secret is kept.

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
    /// What a token may do.
    TokenScope {
        /// Everything.
        ReadWrite = "read-write",
        /// Reading.
        ReadOnly = "read-only",
        /// Everything with users, nothing with groups and other types.
        UsersOnly = "users-only",
        /// Reading the change feed, and nothing else.
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
    /// Name that the operator gave it.
    pub name: String,
    /// What it may do.
    pub(crate) scope: TokenScope,
    /// When it was issued.
    pub(crate) created: Timestamp,
    /// Until when it is good.
    pub(crate) expires: Option<Timestamp>,
    /// When it was used last: to the minute, or to the hour if it reads the change feed.
    pub last_used: Option<Timestamp>,
    /// Since when it is no longer good.
    pub(crate) revoked: Option<Timestamp>,
    /// Public part of the token that was issued in its place.
    pub(crate) successor: Option<String>,
    /// Name of the operator token by which it was issued; `None`: by a command.
    pub(crate) created_by: Option<String>,
}

/// A token as it is found for authentication.
#[derive(Debug, Clone)]
pub struct StoredToken<T> {
    /// The token.
    pub(crate) info: TokenInfo,
    /// Digest of the secret, in hexadecimal digits.
    pub(crate) digest: String,
    /// The tenant of the token.
    pub tenant: T,
}

/// A token to be kept.
#[derive(Debug, Clone)]
pub(crate) struct NewToken {
    /// Public part.
    pub(crate) id: String,
    /// Name.
    pub(crate) name: String,
    /// Digest of the secret, in hexadecimal digits.
    pub(crate) secret_digest: String,
    /// What it may do.
    pub(crate) scope: TokenScope,
    /// When it was issued.
    pub(crate) created: Timestamp,
    /// Until when it is good.
    pub(crate) expires: Option<Timestamp>,
    /// Name of the operator token by which it is issued.
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

/// Reads the columns of [`TOKEN`], of which one is the first.
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
    /// A snapshot of a good token and its tenant.
    pub(crate) fn of(tenant: &Tenant, token: &TokenInfo) -> Self {
        Self {
            token: token.id.as_str().into(),
            token_scope: token.scope.as_str(),
            expires: token.expires,
            revision: tenant.revision,
        }
    }

    /// A snapshot of the same token, with the tenant as it was read later.
    #[must_use]
    pub(crate) fn with_tenant(&self, tenant: &Tenant) -> Self {
        Self {
            revision: tenant.revision,
            ..self.clone()
        }
    }
}

impl Store {
    /// Keeps a token of a tenant; `false` if there is no tenant of that name.
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

    /// Keeps the successor of a token that is good and has none, and lets the token end at a moment,
    /// if it would not end before. `false` if there is no such token.
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

    /// Revokes a token; `false` if there is none that is good.
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

    /// Remembers when a token was used.
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
