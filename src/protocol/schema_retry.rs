//! Retries after schema changes: a write is repeated with the new schemas if the tenant's schemas change during the
//! write.

use crate::access::{Caller, Claim, Confirmed};
use crate::error::ScimError;
use crate::metrics::RetryCause;
use crate::protocol::refusal::WriteError;
use crate::protocol::{ScimReply, Service};
use crate::request_log::{Note, WriteRequest};
use crate::resource::Acceptance;
use crate::schema::ResourceType;
use std::sync::Arc;

/// Maximum number of retries of a write.
const RETRIES: u32 = 8;

/// The outcome of one attempt at a write. The outer error occurred before the claim was confirmed.
pub(super) type Attempt<T> = Result<(Caller, Result<T, WriteError>), WriteError>;

/// A write of the protocol.
pub(super) trait Write: Sync {
    /// The write for the request log.
    fn request(&self) -> WriteRequest<'_>;

    /// Executes the write with the schemas of a claim. Ignored parts of the body are added to `acceptance`, notes about
    /// stored resources to `notes`.
    fn attempt(
        &self,
        service: &Service,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        acceptance: &mut Acceptance<'_>,
        notes: &mut Vec<Note>,
    ) -> impl Future<Output = Attempt<ScimReply>> + Send;
}

impl Service {
    /// Executes a write, and repeats it if the tenant's schemas change during the write.
    pub(super) async fn under_current_schemas(
        &self,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        write: &impl Write,
    ) -> Confirmed<ScimReply> {
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

    /// Ignored parts are not recorded if the write is repeated: the retry ignores them again.
    async fn attempt(
        &self,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        write: &impl Write,
    ) -> Attempt<ScimReply> {
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

/// Logs ignored parts of a request; names and ids, never values.
fn log_left_out(claim: &Claim, resource_type: &Arc<ResourceType>, notes: &[Note]) {
    claim.context.left_out(resource_type, notes);
    for note in notes {
        tracing::info!(tenant = %claim.tenant, token = %claim.token_name, %note, "left out");
    }
}
