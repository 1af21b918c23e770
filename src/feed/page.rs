//! Reads the events of the feed, page by page.

use crate::feed::build::{Change, MEMBERS};
use crate::feed::cursor::{Cursor, FeedPosition};
use crate::feed::event::{Event, MemberChanges};
use crate::feed::event_type::TypePatterns;
use crate::feed::id::EventId;
use crate::feed::reader::{Feed, FeedError, Result, head_of};
use crate::store::{ChangedMember, FeedEnds, FeedKey, FeedRow, TenantKey};
use std::collections::HashMap;

/// Number of changes in one read.
const CHUNK: i64 = 100;
/// Maximum number of chunks that one page reads, even without a match.
const CHUNKS: usize = 50;
/// Maximum number of positions that one statement skips.
const SPAN: i64 = 10_000;
/// Maximum size of the states of a chunk, in bytes.
const BYTES: i64 = 4 << 20;
/// Distance from the oldest position within which retention can delete positions during a read.
const NEAR_END: i64 = 100_000;

/// A query of events.
#[derive(Debug, Clone, Default)]
pub struct PageQuery {
    /// Only events after this position.
    pub after: FeedPosition,
    /// Only events of one tenant; `None` for all tenants, including events about tenants.
    pub tenant: Option<TenantKey>,
    /// Excludes events of these tenants.
    pub except: Vec<TenantKey>,
    /// Only events of these types.
    pub types: TypePatterns,
    /// Maximum number of events; at least 1.
    pub limit: usize,
}

/// A page of events.
#[derive(Debug, Clone)]
pub struct FeedPage {
    /// The events.
    pub events: Vec<Event>,
    /// The position after them and after skipped events.
    pub next: Cursor,
    /// Whether there can be more.
    pub more: bool,
}

/// A page that is being read.
struct Reading<'a> {
    feed: &'a Feed,
    query: &'a PageQuery,
    events: Vec<Event>,
    next: Cursor,
}

impl Feed {
    /// The events after a position.
    ///
    /// # Errors
    /// [`FeedError::Gone`] if some of them were deleted.
    pub async fn page(&self, query: &PageQuery) -> Result<FeedPage> {
        let ends = self.ends().await?;
        let newest = head_of(ends);
        let from = query.after.read_from();
        if from > newest.place.position || is_trimmed(ends, from) {
            return Err(FeedError::Gone);
        }
        let mut reading = Reading {
            feed: self,
            query,
            events: Vec::new(),
            next: self.cursor(query.after).await?,
        };
        let is_at_end = reading.read(newest).await?;
        let is_near = ends.is_some_and(|ends| from < ends.oldest + NEAR_END);
        if is_near && is_trimmed(self.ends().await?, from) {
            return Err(FeedError::Gone);
        }
        Ok(FeedPage {
            events: reading.events,
            next: reading.next,
            more: !is_at_end,
        })
    }

    /// The event with an id, of one tenant or any. `None` if it does not exist or was deleted.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn event(&self, id: &str, tenant: Option<TenantKey>) -> Result<Option<Event>> {
        let Some(id) = EventId::parse(id) else {
            return Ok(None);
        };
        if tenant.is_some_and(|tenant| tenant.number() != id.tenant) {
            return Ok(None);
        }
        let Some(key) = self.store.feed_key_of(id.tenant, id.change).await? else {
            return Ok(None);
        };
        let rows = self.store.feed_rows(&[key], BYTES).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let caller = self.caller(row).await?;
        let change = Change::read(row, caller.as_deref())?;
        let parts = change.parts();
        let part = match id.part {
            None if parts == 1 => 1,
            Some(part) if parts > 1 && (1..=parts).contains(&part) => part,
            _ => return Ok(None),
        };
        let members = self.members(row, part, parts).await?;
        Ok(Some(change.event(
            caller.as_deref(),
            &self.directory,
            members,
        )?))
    }

    /// The members of a part of a change, if it has any.
    async fn members(&self, row: &FeedRow, part: i64, parts: i64) -> Result<Option<MemberChanges>> {
        if row.members == 0 {
            return Ok(None);
        }
        let from = (part - 1) * MEMBERS;
        let members = self.store.changed_members(row.key, from, MEMBERS).await?;
        Ok(Some(MemberChanges {
            members,
            part,
            parts,
            count: row.members,
        }))
    }
}

impl Reading<'_> {
    /// Reads until the page is full or the newest position is reached; returns whether it was reached.
    async fn read(&mut self, newest: Cursor) -> Result<bool> {
        for _ in 0..CHUNKS {
            let after = self.next.place;
            let tenant = self.query.tenant.map(TenantKey::number);
            let store = &self.feed.store;
            let mut keys = store.feed_keys(after.read_from(), tenant, CHUNK).await?;
            let Some(last) = keys.last().copied() else {
                // Changes that were numbered since the newest position was read are on the next page.
                if newest.place > self.next.place {
                    self.next = newest;
                }
                return Ok(true);
            };
            keys.retain(|key| !self.excludes(key.tenant));
            if keys.is_empty() {
                self.skip(last, newest.place.position).await?;
                continue;
            }
            let rows = store.feed_rows(&keys, BYTES).await?;
            let members = store.members_of_changes(&with_few_members(&rows)).await?;
            if !self.take(&rows, members, after).await? {
                return Ok(false);
            }
            // Changes of deleted tenants, and changes beyond the size of a chunk, have no row.
            if rows.is_empty() {
                self.next = Cursor::at(FeedPosition::after(last.position), Some(last));
            }
        }
        Ok(false)
    }

    fn excludes(&self, tenant: i64) -> bool {
        self.query.except.iter().any(|key| key.number() == tenant)
    }

    /// Skips to the next change of a tenant that is not excluded, at most as far as one statement searches.
    async fn skip(&mut self, last: FeedKey, newest: i64) -> Result<()> {
        let store = &self.feed.store;
        let tenants: Vec<_> = self.query.except.iter().map(|key| key.number()).collect();
        let upto = (last.position + SPAN).min(newest).max(last.position);
        let found = store
            .feed_key_of_others(last.position, upto, &tenants)
            .await?;
        let before = found.map_or(upto, |key| key.position - 1);
        let key = store.feed_key(before).await?.unwrap_or(last);
        self.next = Cursor::at(FeedPosition::after(key.position), Some(key));
        Ok(())
    }

    /// Builds the events of rows; `false` if the page is full.
    async fn take(
        &mut self,
        rows: &[FeedRow],
        mut members: HashMap<i64, Vec<ChangedMember>>,
        after: FeedPosition,
    ) -> Result<bool> {
        for row in rows {
            let position = row.key.position;
            let caller = self.feed.caller(row).await?;
            // The tenant was deleted while the page was read.
            let is_gone = row.resource_type.is_some() && caller.is_none();
            let change = Change::read(row, caller.as_deref())?;
            if !is_gone && self.query.types.fit(change.event_type()) {
                let parts = change.parts();
                let read = if position == after.position {
                    after.part
                } else {
                    0
                };
                for part in read + 1..=parts {
                    if self.events.len() >= self.query.limit {
                        return Ok(false);
                    }
                    let member_changes = match members.remove(&position) {
                        Some(members) => Some(MemberChanges {
                            count: row.members,
                            members,
                            part,
                            parts,
                        }),
                        None => self.feed.members(row, part, parts).await?,
                    };
                    let event =
                        change.event(caller.as_deref(), &self.feed.directory, member_changes)?;
                    self.events.push(event);
                    let part = if part == parts { 0 } else { part };
                    self.next = Cursor::at(FeedPosition { position, part }, Some(row.key));
                }
            }
            self.next = Cursor::at(FeedPosition::after(position), Some(row.key));
        }
        Ok(true)
    }
}

fn with_few_members(rows: &[FeedRow]) -> Vec<FeedKey> {
    rows.iter()
        .filter(|row| (1..=MEMBERS).contains(&row.members))
        .map(|row| row.key)
        .collect()
}

fn is_trimmed(ends: Option<FeedEnds>, from: i64) -> bool {
    ends.is_some_and(|ends| from < ends.oldest - 1)
}
