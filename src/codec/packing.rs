//! Payloads into the frames of a session, and out of them.

use alloc::vec::Vec;

use super::Extent;
#[cfg(feature = "channel")]
use super::Payload;
#[cfg(feature = "channel")]
use crate::session::frame::Part;
use crate::session::frame::{self, Batch, Kind, Malformed, SEPARATOR};

/// The frame of messages that begin at position `first`: bytes, whatever they are. Wasm has its text as UTF-8, and a browser sends
/// that as it is.
#[cfg(feature = "channel")]
pub(crate) fn pack_bytes<'a>(first: u64, payloads: impl Iterator<Item = &'a Payload>) -> Vec<u8> {
    let part = |payload: &'a Payload| match payload {
        Payload::Text(text) => Part {
            kind: Kind::Text,
            bytes: text.as_bytes(),
        },
        Payload::Bytes(bytes) => Part {
            kind: Kind::Bytes,
            bytes,
        },
    };
    Batch::encode(first, payloads.map(part))
}

/// The position of a text frame's first message, and where its messages lie.
///
/// # Errors
/// Where it is none.
pub(crate) fn unpack_text(frame: &str) -> Result<(u64, Vec<Extent>), Malformed> {
    let (first, messages) = frame::split_first(frame)?;
    let mut start = frame.len() - messages.len();
    // Many bytes at a time: the standard library looks at one after the other.
    let separators = memchr::memchr_iter(SEPARATOR as u8, messages.as_bytes());
    let mut extents = Vec::with_capacity(separators.clone().count() + 1);
    let before = start;
    for end in separators.map(|end| before + end).chain([frame.len()]) {
        extents.push(Extent {
            bytes: start..end,
            kind: Kind::Text,
        });
        start = end + SEPARATOR.len_utf8();
    }
    Ok((first, extents))
}

/// Where the messages of a binary frame lie, which `batch` was read from.
pub(crate) fn unpack_batch(frame: &[u8], batch: &Batch<'_>) -> Vec<Extent> {
    let whole = frame.len();
    let extents = batch.places().map(|(part, behind)| {
        let end = whole - behind;
        Extent {
            bytes: end - part.bytes.len()..end,
            kind: part.kind,
        }
    });
    let mut extents: Vec<Extent> = extents.collect();
    extents.shrink_to_fit();
    extents
}

/// Whether a text has to travel in a binary frame.
#[cfg(all(feature = "server", not(target_arch = "wasm32")))]
pub(crate) fn has_separator(text: &str) -> bool {
    memchr::memchr(SEPARATOR as u8, text.as_bytes()).is_some()
}
