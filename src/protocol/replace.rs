//! PUT (RFC 7644 section 3.5.1).

use crate::access::{Claim, Confirmed};
use crate::error::{Result, ScimError};
use crate::protocol::change::{ChangeRequest, ChangeTarget, Replacement, answer, change};
use crate::protocol::members::sent_members;
use crate::protocol::schema_retry::{Attempt, Write};
use crate::protocol::{Precondition, Reply, Service, View};
use crate::request_log::WriteRequest;
use crate::resource::accept::{Accepted, accept, assign_defaults, in_schema_order, sent};
use crate::resource::{Acceptance, Conformance, hidden};
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

/// A list of members of which none is named must not empty a group.
fn names_somebody(
    kind: &ResourceType,
    body: &Map<String, Value>,
    conformance: Conformance,
) -> Result<()> {
    let Some(members) = kind.members() else {
        return Ok(());
    };
    let is_named = |member: &Value| {
        member.as_object().is_some_and(|member| {
            member.iter().any(|(name, value)| {
                matches!(name.to_ascii_lowercase().as_str(), "value" | "$ref") && !value.is_null()
            })
        })
    };
    match sent(kind, body, members, conformance).and_then(Value::as_array) {
        Some(list)
            if list
                .iter()
                .any(|member| member.is_object() && !is_named(member)) =>
        {
            Err(ScimError::invalid_value(format!(
                "A value of \"{}\" names nobody: it needs \"value\".",
                members.name()
            )))
        }
        _ => Ok(()),
    }
}

/// The attributes after a PUT: those of the body, those that no client reads and the body does not
/// name, and what is hidden.
pub(crate) fn replaced(
    kind: &ResourceType,
    before: &Map<String, Value>,
    accepted: &Accepted,
) -> Map<String, Value> {
    let mut after = accepted.attributes.clone();
    for attribute in kind
        .top_attributes()
        .iter()
        .filter(|attribute| attribute.is_secret())
    {
        let name = attribute.name().as_ref();
        if let Some(kept) = before
            .get(name)
            .filter(|_| !accepted.asserted.contains(name))
        {
            after.insert(name.to_owned(), kept.clone());
        }
    }
    for extension in kind.extensions() {
        let urn = extension.schema.id().as_ref();
        let secrets = extension
            .schema
            .attributes()
            .iter()
            .filter(|attribute| attribute.is_secret());
        let Some(was) = before.get(urn).and_then(Value::as_object) else {
            continue;
        };
        for secret in secrets {
            let name = secret.name().as_ref();
            let Some(kept) = was.get(name) else { continue };
            let held = after
                .entry(urn)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Some(held) = held.as_object_mut() {
                held.entry(name).or_insert_with(|| kept.clone());
            }
        }
    }
    let mut kept = before.clone();
    hidden::keep(kind, &mut kept);
    for (name, value) in kept {
        match (after.get_mut(&name), value) {
            (Some(Value::Object(held)), Value::Object(hidden)) => held.extend(hidden),
            (_, value) => drop(after.insert(name, value)),
        }
    }
    in_schema_order(kind, after)
}
