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
        let decoded = match &payload {
            Payload::Text(text) => serde_json::from_str(text),
            Payload::Bytes(bytes) => serde_json::from_slice(bytes),
        };
        decoded.map_err(|cause| DecodeError::malformed(cause, payload))
    }
}
