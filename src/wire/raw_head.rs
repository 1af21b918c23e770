//! A check of the raw heads of HTTP/1 requests: hyper accepts a line without a carriage return, and drops a
//! Content-Length next to a Transfer-Encoding, before a handler can see either.
//!
//! This is a second check, not the parser that separates requests: if it cannot separate a head from the rest of a body
//! it reports nothing, and hyper closes the connection after both lengths.

use std::io::BufRead;

/// Why a head is ambiguous; an extension of the request for the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AmbiguousHead(pub(crate) &'static str);

/// Maximum number of checked bytes of one head.
const MAX_BYTES: usize = 128 << 10;

/// Received bytes of heads that no handler has seen yet.
#[derive(Debug, Default)]
pub(crate) struct RawHead {
    bytes: Vec<u8>,
    /// Whether the received bytes belong to a body, which is not checked.
    in_body: bool,
}

impl RawHead {
    /// Adds received bytes; `idle` if every earlier request has its response.
    pub(crate) fn received(&mut self, bytes: &[u8], idle: bool) {
        if self.in_body && idle {
            self.in_body = false;
            self.bytes.clear();
        }
        if !self.in_body && self.bytes.len() < MAX_BYTES {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// The received part of the path of an incomplete request head.
    pub(crate) fn path(&self) -> Option<String> {
        let words = self.bytes.split(|byte| b" \r\n".contains(byte));
        let target = words.filter(|word| !word.is_empty()).nth(1)?;
        let path = target.split(|byte| *byte == b'?').next()?;
        Some(String::from_utf8_lossy(path).into_owned())
    }

    /// The fault of the head that hyper has read, if any.
    pub(crate) fn take(&mut self, method: &str) -> Option<AmbiguousHead> {
        let bytes = std::mem::take(&mut self.bytes);
        let start = bytes.iter().position(|byte| !b"\r\n".contains(byte))?;
        let bytes = bytes.get(start..)?;
        let is_it = bytes
            .strip_prefix(method.as_bytes())
            .is_some_and(|rest| rest.first() == Some(&b' '));
        let head = if is_it {
            Head::read(bytes)?
        } else {
            return None;
        };
        let (coded, sized) = (head.is_coded, head.is_sized);
        let rest = bytes.get(head.length..)?;
        self.in_body = coded || sized;
        if !self.in_body {
            self.bytes = rest.to_vec();
        }
        match () {
            () if coded && sized => Some(AmbiguousHead(
                "The request has both Content-Length and Transfer-Encoding.",
            )),
            () if head.has_bare_line_end => Some(AmbiguousHead(
                "A line of the request ends without a carriage return.",
            )),
            () => None,
        }
    }
}

/// The result of the check of a head.
#[derive(Debug, Default)]
struct Head {
    /// Bytes up to the end of the empty line after it.
    length: usize,
    is_coded: bool,
    is_sized: bool,
    has_bare_line_end: bool,
}

impl Head {
    /// Reads a head line by line; `None` if it is incomplete.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut head = Self::default();
        loop {
            let mut rest = bytes.get(head.length..)?;
            // Skipping bytes in memory cannot fail, and compares many at a time.
            let length = rest.skip_until(b'\n').ok()?;
            let line = bytes.get(head.length..head.length + length)?;
            let line = line.strip_suffix(b"\n")?;
            head.length += length;
            let text = line.strip_suffix(b"\r");
            head.has_bare_line_end |= text.is_none();
            let text = text.unwrap_or(line);
            if text.is_empty() {
                return Some(head);
            }
            head.is_coded |= is_field(text, b"transfer-encoding");
            head.is_sized |= is_field(text, b"content-length");
        }
    }
}

fn is_field(line: &[u8], name: &[u8]) -> bool {
    line.get(name.len()) == Some(&b':')
        && line
            .get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(bytes: &str) -> Option<AmbiguousHead> {
        let mut raw = RawHead::default();
        raw.received(bytes.as_bytes(), true);
        raw.take("POST")
    }

    #[test]
    fn the_path_of_a_head_that_is_not_whole() {
        for (bytes, path) in [
            ("", None),
            ("GET ", None),
            ("\r\nGET /feed/v1/events?x=1", Some("/feed/v1/events")),
            ("GET /a HTTP/1.1\r\nHo", Some("/a")),
        ] {
            let mut raw = RawHead::default();
            raw.received(bytes.as_bytes(), true);
            assert_eq!(raw.path().as_deref(), path, "{bytes}");
        }
    }

    #[test]
    fn both_lengths_are_seen_in_either_order() {
        let [sized, coded] = ["Content-Length: 5\r\n", "transfer-encoding: chunked\r\n"];
        for fields in [format!("{sized}{coded}"), format!("{coded}a: b\r\n{sized}")] {
            assert!(
                verdict(&format!("POST / HTTP/1.1\r\n{fields}\r\n")).is_some(),
                "{fields}"
            );
        }
        for fields in [
            sized,
            coded,
            "x-content-length: 1\r\nTransfer-Encoding: chunked\r\n",
        ] {
            assert_eq!(
                verdict(&format!("POST / HTTP/1.1\r\n{fields}\r\n")),
                None,
                "{fields}"
            );
        }
    }

    #[test]
    fn bare_line_ends_are_seen() {
        assert!(verdict("POST / HTTP/1.1\nHost: a\r\n\r\n").is_some());
        assert!(verdict("POST / HTTP/1.1\r\nHost: a\r\n\n").is_some());
        assert_eq!(
            verdict("\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\n\n"),
            None
        );
    }

    #[test]
    fn heads_arrive_in_pieces_and_consecutively() {
        let mut raw = RawHead::default();
        raw.received(b"GET /1 HTTP/1.1\r\nA: b\r", true);
        raw.received(b"\n\r\nGET /2 HTTP/1.1\nA: b\r\n\r\n", true);
        assert_eq!(raw.take("GET"), None);
        assert!(raw.take("GET").is_some());
        assert_eq!(raw.take("GET"), None);
    }

    #[test]
    fn bodies_are_not_checked_as_heads() {
        let mut raw = RawHead::default();
        raw.received(b"POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\n{\n", true);
        assert_eq!(raw.take("POST"), None);
        raw.received(b"POST / HTTP/1.1\n\n", false);
        raw.received(b"\"rest of a body\"\n}", true);
        assert_eq!(raw.take("GET"), None);
        raw.received(b"GET / HTTP/1.1\r\n\n", true);
        assert!(raw.take("GET").is_some());
    }
}
