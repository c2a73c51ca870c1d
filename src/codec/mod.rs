//! How messages become payloads and payloads messages.
//!
//! | codec | a message is | on the wire |
//! | --- | --- | --- |
//! | [`Json`] | anything serde can serialize | text |
//! | [`JsJson`] | the same, through the page's own `JSON`: a smaller binary | text |
//! | [`Text`] | a [`String`] | text |
//! | [`Bytes`] | a `Vec<u8>` | bytes |
//!
//! Write your own by implementing [`Codec`]; what comes in and what goes out may be of different types.

#[cfg(any(feature = "channel", all(feature = "server", not(target_arch = "wasm32"))))]
mod arrival;
mod bytes;
#[cfg(feature = "js-json")]
mod js_json;
#[cfg(feature = "json")]
mod json;
#[cfg(any(feature = "channel", all(feature = "server", not(target_arch = "wasm32"))))]
pub(crate) mod packing;
mod text;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

#[cfg(feature = "channel")]
pub(crate) use arrival::Arrival;
#[cfg(any(feature = "channel", all(feature = "server", not(target_arch = "wasm32"))))]
pub(crate) use arrival::Extent;
pub use bytes::Bytes;
#[cfg(feature = "js-json")]
pub use js_json::JsJson;
#[cfg(feature = "json")]
pub use json::Json;
pub use text::Text;

/// Turns messages of type `Out` into payloads and payloads into messages of type `In`.
///
/// ```
/// use tautline::codec::{Codec, DecodeError, EncodeError};
/// use tautline::Payload;
///
/// /// Numbers, four bytes each.
/// struct Numbers;
///
/// impl Codec<u32, u32> for Numbers {
///     fn encode(&self, message: u32) -> Result<Payload, EncodeError> {
///         Ok(Payload::Bytes(message.to_be_bytes().into()))
///     }
///
///     fn decode(&self, payload: Payload) -> Result<u32, DecodeError> {
///         match &payload {
///             Payload::Bytes(bytes) => match <[u8; 4]>::try_from(&bytes[..]) {
///                 Ok(bytes) => Ok(u32::from_be_bytes(bytes)),
///                 Err(cause) => Err(DecodeError::malformed(cause, payload)),
///             },
///             Payload::Text(_) => Err(DecodeError::kind("bytes", payload)),
///         }
///     }
/// }
///
/// assert_eq!(Numbers.decode(Numbers.encode(7).unwrap()).unwrap(), 7);
/// ```
pub trait Codec<In, Out = In>: Send + Sync + 'static {
    /// The payload of a message.
    ///
    /// # Errors
    /// Where the message can't be expressed. Nothing is sent then.
    fn encode(&self, message: Out) -> Result<Payload, EncodeError>;

    /// The message in a payload.
    ///
    /// # Errors
    /// Where there is none. The error hands the payload back to the application.
    fn decode(&self, payload: Payload) -> Result<In, DecodeError>;

    /// The message in a text: in a durable session messages share a frame, and are read where they lie in it. A codec that only looks
    /// at the text, as [`Json`] does, needs no copy. Gives what [`decode`](Self::decode) gives for the same text.
    /// Default: that, of a copy.
    ///
    /// # Errors
    /// As of [`decode`](Self::decode).
    fn decode_text(&self, text: &str) -> Result<In, DecodeError> {
        self.decode(Payload::Text(text.into()))
    }

    /// The message in bytes, as [`decode_text`](Self::decode_text). Default: [`decode`](Self::decode) of a copy.
    ///
    /// # Errors
    /// As of [`decode`](Self::decode).
    fn decode_bytes(&self, bytes: &[u8]) -> Result<In, DecodeError> {
        self.decode(Payload::Bytes(bytes.into()))
    }
}

/// What travels: a WebSocket message is either text or bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payload {
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Payload {
    /// The size in bytes; of text, as UTF-8.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether there is nothing in it. An empty message is a message all the same.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// A message that can't be expressed by the codec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError {
    cause: String,
}

impl EncodeError {
    /// With what the codec says.
    pub fn new(cause: impl fmt::Display) -> Self {
        Self {
            cause: cause.to_string(),
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message can't be encoded: {}", self.cause)
    }
}

impl core::error::Error for EncodeError {}

/// A message that arrived and can't be read. It is one item of the stream, not its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The codec can't make sense of it.
    Malformed {
        /// What the codec says.
        cause: String,
        /// What arrived.
        payload: Payload,
    },
    /// It is text where the codec reads bytes, or the other way round.
    Kind {
        /// What the codec reads: `text` or `bytes`.
        expected: &'static str,
        /// What arrived.
        payload: Payload,
    },
    /// Nothing arrived here: the messages go to the receiver of an earlier `split`.
    AlreadySplit,
}

impl DecodeError {
    /// A payload of the right kind that makes no sense.
    pub fn malformed(cause: impl fmt::Display, payload: Payload) -> Self {
        Self::Malformed {
            cause: cause.to_string(),
            payload,
        }
    }

    /// A payload of the wrong kind; `expected` is `text` or `bytes`.
    pub const fn kind(expected: &'static str, payload: Payload) -> Self {
        Self::Kind { expected, payload }
    }

    /// What arrived, where something did.
    pub fn payload(&self) -> Option<&Payload> {
        match self {
            Self::Malformed { payload, .. } | Self::Kind { payload, .. } => Some(payload),
            Self::AlreadySplit => None,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { cause, .. } => write!(f, "a message can't be decoded: {cause}"),
            Self::Kind {
                expected,
                payload: Payload::Text(_),
            } => write!(f, "a message can't be decoded: it is text, and the codec reads {expected}"),
            Self::Kind { expected, .. } => {
                write!(f, "a message can't be decoded: it is bytes, and the codec reads {expected}")
            }
            Self::AlreadySplit => f.write_str(
                "this socket was split before, and its messages go to that receiver: keep the first one, or use try_split",
            ),
        }
    }
}

impl core::error::Error for DecodeError {}
