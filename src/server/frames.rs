//! Between the frames of a session and the messages of a WebSocket.

use std::collections::VecDeque;
use std::sync::Arc;

use super::message::Message;
use crate::codec::{Payload, packing};
use crate::session::{Chunk, Frame, Kind, Part};

/// A frame as it goes out.
pub(super) fn message(frame: &Frame, outbox: &VecDeque<Arc<Payload>>) -> Message {
    match frame {
        Frame::Control(control) => Message::Binary(control.encode()),
        Frame::Chunk(chunk) => messages(chunk, outbox),
    }
}

fn messages(chunk: &Chunk, outbox: &VecDeque<Arc<Payload>>) -> Message {
    let payloads = outbox.iter().skip(chunk.offset).take(chunk.count);
    match packing::pack(chunk.first, payloads.map(AsRef::as_ref)) {
        Payload::Text(text) => Message::Text(text),
        Payload::Bytes(bytes) => Message::Binary(bytes),
    }
}

pub(super) fn text(text: &str) -> Part<'_> {
    Part {
        kind: Kind::Text,
        bytes: text.as_bytes(),
    }
}
