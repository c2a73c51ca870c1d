//! Text as it is.

use alloc::string::String;

use super::{Codec, DecodeError, EncodeError, Payload};

/// Text, as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text;

impl<Out: Into<String>> Codec<String, Out> for Text {
    fn encode(&self, message: Out) -> Result<Payload, EncodeError> {
        Ok(Payload::Text(message.into()))
    }

    fn decode(&self, payload: Payload) -> Result<String, DecodeError> {
        match payload {
            Payload::Text(text) => Ok(text),
            bytes @ Payload::Bytes(_) => Err(DecodeError::kind("text", bytes)),
        }
    }
}
