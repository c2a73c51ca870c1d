//! JSON by the page's own `JSON`, and serde-wasm-bindgen between it and Rust.

use alloc::string::{String, ToString};

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
        match &payload {
            Payload::Text(text) => Codec::<In, Out>::decode_text(self, text),
            Payload::Bytes(bytes) => Codec::<In, Out>::decode_bytes(self, bytes),
        }
    }

    fn decode_text(&self, text: &str) -> Result<In, DecodeError> {
        parse(text).map_err(|cause| DecodeError::malformed(cause, Payload::Text(text.into())))
    }

    fn decode_bytes(&self, bytes: &[u8]) -> Result<In, DecodeError> {
        let decoded = match str::from_utf8(bytes) {
            Ok(text) => parse(text),
            Err(cause) => Err(cause.to_string()),
        };
        decoded.map_err(|cause| DecodeError::malformed(cause, Payload::Bytes(bytes.into())))
    }
}

fn parse<In: DeserializeOwned>(text: &str) -> Result<In, String> {
    let value = JSON::parse(text).map_err(|error| words(&error))?;
    serde_wasm_bindgen::from_value(value).map_err(|cause| cause.to_string())
}

/// What a thrown value says.
fn words(thrown: &JsValue) -> String {
    js_sys::Error::from(thrown.clone()).message().into()
}
