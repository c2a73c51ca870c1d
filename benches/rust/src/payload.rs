//! The messages of all works, by their payload, as in page/messages.js: the n-th, n from 1, and which one it is that came.
//! The server's `/push` makes the same ones.

use serde::{Deserialize, Serialize};
use wasm_bindgen::JsError;

use crate::Result;

const ITEM_BYTES: usize = 100;
/// An item without its two numbers and its note, where it is not ok.
const EMPTY_ITEM: &str = r#"{"id":,"name":"message 00","value":.5,"ok":false,"note":""}"#;

/// What goes over a connection.
pub(crate) trait Payload: 'static {
    /// What goes out.
    type Out: 'static;
    /// What comes in.
    type In: 'static;

    /// The n-th message.
    fn message(&self, n: u32) -> Self::Out;

    /// The number of a message that came.
    fn number(&self, message: &Self::In) -> Result<u32>;
}

/// Structs that are JSON of 100 bytes.
pub(crate) struct Items;

#[derive(Serialize, Deserialize)]
pub(crate) struct Item {
    id: u32,
    name: String,
    value: f64,
    ok: bool,
    note: String,
}

impl Payload for Items {
    type Out = Item;
    type In = Item;

    fn message(&self, n: u32) -> Item {
        let ok = n.is_multiple_of(2);
        let digits = n.checked_ilog10().unwrap_or(0) as usize + 1;
        let note = ITEM_BYTES - EMPTY_ITEM.len() - 2 * digits + usize::from(ok);
        Item {
            id: n,
            name: format!("message {:02}", n % 100),
            value: f64::from(n) + 0.5,
            ok,
            note: "~".repeat(note),
        }
    }

    fn number(&self, message: &Item) -> Result<u32> {
        Ok(message.id)
    }
}

/// Texts of one size: their number, and spaces.
pub(crate) struct Texts {
    spaces: String,
}

impl Texts {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            spaces: " ".repeat(bytes),
        }
    }

    /// The number in a text of this size.
    pub(crate) fn number_in(&self, text: &str) -> Result<u32> {
        let number = text.strip_prefix(r#"{"n":"#).and_then(|rest| rest.split_once('}'));
        match number {
            Some((number, _)) if text.len() == self.spaces.len() => Ok(number.parse()?),
            _ => Err(JsError::new("a text came that is none of those due")),
        }
    }
}

impl Payload for Texts {
    type Out = String;
    type In = String;

    fn message(&self, n: u32) -> String {
        let mut text = String::with_capacity(self.spaces.len());
        text += r#"{"n":"#;
        text += &n.to_string();
        text += "}";
        text += self.spaces.get(text.len()..).unwrap_or_default();
        text
    }

    fn number(&self, message: &String) -> Result<u32> {
        self.number_in(message)
    }
}

/// What the server's `/sink` takes, and its answer: how many it took.
pub(crate) struct Sink<P>(pub(crate) P);

#[derive(Deserialize)]
pub(crate) struct Answer {
    taken: u32,
}

impl Answer {
    /// How many, in an answer that came as text.
    pub(crate) fn number_in(text: &str) -> Result<u32> {
        Ok(serde_json::from_str::<Self>(text)?.taken)
    }
}

impl Payload for Sink<Items> {
    type Out = Item;
    type In = Answer;

    fn message(&self, n: u32) -> Item {
        self.0.message(n)
    }

    fn number(&self, answer: &Answer) -> Result<u32> {
        Ok(answer.taken)
    }
}

impl Payload for Sink<Texts> {
    type Out = String;
    type In = String;

    fn message(&self, n: u32) -> String {
        self.0.message(n)
    }

    fn number(&self, answer: &String) -> Result<u32> {
        Answer::number_in(answer)
    }
}
