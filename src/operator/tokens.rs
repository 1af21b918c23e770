//! Tokens in lists.

use crate::clock::Timestamp;
use crate::operator::error::{OperatorError, Result};
use crate::operator::handle::Operator;
use crate::store::EndingQuery;
use crate::store::{TokenInfo, TokenQuery};

/// Number of tokens in one read.
const SLICE: i64 = 1000;

/// Tokens that are valid at one time and not at a later one, in the order of expiry, read in slices.
#[derive(Debug)]
pub struct EndingTokens<'a> {
    operator: &'a Operator,
    tenant: Option<&'a str>,
    now: Timestamp,
    until: Timestamp,
    /// Expiry and id of the last token.
    last: Option<(Timestamp, String)>,
    slice: std::vec::IntoIter<TokenInfo>,
}

impl EndingTokens<'_> {
    /// The next token; `None` after the last.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub async fn next(&mut self) -> Result<Option<TokenInfo>> {
        if self.slice.len() == 0 {
            let Self {
                tenant, now, until, ..
            } = *self;
            let query = EndingQuery {
                tenant,
                now,
                until,
                after: self.last.as_ref(),
                limit: SLICE,
            };
            self.slice = self.operator.store.ending_tokens(&query).await?.into_iter();
        }
        let next = self.slice.next();
        if let Some(token) = &next {
            self.last = token.expires.map(|end| (end, token.id.clone()));
        }
        Ok(next)
    }
}

impl Operator {
    /// A page of tokens.
    ///
    /// # Errors
    /// 404 for an unknown tenant or token in the query.
    pub async fn tokens(&self, query: &TokenQuery) -> Result<Vec<TokenInfo>> {
        if let Some(name) = &query.tenant {
            self.tenant(name).await?;
        }
        let page = self.store.tokens(query).await?;
        page.ok_or_else(|| {
            let id = query.after.as_deref().unwrap_or_default();
            OperatorError::NoToken(id.to_owned())
        })
    }

    /// A page of the tokens for the change feed, of one tenant or all, in the order of issue, after the one with this
    /// time and id.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub(crate) async fn feed_tokens(
        &self,
        after: Option<(Timestamp, String)>,
        limit: i64,
    ) -> Result<Vec<TokenInfo>> {
        Ok(self.store.feed_tokens(after, limit).await?)
    }

    /// The tokens, of one tenant or of all, that are valid now and expire within this number of days.
    pub fn ending_tokens<'a>(&'a self, tenant: Option<&'a str>, days: i64) -> EndingTokens<'a> {
        let now = self.clock.now();
        let until = now.plus_seconds(days.saturating_mul(86_400));
        EndingTokens {
            operator: self,
            tenant,
            now,
            until,
            last: None,
            slice: Vec::new().into_iter(),
        }
    }

    /// The tokens of [`Operator::ending_tokens`] after the one with this id and this expiry, in microseconds.
    pub(crate) fn ending_tokens_after<'a>(
        &'a self,
        tenant: Option<&'a str>,
        days: i64,
        after: Option<(String, i64)>,
    ) -> EndingTokens<'a> {
        EndingTokens {
            last: after.map(|(id, end)| (Timestamp::from_micros(end), id)),
            ..self.ending_tokens(tenant, days)
        }
    }

    /// Whether any tenant has a valid token.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub async fn has_good_token(&self) -> Result<bool> {
        Ok(self.store.has_good_token(self.clock.now()).await?)
    }

    /// The number of tokens of a tenant, valid or not.
    ///
    /// # Errors
    /// Any [`OperatorError`] of the database.
    pub(crate) async fn count_tokens(&self, tenant: &str) -> Result<i64> {
        Ok(self.store.count_tokens(tenant).await?)
    }
}
