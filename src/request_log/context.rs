//! What becomes known of a request while it is carried out.

use super::action::{Action, ListShape};
use super::asserted::WriteRequest;
use super::user_name;
use crate::error::{ScimError, ScimType};
use crate::filter::{Filter, Predicate};
use crate::reason::Reason;
use crate::resource::{Attributes, Key, Note};
use crate::schema::{Catalog, ResourceType};
use crate::store::{Outcome, Tenant};
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// Notes of one request that are kept, and about how many bytes of them; more are counted.
const NOTES: usize = 100;
const NOTED_BYTES: usize = 32 * 1024;
/// Names of users that one request is about, at most; more are not found by its row.
const NAMES: usize = 10_000;
/// About how many bytes the digest of a name takes on its way.
const NAME_BYTES: usize = 64;
/// Characters of a filter that are kept.
const FILTER: usize = 1024;

/// What becomes known of a request while it is carried out: who asks, what was left out, what
/// changed. The parts of a request share it.
#[derive(Debug, Default)]
pub struct Trail(Mutex<Seen>);

/// The tenant and the token of a request, also where the token is no longer good.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) settings: Arc<Tenant>,
    pub(crate) tenant: Arc<str>,
    pub(crate) token_id: Arc<str>,
    pub(crate) token_name: Arc<str>,
    pub(crate) catalog: Arc<Catalog>,
    /// Whether the bodies of requests are kept.
    pub(crate) keeps_bodies: bool,
}

/// One thing to be noted.
#[derive(Debug)]
pub(crate) enum Noted {
    /// Something left out of a resource of a type.
    Left(Arc<ResourceType>, Note),
    /// An operation of a bulk request, counted from 1, that failed.
    Failed {
        operation: usize,
        status: u16,
        scim_type: Option<&'static str>,
        detail: String,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) asker: Option<Asker>,
    pub(crate) notes: Vec<Noted>,
    /// How many more there were.
    pub(crate) more: usize,
    /// About how many bytes the notes take.
    noted_bytes: usize,
    pub(crate) changed: Vec<String>,
    pub(crate) filter: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) action: Option<Action>,
    /// The worst outcome of the operations of a bulk request.
    pub(crate) worst: Option<Outcome>,
    /// Why an operation of a bulk request failed, or something was left out: of the first of them.
    pub(crate) reason: Option<Reason>,
    /// Keys of the names of the users that it is about.
    pub(crate) names: Vec<Key>,
    /// Whether only the public part of the token is known to be one.
    pub(crate) is_unproved: bool,
}

impl Trail {
    /// Name of the tenant and of the token, once they are known.
    pub fn names(&self) -> Option<(Arc<str>, Arc<str>)> {
        self.seen(|seen| {
            seen.asker
                .as_ref()
                .map(|asker| (asker.tenant.clone(), asker.token_name.clone()))
        })
    }

    /// The catalog of the tenant, once it is known.
    pub fn catalog(&self) -> Option<Arc<Catalog>> {
        self.seen(|seen| seen.asker.as_ref().map(|asker| asker.catalog.clone()))
    }

    /// The settings of the tenant, once it is known.
    pub(crate) fn tenant(&self) -> Option<Arc<Tenant>> {
        self.seen(|seen| seen.asker.as_ref().map(|asker| asker.settings.clone()))
    }

    /// Whether the request has shown that its token is the tenant's, good or not.
    pub fn is_proved(&self) -> bool {
        self.seen(|seen| seen.asker.is_some() && !seen.is_unproved)
    }

    /// The id of the token that the request has shown, good or not.
    pub fn proved_token(&self) -> Option<Arc<str>> {
        self.seen(|seen| {
            seen.asker
                .as_ref()
                .filter(|_| !seen.is_unproved)
                .map(|asker| asker.token_id.clone())
        })
    }

    pub(crate) fn leave_unproved(&self) {
        self.seen(|seen| seen.is_unproved = true);
    }

    /// Says what the request means. What follows within a bulk request does not change that.
    pub fn means(&self, action: Action) {
        self.seen(|seen| {
            if seen.action != Some(Action::Bulk) {
                seen.action = Some(action);
            }
        });
    }

    /// Says what a write means and whom it is about, by its body.
    pub(crate) fn writes(&self, kind: &ResourceType, request: &WriteRequest<'_>) {
        self.means(Action::of_write(kind, request));
        self.is_about(user_name::in_body(kind, request));
    }

    /// Says what a change means, by its outcome.
    pub(crate) fn changes(
        &self,
        kind: &ResourceType,
        is_patch: bool,
        (before, after): (&Attributes, &Attributes),
    ) {
        self.seen(|seen| {
            if let Some(action) = seen.action.take() {
                let is_bulk = action == Action::Bulk;
                seen.action = Some(if is_bulk {
                    action
                } else {
                    action.of_outcome(kind, is_patch, (before, after))
                });
            }
        });
    }

    /// Adds the users that a filter names, before it is known whether the query is refused.
    pub(crate) fn looks_for(&self, kind: &ResourceType, filter: &Filter) {
        let mut names = Vec::new();
        user_name::in_filter(kind, filter, &mut names);
        self.is_about(names);
    }

    /// Says what a query means and whom it is about.
    pub(crate) fn lists(
        &self,
        kinds: &[Arc<ResourceType>],
        predicates: Option<&[Predicate]>,
        shape: &ListShape,
    ) {
        let mut names = Vec::new();
        for (kind, predicate) in kinds.iter().zip(predicates.unwrap_or_default()) {
            user_name::in_predicate(kind, predicate, &mut names);
        }
        self.means(Action::of_list(kinds, predicates, shape, &names));
        self.is_about(names);
    }

    /// Adds the resource with these attributes to those that the request is about.
    pub(crate) fn reaches(&self, kind: &ResourceType, attributes: &Attributes) {
        self.is_about(user_name::in_attributes(kind, attributes));
    }

    /// Adds the resource of a stored document to those that the request is about.
    pub(crate) fn reads(&self, kind: &ResourceType, document: &str) {
        self.is_about(user_name::in_document(kind, document));
    }

    /// Adds users to those that the request is about, by the keys of their names.
    pub(crate) fn is_about(&self, names: impl IntoIterator<Item = Key>) {
        self.seen(|seen| {
            for name in names {
                if seen.names.len() < NAMES && !seen.names.ends_with(std::slice::from_ref(&name)) {
                    seen.names.push(name);
                }
            }
        });
    }

    /// Forgets all: the request is carried out anew.
    pub fn forget(&self) {
        self.seen(|seen| *seen = Seen::default());
    }

    /// Begins with who asks.
    pub(crate) fn begin(&self, asker: Asker) {
        self.seen(|seen| {
            *seen = Seen {
                asker: Some(asker),
                ..Seen::default()
            }
        });
    }

    /// Keeps the body of the request, if the tenant wants that, without its secrets.
    pub fn body(&self, body: &Map<String, Value>) {
        let catalog = |asker: &Asker| asker.keeps_bodies.then(|| asker.catalog.clone());
        if let Some(catalog) = self.seen(|seen| seen.asker.as_ref().and_then(catalog)) {
            let kept = super::redaction::kept(body, &catalog);
            self.seen(|seen| seen.body = Some(kept));
        }
    }

    pub(crate) fn left_out(&self, kind: &Arc<ResourceType>, notes: &[Note]) {
        if !notes.is_empty() {
            let noted = notes
                .iter()
                .map(|note| Noted::Left(kind.clone(), note.clone()));
            self.seen(|seen| {
                seen.reason = seen.reason.or(notes.first().map(Reason::from));
                noted.for_each(|noted| seen.note(noted));
            });
        }
    }

    pub(crate) fn failed(&self, operation: usize, error: &ScimError) {
        let scim_type = error.scim_type().map(ScimType::as_str);
        let (status, detail) = (error.status(), error.logged().to_owned());
        self.seen(|seen| {
            if seen.worst.is_none() {
                seen.reason = error.reason();
            }
            seen.worst = match (seen.worst, status) {
                (Some(Outcome::Failed), _) | (_, 500..) => Some(Outcome::Failed),
                _ => Some(Outcome::Refused),
            };
            seen.note(Noted::Failed {
                operation,
                status,
                scim_type,
                detail,
            });
        });
    }

    /// Adds names of attributes that changed.
    pub(crate) fn changed<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        self.seen(|seen| {
            for name in names {
                if !seen.changed.iter().any(|known| known == name) {
                    seen.changed.push(name.to_owned());
                }
            }
        });
    }

    pub(crate) fn filtered(&self, shape: String) {
        let shape = if shape.len() > FILTER {
            shape.chars().take(FILTER).collect()
        } else {
            shape
        };
        self.seen(|seen| seen.filter = Some(shape));
    }

    /// About how many bytes wait to be written.
    pub(crate) fn weight(&self) -> usize {
        self.seen(|seen| {
            seen.noted_bytes
                + seen.body.as_ref().map_or(0, String::len)
                + seen.names.len() * NAME_BYTES
        })
    }

    pub(crate) fn take(&self) -> Seen {
        self.seen(std::mem::take)
    }

    fn seen<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Noted {
    fn weight(&self) -> usize {
        let text = match self {
            Self::Left(_, Note::UnknownAttribute(name, shape)) => name.len() + shape.weight(),
            Self::Left(_, Note::UndeclaredSchema(text) | Note::UnresolvedMember(text)) => {
                text.len()
            }
            Self::Left(_, Note::UnfitValue(text) | Note::KeptValue(text) | Note::Omitted(text)) => {
                text.len()
            }
            Self::Failed { detail, .. } => detail.len(),
        };
        text + 64
    }
}

impl Seen {
    fn note(&mut self, noted: Noted) {
        let bytes = noted.weight();
        if self.notes.len() < NOTES && self.noted_bytes + bytes <= NOTED_BYTES {
            self.noted_bytes += bytes;
            self.notes.push(noted);
        } else {
            self.more += 1;
        }
    }
}
