//! Messages that arrived and are to be decoded: each a payload of its own, or a place in a frame that it shares with others, so that
//! the codec reads it there.

use alloc::string::String;
use alloc::sync::Arc;
use core::ops::Range;

use super::{Codec, DecodeError, Payload};
use crate::session::frame::Kind;

/// A message that arrived.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// All that the browser handed over.
    Whole(Payload),
    /// A part of a frame, which stays until the last of its messages has gone.
    Part {
        frame: Arc<Payload>,
        place: Range<usize>,
        kind: Kind,
    },
}

impl Arrival {
    /// The size in bytes; of text, as UTF-8.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Whole(payload) => payload.len(),
            Self::Part { place, .. } => place.len(),
        }
    }

    pub(crate) fn decode<In, Out>(self, codec: &impl Codec<In, Out>) -> Result<In, DecodeError> {
        let (frame, place, kind) = match self {
            Self::Whole(payload) => return codec.decode(payload),
            Self::Part { frame, place, kind } => (frame, place, kind),
        };
        match (&*frame, kind) {
            (Payload::Text(text), _) => codec.decode_text(&text[place]),
            // It was checked when the frame was read.
            (Payload::Bytes(bytes), Kind::Text) => codec.decode_text(&String::from_utf8_lossy(&bytes[place])),
            (Payload::Bytes(bytes), Kind::Bytes) => codec.decode_bytes(&bytes[place]),
        }
    }
}
