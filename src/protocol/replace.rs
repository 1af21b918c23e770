//! PUT (RFC 7644 section 3.5.1).

use crate::access::{Claim, Confirmed};
use crate::error::{Result, ScimError};
use crate::model::TypeRoles;
use crate::protocol::change::{ChangeRequest, ChangeTarget, Replacement, answer, change};
use crate::protocol::members::sent_members;
use crate::protocol::schema_retry::{Attempt, Write};
use crate::protocol::{Precondition, Reply, Service, View};
use crate::request_log::WriteRequest;
use crate::resource::accept::{accept, assign_defaults, sent};
use crate::resource::{Acceptance, Conformance};
use crate::schema::{Attribute, ResourceType};
use crate::store::PutWithoutMembers;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A resource to be replaced.
struct Replace<'a> {
    id: &'a str,
    body: &'a Map<String, Value>,
    view: &'a View,
    precondition: &'a Precondition,
}

impl Service {
    /// PUT (RFC 7644 section 3.5.1). What is left out is cleared, but for what no client reads
    /// and, in lenient mode, who is active and, unless the tenant says otherwise, members.
    ///
    /// # Errors
    /// 400, 403 without a seat, 404, 409, 412, 503.
    pub async fn replace(
        &self,
        claim: &Claim,
        kind: &Arc<ResourceType>,
        id: &str,
        body: Map<String, Value>,
        view: &View,
        precondition: &Precondition,
    ) -> Confirmed<Reply> {
        let replace = Replace {
            id,
            body: &body,
            view,
            precondition,
        };
        self.under_current_schemas(claim, kind, &replace).await
    }
}

impl Write for Replace<'_> {
    fn request(&self) -> WriteRequest<'_> {
        WriteRequest::Replace(self.body)
    }

    async fn attempt(
        &self,
        service: &Service,
        claim: &Claim,
        kind: &Arc<ResourceType>,
        acceptance: &mut Acceptance<'_>,
    ) -> Attempt<Reply> {
        let conformance = acceptance.conformance;
        names_somebody(kind, self.body, conformance)?;
        let mut accepted = accept(kind, self.body.clone(), acceptance)?;
        let is_given =
            |seat: &Arc<Attribute>| accepted.attributes.contains_key(seat.name().as_ref());
        let keeps_active =
            conformance.is_lenient() && kind.seat().is_some_and(|seat| !is_given(seat));
        assign_defaults(kind, &mut accepted);
        let projection = self.view.projection(kind, conformance)?;
        let projection = projection.after_writing(kind, accepted.names(kind));
        let asserted =
            |members: &Arc<Attribute>| accepted.asserted.contains(members.name().as_ref());
        let omits_members =
            conformance.is_lenient() && kind.members().is_some_and(|members| !asserted(members));
        let keeps_members =
            omits_members && claim.settings.put_without_members == PutWithoutMembers::Keep;
        let listed = sent_members(kind, &mut accepted.attributes)?;
        let members = (!keeps_members).then(|| listed.unwrap_or_default());
        let request = ChangeRequest::Replace(Replacement {
            accepted: &accepted,
            members: members.as_deref(),
            omits_members,
            keeps_active,
        });
        let target = ChangeTarget {
            kind,
            id: self.id,
            precondition: self.precondition,
            projection: &projection,
        };
        let (caller, found) =
            change(service, claim, &target, &request, &mut acceptance.notes).await?;
        let reply = match found {
            Ok(found) => answer(service, &caller, found, &projection, self.view, true).await,
            Err(error) => Err(error),
        };
        Ok((caller, reply))
    }
}

/// A list of members of which none is named must not empty a group, and each that is there names one,
/// as in a PATCH.
///
/// # Errors
/// 400 `invalidValue`.
fn names_somebody(
    kind: &ResourceType,
    body: &Map<String, Value>,
    conformance: Conformance,
) -> Result<()> {
    let Some(members) = kind.members() else {
        return Ok(());
    };
    let is_nameless = |member: &Value| {
        member.as_object().is_some_and(|member| {
            !member.iter().any(|(name, value)| {
                matches!(name.to_ascii_lowercase().as_str(), "value" | "$ref") && has_content(value)
            })
        })
    };
    match sent(kind, body, members, conformance).and_then(Value::as_array) {
        Some(list)
            if list.iter().any(is_nameless)
                || !list.is_empty() && !list.iter().any(has_content) =>
        {
            Err(ScimError::invalid_value(format!(
                "A value of \"{}\" names nobody: it needs \"value\".",
                members.name()
            )))
        }
        _ => Ok(()),
    }
}

/// Whether there is anything in a value: arrays and objects around nothing mean nothing.
fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(values) => values.iter().any(has_content),
        Value::Object(members) => members.values().any(has_content),
        _ => true,
    }
}
