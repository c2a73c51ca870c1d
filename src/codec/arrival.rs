//! Messages that arrived and are to be decoded: each a payload of its own, or a part of a frame that it shares with others, so that
//! the codec reads it there.

use alloc::string::String;
#[cfg(feature = "channel")]
use alloc::sync::Arc;
use core::ops::Range;

use super::{Codec, DecodeError, Payload};
use crate::session::frame::Kind;

/// A message that arrived.
#[cfg(feature = "channel")]
#[derive(Debug)]
pub(crate) enum Arrival {
    /// All that the browser handed over.
    Whole(Payload),
    /// A part of a frame, which stays until the last of its messages has gone.
    Part { frame: Arc<Payload>, extent: Extent },
}

/// Where in a frame a message lies.
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    pub(crate) bytes: Range<usize>,
    pub(crate) kind: Kind,
}

#[cfg(feature = "channel")]
impl Arrival {
    /// The size in bytes; of text, as UTF-8.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Whole(payload) => payload.len(),
            Self::Part { extent, .. } => extent.len(),
        }
    }

    pub(crate) fn decode<In, Out>(self, codec: &impl Codec<In, Out>) -> Result<In, DecodeError> {
        match self {
            Self::Whole(payload) => codec.decode(payload),
            Self::Part { frame, extent } => extent.decode(&frame, codec),
        }
    }
}

impl Extent {
    /// The message's size in bytes; of text, as UTF-8.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The message that lies there in a frame, as a payload of its own.
    #[cfg(all(feature = "server", not(target_arch = "wasm32")))]
    pub(crate) fn payload(&self, frame: &Payload) -> Payload {
        let range = self.bytes.clone();
        match (frame, self.kind) {
            (Payload::Text(text), _) => Payload::Text(text.get(range).unwrap_or_default().into()),
            (Payload::Bytes(bytes), kind) => {
                let bytes = bytes.get(range).unwrap_or_default();
                match kind {
                    // It was checked when the frame was read.
                    Kind::Text => Payload::Text(String::from_utf8_lossy(bytes).into()),
                    Kind::Bytes => Payload::Bytes(bytes.into()),
                }
            }
        }
    }

    /// The message that lies there in a frame, the one that the extent was found in. Inlined, as whoever decodes many writes each
    /// where it stays: a stop on the stack costs as much as all else here.
    #[inline(always)]
    pub(crate) fn decode<In, Out, C>(&self, frame: &Payload, codec: &C) -> Result<In, DecodeError>
    where
        C: Codec<In, Out> + ?Sized,
    {
        let range = self.bytes.clone();
        match (frame, self.kind) {
            (Payload::Text(text), _) => codec.decode_text(text.get(range).unwrap_or_default()),
            (Payload::Bytes(bytes), kind) => {
                let bytes = bytes.get(range).unwrap_or_default();
                match kind {
                    // It was checked when the frame was read.
                    Kind::Text => codec.decode_text(&String::from_utf8_lossy(bytes)),
                    Kind::Bytes => codec.decode_bytes(bytes),
                }
            }
        }
    }
}
