//! Server-Sent Events (WHATWG HTML section 9.2) of an operation.

use super::pieces::Pieces;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// Maximum silence of a stream; a comment is sent every 15 seconds.
const SILENCE: Duration = Duration::from_secs(60);

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli) struct ApiEvent {
    pub(in crate::cli) name: String,
    pub(in crate::cli) id: Option<String>,
    pub(in crate::cli) data: Value,
}

/// The events of an operation as they arrive.
#[derive(Debug)]
pub(in crate::cli) struct Events {
    pieces: Pieces,
    text: Vec<u8>,
}

impl Events {
    pub(super) fn new(pieces: Pieces) -> Self {
        Self {
            pieces,
            text: Vec::new(),
        }
    }

    /// The next event; `None` if the stream ends, fails or is silent for too long.
    pub(in crate::cli) async fn next(&mut self) -> Option<ApiEvent> {
        loop {
            while let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..end + 2).collect();
                if let Some(event) = read(&String::from_utf8_lossy(&block)) {
                    return Some(event);
                }
            }
            match timeout(SILENCE, self.pieces.next()).await {
                Ok(Ok(Some(piece))) => self.text.extend_from_slice(&piece),
                _ => return None,
            }
        }
    }
}

/// The event in a block of lines; `None` for a comment.
fn read(block: &str) -> Option<ApiEvent> {
    let field = |name: &str| {
        let mut lines = block.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.trim_start().to_owned()))
    };
    Some(ApiEvent {
        name: field("event:")?,
        id: field("id:"),
        data: serde_json::from_str(&field("data:")?).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn blocks_are_read() {
        let block = "event: request\nid: 7\ndata: {\"a\":1}\n\n";
        let event = read(block).unwrap();
        assert_eq!(
            (event.name.as_str(), event.id.as_deref(), event.data),
            ("request", Some("7"), json!({"a": 1}))
        );
        assert_eq!(read(":\n\n"), None);
    }
}
