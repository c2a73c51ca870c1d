//! tokio-tungstenite-wasm: tokio-tungstenite's `WebSocketStream` in a browser, split.

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite_wasm::{Message, WebSocketStream, connect};
use wasm_bindgen::JsError;

use super::{Client, Coded, Ends, Receiver, Sender};
use crate::Result;

pub(crate) struct TokioTungsteniteWasm;

impl Client for TokioTungsteniteWasm {
    type Sender<P: Coded> = SplitSink<WebSocketStream, Message>;
    type Receiver<P: Coded> = SplitStream<WebSocketStream>;

    async fn connect<P: Coded>(url: &str) -> Result<Ends<P>> {
        let (sender, receiver) = connect(url).await?.split();
        Ok(Ends { sender, receiver })
    }

    async fn close<P: Coded>(mut ends: Ends<P>) -> Result<()> {
        Ok(SinkExt::close(&mut ends.sender).await?)
    }
}

impl<P: Coded> Sender<P> for SplitSink<WebSocketStream, Message> {
    async fn send(&mut self, message: P::Out) -> Result<()> {
        Ok(SinkExt::send(self, Message::text(P::encode(message)?)).await?)
    }
}

impl<P: Coded> Receiver<P> for SplitStream<WebSocketStream> {
    async fn receive(&mut self, payload: &P) -> Result<u32> {
        match self.next().await {
            Some(Ok(Message::Text(text))) => payload.number_in(text.as_str()),
            Some(Ok(Message::Binary(_))) => Err(JsError::new("bytes arrived")),
            Some(Err(error)) => Err(error.into()),
            Some(Ok(Message::Close(_))) | None => Err(JsError::new("the connection is closed")),
        }
    }
}
