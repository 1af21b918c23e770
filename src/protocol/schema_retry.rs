//! Writes under the schemas of the moment: one that was made under others is made anew.

use crate::access::Caller;
use crate::error::{Result, ScimError};
use crate::protocol::{Precondition, Reply, Service, View};
use crate::reason::Reason;
use crate::resource::Acceptance;
use crate::schema::ResourceType;
use crate::store::Scope;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// Times that a write is made anew.
const RENEWALS: u32 = 8;

/// A write that is asked for.
#[derive(Debug)]
pub(crate) enum Wanted<'a> {
    Create {
        body: &'a Map<String, Value>,
        view: &'a View,
    },
    Replace {
        id: &'a str,
        body: &'a Map<String, Value>,
        view: &'a View,
        precondition: &'a Precondition,
    },
    Modify {
        id: &'a str,
        body: &'a Map<String, Value>,
        view: &'a View,
        precondition: &'a Precondition,
    },
    Delete {
        id: &'a str,
        precondition: &'a Precondition,
    },
}

impl Service {
    /// Makes a write, and makes it anew as long as the tenant's schemas change under it.
    pub(crate) async fn write(
        &self,
        caller: &Caller,
        kind: &Arc<ResourceType>,
        wanted: Wanted<'_>,
    ) -> Result<Reply> {
        let mut outcome = self.write_once(caller, kind, &wanted).await;
        let mut renewed = Cow::Borrowed(caller);
        for _ in 0..RENEWALS {
            if !outcome.as_ref().is_err_and(ScimError::is_outdated) {
                break;
            }
            renewed = Cow::Owned(self.renewed(&renewed).await?);
            let kind = renewed.catalog.by_name(kind.name()).cloned();
            let kind = kind.ok_or_else(|| ScimError::no_endpoint("There is no such endpoint."))?;
            outcome = self.write_once(&renewed, &kind, &wanted).await;
        }
        outcome
    }

    /// What a write that has to be made anew has left out is not noted: it will be left out again.
    async fn write_once(
        &self,
        caller: &Caller,
        kind: &Arc<ResourceType>,
        wanted: &Wanted<'_>,
    ) -> Result<Reply> {
        caller.trail.writes(kind, wanted);
        caller.may_write(kind)?;
        let limits = self.limits();
        let mut with = Acceptance::new(caller.settings.conformance, &limits.values);
        let outcome = match *wanted {
            Wanted::Create { body, view } => {
                self.create_with(caller, kind, body.clone(), view, &mut with)
                    .await
            }
            Wanted::Replace {
                id,
                body,
                view,
                precondition,
            } => {
                self.replace_with(
                    caller,
                    kind,
                    id,
                    body.clone(),
                    (view, precondition),
                    &mut with,
                )
                .await
            }
            Wanted::Modify {
                id,
                body,
                view,
                precondition,
            } => {
                self.modify_with(
                    caller,
                    kind,
                    id,
                    body.clone(),
                    (view, precondition),
                    &mut with,
                )
                .await
            }
            Wanted::Delete { id, precondition } => {
                self.delete_with(caller, kind, id, precondition).await
            }
        };
        if !outcome.as_ref().is_err_and(ScimError::is_outdated) {
            self.note(caller, kind, &with.notes);
        }
        outcome
    }

    /// The same caller with the settings and schemas that its tenant has now.
    async fn renewed(&self, caller: &Caller) -> Result<Caller> {
        let tenant = self.store.tenant_now(caller.settings.number()).await?;
        let tenant = tenant.ok_or_else(|| {
            ScimError::unauthorized("The tenant of this token was deleted.")
                .because(Reason::TokenUnknown)
        })?;
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
    pub(crate) async fn check_current(&self, scope: &Scope) -> Result<()> {
        let is_current = self.store.has_schemas_of(scope).await?;
        is_current.then_some(()).ok_or_else(ScimError::outdated)
    }
}
