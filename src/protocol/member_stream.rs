//! The response with a large group: its members are streamed, so that the memory does not depend on the size.

use crate::access::Caller;
use crate::error::Result;
use crate::protocol::pieces::{Piece, Pieces};
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
pub(crate) const READ_ALONG: usize = 1000;

/// Size of a piece in bytes.
pub(crate) const PIECE: usize = 32 << 10;

/// Time limit for a client to read the response.
pub(crate) const LONGEST: Duration = Duration::from_secs(600);

/// Attempts to read the members at the version of the group.
const ATTEMPTS: usize = 3;

impl Service {
    /// The response with a resource of which [`READ_ALONG`] members were read, plus one if there are more.
    pub(crate) async fn shown_in_full(
        &self,
        caller: &Caller,
        found: StoredResource,
        projection: &Projection,
        status: u16,
    ) -> Result<ScimReply> {
        match self.in_full(caller, found, projection).await? {
            InFull::Read(found) => self.shown(caller, &found, projection, status),
            InFull::OneByOne(found, members) => Ok(streamed_reply(
                self.access.tasks(),
                caller,
                &found,
                members,
                status,
            )),
        }
    }

    /// All members of a resource of which [`READ_ALONG`] were read, plus one if there are more.
    ///
    /// # Errors
    /// 404 if the resource was deleted in the meantime; 503 if the database is unavailable.
    pub(crate) async fn in_full(
        &self,
        caller: &Caller,
        mut found: StoredResource,
        projection: &Projection,
    ) -> Result<InFull> {
        let (resource_type, id) = (found.resource_type.clone(), found.id.to_string());
        let relations = render::relations(&resource_type, projection);
        for _ in 0..ATTEMPTS {
            if found.members() <= READ_ALONG {
                return Ok(InFull::Read(found));
            }
            if !projection.is_whole(&resource_type)
                || found.document.may_hold_undeclared(&resource_type)
            {
                break;
            }
            if let Some(roll) = self.store.roll(caller.scope(), &found).await? {
                let read = found.relations.extract_if(.., |related| related.is_member);
                let members = Members {
                    read: read.collect(),
                    roll,
                };
                return Ok(InFull::OneByOne(found, members));
            }
            let again = self.find(caller, &resource_type, &id, relations.at_most(READ_ALONG));
            found = again.await?.1?;
        }
        let (_, found) = self.find(caller, &resource_type, &id, relations).await?;
        Ok(InFull::Read(found?))
    }
}

/// A resource with all its members.
#[derive(Debug)]
pub(crate) enum InFull {
    /// All members were read.
    Read(StoredResource),
    /// There are too many members, which are streamed.
    OneByOne(StoredResource, Members),
}

/// The stream of the members of a large group.
#[derive(Debug)]
pub(crate) struct Members {
    /// Members that were read with the group, which are sent first.
    read: Vec<Related>,
    roll: MemberStream,
}

impl Members {
    /// Appends the members to a text, which is sent in pieces. `false` if the receiver is closed.
    ///
    /// # Errors
    /// Any error of the database, see [`StoreError`](crate::store::StoreError).
    pub(crate) async fn send(
        mut self,
        caller: &Caller,
        text: &mut String,
        to: &mpsc::Sender<Piece>,
    ) -> Result<bool, StoreError> {
        let mut is_first = true;
        let mut read = mem::take(&mut self.read).into_iter();
        loop {
            let member = match read.next() {
                Some(member) => member,
                None => match self.roll.next().await? {
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

/// Sends a text that has reached the size of a piece, and starts a new one. `false` if the receiver is closed.
pub(crate) async fn send_if_large(text: &mut String, to: &mpsc::Sender<Piece>) -> bool {
    if text.len() < PIECE {
        return true;
    }
    let piece = mem::replace(text, String::with_capacity(2 * PIECE));
    to.send(Some(piece)).await.is_ok()
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
    let (sender, pieces) = Pieces::channel();
    let location = render::location(caller, &found.resource_type, found.id);
    let caller = caller.clone();
    tasks.spawn(async move {
        match timeout(LONGEST, send_members(&caller, members, &tail, &sender)).await {
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
        rest: Some(pieces),
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
    to: &mpsc::Sender<Piece>,
) -> Result<(), StoreError> {
    let mut text = String::with_capacity(2 * PIECE);
    if members.send(caller, &mut text, to).await? {
        text.push_str(tail);
        for piece in [Some(text), None] {
            // The client has disconnected.
            let _ = to.send(piece).await;
        }
    }
    Ok(())
}
