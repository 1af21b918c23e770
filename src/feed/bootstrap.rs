//! The bootstrap of a new reader: all resources and memberships, page by page, and the cursor to continue from.
//!
//! The first page stores the head before it reads anything, and each page passes it on. Changes made in the meantime
//! are repeated by the events after it, with a greater version.

use crate::access::Caller;
use crate::feed::build::without_members;
use crate::feed::cursor::Cursor;
use crate::feed::reader::{Feed, Result};
use crate::feed::record;
use crate::protocol::render;
use crate::store::{StoredResource, TenantKey};
use serde_json::{Map, Value, json};
use std::fmt;

/// Number of rows in one read.
const CHUNK: usize = 100;
/// Size of the text in bytes at which a page ends.
const BYTES: usize = 4 << 20;

/// The progress of reading all resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SweepPlace {
    /// The head at the start.
    cursor: Cursor,
    tenant: i64,
    /// Keys of the last row: a resource, or a group and a member.
    keys: (i64, i64),
}

impl SweepPlace {
    /// Parses a bookmark; `None` if it is invalid.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('~');
        let cursor = Cursor::parse(parts.next()?)?;
        let mut number = || parts.next()?.parse().ok();
        let bookmark = Self {
            cursor,
            tenant: number()?,
            keys: (number()?, number()?),
        };
        (bookmark.to_string() == text).then_some(bookmark)
    }
}

impl fmt::Display for SweepPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.keys;
        write!(f, "{}~{}~{first}~{second}", self.cursor, self.tenant)
    }
}

/// A query of all resources.
#[derive(Debug, Clone)]
pub(crate) struct ResourcesQuery {
    /// Name of a resource type; `None` for memberships.
    pub(crate) resource_type: Option<String>,
    /// The end of the previous page.
    pub(crate) after: Option<SweepPlace>,
    /// Only rows of this tenant.
    pub(crate) tenant: Option<TenantKey>,
    /// Maximum number of rows.
    pub(crate) limit: usize,
}

/// A page of resources or memberships.
#[derive(Debug, Clone)]
pub(crate) struct ResourcePage {
    /// JSON texts.
    pub(crate) entries: Vec<String>,
    /// The start of the next page; `None` after the last.
    pub(crate) next: Option<SweepPlace>,
    /// The cursor to continue from after the last page.
    pub(crate) cursor: Cursor,
}

impl Feed {
    /// A page of resources, or of memberships.
    ///
    /// # Errors
    /// Any error of the database.
    pub(crate) async fn resources(&self, query: &ResourcesQuery) -> Result<ResourcePage> {
        let own = query.tenant.map(TenantKey::number);
        // A bookmark of another tenant gives no access to that tenant.
        let is_within = |bookmark: &SweepPlace| own.is_none_or(|own| bookmark.tenant == own);
        let mut at = match query.after.filter(is_within) {
            Some(bookmark) => bookmark,
            None => SweepPlace {
                cursor: self.head().await?,
                tenant: own.unwrap_or(0),
                keys: (-1, -1),
            },
        };
        let (mut entries, mut bytes) = (Vec::new(), 0);
        loop {
            let count = CHUNK.min(query.limit - entries.len());
            let chunk = match &query.resource_type {
                _ if at.tenant == 0 => Vec::new(),
                Some(name) => self.chunk_of_type(name, &at, count).await?,
                None => self.chunk_of_members(&at, count).await?,
            };
            let is_last_of_tenant = chunk.len() < count;
            for (keys, text) in chunk {
                bytes += text.len();
                at.keys = keys;
                entries.push(text);
            }
            if is_last_of_tenant {
                let next = match query.tenant {
                    Some(_) => None,
                    None => self.store.tenant_after(at.tenant).await?,
                };
                let Some(next) = next else {
                    return Ok(ResourcePage {
                        entries,
                        next: None,
                        cursor: at.cursor,
                    });
                };
                (at.tenant, at.keys) = (next, (-1, -1));
            }
            if entries.len() >= query.limit || bytes >= BYTES {
                return Ok(ResourcePage {
                    entries,
                    next: Some(at),
                    cursor: at.cursor,
                });
            }
        }
    }

    async fn chunk_of_type(
        &self,
        name: &str,
        at: &SweepPlace,
        count: usize,
    ) -> Result<Vec<((i64, i64), String)>> {
        let Some(caller) = self.caller_of(at.tenant, None).await? else {
            return Ok(Vec::new());
        };
        let scope = caller.scope();
        let resource_type = caller.catalog.by_name(name);
        let Some(of_type) = resource_type.and_then(|of_type| scope.layout().of_type(of_type))
        else {
            return Ok(Vec::new());
        };
        let limit = i64::try_from(count).unwrap_or(i64::MAX);
        let after = at.keys.0;
        let swept = self
            .store
            .sweep_resources(scope, of_type, after, limit)
            .await?;
        let entry =
            |(key, found): &(i64, StoredResource)| Ok(((*key, 0), self.entry(&caller, found)?));
        swept.iter().map(entry).collect()
    }

    fn entry(&self, caller: &Caller, found: &StoredResource) -> Result<String> {
        let resource_type = &found.resource_type;
        let mut head = Map::new();
        head.insert("tenant".into(), Value::from(&*caller.tenant));
        let resource = json!({"type": resource_type.name().as_ref(), "id": found.id, "version": found.meta.version});
        head.insert("resource".into(), resource);
        if let Some(table) = record::table(&self.directory, resource_type.name()) {
            let attributes = render::attributes(&found.document)?;
            let record = record::record(table, found.id, &found.meta, &attributes);
            head.insert("record".into(), Value::Object(record));
        }
        let projection = without_members(resource_type, caller)?;
        let scim = render::resource(caller, found, &projection)?;
        let mut text = Value::Object(head).to_string();
        text.pop();
        text.push_str(&format!(",\"scim\":{scim}}}"));
        Ok(text)
    }

    async fn chunk_of_members(
        &self,
        at: &SweepPlace,
        count: usize,
    ) -> Result<Vec<((i64, i64), String)>> {
        let Some(caller) = self.caller_of(at.tenant, None).await? else {
            return Ok(Vec::new());
        };
        let limit = i64::try_from(count).unwrap_or(i64::MAX);
        let swept = self.store.sweep_members(at.tenant, at.keys, limit).await?;
        let entry = |swept: crate::store::SweptMember| {
            let text = json!({
                "tenant": &*caller.tenant, "group": swept.group, "member": swept.member, "type": swept.resource_type,
            });
            (swept.keys, text.to_string())
        };
        Ok(swept.into_iter().map(entry).collect())
    }
}
