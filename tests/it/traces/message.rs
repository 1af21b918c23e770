//! Decodes a request to a collector (`ExportTraceServiceRequest` of OTLP) by its field numbers.

use std::collections::HashMap;

/// A span.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Id of the parent; empty for the first span of a trace.
    pub(crate) parent: String,
    pub(crate) name: String,
    /// Nanoseconds since 1970.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) attributes: HashMap<String, String>,
    /// Traces and spans of the links.
    pub(crate) links: Vec<(String, String)>,
}

/// The value of a field.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, with their numbers.
struct Message<'a>(Vec<(u64, Value<'a>)>);

impl<'a> Message<'a> {
    fn read(mut rest: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        while !rest.is_empty() {
            let tag = varint(&mut rest);
            let value = match tag & 7 {
                0 => Value::Number(varint(&mut rest)),
                1 => Value::Number(u64::from_le_bytes(take(&mut rest, 8).try_into().unwrap())),
                2 => {
                    let length = varint(&mut rest).try_into().unwrap();
                    Value::Bytes(take(&mut rest, length))
                }
                5 => {
                    let number = u32::from_le_bytes(take(&mut rest, 4).try_into().unwrap());
                    Value::Number(number.into())
                }
                kind => panic!("kind {kind}"),
            };
            fields.push((tag >> 3, value));
        }
        Self(fields)
    }

    fn all(&self, number: u64) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.0.iter().filter_map(move |(own, value)| match value {
            Value::Bytes(bytes) if *own == number => Some(*bytes),
            _ => None,
        })
    }

    fn messages(&self, number: u64) -> impl Iterator<Item = Message<'a>> + '_ {
        self.all(number).map(Message::read)
    }

    fn hex(&self, number: u64) -> String {
        let bytes = self.all(number).next().unwrap_or_default();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn text(&self, number: u64) -> String {
        let bytes = self.all(number).next().unwrap_or_default();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn number(&self, number: u64) -> Option<u64> {
        self.0.iter().find_map(|(own, value)| match value {
            Value::Number(value) if *own == number => Some(*value),
            _ => None,
        })
    }

    /// Attributes by key; numbers as text.
    fn attributes(&self, number: u64) -> HashMap<String, String> {
        let pairs = self.messages(number).map(|pair| {
            let value = pair.messages(2).next().unwrap();
            let text = match value.number(3) {
                Some(number) => number.to_string(),
                None => value.text(1),
            };
            (pair.text(1), text)
        });
        pairs.collect()
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(length);
    *rest = after;
    taken
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = take(rest, 1)[0];
        number |= u64::from(byte & 127) << shift;
        if byte < 128 {
            break;
        }
    }
    number
}

/// The spans of a request, and the names of their services.
pub(crate) fn read(body: &[u8]) -> (Vec<Span>, Vec<String>) {
    let (mut spans, mut services) = (Vec::new(), Vec::new());
    for of_resource in Message::read(body).messages(1) {
        for resource in of_resource.messages(1) {
            services.extend(resource.attributes(1).remove("service.name"));
        }
        for of_scope in of_resource.messages(2) {
            spans.extend(of_scope.messages(2).map(|span| {
                Span {
                    trace: span.hex(1),
                    id: span.hex(2),
                    parent: span.hex(4),
                    name: span.text(5),
                    start: span.number(7).unwrap(),
                    end: span.number(8).unwrap(),
                    attributes: span.attributes(9),
                    links: span
                        .messages(13)
                        .map(|link| (link.hex(1), link.hex(2)))
                        .collect(),
                }
            }));
        }
    }
    (spans, services)
}
