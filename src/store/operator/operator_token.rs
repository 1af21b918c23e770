//! Operator tokens of the management API: only the digest of a secret is stored.

use crate::clock::Timestamp;
use crate::keyword::keywords;
use crate::store::db::args::Arg;
use crate::store::db::args::Column;
use crate::store::db::batch::Batch;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::db::statement::{Statement, Step};
use crate::store::handle::Store;
use crate::store::operator::act::Act;
use crate::store::operator::token_end::{replaced, revoked};

keywords! {
    /// Permissions of an operator token.
    OperatorScope {
        /// Reading tenants, tokens without secrets, schemas and statistics.
        TenantsRead = "tenants:read",
        /// Creating, changing and deleting tenants.
        TenantsWrite = "tenants:write",
        /// Issuing, rotating and revoking tokens of tenants.
        TokensWrite = "tokens:write",
        /// Changing schemas.
        SchemasWrite = "schemas:write",
        /// Reading the provisioning log.
        LogRead = "log:read",
        /// Starting and ending the recording of request bodies.
        LogBodies = "log:bodies",
        /// Reading users and groups.
        DirectoryRead = "directory:read",
        /// Deactivating and deleting users, and deleting groups.
        DirectoryWrite = "directory:write",
        /// Reading the audit trail.
        AuditRead = "audit:read",
        /// Listing operator tokens.
        OperatorsRead = "operators:read",
        /// Reading webhooks and streams.
        WebhooksRead = "webhooks:read",
        /// Changing webhooks and streams.
        WebhooksWrite = "webhooks:write",
    }
}

keywords! {
    /// A role: a set of scopes.
    OperatorRole {
        /// Everything.
        Admin = "admin",
        /// The application of the vendor: it creates tenants and issues their tokens.
        Backend = "backend",
        /// Customer support: reads everything, and changes nothing.
        Support = "support",
        /// Reads tenants and their logs.
        Viewer = "viewer",
    }
}

impl OperatorRole {
    /// The scopes of the role.
    pub(crate) fn scopes(self) -> Vec<OperatorScope> {
        use OperatorScope::{
            AuditRead, DirectoryRead, LogRead, SchemasWrite, TenantsRead, TenantsWrite, TokensWrite,
        };
        match self {
            Self::Admin => OperatorScope::KEYWORDS
                .iter()
                .filter_map(|word| OperatorScope::from_keyword(word))
                .collect(),
            Self::Backend => vec![TenantsRead, TenantsWrite, TokensWrite, SchemasWrite],
            Self::Support => vec![TenantsRead, LogRead, DirectoryRead, AuditRead],
            Self::Viewer => vec![TenantsRead, LogRead],
        }
    }
}

/// An operator token without its secret.
#[derive(Debug, Clone)]
pub(crate) struct OperatorTokenInfo {
    /// Public part.
    pub(crate) id: String,
    /// Name.
    pub(crate) name: String,
    /// Role.
    pub(crate) role: OperatorRole,
    /// The scopes to which it is limited; `None`: all of its role.
    pub(crate) given_scopes: Option<Vec<OperatorScope>>,
    /// Names of the tenants to which it is limited; `None`: all.
    pub(crate) tenants: Option<Vec<String>>,
    /// Time of issue.
    pub(crate) created: Timestamp,
    /// Expiry.
    pub(crate) expires: Option<Timestamp>,
    /// Last use, to the minute.
    pub(crate) last_used: Option<Timestamp>,
    /// Time of revocation.
    pub(crate) revoked: Option<Timestamp>,
    /// Public part of its successor.
    pub(crate) successor: Option<String>,
}

impl OperatorTokenInfo {
    /// The scopes.
    pub(crate) fn scopes(&self) -> Vec<OperatorScope> {
        let of_role = self.role.scopes();
        match &self.given_scopes {
            Some(given) => of_role
                .into_iter()
                .filter(|scope| given.contains(scope))
                .collect(),
            None => of_role,
        }
    }
}

/// An operator token to be stored.
#[derive(Debug, Clone)]
pub(crate) struct NewOperatorToken {
    /// Public part.
    pub(crate) id: String,
    /// Name.
    pub(crate) name: String,
    /// Digest of the secret, in hexadecimal digits.
    pub(crate) secret_digest: String,
    /// Role.
    pub(crate) role: OperatorRole,
    /// The scopes to which it is limited; `None`: all of its role.
    pub(crate) scopes: Option<Vec<OperatorScope>>,
    /// Names of the tenants to which it is limited; `None`: all.
    pub(crate) tenants: Option<Vec<String>>,
    /// Time of issue.
    pub(crate) created: Timestamp,
    /// Expiry.
    pub(crate) expires: Option<Timestamp>,
}

impl NewOperatorToken {
    /// The values of its columns, in the order of [`ADD`].
    fn args(&self) -> Vec<Arg> {
        let scopes = self.scopes.as_ref().map(|scopes| {
            let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
            serde_json::Value::from(words).to_string()
        });
        vec![
            Arg::Text(self.id.clone()),
            Arg::Text(self.name.clone()),
            Arg::Text(self.secret_digest.clone()),
            self.role.as_str().into(),
            Arg::OptText(scopes),
            Arg::Bool(self.tenants.is_some()),
            Arg::Int(self.created.as_micros()),
            Arg::OptInt(self.expires.map(Timestamp::as_micros)),
        ]
    }

    /// The step that stores its tenants, after the step `acted`.
    fn limit(&self) -> Step {
        let names = self.tenants.iter().flatten().map(Some).collect();
        Step::new(LIMIT, vec![Arg::Text(self.id.clone())])
            .with_rows(vec![("name", Column::Texts(names))])
    }
}

impl Store {
    /// Stores an operator token.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn add_operator_token(
        &self,
        act: &Act<'_>,
        token: &NewOperatorToken,
    ) -> Result<(), StoreError> {
        let batch = || {
            let added = Step::new(ADD, token.args()).returning(&["id"]);
            let batch = Batch::new("operator.add")
                .then("acted", added)
                .and(token.limit());
            act.end(batch, "acted", "id")
        };
        self.engine.write_retrying(batch).await.map(|_| ())
    }

    /// Stores the successor of a valid operator token without one, and sets the expiry of the token to a time, unless
    /// it expires earlier. `false` if there is no valid token without a successor.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn rotate_operator_token(
        &self,
        act: &Act<'_>,
        id: &str,
        successor: &NewOperatorToken,
        end: Timestamp,
    ) -> Result<bool, StoreError> {
        let batch = || {
            let old = replaced("operator_token", act, id, &successor.id, end, &["id"]);
            let batch = Batch::new("operator.rotate")
                .then("acted", old)
                .and(Step::new(SUCCEED, successor.args()))
                .and(Step::new(
                    INHERIT,
                    vec![Arg::Text(successor.id.clone()), id.into()],
                ));
            act.end(batch, "acted", "id")
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }

    /// Revokes an operator token; `false` if there is no valid one.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn revoke_operator_token(
        &self,
        act: &Act<'_>,
        id: &str,
    ) -> Result<bool, StoreError> {
        let batch = || {
            let batch =
                Batch::new("operator.revoke").then("acted", revoked("operator_token", act, id));
            act.end(batch, "acted", "id")
        };
        Ok(!self.engine.write_retrying(batch).await?.is_empty())
    }

    /// The operator token with that public part, and its digest.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn operator_token(
        &self,
        id: &str,
    ) -> Result<Option<(OperatorTokenInfo, String)>, StoreError> {
        let text = format!("{SELECT} where o.id = $1");
        let statement = Statement::named("operator.find", text, vec![id.into()]);
        let rows = self.engine.read(&statement).await?;
        let read = |row: &Row| Ok((read_operator(row)?, row.text(WIDTH)?.to_owned()));
        rows.first().map(read).transpose()
    }

    /// A page of operator tokens in the order of issue, after the one with that public part.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn operator_tokens(
        &self,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<OperatorTokenInfo>, StoreError> {
        let text = format!(
            "{SELECT} where $1 is null or (o.created, o.id) > (select p.created, p.id from operator_token p where p.id = $1) \
             order by o.created, o.id {{limit}}$2"
        );
        let args = vec![Arg::OptText(after.map(str::to_owned)), Arg::Int(limit)];
        let statement = Statement::named("operator.list", text, args);
        let rows = self.engine.read(&statement).await?;
        rows.iter().map(read_operator).collect()
    }

    /// Stores the last use of an operator token.
    ///
    /// # Errors
    /// Any [`StoreError`].
    pub(crate) async fn touch_operator_token(
        &self,
        id: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let args = vec![id.into(), Arg::Int(at.as_micros())];
        let statement = Statement::named("operator.touch", TOUCH, args);
        self.engine.write_one(statement).await.map(|_| ())
    }
}

fn read_operator(row: &Row) -> Result<OperatorTokenInfo, StoreError> {
    let moment =
        |column: usize| Ok::<_, StoreError>(row.opt_int(column)?.map(Timestamp::from_micros));
    let words = |column: usize| {
        let text = row.opt_text(column)?;
        let words = text.and_then(|text| serde_json::from_str::<Vec<String>>(text).ok());
        Ok::<_, StoreError>(words)
    };
    let scopes = words(3)?.map(|words| {
        words
            .iter()
            .filter_map(|word| OperatorScope::from_keyword(word))
            .collect()
    });
    let is_limited = row.bool(4)?;
    Ok(OperatorTokenInfo {
        id: row.text(0)?.to_owned(),
        name: row.text(1)?.to_owned(),
        role: OperatorRole::from_keyword(row.text(2)?).unwrap_or(OperatorRole::Viewer),
        given_scopes: scopes,
        tenants: is_limited.then_some(words(10)?.unwrap_or_default()),
        created: Timestamp::from_micros(row.int(5)?),
        expires: moment(6)?,
        last_used: moment(7)?,
        revoked: moment(8)?,
        successor: row.opt_text(9)?.map(str::to_owned),
    })
}

/// Columns that [`read_operator`] reads, of `operator_token o`; the digest follows them.
const SELECT: &str = "select o.id, o.name, o.role, o.scopes, o.is_limited, o.created, o.expires, o.last_used, o.revoked, \
     o.successor, (select cast({rows_of}(t.name) as text) from operator_tenant l join tenant t on t.tenant = l.tenant \
     where l.operator = o.id), o.secret_digest from operator_token o";
const WIDTH: usize = 11;
const ADD: &str = "insert into operator_token (id, name, secret_digest, role, scopes, is_limited, created, expires) \
     select $1, $2, $3, $4, $5, $6, $7, $8 returning id";
const LIMIT: &str = "insert into operator_tenant (operator, tenant) \
     select $1, t.tenant from tenant t join {rows} on given.name = t.name";
const SUCCEED: &str = "insert into operator_token (id, name, secret_digest, role, scopes, is_limited, created, expires) \
     select $1, $2, $3, $4, $5, $6, $7, $8 from {acted}";
const INHERIT: &str = "insert into operator_tenant (operator, tenant) \
     select $1, l.tenant from operator_tenant l join {acted} on l.operator = $2";
const TOUCH: &str = "update operator_token set last_used = $2 where id = $1 returning id";
