//! Refusals of writes: no seat, a unique value in use, concurrently changed schemas.

use crate::access::{Caller, Claim};
use crate::error::ScimError;
use crate::filter::{Operator, Predicate, Target};
use crate::model::{TypeRoles, takes_seat};
use crate::protocol::{Service, render};
use crate::reason::Reason;
use crate::request_log::share_name;
use crate::resource::{Attributes, Key};
use crate::schema::ResourceType;
use crate::store::{
    Documents, ListTarget, PageRequest, PageStart, Relations, Scope, Store, StoreError, Tenant,
    WriteOutcome,
};

/// Why a write did not take effect.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The tenant's schemas have changed since the write started: it has to be repeated.
    SchemasChanged,
    /// The write is refused, or it failed.
    Refused(ScimError),
}

impl WriteError {
    /// The refusal of a write that is not repeated.
    pub(crate) fn into_refusal(self) -> ScimError {
        match self {
            Self::Refused(error) => error,
            Self::SchemasChanged => ScimError::outdated(),
        }
    }
}

impl From<ScimError> for WriteError {
    fn from(error: ScimError) -> Self {
        Self::Refused(error)
    }
}

impl From<scim_core::error::Error> for WriteError {
    fn from(error: scim_core::error::Error) -> Self {
        Self::Refused(error.into())
    }
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

/// The error for an outcome of the store other than [`WriteOutcome::Done`].
pub(crate) async fn refusal(
    store: &Store,
    scope: &Scope,
    tenant: &Tenant,
    outcome: WriteOutcome,
) -> WriteError {
    match store.has_schemas_of(scope).await {
        Err(error) => error.into(),
        Ok(false) => WriteError::SchemasChanged,
        Ok(true) if outcome == WriteOutcome::NoSeat => no_seat(store, tenant).await.into(),
        Ok(true) => ScimError::unavailable("The server is busy; try again.", 1).into(),
    }
}

/// The refusal of a user beyond the tenant's limit of seats. More users than the limit can be active if it was lowered.
pub(crate) async fn no_seat(store: &Store, tenant: &Tenant) -> ScimError {
    let known = tenant.seats.unwrap_or_default();
    let now = store.seats(tenant.number()).await.ok().flatten();
    let (seats, used) = now.map_or((known, known), |(seats, used)| {
        (seats.unwrap_or(known), used)
    });
    ScimError::forbidden(match used - seats {
        ..=0 => format!(
            "All {seats} of {seats} seats of this application are in use: deactivate a user, or ask for more seats."
        ),
        more => format!(
            "Seats of this application: {seats}; active users: {used}. Deactivate {} of them, or ask for more seats.",
            more + 1
        ),
    })
    .because(Reason::SeatsFull)
}

/// 409 with the attribute whose value is in use.
pub(crate) fn in_use(resource_type: &ResourceType, attributes: &Attributes) -> ScimError {
    let unique = resource_type
        .leaves()
        .iter()
        .filter(|path| path.end().is_unique() && path.value_in(attributes).is_some());
    let held: Vec<_> = unique.collect();
    let names: Vec<_> = held.iter().map(|path| format!("\"{path}\"")).collect();
    let folded = held.iter().all(|path| !path.end().is_case_exact());
    ScimError::uniqueness(format!(
        "A {} with the same {} exists already{}{}.",
        resource_type.name(),
        if names.is_empty() {
            "name".to_owned()
        } else {
            names.join(" or ")
        },
        if folded {
            " (letter case is ignored)"
        } else {
            ""
        },
        if resource_type.seat().is_some() {
            "; inactive ones are included"
        } else {
            ""
        }
    ))
    .because(match resource_type {
        _ if resource_type.seat().is_some() => Reason::UserExists,
        _ if resource_type.members().is_some() => Reason::GroupExists,
        _ => Reason::ValueExists,
    })
}

/// 409 for a unique value of another resource, with the reason, and the caller if the lookup has confirmed the claim.
/// For a resource with a seat it costs one lookup.
pub(super) async fn value_in_use(
    service: &Service,
    claim: &Claim,
    resource_type: &ResourceType,
    attributes: &Attributes,
) -> (Option<Caller>, ScimError) {
    let error = in_use(resource_type, attributes);
    if resource_type.seat().is_none() {
        return (None, error);
    }
    let Some((caller, holder)) = holder(service, claim, resource_type, attributes).await else {
        return (None, error);
    };
    let error = match holder {
        Some(holder) if !share_name(resource_type, attributes, &holder) => {
            error.because(Reason::ValueExists)
        }
        Some(holder) if !takes_seat(resource_type, &holder) => {
            error.because(Reason::UserExistsInactive)
        }
        _ => error,
    };
    (Some(caller), error)
}

/// The attributes of the resource that has one of these unique values; `None` if the lookup fails.
async fn holder(
    service: &Service,
    claim: &Claim,
    resource_type: &ResourceType,
    attributes: &Attributes,
) -> Option<(Caller, Option<Attributes>)> {
    let unique = resource_type
        .leaves()
        .iter()
        .filter(|path| path.end().is_unique());
    let equal = unique.filter_map(|path| {
        let key = Key::of(path.end(), path.value_in(attributes)?)?;
        Some(Predicate::Compare {
            target: Target::Attribute(path.clone()),
            operator: Operator::Equal,
            key,
        })
    });
    let predicate = Predicate::Any(equal.collect());
    let of_type = claim.scope().layout().of_type(resource_type)?;
    let listed = [ListTarget {
        of_type,
        predicate: Some(&predicate),
    }];
    let window = PageRequest {
        from: PageStart::Skip(0),
        take: 1,
        documents: Documents::All,
    };
    let scope = claim.scope();
    let found = service
        .store
        .list(scope, &listed, None, &window, Relations::default());
    let (scope, page) = found.await.ok()?;
    let first = page.found.first();
    let holder = first.and_then(|found| render::attributes(&found.document).ok());
    Some((claim.confirmed(scope), holder))
}
