//! Payloads into the frames of a session, and out of them.

#[cfg(feature = "channel")]
use alloc::string::String;
use alloc::vec::Vec;

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
pub(crate) fn unpack_text(text: &str) -> Result<(u64, Vec<Payload>), Malformed> {
    let (first, messages) = frame::decode_text(text)?;
    Ok((first, messages.map(|message| Payload::Text(message.into())).collect()))
}

/// The messages of a binary frame.
#[cfg(feature = "channel")]
pub(crate) fn unpack_batch(batch: &Batch<'_>) -> Vec<Payload> {
    batch.parts().map(payload).collect()
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

#[cfg(feature = "channel")]
fn payload(part: Part<'_>) -> Payload {
    match part.kind {
        // It was checked when the frame was read.
        Kind::Text => Payload::Text(String::from_utf8_lossy(part.bytes).into_owned()),
        Kind::Bytes => Payload::Bytes(part.bytes.into()),
    }
}
