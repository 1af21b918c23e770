//! The response with a large group: its members are streamed, so that the memory does not depend on the size.

use crate::access::Caller;
use crate::error::Result;
use crate::protocol::body_chunks::{BodyChunk, BodyChunks};
use crate::protocol::reply::ScimReply;
use crate::protocol::{Service, render};
use crate::resource::projection::Projection;
use crate::store::{MemberStream, Related, StoreError, StoredResource};
use std::mem;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// Members that are read with a group; the others are streamed.
pub(crate) const INLINE_MEMBERS: usize = 1000;

/// Size of a chunk in bytes.
pub(crate) const CHUNK_BYTES: usize = 32 << 10;

/// Time limit for a client to read the response.
pub(crate) const STREAM_TIMEOUT: Duration = Duration::from_secs(600);

/// Attempts to read the members at the version of the group.
const ATTEMPTS: usize = 3;

impl Service {
    /// The response with a resource of which [`INLINE_MEMBERS`] members were read, plus one if there are more.
    pub(crate) async fn reply_in_full(
        &self,
        caller: &Caller,
        found: StoredResource,
        projection: &Projection,
        status: u16,
    ) -> Result<ScimReply> {
        match self.all_members(caller, found, projection).await? {
            AllMembers::Read(found) => self.shown(caller, &found, projection, status),
            AllMembers::Streamed(found, members) => Ok(streamed_reply(
                self.access.tasks(),
                caller,
                &found,
                members,
                status,
            )),
        }
    }

    /// All members of a resource of which [`INLINE_MEMBERS`] were read, plus one if there are more.
    ///
    /// # Errors
    /// 404 if the resource was deleted in the meantime; 503 if the database is unavailable.
    pub(crate) async fn all_members(
        &self,
        caller: &Caller,
        mut found: StoredResource,
        projection: &Projection,
    ) -> Result<AllMembers> {
        let (resource_type, id) = (found.resource_type.clone(), found.id.to_string());
        let relations = render::relations(&resource_type, projection);
        for _ in 0..ATTEMPTS {
            if found.members() <= INLINE_MEMBERS {
                return Ok(AllMembers::Read(found));
            }
            if !projection.is_whole(&resource_type)
                || found.document.may_hold_undeclared(&resource_type)
            {
                break;
            }
            if let Some(stream) = self.store.stream(caller.scope(), &found).await? {
                let read = found.relations.extract_if(.., |related| related.is_member);
                let members = Members {
                    read: read.collect(),
                    stream,
                };
                return Ok(AllMembers::Streamed(found, members));
            }
            let again = self.find(
                caller,
                &resource_type,
                &id,
                relations.at_most(INLINE_MEMBERS),
            );
            found = again.await?.1?;
        }
        let (_, found) = self.find(caller, &resource_type, &id, relations).await?;
        Ok(AllMembers::Read(found?))
    }
}

/// A resource with all its members.
#[derive(Debug)]
pub(crate) enum AllMembers {
    /// All members were read.
    Read(StoredResource),
    /// There are too many members, which are streamed.
    Streamed(StoredResource, Members),
}

/// The stream of the members of a large group.
#[derive(Debug)]
pub(crate) struct Members {
    /// Members that were read with the group, which are sent first.
    read: Vec<Related>,
    stream: MemberStream,
}

impl Members {
    /// Appends the members to a text, which is sent in chunks. `false` if the receiver is closed.
    ///
    /// # Errors
    /// Any error of the database, see [`StoreError`].
    pub(crate) async fn send(
        mut self,
        caller: &Caller,
        text: &mut String,
        to: &mpsc::Sender<BodyChunk>,
    ) -> Result<bool, StoreError> {
        let mut is_first = true;
        let mut read = mem::take(&mut self.read).into_iter();
        loop {
            let member = match read.next() {
                Some(member) => member,
                None => match self.stream.next().await? {
                    Some(member) => member,
                    None => return Ok(true),
                },
            };
            text.push_str(if is_first { "" } else { "," });
            is_first = false;
            render::relation(text, caller, &member);
            if !send_if_large(text, to).await {
                return Ok(false);
            }
        }
    }
}

/// Sends a text that has reached the size of a chunk, and starts a new one. `false` if the receiver is closed.
pub(crate) async fn send_if_large(text: &mut String, to: &mpsc::Sender<BodyChunk>) -> bool {
    if text.len() < CHUNK_BYTES {
        return true;
    }
    let chunk = mem::replace(text, String::with_capacity(2 * CHUNK_BYTES));
    to.send(Some(chunk)).await.is_ok()
}

/// The response with streamed members.
fn streamed_reply(
    tasks: &TaskTracker,
    caller: &Caller,
    found: &StoredResource,
    members: Members,
    status: u16,
) -> ScimReply {
    let (head, tail) = render::around_members(caller, found);
    let (sender, chunks) = BodyChunks::channel();
    let location = render::location(caller, &found.resource_type, found.id);
    let caller = caller.clone();
    tasks.spawn(async move {
        match timeout(
            STREAM_TIMEOUT,
            send_members(&caller, members, &tail, &sender),
        )
        .await
        {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the members of a group could not be read to the end");
            }
            Err(_) => tracing::warn!("a client read the members of a group too slowly"),
        }
    });
    let etag = Some(found.meta.etag());
    ScimReply {
        status,
        body: Some(head),
        rest: Some(chunks),
        etag,
        location: Some(location),
        applied: None,
    }
}

/// Sends the members and the rest of the body, until the client disconnects.
async fn send_members(
    caller: &Caller,
    members: Members,
    tail: &str,
    to: &mpsc::Sender<BodyChunk>,
) -> Result<(), StoreError> {
    let mut text = String::with_capacity(2 * CHUNK_BYTES);
    if members.send(caller, &mut text, to).await? {
        text.push_str(tail);
        for chunk in [Some(text), None] {
            // The client has disconnected.
            let _ = to.send(chunk).await;
        }
    }
    Ok(())
}
