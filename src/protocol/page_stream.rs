//! The answer that shows a page with many large documents: each of them is read when its turn to be sent has come,
//! so that the answer takes no more memory than any other.

use crate::access::Caller;
use crate::error::Result;
use crate::messages::list_head;
use crate::protocol::member_stream::{LONGEST, PIECE, Piece};
use crate::protocol::render::Shape;
use crate::protocol::{Pieces, Reply, Service, render};
use crate::store::{Found, Page};
use std::mem;
use tokio::sync::mpsc;
use tokio::time::timeout;

impl Service {
    /// Reads the documents of those at these places that were left out. One that is gone meanwhile stays empty,
    /// and is removed.
    pub(crate) async fn complete(
        &self,
        caller: &Caller,
        found: &mut Vec<Found>,
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
        let mut whole = self.store.find_many(&caller.scope, &ids).await?;
        for one in found.iter_mut() {
            if let Some(whole) = whole.remove(&one.id) {
                let left_out = mem::replace(one, whole);
                one.relations = left_out.relations;
            }
        }
        found.retain(|found| !found.is_left_out() || !ids.contains(&found.id));
        Ok(())
    }

    /// The answer that shows a page of which documents were left out.
    pub(crate) fn sent_while_read(
        &self,
        caller: &Caller,
        page: Page,
        paging: &str,
        shapes: Vec<Shape>,
    ) -> Reply {
        let head = list_head(page.total, paging) + "\"Resources\":[";
        let (sender, pieces) = Pieces::channel();
        let (service, caller) = (self.clone(), caller.clone());
        tokio::spawn(async move {
            match timeout(
                LONGEST,
                service.send_page(&caller, page.found, &shapes, &sender),
            )
            .await
            {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "a page could not be read to the end"),
                Err(_) => tracing::warn!("a client took too long over a page"),
            }
        });
        Reply {
            status: 200,
            body: Some(head),
            rest: Some(pieces),
            ..Reply::default()
        }
    }

    /// Sends the resources and what comes after them, until the client has gone.
    async fn send_page(
        &self,
        caller: &Caller,
        page: Vec<Found>,
        shapes: &[Shape],
        to: &mpsc::Sender<Piece>,
    ) -> Result<()> {
        let (mut text, mut count) = (String::with_capacity(2 * PIECE), 0);
        for found in page {
            let mut found = vec![found];
            self.complete(caller, &mut found, &[0]).await?;
            for found in &found {
                let Some(projection) = render::projection_of(found, shapes) else {
                    continue;
                };
                text.push_str(if count > 0 { "," } else { "" });
                text.push_str(&render::resource(caller, found, projection)?);
                count += 1;
            }
            if text.len() >= PIECE {
                let piece = mem::replace(&mut text, String::with_capacity(2 * PIECE));
                if to.send(Some(piece)).await.is_err() {
                    return Ok(());
                }
            }
        }
        text.push_str(&format!("],\"itemsPerPage\":{count}}}"));
        for piece in [Some(text), None] {
            // Whoever has gone misses nothing.
            let _ = to.send(piece).await;
        }
        Ok(())
    }
}
