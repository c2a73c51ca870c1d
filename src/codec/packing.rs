//! Payloads into the frames of a session, and out of them.

#[cfg(feature = "channel")]
use alloc::sync::Arc;
use alloc::vec::Vec;

#[cfg(feature = "channel")]
use super::Arrival;
use super::Payload;
#[cfg(feature = "channel")]
use crate::session::frame::Malformed;
use crate::session::frame::{self, Batch, Kind, Part};

/// The frame of messages that begin at position `first`: text wherever all of them can travel in it, which is cheaper for
/// JavaScript to read.
#[cfg(all(feature = "server", not(target_arch = "wasm32")))]
pub(crate) fn pack<'a>(first: u64, payloads: impl Iterator<Item = &'a Payload> + Clone) -> Payload {
    let texts: Option<Vec<&str>> = payloads
        .clone()
        .map(|payload| match payload {
            Payload::Text(text) => Some(text.as_str()),
            Payload::Bytes(_) => None,
        })
        .collect();
    match texts.and_then(|texts| frame::encode_text(first, texts)) {
        Some(text) => Payload::Text(text),
        None => Payload::Bytes(Batch::encode(first, payloads.map(part))),
    }
}

/// The same as bytes, whatever they are: wasm has its text as UTF-8, and a browser sends that as it is.
#[cfg(feature = "channel")]
pub(crate) fn pack_bytes<'a>(first: u64, payloads: impl Iterator<Item = &'a Payload>) -> Vec<u8> {
    Batch::encode(first, payloads.map(part))
}

/// The messages of a text frame, and the position of the first.
#[cfg(feature = "channel")]
pub(crate) fn unpack_text(frame: &Arc<Payload>, text: &str) -> Result<(u64, Vec<Arrival>), Malformed> {
    let (first, messages) = frame::decode_text(text)?;
    let arrival = |message: &str| arrival(frame, text.as_bytes(), Kind::Text, message.as_bytes());
    Ok((first, messages.map(arrival).collect()))
}

/// The messages of a binary frame, which `batch` was read from.
#[cfg(feature = "channel")]
pub(crate) fn unpack_batch(frame: &Arc<Payload>, bytes: &[u8], batch: &Batch<'_>) -> Vec<Arrival> {
    let arrival = |part: Part<'_>| arrival(frame, bytes, part.kind, part.bytes);
    batch.parts().map(arrival).collect()
}

fn part(payload: &Payload) -> Part<'_> {
    match payload {
        Payload::Text(text) => Part {
            kind: Kind::Text,
            bytes: text.as_bytes(),
        },
        Payload::Bytes(bytes) => Part {
            kind: Kind::Bytes,
            bytes,
        },
    }
}

/// A message that lies in the frame's bytes, `whole`.
#[cfg(feature = "channel")]
fn arrival(frame: &Arc<Payload>, whole: &[u8], kind: Kind, message: &[u8]) -> Arrival {
    let start = message.as_ptr().addr() - whole.as_ptr().addr();
    Arrival::Part {
        frame: frame.clone(),
        place: start..start + message.len(),
        kind,
    }
}
