//! Executes a schema change: it takes effect on every instance at once, and then the index is updated while servers
//! run.

use super::plan::SchemaPlan;
use super::refusal::{SchemaProblem, SchemaRefusal};
use crate::audit::{AuditAction, AuditEntry};
use crate::model::edit;
use crate::operator::acting::Once;
use crate::operator::error::OperatorError;
use crate::operator::handle::Operator;
use crate::store::{Act, SchemaDocument};
use serde_json::{Map, Value};

/// The progress of a schema change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaStep<'a> {
    /// Waits for writes that began before the change.
    Waiting,
    /// The index of a tenant is being updated; the number is that of its resources.
    Tenant(&'a str, u64),
    /// The index of a resource was updated.
    Resource,
    /// The change is completed, or has failed.
    Done,
}

/// The result of a schema change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SchemaOutcome {
    /// Resources whose index has changed.
    pub reindexed: u64,
    /// Whether a verification with repair can find further differences.
    pub(crate) is_unfinished: bool,
}

/// Receives the progress of a change.
type OnStep<'a> = &'a mut (dyn FnMut(SchemaStep<'_>) + Send);

impl Operator {
    /// Executes a planned change.
    ///
    /// # Errors
    /// 409 if other schemas were changed since the plan. If resources that were written since then contradict the
    /// change, it is rolled back, and the error lists the contradictions.
    pub async fn change_schema(
        &self,
        plan: &SchemaPlan,
        on_step: OnStep<'_>,
    ) -> Result<SchemaOutcome, SchemaRefusal> {
        self.change_schema_once(plan, None, on_step).await
    }

    /// Executes a planned change like [`Operator::change_schema`]. From the moment it takes effect a response is stored
    /// for repetitions of the request. Until it is replaced, it says that the change is unfinished, which is true after
    /// a crash.
    ///
    /// # Errors
    /// Like [`Operator::change_schema`]; no response is stored then.
    pub(crate) async fn change_schema_once(
        &self,
        plan: &SchemaPlan,
        once: Option<Once<'_, SchemaOutcome>>,
        on_step: OnStep<'_>,
    ) -> Result<SchemaOutcome, SchemaRefusal> {
        let may_lag = plan.may_lag();
        if may_lag {
            self.index_lags(&plan.urn).await?;
        }
        let begun = SchemaOutcome {
            reindexed: 0,
            is_unfinished: may_lag,
        };
        let mut kept = self.kept(once, &begun)?;
        if let Some(kept) = &mut kept {
            // The caller replaces the response at the end.
            kept.running_until = Some(self.running_until());
        }
        let document = plan.after.as_ref();
        let act = self.act(entry(plan, document.is_some()), kept.as_ref());
        self.put(plan, &act, (document, plan.seen)).await?;
        let mut outcome = if may_lag {
            self.follow(plan, on_step).await?
        } else {
            Followed::default()
        };
        if !outcome.contradictions.is_empty() {
            let document = plan.before.as_ref();
            let act = Act {
                forgotten: kept.as_ref(),
                ..self.act(entry(plan, document.is_some()), None)
            };
            self.put(plan, &act, (document, plan.seen + 1)).await?;
            self.follow(plan, on_step).await?;
        }
        if may_lag && !outcome.done.is_unfinished {
            self.index_lags_no_more().await?;
        }
        if outcome.contradictions.is_empty() {
            return Ok(outcome.done);
        }
        outcome.contradictions.push(SchemaProblem::RolledBack);
        Err(SchemaRefusal::Problems(outcome.contradictions))
    }

    async fn put(
        &self,
        plan: &SchemaPlan,
        act: &Act<'_>,
        (document, seen): (Option<&Map<String, Value>>, i64),
    ) -> Result<(), SchemaRefusal> {
        let text = document.map(edit::text);
        let names = plan.names();
        let schema = SchemaDocument {
            tenant: plan.tenant_number(),
            urn: &plan.key(),
            document: text.as_deref(),
            attributes: &names,
        };
        match self.store.change_schema(act, &schema, seen).await? {
            true => Ok(()),
            false => Err(OperatorError::SchemasChanged.into()),
        }
    }

    /// Updates the index to the schemas.
    async fn follow(
        &self,
        plan: &SchemaPlan,
        on_step: OnStep<'_>,
    ) -> Result<Followed, SchemaRefusal> {
        let mut followed = Followed::default();
        on_step(SchemaStep::Waiting);
        followed.done.is_unfinished = !self.store.wait_for_older_transactions().await?;
        for tenant in self.having(plan).await? {
            let survey = self
                .survey(&tenant, &plan.urn, plan.schema.as_deref())
                .await?;
            if survey.most_of(&plan.touched) == 0 {
                continue;
            }
            followed.contradictions.extend(survey.contradictions());
            let info = self.tenant(&tenant.name).await?;
            on_step(SchemaStep::Tenant(
                &tenant.name,
                u64::try_from(info.users + info.groups).unwrap_or(0),
            ));
            let scope = tenant.scope(self.catalogs.of(&self.store, &tenant).await?.layout.clone());
            let done = self
                .store
                .reindex(&scope, &tenant.name, &mut || on_step(SchemaStep::Resource))
                .await?;
            followed.done.reindexed += done.changed;
            followed.done.is_unfinished |= done.overtaken > 0;
            if done.taken > 0 && followed.contradictions.is_empty() {
                followed.contradictions.push(SchemaProblem::Taken {
                    tenant: tenant.name.clone(),
                    count: done.taken,
                });
            }
        }
        Ok(followed)
    }
}

/// The audit entry of a change.
fn entry(plan: &SchemaPlan, is_put: bool) -> AuditEntry {
    let action = if is_put {
        AuditAction::SchemaPut
    } else {
        AuditAction::SchemaRemove
    };
    let entry = AuditEntry::new(action).on(&plan.urn);
    match &plan.tenant {
        Some(tenant) => entry.in_tenant(&tenant.name),
        None => entry,
    }
}

/// The result of updating the index.
#[derive(Default)]
struct Followed {
    done: SchemaOutcome,
    contradictions: Vec<SchemaProblem>,
}
