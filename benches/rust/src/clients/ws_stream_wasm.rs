//! ws_stream_wasm: a `WsStream` for messages, split, and a `WsMeta` to close the connection by.

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use wasm_bindgen::JsError;
use ws_stream_wasm::{WsMessage, WsMeta, WsStream};

use super::{Client, Coded, Ends, Receiver, Sender};
use crate::Result;

pub(crate) struct WsStreamWasm;

/// The sink, and beside it what closes the connection.
pub(crate) struct Sink {
    meta: WsMeta,
    messages: SplitSink<WsStream, WsMessage>,
}

impl Client for WsStreamWasm {
    type Sender<P: Coded> = Sink;
    type Receiver<P: Coded> = SplitStream<WsStream>;

    async fn connect<P: Coded>(url: &str) -> Result<Ends<P>> {
        let (meta, stream) = WsMeta::connect(url, None).await?;
        let (messages, receiver) = stream.split();
        Ok(Ends {
            sender: Sink { meta, messages },
            receiver,
        })
    }

    async fn close<P: Coded>(ends: Ends<P>) -> Result<()> {
        ends.sender.meta.close().await?;
        Ok(())
    }
}

impl<P: Coded> Sender<P> for Sink {
    async fn send(&mut self, message: P::Out) -> Result<()> {
        Ok(self.messages.send(WsMessage::Text(P::encode(message)?)).await?)
    }
}

impl<P: Coded> Receiver<P> for SplitStream<WsStream> {
    async fn receive(&mut self, payload: &P) -> Result<u32> {
        match self.next().await {
            Some(WsMessage::Text(text)) => payload.number_in(&text),
            Some(WsMessage::Binary(_)) => Err(JsError::new("bytes arrived")),
            None => Err(JsError::new("the connection is closed")),
        }
    }
}
