//! What the bench's page has of a Rust client: `open` a channel, and let it do its works. Messages are made, sent, taken and
//! checked in Rust; only the call and the time that it took cross.

mod clients;
mod clock;
#[cfg(feature = "tautline")]
pub mod growth;
mod payload;
mod trial;
mod works;

use std::result;

use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::clients::{Chosen, Client, Ends};
use crate::payload::{Items, Sink, Texts};
use crate::trial::Trial;

type Result<T> = result::Result<T, JsError>;

/// A connection, and the messages that it is for.
#[wasm_bindgen]
pub struct Channel(Kind);

/// The types of what goes out and comes in.
enum Kind {
    Items(Ends<Items>, Items),
    Texts(Ends<Texts>, Texts),
    SinkOfItems(Ends<Sink<Items>>, Sink<Items>),
    SinkOfTexts(Ends<Sink<Texts>>, Sink<Texts>),
}

/// Connects, and resolves when messages can be sent. `payload` is `json`, or a number of bytes.
///
/// The server's `/sink` answers with something else than it takes, so that the types are others.
#[wasm_bindgen]
pub async fn open(url: &str, payload: &str) -> Result<Channel> {
    let sink = url.contains("/sink?");
    let kind = match (payload, sink) {
        ("json", false) => Kind::Items(Chosen::connect(url).await?, Items),
        ("json", true) => Kind::SinkOfItems(Chosen::connect(url).await?, Sink(Items)),
        (size, false) => Kind::Texts(Chosen::connect(url).await?, Texts::new(size.parse()?)),
        (size, true) => Kind::SinkOfTexts(Chosen::connect(url).await?, Sink(Texts::new(size.parse()?))),
    };
    Ok(Channel(kind))
}

#[wasm_bindgen]
impl Channel {
    /// Sends `count` messages and takes each back; a client that is not durable keeps at most `in_flight` under way.
    /// Resolves with the milliseconds that it took.
    pub async fn echo(&mut self, count: u32, in_flight: u32) -> Result<f64> {
        match &mut self.0 {
            Kind::Items(ends, payload) => works::echo(ends, payload, count, in_flight).await,
            Kind::Texts(ends, payload) => works::echo(ends, payload, count, in_flight).await,
            Kind::SinkOfItems(..) | Kind::SinkOfTexts(..) => Err(only_takes()),
        }
    }

    /// Asks the server for the `count` messages that its `/push` was opened for, and takes them. Resolves with the
    /// milliseconds.
    pub async fn push(&mut self, count: u32) -> Result<f64> {
        match &mut self.0 {
            Kind::Items(ends, payload) => works::push(ends, payload, count).await,
            Kind::Texts(ends, payload) => works::push(ends, payload, count).await,
            Kind::SinkOfItems(..) | Kind::SinkOfTexts(..) => Err(only_takes()),
        }
    }

    /// Sends the `count` messages that the server's `/sink` was opened for, until it says that it has them all.
    /// Resolves with the milliseconds.
    pub async fn out(&mut self, count: u32) -> Result<f64> {
        match &mut self.0 {
            Kind::SinkOfItems(ends, payload) => works::out(ends, payload, count).await,
            Kind::SinkOfTexts(ends, payload) => works::out(ends, payload, count).await,
            Kind::Items(..) | Kind::Texts(..) => Err(JsError::new("only a channel to /sink does this")),
        }
    }

    /// Sends a message and takes it back, `count` times. Resolves with the microseconds of each.
    pub async fn round_trips(&mut self, count: u32) -> Result<Vec<f64>> {
        match &mut self.0 {
            Kind::Items(ends, payload) => works::round_trips(ends, payload, count).await,
            Kind::Texts(ends, payload) => works::round_trips(ends, payload, count).await,
            Kind::SinkOfItems(..) | Kind::SinkOfTexts(..) => Err(only_takes()),
        }
    }

    /// The same while `per_second` other messages a second go the same way and come back.
    pub async fn round_trips_busy(&mut self, count: u32, per_second: u32) -> Result<Vec<f64>> {
        match &mut self.0 {
            Kind::Items(ends, payload) => works::round_trips_busy(ends, payload, count, per_second).await,
            Kind::Texts(ends, payload) => works::round_trips_busy(ends, payload, count, per_second).await,
            Kind::SinkOfItems(..) | Kind::SinkOfTexts(..) => Err(only_takes()),
        }
    }

    /// Sends a message every so many milliseconds, until one is back.
    pub async fn reach(&mut self, every: u32) -> Result<()> {
        match &mut self.0 {
            Kind::Items(ends, payload) => works::reach(ends, payload, every).await,
            Kind::Texts(ends, payload) => works::reach(ends, payload, every).await,
            Kind::SinkOfItems(..) | Kind::SinkOfTexts(..) => Err(only_takes()),
        }
    }

    /// Sends what is due every so many milliseconds, and tells what arrives, until that is over.
    pub async fn endure(&mut self, trial: Trial, every: u32) -> Result<()> {
        match &mut self.0 {
            Kind::Items(ends, payload) => works::endure(ends, payload, &trial, every).await,
            Kind::Texts(ends, payload) => works::endure(ends, payload, &trial, every).await,
            Kind::SinkOfItems(..) | Kind::SinkOfTexts(..) => Err(only_takes()),
        }
    }

    /// Ends the connection, and frees the channel.
    pub async fn close(self) -> Result<()> {
        match self.0 {
            Kind::Items(ends, _) => Chosen::close(ends).await,
            Kind::Texts(ends, _) => Chosen::close(ends).await,
            Kind::SinkOfItems(ends, _) => Chosen::close(ends).await,
            Kind::SinkOfTexts(ends, _) => Chosen::close(ends).await,
        }
    }
}

fn only_takes() -> JsError {
    JsError::new("a channel to /sink only takes")
}
