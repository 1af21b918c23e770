//! What becomes known of a request while it is carried out.

use crate::error::{ScimError, ScimType};
use crate::resource::Note;
use crate::schema::{Catalog, ResourceType};
use crate::store::TenantKey;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// Notes of one request that are kept; more are counted.
const NOTES: usize = 100;

/// What becomes known of a request while it is carried out: who asks, what was left out, what
/// changed. The parts of a request share it.
#[derive(Debug, Default)]
pub struct Trail(Mutex<Seen>);

/// The tenant and the token of a request, also where the token is no longer good.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) tenant_key: TenantKey,
    pub(crate) tenant: Arc<str>,
    pub(crate) token_id: Arc<str>,
    pub(crate) token_name: Arc<str>,
    /// The catalog that says which attributes are secret, if bodies are kept.
    pub(crate) bodies: Option<Arc<Catalog>>,
}

/// One thing to be noted.
#[derive(Debug)]
pub(super) enum Noted {
    /// Something left out of a resource of a type.
    Left(Arc<ResourceType>, Note),
    /// An operation of a bulk request, counted from 1, that failed.
    Failed { operation: usize, status: u16, scim_type: Option<&'static str>, detail: String },
}

#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) asker: Option<Asker>,
    pub(super) notes: Vec<Noted>,
    /// How many more there were.
    pub(super) more: usize,
    pub(super) changed: Vec<String>,
    pub(super) filter: Option<String>,
    pub(super) body: Option<String>,
}

impl Trail {
    /// Name of the tenant and of the token, once they are known.
    pub fn names(&self) -> Option<(Arc<str>, Arc<str>)> {
        self.seen(|seen| seen.asker.as_ref().map(|asker| (asker.tenant.clone(), asker.token_name.clone())))
    }

    /// Forgets all: the request is carried out anew.
    pub(crate) fn forget(&self) {
        self.seen(|seen| *seen = Seen::default());
    }

    /// Begins with who asks.
    pub(crate) fn begin(&self, asker: Asker) {
        self.seen(|seen| *seen = Seen { asker: Some(asker), ..Seen::default() });
    }

    /// Keeps the body of the request, if the tenant wants that, without its secrets.
    pub fn body(&self, body: &Map<String, Value>) {
        if let Some(catalog) = self.seen(|seen| seen.asker.as_ref().and_then(|asker| asker.bodies.clone())) {
            let kept = super::body::kept(body, &catalog);
            self.seen(|seen| seen.body = Some(kept));
        }
    }

    pub(crate) fn left_out(&self, kind: &Arc<ResourceType>, notes: &[Note]) {
        if !notes.is_empty() {
            let noted = notes.iter().map(|note| Noted::Left(kind.clone(), note.clone()));
            self.seen(|seen| noted.for_each(|noted| seen.note(noted)));
        }
    }

    pub(crate) fn failed(&self, operation: usize, error: &ScimError) {
        let scim_type = error.scim_type().map(ScimType::as_str);
        let (status, detail) = (error.status(), error.logged().to_owned());
        self.seen(|seen| seen.note(Noted::Failed { operation, status, scim_type, detail }));
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
        self.seen(|seen| seen.filter = Some(shape));
    }

    pub(super) fn take(&self) -> Seen {
        self.seen(std::mem::take)
    }

    fn seen<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Seen {
    fn note(&mut self, noted: Noted) {
        if self.notes.len() < NOTES {
            self.notes.push(noted);
        } else {
            self.more += 1;
        }
    }
}
