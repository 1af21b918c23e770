//! What becomes known of a request while it is carried out.

use crate::error::{ScimError, ScimType};
use crate::resource::Note;
use crate::schema::{Catalog, ResourceType};
use crate::store::TenantKey;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// Notes of one request that are kept, and about how many bytes of them; more are counted.
const NOTES: usize = 100;
const NOTED_BYTES: usize = 32 * 1024;
/// Characters of a filter that are kept.
const FILTER: usize = 1024;

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
    /// About how many bytes the notes take.
    noted_bytes: usize,
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
        let shape = if shape.len() > FILTER { shape.chars().take(FILTER).collect() } else { shape };
        self.seen(|seen| seen.filter = Some(shape));
    }

    /// About how many bytes wait to be written.
    pub(super) fn weight(&self) -> usize {
        self.seen(|seen| seen.noted_bytes + seen.body.as_ref().map_or(0, String::len))
    }

    pub(super) fn take(&self) -> Seen {
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
            Self::Left(_, Note::UndeclaredSchema(text) | Note::UnresolvedMember(text)) => text.len(),
            Self::Left(_, Note::UnfitValue(text) | Note::KeptValue(text) | Note::Omitted(text)) => text.len(),
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
