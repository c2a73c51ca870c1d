//! Between the frames of a session and the messages of a WebSocket.

use std::collections::VecDeque;

use super::message::Message;
use super::state::Sent;
use crate::codec::{Payload, packing};
use crate::session::{Chunk, Frame, Kind, Part};

/// A frame as it goes out.
pub(super) fn message(frame: &Frame, outbox: &VecDeque<Sent>) -> Message {
    match frame {
        Frame::Control(control) => Message::Binary(control.encode()),
        Frame::Chunk(chunk) => messages(chunk, outbox),
    }
}

fn messages(chunk: &Chunk, outbox: &VecDeque<Sent>) -> Message {
    let payloads = outbox.iter().skip(chunk.offset).take(chunk.count);
    match packing::pack(chunk.first, payloads.map(Sent::payload)) {
        Payload::Text(text) => Message::Text(text),
        Payload::Bytes(bytes) => Message::Binary(bytes),
    }
}

/// A message of a frame that arrived, as it lies there.
pub(super) enum Piece<'a> {
    Text(&'a str),
    Part(Part<'a>),
}

impl Piece<'_> {
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Part(part) => part.bytes.len(),
        }
    }

    pub(super) fn payload(self) -> Payload {
        match self {
            Self::Text(text) => Payload::Text(text.into()),
            Self::Part(part) => match (part.kind, str::from_utf8(part.bytes)) {
                (Kind::Text, Ok(text)) => Payload::Text(text.into()),
                // Text was checked when the frame was read.
                _ => Payload::Bytes(part.bytes.into()),
            },
        }
    }
}
