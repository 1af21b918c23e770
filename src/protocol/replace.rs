//! PUT (RFC 7644 section 3.5.1).

use crate::access::{Claim, Confirmed};
use crate::error::{Result, ScimError};
use crate::model::TypeRoles;
use crate::protocol::change::{ChangeRequest, ChangeTarget, Replacement, answer, change};
use crate::protocol::members::sent_members;
use crate::protocol::schema_retry::{Attempt, Write};
use crate::protocol::{ScimReply, Service, UpdateRequest};
use crate::request_log::{Note, WriteRequest};
use crate::resource::accept::{accept, assign_defaults, sent};
use crate::resource::{Acceptance, Conformance};
use crate::schema::{Attribute, ResourceType};
use crate::store::PutWithoutMembers;
use serde_json::{Map, Value};
use std::sync::Arc;

struct Replace<'a>(&'a UpdateRequest<'a>);

impl Service {
    /// PUT (RFC 7644 section 3.5.1). Omitted attributes are cleared, except unreadable ones and, in lenient mode,
    /// `active` and, by default, members.
    ///
    /// # Errors
    /// 400, 403 without a seat, 404, 409, 412, 503.
    pub(crate) async fn replace(
        &self,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        request: &UpdateRequest<'_>,
    ) -> Confirmed<ScimReply> {
        self.under_current_schemas(claim, resource_type, &Replace(request))
            .await
    }
}

impl Write for Replace<'_> {
    fn request(&self) -> WriteRequest<'_> {
        WriteRequest::Replace(&self.0.body)
    }

    async fn attempt(
        &self,
        service: &Service,
        claim: &Claim,
        resource_type: &Arc<ResourceType>,
        acceptance: &mut Acceptance<'_>,
        notes: &mut Vec<Note>,
    ) -> Attempt<ScimReply> {
        let conformance = acceptance.conformance;
        check_member_values(resource_type, &self.0.body, conformance)?;
        let mut accepted = accept(resource_type, self.0.body.clone(), acceptance)?;
        let is_given =
            |seat: &Arc<Attribute>| accepted.attributes.contains_key(seat.name().as_ref());
        let keeps_active =
            conformance.is_lenient() && resource_type.seat().is_some_and(|seat| !is_given(seat));
        assign_defaults(resource_type, &mut accepted);
        let projection = self.0.view.projection(resource_type, conformance)?;
        let projection = projection.after_writing(resource_type, accepted.names(resource_type));
        let asserted =
            |members: &Arc<Attribute>| accepted.asserted.contains(members.name().as_ref());
        let omits_members = conformance.is_lenient()
            && resource_type
                .members()
                .is_some_and(|members| !asserted(members));
        let keeps_members =
            omits_members && claim.settings.put_without_members == PutWithoutMembers::Keep;
        let listed = sent_members(resource_type, &mut accepted.attributes)?;
        // A type without members has none to replace.
        let replaces_members = resource_type.members().is_some() && !keeps_members;
        let members = replaces_members.then(|| listed.unwrap_or_default());
        let request = ChangeRequest::Replace(Replacement {
            accepted: &accepted,
            members: members.as_deref(),
            omits_members,
            keeps_active,
        });
        let target = ChangeTarget {
            resource_type,
            id: self.0.id,
            precondition: self.0.precondition,
            projection: &projection,
        };
        let (caller, found) = change(service, claim, &target, &request, notes).await?;
        let reply = match found {
            Ok(found) => answer(service, &caller, found, &projection, self.0.view, true).await,
            Err(error) => Err(error),
        };
        Ok((caller, reply))
    }
}

/// Each value of a members list must identify a member, as in a PATCH, so that an invalid list does not remove all
/// members.
///
/// # Errors
/// A 400 `invalidValue`.
fn check_member_values(
    resource_type: &ResourceType,
    body: &Map<String, Value>,
    conformance: Conformance,
) -> Result<()> {
    let Some(members) = resource_type.members() else {
        return Ok(());
    };
    let is_nameless = |member: &Value| {
        member.as_object().is_some_and(|member| {
            !member.iter().any(|(name, value)| {
                matches!(name.to_ascii_lowercase().as_str(), "value" | "$ref") && has_content(value)
            })
        })
    };
    match sent(resource_type, body, members, conformance).and_then(Value::as_array) {
        Some(list)
            if list.iter().any(is_nameless)
                || !list.is_empty() && !list.iter().any(has_content) =>
        {
            Err(ScimError::invalid_value(format!(
                "A value of \"{}\" does not identify a member: it needs \"value\".",
                members.name()
            )))
        }
        _ => Ok(()),
    }
}

/// Whether a value has content: nested empty arrays and objects have none.
fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(values) => values.iter().any(has_content),
        Value::Object(members) => members.values().any(has_content),
        _ => true,
    }
}
