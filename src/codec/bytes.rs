//! Bytes as they are.

use alloc::vec::Vec;

use super::{Codec, DecodeError, EncodeError, Payload};

/// Bytes, as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes;

impl<Out: Into<Vec<u8>>> Codec<Vec<u8>, Out> for Bytes {
    fn encode(&self, message: Out) -> Result<Payload, EncodeError> {
        Ok(Payload::Bytes(message.into()))
    }

    fn decode(&self, payload: Payload) -> Result<Vec<u8>, DecodeError> {
        match payload {
            Payload::Bytes(bytes) => Ok(bytes),
            text @ Payload::Text(_) => Err(DecodeError::kind("bytes", text)),
        }
    }
}
