//! Writes under the schemas of the moment: a write whose tenant's schemas change while it is made is
//! made again under the new ones.

use crate::access::{Caller, Claim, Confirmed};
use crate::error::ScimError;
use crate::metrics::RetryCause;
use crate::protocol::refusal::WriteError;
use crate::protocol::{Reply, Service};
use crate::request_log::{Note, WriteRequest};
use crate::resource::Acceptance;
use crate::schema::ResourceType;
use std::sync::Arc;

/// How often a write is made again.
const RETRIES: u32 = 8;

/// The outcome of one attempt at a write. An error outside was made before the claim was confirmed.
pub(super) type Attempt<T> = Result<(Caller, Result<T, WriteError>), WriteError>;

/// A write of the protocol, as it was sent.
pub(super) trait Write: Sync {
    /// The write as the request log reads it.
    fn request(&self) -> WriteRequest<'_>;

    /// Makes the write under the schemas of a claim. What is left out of the body is in `acceptance`
    /// afterwards, what the stored resources make of it in `notes`.
    fn attempt(
        &self,
        service: &Service,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        acceptance: &mut Acceptance<'_>,
        notes: &mut Vec<Note>,
    ) -> impl Future<Output = Attempt<Reply>> + Send;
}

impl Service {
    /// Makes a write, and makes it again while the tenant's schemas change under it.
    pub(super) async fn under_current_schemas(
        &self,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        write: &impl Write,
    ) -> Confirmed<Reply> {
        let mut outcome = self.attempt(claim, resource_type, write).await;
        let mut renewed: Option<Claim> = None;
        for _ in 0..RETRIES {
            if !is_outdated(&outcome) {
                break;
            }
            self.store.metrics().retries.note(RetryCause::Schemas);
            let claim = self
                .access
                .renewed(renewed.as_ref().unwrap_or(claim))
                .await?;
            let resource_type = claim.catalog.by_name(resource_type.name()).cloned();
            let resource_type = resource_type
                .ok_or_else(|| ScimError::no_endpoint("There is no such endpoint."))?;
            outcome = self.attempt(&claim, &resource_type, write).await;
            renewed = Some(claim);
        }
        let (caller, outcome) = outcome.map_err(WriteError::into_refusal)?;
        Ok((caller, outcome.map_err(WriteError::into_refusal)))
    }

    /// What a write has left out is not noted if it is made again: it will be left out again.
    async fn attempt(
        &self,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        write: &impl Write,
    ) -> Attempt<Reply> {
        claim.context.writes(resource_type, &write.request());
        claim.may_write(resource_type)?;
        let limits = self.limits();
        let mut acceptance = Acceptance::new(claim.conformance(), &limits.values);
        let mut found = Vec::new();
        let outcome = write
            .attempt(self, claim, resource_type, &mut acceptance, &mut found)
            .await;
        if !is_outdated(&outcome) {
            let mut notes: Vec<_> = acceptance.left_out.iter().map(Note::from).collect();
            notes.append(&mut found);
            log_left_out(claim, resource_type, &notes);
        }
        outcome
    }
}

fn is_outdated<T>(outcome: &Attempt<T>) -> bool {
    matches!(
        outcome,
        Err(WriteError::SchemasChanged) | Ok((_, Err(WriteError::SchemasChanged)))
    )
}

/// Logs what was left out of a request; names and ids, never values.
fn log_left_out(claim: &Claim, resource_type: &Arc<ResourceType>, notes: &[Note]) {
    claim.context.left_out(resource_type, notes);
    for note in notes {
        tracing::info!(tenant = %claim.tenant, token = %claim.token_name, %note, "left out");
    }
}
