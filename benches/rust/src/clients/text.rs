//! What clients without codecs leave to the application: messages to text, and text to messages.

use std::hint::black_box;

use crate::Result;
use crate::payload::{Answer, Item, Items, Payload, Sink, Texts};

/// A payload that can go as text.
pub(crate) trait Coded: Payload {
    /// The message as text.
    fn encode(message: Self::Out) -> Result<String>;

    /// The number of a message that came as text, all of which is decoded.
    fn number_in(&self, text: &str) -> Result<u32>;
}

impl Coded for Items {
    fn encode(message: Item) -> Result<String> {
        Ok(serde_json::to_string(&message)?)
    }

    fn number_in(&self, text: &str) -> Result<u32> {
        // An application has use for all its fields.
        self.number(black_box(&serde_json::from_str(text)?))
    }
}

impl Coded for Texts {
    fn encode(message: String) -> Result<String> {
        Ok(message)
    }

    fn number_in(&self, text: &str) -> Result<u32> {
        self.number_in(text)
    }
}

impl Coded for Sink<Items> {
    fn encode(message: Item) -> Result<String> {
        Items::encode(message)
    }

    fn number_in(&self, text: &str) -> Result<u32> {
        Answer::number_in(text)
    }
}

impl Coded for Sink<Texts> {
    fn encode(message: String) -> Result<String> {
        Ok(message)
    }

    fn number_in(&self, text: &str) -> Result<u32> {
        Answer::number_in(text)
    }
}
