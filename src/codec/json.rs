//! JSON by serde_json.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Codec, DecodeError, EncodeError, Payload};

/// JSON text, by serde_json. The default.
///
/// JSON that arrives in a binary message is read as well.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<In: DeserializeOwned, Out: Serialize> Codec<In, Out> for Json {
    fn encode(&self, message: Out) -> Result<Payload, EncodeError> {
        serde_json::to_string(&message)
            .map(Payload::Text)
            .map_err(EncodeError::new)
    }

    fn decode(&self, payload: Payload) -> Result<In, DecodeError> {
        match &payload {
            Payload::Text(text) => Codec::<In, Out>::decode_text(self, text),
            Payload::Bytes(bytes) => Codec::<In, Out>::decode_bytes(self, bytes),
        }
    }

    fn decode_text(&self, text: &str) -> Result<In, DecodeError> {
        serde_json::from_str(text).map_err(|cause| DecodeError::malformed(cause, Payload::Text(text.into())))
    }

    fn decode_bytes(&self, bytes: &[u8]) -> Result<In, DecodeError> {
        serde_json::from_slice(bytes).map_err(|cause| DecodeError::malformed(cause, Payload::Bytes(bytes.into())))
    }
}
