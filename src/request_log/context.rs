//! Collects the properties of a request for the request log during its execution.

use super::action::{Action, ListShape};
use super::asserted::WriteRequest;
use super::left_out::Note;
use super::user_name;
use crate::error::{ScimError, ScimType};
use crate::filter::{Filter, Predicate};
use crate::reason::Reason;
use crate::resource::{Attributes, Key};
use crate::schema::{Catalog, ResourceType};
use crate::store::{Outcome, Tenant};
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// Maximum number and approximate bytes of stored notes of one request; further ones are counted.
const NOTES: usize = 100;
const NOTED_BYTES: usize = 32 * 1024;
/// Maximum number of user names of one request; a search by further names does not find the request.
const NAMES: usize = 10_000;
/// Approximate bytes of a queued digest of a name.
const NAME_BYTES: usize = 64;
/// Maximum number of recorded characters of a filter.
const FILTER: usize = 1024;

/// The properties of a request for the request log: tenant and token, ignored parts, changed attributes. All parts of
/// the request share one context.
#[derive(Debug, Default)]
pub struct RequestContext {
    details: Mutex<RequestDetails>,
    request_id: Option<Arc<str>>,
}

/// The tenant and the token of a request; the token can be invalid.
#[derive(Debug, Clone)]
pub(crate) struct Requester {
    pub(crate) settings: Arc<Tenant>,
    pub(crate) tenant: Arc<str>,
    pub(crate) token_id: Arc<str>,
    pub(crate) token_name: Arc<str>,
    pub(crate) catalog: Arc<Catalog>,
    /// Whether the bodies of requests are recorded.
    pub(crate) keeps_bodies: bool,
}

/// An event that the request log records in addition to the outcome of the request.
#[derive(Debug)]
pub(crate) enum LogNote {
    /// An ignored part of a resource of a type.
    LeftOut(Arc<ResourceType>, Note),
    /// A failed operation of a bulk request.
    Failed {
        operation: usize,
        status: u16,
        scim_type: Option<&'static str>,
        detail: String,
    },
}

/// The content of a [`RequestContext`].
#[derive(Debug, Default)]
pub(crate) struct RequestDetails {
    pub(crate) requester: Option<Requester>,
    pub(crate) notes: Vec<LogNote>,
    /// Number of further notes.
    pub(crate) more: usize,
    /// Approximate bytes of the notes.
    noted_bytes: usize,
    pub(crate) changed: Vec<String>,
    pub(crate) filter: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) action: Option<Action>,
    /// The worst outcome of the operations of a bulk request.
    pub(crate) worst: Option<Outcome>,
    /// The reason of the first failed operation of a bulk request, or of the first ignored part.
    pub(crate) reason: Option<Reason>,
    /// Keys of the names of affected users.
    pub(crate) names: Vec<Key>,
    /// Whether only the public part of the token was verified.
    pub(crate) is_unproved: bool,
}

impl RequestContext {
    /// The context of the request with an id.
    pub(crate) fn of_request(request_id: Arc<str>) -> Self {
        Self {
            request_id: Some(request_id),
            ..Self::default()
        }
    }

    /// Id of the request; `None` if it is a command of the operator.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Names of the tenant and the token, once they are known.
    pub(crate) fn names(&self) -> Option<(Arc<str>, Arc<str>)> {
        self.details(|details| {
            details
                .requester
                .as_ref()
                .map(|requester| (requester.tenant.clone(), requester.token_name.clone()))
        })
    }

    /// The catalog of the tenant, once it is known.
    pub(crate) fn catalog(&self) -> Option<Arc<Catalog>> {
        self.details(|details| {
            details
                .requester
                .as_ref()
                .map(|requester| requester.catalog.clone())
        })
    }

    /// The settings of the tenant, once it is known.
    pub(crate) fn tenant(&self) -> Option<Arc<Tenant>> {
        self.details(|details| {
            details
                .requester
                .as_ref()
                .map(|requester| requester.settings.clone())
        })
    }

    /// Whether the complete token was verified, even if it is expired or revoked.
    pub(crate) fn is_proved(&self) -> bool {
        self.details(|details| details.requester.is_some() && !details.is_unproved)
    }

    /// The id of the verified token, even if it is expired or revoked.
    pub(crate) fn proved_token(&self) -> Option<Arc<str>> {
        self.details(|details| {
            details
                .requester
                .as_ref()
                .filter(|_| !details.is_unproved)
                .map(|requester| requester.token_id.clone())
        })
    }

    /// Records that only the public part of the token is known.
    pub(crate) fn leave_unproved(&self) {
        self.details(|details| details.is_unproved = true);
    }

    /// Sets the action of the request. Operations of a bulk request do not change it.
    pub(crate) fn means(&self, action: Action) {
        self.details(|details| {
            if details.action != Some(Action::Bulk) {
                details.action = Some(action);
            }
        });
    }

    /// Sets the action and the users of a write, by its body.
    pub(crate) fn writes(&self, resource_type: &ResourceType, request: &WriteRequest<'_>) {
        self.means(Action::of_write(resource_type, request));
        self.is_about(user_name::in_body(resource_type, request));
    }

    /// Sets the action of a change, by its outcome.
    pub(crate) fn changes(
        &self,
        resource_type: &ResourceType,
        is_patch: bool,
        before: &Attributes,
        after: &Attributes,
    ) {
        self.details(|details| {
            if let Some(action) = details.action.take() {
                let is_bulk = action == Action::Bulk;
                details.action = Some(if is_bulk {
                    action
                } else {
                    action.of_outcome(resource_type, is_patch, before, after)
                });
            }
        });
    }

    /// Adds the users in a filter, before a possible refusal of the query.
    pub(crate) fn looks_for(&self, resource_type: &ResourceType, filter: &Filter) {
        let mut names = Vec::new();
        user_name::in_filter(resource_type, filter, &mut names);
        self.is_about(names);
    }

    /// Sets the action and the users of a query.
    pub(crate) fn lists(
        &self,
        resource_types: &[Arc<ResourceType>],
        predicates: Option<&[Predicate]>,
        shape: &ListShape,
    ) {
        let mut names = Vec::new();
        for (resource_type, predicate) in resource_types.iter().zip(predicates.unwrap_or_default())
        {
            user_name::in_predicate(resource_type, predicate, &mut names);
        }
        self.means(Action::of_list(resource_types, predicates, shape, &names));
        self.is_about(names);
    }

    /// Adds the resource with these attributes to the affected ones. Reads by id do not call this: their rows have the id,
    /// by which a search for the name finds them.
    pub(crate) fn reaches(&self, resource_type: &ResourceType, attributes: &Attributes) {
        self.is_about(user_name::in_attributes(resource_type, attributes));
    }

    /// Adds affected users by the keys of their names.
    pub(crate) fn is_about(&self, names: impl IntoIterator<Item = Key>) {
        self.details(|details| {
            for name in names {
                if details.names.len() < NAMES
                    && !details.names.ends_with(std::slice::from_ref(&name))
                {
                    details.names.push(name);
                }
            }
        });
    }

    /// Discards everything: the request is executed again.
    pub(crate) fn forget(&self) {
        self.details(|details| *details = RequestDetails::default());
    }

    /// Discards everything and records tenant and token.
    pub(crate) fn begin(&self, requester: Requester) {
        self.details(|details| {
            *details = RequestDetails {
                requester: Some(requester),
                ..RequestDetails::default()
            }
        });
    }

    /// Stores the body of the request without its secrets, if the tenant records bodies.
    pub(crate) fn body(&self, body: &Map<String, Value>) {
        let catalog =
            |requester: &Requester| requester.keeps_bodies.then(|| requester.catalog.clone());
        if let Some(catalog) = self.details(|details| details.requester.as_ref().and_then(catalog))
        {
            let kept = super::redaction::kept(body, &catalog);
            self.details(|details| details.body = Some(kept));
        }
    }

    /// Records ignored parts of the request.
    pub(crate) fn left_out(&self, resource_type: &Arc<ResourceType>, notes: &[Note]) {
        if !notes.is_empty() {
            let noted = notes
                .iter()
                .map(|note| LogNote::LeftOut(resource_type.clone(), note.clone()));
            self.details(|details| {
                details.reason = details.reason.or(notes.first().map(Note::reason));
                noted.for_each(|noted| details.note(noted));
            });
        }
    }

    /// Records the error of an operation, which counts from 0; the worst outcome is that of the request.
    pub(crate) fn failed(&self, operation: usize, error: &ScimError) {
        let scim_type = error.scim_type().map(ScimType::as_str);
        let (status, detail) = (error.status(), error.logged().to_owned());
        self.details(|details| {
            if details.worst.is_none() {
                details.reason = error.reason();
            }
            details.worst = match (details.worst, status) {
                (Some(Outcome::Failed), _) | (_, 500..) => Some(Outcome::Failed),
                _ => Some(Outcome::Refused),
            };
            details.note(LogNote::Failed {
                operation,
                status,
                scim_type,
                detail,
            });
        });
    }

    /// Adds names of attributes that changed.
    pub(crate) fn changed<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        self.details(|details| {
            for name in names {
                if !details.changed.iter().any(|known| known == name) {
                    details.changed.push(name.to_owned());
                }
            }
        });
    }

    /// Records attributes and operators of the filter, up to a maximum length.
    pub(crate) fn filtered(&self, shape: String) {
        let shape = if shape.len() > FILTER {
            shape.chars().take(FILTER).collect()
        } else {
            shape
        };
        self.details(|details| details.filter = Some(shape));
    }

    /// Approximate size in bytes in the queue.
    pub(crate) fn weight(&self) -> usize {
        self.details(|details| {
            details.noted_bytes
                + details.body.as_ref().map_or(0, String::len)
                + details.names.len() * NAME_BYTES
        })
    }

    /// Removes and returns the recorded details.
    pub(crate) fn take(&self) -> RequestDetails {
        self.details(std::mem::take)
    }

    fn details<T>(&self, change: impl FnOnce(&mut RequestDetails) -> T) -> T {
        change(&mut self.details.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LogNote {
    fn weight(&self) -> usize {
        let text = match self {
            Self::LeftOut(_, Note::UnknownAttribute(name, shape)) => name.len() + shape.weight(),
            Self::LeftOut(_, Note::UndeclaredSchema(text) | Note::UnresolvedMember(text)) => {
                text.len()
            }
            Self::LeftOut(
                _,
                Note::UnfitValue(text) | Note::KeptValue(text) | Note::Omitted(text),
            ) => text.len(),
            Self::Failed { detail, .. } => detail.len(),
        };
        text + 64
    }
}

impl RequestDetails {
    fn note(&mut self, noted: LogNote) {
        let bytes = noted.weight();
        if self.notes.len() < NOTES && self.noted_bytes + bytes <= NOTED_BYTES {
            self.noted_bytes += bytes;
            self.notes.push(noted);
        } else {
            self.more += 1;
        }
    }
}
