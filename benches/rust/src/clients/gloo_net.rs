//! gloo-net: a `Sink` and a `Stream`, split. It knows neither backpressure nor the close of a connection by its sink: the
//! browser's socket closes when both halves are dropped.

use std::future::poll_fn;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use gloo_net::websocket::Message;
use gloo_net::websocket::futures::WebSocket;
use wasm_bindgen::JsError;

use super::{Client, Coded, Ends, Receiver, Sender};
use crate::Result;

pub(crate) struct GlooNet;

impl Client for GlooNet {
    type Sender<P: Coded> = SplitSink<WebSocket, Message>;
    type Receiver<P: Coded> = SplitStream<WebSocket>;

    async fn connect<P: Coded>(url: &str) -> Result<Ends<P>> {
        let (mut sender, receiver) = WebSocket::open(url)?.split();
        poll_fn(|cx| sender.poll_ready_unpin(cx)).await?;
        Ok(Ends { sender, receiver })
    }

    async fn close<P: Coded>(ends: Ends<P>) -> Result<()> {
        drop(ends);
        Ok(())
    }
}

impl<P: Coded> Sender<P> for SplitSink<WebSocket, Message> {
    async fn send(&mut self, message: P::Out) -> Result<()> {
        Ok(SinkExt::send(self, Message::Text(P::encode(message)?)).await?)
    }
}

impl<P: Coded> Receiver<P> for SplitStream<WebSocket> {
    async fn receive(&mut self, payload: &P) -> Result<u32> {
        match self.next().await {
            Some(Ok(Message::Text(text))) => payload.number_in(&text),
            Some(Ok(Message::Bytes(_))) => Err(JsError::new("bytes arrived")),
            Some(Err(error)) => Err(error.into()),
            None => Err(JsError::new("the connection is closed")),
        }
    }
}
