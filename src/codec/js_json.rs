//! JSON by the page's own `JSON`, and serde-wasm-bindgen between it and Rust.

use alloc::string::String;

use js_sys::JSON;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use super::{Codec, DecodeError, EncodeError, Payload};

/// JSON text, by the page's own `JSON.parse` and `JSON.stringify`: the binary needs no JSON of its own.
///
/// Reads and writes what [`Json`](super::Json) does, with two exceptions: integers of 2⁵³ and beyond are an
/// [`EncodeError`], JavaScript has no such numbers; and maps have text for keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsJson;

impl<In: DeserializeOwned, Out: Serialize> Codec<In, Out> for JsJson {
    fn encode(&self, message: Out) -> Result<Payload, EncodeError> {
        let value = message
            .serialize(&Serializer::json_compatible())
            .map_err(EncodeError::new)?;
        let text = JSON::stringify(&value).map_err(|error| EncodeError::new(words(&error)))?;
        match text.as_string() {
            Some(text) => Ok(Payload::Text(text)),
            None => Err(EncodeError::new("JSON has no form for it")),
        }
    }

    fn decode(&self, payload: Payload) -> Result<In, DecodeError> {
        let text = match &payload {
            Payload::Text(text) => Ok(&**text),
            Payload::Bytes(bytes) => str::from_utf8(bytes),
        };
        let text = match text {
            Ok(text) => text,
            Err(cause) => return Err(DecodeError::malformed(cause, payload)),
        };
        match JSON::parse(text) {
            Ok(value) => serde_wasm_bindgen::from_value(value).map_err(|cause| DecodeError::malformed(cause, payload)),
            Err(error) => Err(DecodeError::malformed(words(&error), payload)),
        }
    }
}

/// What a thrown value says.
fn words(thrown: &JsValue) -> String {
    js_sys::Error::from(thrown.clone()).message().into()
}
