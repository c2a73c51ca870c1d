//! Messages that say whose they are, and the frames in which they travel.

use tautline::session::frame::{self, Batch, Kind, Part};

use super::network::Packet;

/// A payload with its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
}

impl Message {
    /// The message of this number on this line. The same every time: whoever receives it knows what it has to be.
    pub(crate) fn new(sizes: &[usize], line: u64, number: u64) -> Self {
        let hash = (line * 31 + number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let size = sizes[(hash % sizes.len() as u64) as usize];
        let mut bytes = vec![b'.'; size];
        let digits = (0..6)
            .map(|digit| number >> (4 * digit))
            .chain((0..4).map(|digit| line >> (4 * digit)));
        for (byte, digit) in bytes.iter_mut().zip(digits) {
            *byte = b"0123456789abcdef"[(digit & 15) as usize];
        }
        let kind = if (hash >> 8).is_multiple_of(5) {
            Kind::Bytes
        } else {
            Kind::Text
        };
        if size > 11 && (hash >> 12).is_multiple_of(7) {
            bytes[11] = 0x1e;
        }
        Self { kind, bytes }
    }
}

/// One frame of these messages.
pub(crate) fn encode<'a>(first: u64, messages: impl Iterator<Item = &'a Message> + Clone) -> Packet {
    let texts = messages.clone().map(|message| match message.kind {
        Kind::Text => str::from_utf8(&message.bytes).expect("made of ASCII"),
        // What can't stand in a text frame.
        Kind::Bytes => "\u{1e}",
    });
    match frame::encode_text(first, texts) {
        Some(text) => Packet::Text(text),
        None => Packet::Binary(Batch::encode(
            first,
            messages.map(|message| Part {
                kind: message.kind,
                bytes: &message.bytes,
            }),
        )),
    }
}

/// What a text frame carries.
pub(crate) fn decode_text(text: &str) -> Option<(u64, Vec<Message>)> {
    let (first, messages) = frame::decode_text(text).ok()?;
    let messages = messages.map(|message| Message {
        kind: Kind::Text,
        bytes: message.as_bytes().to_vec(),
    });
    Some((first, messages.collect()))
}

/// What a BATCH carries.
pub(crate) fn decode_batch(batch: &Batch<'_>) -> (u64, Vec<Message>) {
    let messages = batch.parts().map(|part| Message {
        kind: part.kind,
        bytes: part.bytes.to_vec(),
    });
    (batch.first, messages.collect())
}
