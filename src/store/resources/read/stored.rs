//! Stored resources with their memberships.

use crate::clock::Timestamp;
use crate::resource::{Meta, StoredDocument};
use crate::schema::ResourceType;
use crate::store::db::error::StoreError;
use crate::store::db::row::Row;
use crate::store::resources::document::NewDocument;
use crate::store::resources::scope::Scope;
use crate::store::resources::seq::type_id_of;
use std::sync::Arc;
use uuid::Uuid;

/// A stored resource.
#[derive(Debug, Clone)]
pub struct StoredResource {
    pub(in crate::store) seq: i64,
    /// Id of the resource.
    pub id: Uuid,
    /// Metadata.
    pub meta: Meta,
    /// Number of changes of the document, for compare-and-swap.
    pub revision: i64,
    /// The attributes as JSON text, without memberships.
    pub document: StoredDocument,
    /// Memberships, as far as they were requested.
    pub(crate) relations: Vec<Related>,
    /// Type of the resource.
    pub resource_type: Arc<ResourceType>,
}

/// The resource at the other end of a membership.
#[derive(Debug, Clone)]
pub(crate) struct Related {
    pub(in crate::store) seq: i64,
    /// Id of the resource.
    pub(crate) id: Uuid,
    /// Value of `display`.
    pub(crate) display: Option<String>,
    /// Type of the resource.
    pub(crate) resource_type: Arc<ResourceType>,
    /// Whether it is a member of the resource that was read; otherwise the reverse.
    pub(crate) is_member: bool,
    /// Whether the membership is direct.
    pub(crate) is_direct: bool,
}

/// The documents to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Documents {
    /// All.
    All,
    /// Documents of usual size; see [`StoredResource::is_left_out`].
    Small,
}

impl Documents {
    /// The column of the table `r`.
    pub(in crate::store) fn column(self) -> &'static str {
        match self {
            Self::All => "r.document",
            Self::Small => {
                "case when octet_length(r.document) <= 16384 then r.document else '' end"
            }
        }
    }
}

/// The memberships to read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Relations {
    /// Members of the resources.
    pub members: bool,
    /// Groups of the resources.
    pub groups: bool,
    /// Maximum total number of members of all resources, if limited.
    pub max: Option<i64>,
    /// Maximum total number of groups of all resources, if limited.
    pub most_groups: Option<i64>,
}

impl Relations {
    /// These memberships, limited to this number of members of all resources together; one more shows that there are more.
    #[must_use]
    pub(crate) fn at_most(self, members: usize) -> Self {
        Self {
            max: and_one(members),
            ..self
        }
    }

    /// These memberships, limited to this number of groups of all resources together; one more shows that there are more.
    #[must_use]
    pub(crate) fn at_most_groups(self, groups: usize) -> Self {
        Self {
            most_groups: and_one(groups),
            ..self
        }
    }

    /// Whether the limit of memberships was reached: there can be more.
    pub(in crate::store) fn are_cut(self, found: &[StoredResource]) -> bool {
        let members: usize = found.iter().map(StoredResource::members).sum();
        let all: usize = found.iter().map(|found| found.relations.len()).sum();
        let reaches = |count: usize, max: Option<i64>| {
            max.is_some_and(|max| i64::try_from(count).unwrap_or(i64::MAX) >= max)
        };
        reaches(members, self.max) || reaches(all - members, self.most_groups)
    }
}

fn and_one(count: usize) -> Option<i64> {
    Some(i64::try_from(count).ok()?.saturating_add(1))
}

impl StoredResource {
    /// Whether the document was too large to be read with a page: it is empty, and has to be read by id.
    pub(crate) fn is_left_out(&self) -> bool {
        self.document.is_empty()
    }

    /// Number of members that were read.
    pub fn members(&self) -> usize {
        self.relations
            .iter()
            .filter(|related| related.is_member)
            .count()
    }

    /// The key of the last member that was read.
    pub(in crate::store) fn last_member(&self) -> Option<i64> {
        let members = self.relations.iter().filter(|related| related.is_member);
        members.map(|member| member.seq).max()
    }

    /// A newly stored resource, equal to the result of a read; without memberships.
    pub fn fresh(
        resource_type: &Arc<ResourceType>,
        id: Uuid,
        meta: Meta,
        written: NewDocument,
    ) -> Self {
        Self {
            seq: 0,
            id,
            meta,
            revision: 1,
            document: written.document,
            relations: Vec::new(),
            resource_type: resource_type.clone(),
        }
    }

    /// Updates it to the result of a read after a change; memberships are unchanged.
    pub fn changed(&mut self, version: i64, at: Timestamp, written: NewDocument) {
        self.meta = Meta {
            version,
            modified: at,
            ..self.meta
        };
        self.document = written.document;
    }
}

/// The resource in a row, its columns from `first` on; `None` if its type is unknown here.
pub(in crate::store) fn found(
    scope: &Scope,
    row: &Row,
    first: usize,
) -> Result<Option<StoredResource>, StoreError> {
    let seq = row.int(first)?;
    let Some(of_type) = scope.layout.by_type_id(type_id_of(seq)) else {
        return Ok(None);
    };
    Ok(Some(StoredResource {
        seq,
        id: row.uuid(first + 1)?,
        document: StoredDocument::from_stored(row.text(first + 2)?),
        meta: Meta {
            version: row.int(first + 3)?,
            created: Timestamp::from_micros(row.int(first + 5)?),
            modified: Timestamp::from_micros(row.int(first + 6)?),
        },
        revision: row.int(first + 4)?,
        relations: Vec::new(),
        resource_type: of_type.resource_type.clone(),
    }))
}

/// The resource at the other end of a membership in a row of that part; `None` if its type is unknown here.
pub(in crate::store) fn related(
    scope: &Scope,
    row: &Row,
    part: i64,
) -> Result<Option<Related>, StoreError> {
    let seq = row.int(2)?;
    let Some(of_type) = scope.layout.by_type_id(type_id_of(seq)) else {
        return Ok(None);
    };
    Ok(Some(Related {
        seq,
        id: row.uuid(3)?,
        display: row.opt_text(9)?.map(str::to_owned),
        resource_type: of_type.resource_type.clone(),
        is_member: part == 2,
        is_direct: row.int(10)? == 0,
    }))
}
