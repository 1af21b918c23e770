//! The response with a page of many large documents or memberships: each resource is read when it is sent, so that the
//! memory does not depend on the size of the page.

use crate::access::Caller;
use crate::error::Result;
use crate::messages::list_head;
use crate::protocol::body_chunks::BodyChunk;
use crate::protocol::member_stream::{
    AllMembers, CHUNK_BYTES, INLINE_MEMBERS, STREAM_TIMEOUT, send_if_large,
};
use crate::protocol::render::Shape;
use crate::protocol::{BodyChunks, ScimReply, Service, render};
use crate::resource::projection::Projection;
use crate::store::{Page, StoredResource};
use std::mem;
use tokio::sync::mpsc;
use tokio::time::timeout;

impl Service {
    /// Reads omitted documents at these positions. A resource that was deleted in the meantime is removed from the
    /// page.
    pub(crate) async fn complete(
        &self,
        caller: &Caller,
        found: &mut Vec<StoredResource>,
        places: &[usize],
    ) -> Result<()> {
        let named = places.iter().filter_map(|place| found.get(*place));
        let ids: Vec<_> = named
            .filter(|found| found.is_left_out())
            .map(|found| found.id)
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut whole = self.store.find_many(caller.scope(), &ids).await?;
        for one in found.iter_mut() {
            if let Some(whole) = whole.remove(&one.id) {
                let left_out = mem::replace(one, whole);
                one.relations = left_out.relations;
            }
        }
        found.retain(|found| !found.is_left_out() || !ids.contains(&found.id));
        Ok(())
    }

    /// The response with a page whose documents or memberships were omitted.
    pub(crate) fn sent_while_read(
        &self,
        caller: &Caller,
        page: Page,
        paging: &str,
        shapes: Vec<Shape>,
    ) -> ScimReply {
        let head = list_head(page.total, paging) + "\"Resources\":[";
        let (sender, chunks) = BodyChunks::channel();
        let (service, caller) = (self.clone(), caller.clone());
        self.access.tasks().spawn(async move {
            let sending = service.send_page(&caller, page, &shapes, &sender);
            match timeout(STREAM_TIMEOUT, sending).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "a page could not be read to the end"),
                Err(_) => tracing::warn!("a client read a page too slowly"),
            }
        });
        ScimReply {
            status: 200,
            body: Some(head),
            rest: Some(chunks),
            ..ScimReply::default()
        }
    }

    /// Sends the resources and the rest of the body, until the client disconnects.
    async fn send_page(
        &self,
        caller: &Caller,
        page: Page,
        shapes: &[Shape],
        to: &mpsc::Sender<BodyChunk>,
    ) -> Result<()> {
        let (mut text, mut count) = (String::with_capacity(2 * CHUNK_BYTES), 0);
        for found in page.found {
            let Some(projection) = render::projection_of(&found, shapes) else {
                continue;
            };
            let whole = self.whole(caller, found, projection, page.lacks_relations);
            let Some(whole) = whole.await? else {
                continue;
            };
            text.push_str(if count > 0 { "," } else { "" });
            count += 1;
            match whole {
                AllMembers::Read(found) => {
                    text.push_str(&render::resource(caller, &found, projection)?);
                }
                AllMembers::Streamed(found, members) => {
                    let (before, after) = render::around_members(caller, &found);
                    text.push_str(&before);
                    if !members.send(caller, &mut text, to).await? {
                        return Ok(());
                    }
                    text.push_str(&after);
                }
            }
            if !send_if_large(&mut text, to).await {
                return Ok(());
            }
        }
        text.push_str(&format!("],\"itemsPerPage\":{count}}}"));
        for chunk in [Some(text), None] {
            // The client has disconnected.
            let _ = to.send(chunk).await;
        }
        Ok(())
    }

    /// A resource of a page with its document and, if they were omitted, its memberships. `None` if it was deleted in
    /// the meantime.
    async fn whole(
        &self,
        caller: &Caller,
        found: StoredResource,
        projection: &Projection,
        lacks_relations: bool,
    ) -> Result<Option<AllMembers>> {
        let resource_type = found.resource_type.clone();
        let relations = render::relations(&resource_type, projection);
        if !(lacks_relations && (relations.members || relations.groups)) {
            let mut found = vec![found];
            self.complete(caller, &mut found, &[0]).await?;
            return Ok(found.pop().map(AllMembers::Read));
        }
        let along = relations.at_most(INLINE_MEMBERS);
        let (_, found) = self
            .store
            .find(caller.scope(), &resource_type, found.id, along)
            .await?;
        let Some(found) = found else { return Ok(None) };
        match self.all_members(caller, found, projection).await {
            Err(error) if error.status() == 404 => Ok(None),
            outcome => outcome.map(Some),
        }
    }
}
