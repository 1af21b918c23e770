//! Writes under the schemas of the moment: one that was made under others is made anew.

use super::{Caller, Reply, Service};
use crate::error::{Result, ScimError};
use crate::schema::ResourceType;
use crate::store::Scope;
use std::borrow::Cow;
use std::sync::Arc;

/// Times that a write is made anew.
const RENEWALS: u32 = 8;

/// A caller and the type that is written, with the schemas that the tenant had when they were read.
#[derive(Debug)]
pub(super) struct Current<'a> {
    pub(super) caller: Cow<'a, Caller>,
    pub(super) kind: Cow<'a, Arc<ResourceType>>,
    left: u32,
}

impl<'a> Current<'a> {
    pub(super) fn of(caller: &'a Caller, kind: &'a Arc<ResourceType>) -> Self {
        Self { caller: Cow::Borrowed(caller), kind: Cow::Borrowed(kind), left: RENEWALS }
    }

    /// The outcome of a write, or `None` if it is to be made anew, under what this is from now on.
    pub(super) async fn settled(&mut self, service: &Service, outcome: Result<Reply>) -> Result<Option<Reply>> {
        match outcome {
            Err(error) if error.is_outdated() && self.left > 0 => {
                let caller = service.renewed(&self.caller).await?;
                let kind = caller.catalog.by_name(self.kind.name()).cloned();
                let kind = kind.ok_or_else(|| ScimError::not_found("There is no such endpoint."))?;
                *self = Self { caller: Cow::Owned(caller), kind: Cow::Owned(kind), left: self.left - 1 };
                Ok(None)
            }
            outcome => outcome.map(Some),
        }
    }
}

impl Service {
    /// The same caller with the settings and schemas that its tenant has now.
    async fn renewed(&self, caller: &Caller) -> Result<Caller> {
        let tenant = self.store.tenant_now(caller.settings.number()).await?;
        let tenant = tenant.ok_or_else(|| ScimError::unauthorized("The tenant of this token was deleted."))?;
        let numbered = self.catalogs.of(&self.store, &tenant).await?;
        Ok(Caller {
            catalog: numbered.catalog.clone(),
            scope: tenant.scope(numbered.layout.clone()),
            settings: tenant.into(),
            ..caller.clone()
        })
    }

    /// # Errors
    /// 503 if the schemas of the scope are no longer those of its tenant.
    pub(super) async fn check_current(&self, scope: &Scope) -> Result<()> {
        let is_current = self.store.has_schemas_of(scope).await?;
        is_current.then_some(()).ok_or_else(ScimError::outdated)
    }
}
