//! Tautline, plain and durable: a typed socket with the codec that fits the messages.

use std::hint::black_box;

use tautline::codec::{Codec, Json, Text};
use tautline::{Builder, Socket};
use wasm_bindgen::JsError;

use super::{Client, Ends, Receiver, Sender};
use crate::Result;
use crate::payload::{Items, Payload, Sink, Texts};

/// A payload with the codec that fits.
pub(crate) trait Coded: Payload {
    type Codec: Codec<Self::In, Self::Out> + Default;
}

impl Coded for Items {
    type Codec = Json;
}

impl Coded for Texts {
    type Codec = Text;
}

impl Coded for Sink<Items> {
    type Codec = Json;
}

impl Coded for Sink<Texts> {
    type Codec = Text;
}

pub(crate) struct Tautline;

impl Tautline {
    /// A socket of this client's, to be described further.
    pub(crate) fn builder<P: Coded>(url: &str) -> Builder<P::In, P::Out, P::Codec> {
        let builder = Socket::builder(url).codec(P::Codec::default());
        if Self::DURABLE { builder.durable() } else { builder }
    }
}

impl Client for Tautline {
    const DURABLE: bool = cfg!(feature = "tautline-rust-durable");

    type Sender<P: Coded> = tautline::Sender<P::Out>;
    type Receiver<P: Coded> = tautline::Receiver<P::In>;

    async fn connect<P: Coded>(url: &str) -> Result<Ends<P>> {
        let socket = Self::builder::<P>(url).connect()?;
        socket.opened().await?;
        let (sender, receiver) = socket.split();
        Ok(Ends { sender, receiver })
    }

    async fn close<P: Coded>(ends: Ends<P>) -> Result<()> {
        ends.sender.close(1000, "").await?;
        Ok(())
    }
}

impl<P: Coded> Sender<P> for tautline::Sender<P::Out> {
    async fn send(&mut self, message: P::Out) -> Result<()> {
        Ok(tautline::Sender::send(self, message).await?)
    }
}

impl<P: Coded> Receiver<P> for tautline::Receiver<P::In> {
    async fn receive(&mut self, payload: &P) -> Result<u32> {
        match self.next().await {
            // An application has use for all its fields.
            Some(message) => payload.number(black_box(&message?)),
            None => Err(JsError::new("the socket is closed for good")),
        }
    }
}
