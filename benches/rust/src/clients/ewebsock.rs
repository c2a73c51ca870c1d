//! ewebsock: a sender, a receiver that is asked for events, and a call that wakes whoever asks: in its examples a frame of
//! the user interface, here the task. A failed send is told to nobody.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use ewebsock::{Options, WsEvent, WsMessage, WsReceiver, WsSender};
use futures_util::task::AtomicWaker;
use wasm_bindgen::JsError;

use super::{Client, Coded, Ends, Receiver, Sender};
use crate::Result;

pub(crate) struct Ewebsock;

/// The receiver, with the task that waits at it.
pub(crate) struct Events {
    receiver: WsReceiver,
    task: Arc<AtomicWaker>,
}

impl Client for Ewebsock {
    type Sender<P: Coded> = WsSender;
    type Receiver<P: Coded> = Events;

    async fn connect<P: Coded>(url: &str) -> Result<Ends<P>> {
        let task = Arc::new(AtomicWaker::new());
        let woken = task.clone();
        let connected = ewebsock::connect_with_wakeup(url, Options::default(), move || woken.wake());
        let (sender, receiver) = connected.map_err(|error| JsError::new(&error))?;
        let mut receiver = Events { receiver, task };
        match receiver.next().await {
            WsEvent::Opened => Ok(Ends { sender, receiver }),
            other => Err(not_a_message(&other)),
        }
    }

    async fn close<P: Coded>(mut ends: Ends<P>) -> Result<()> {
        ends.sender.close();
        Ok(())
    }
}

impl Events {
    async fn next(&mut self) -> WsEvent {
        poll_fn(|cx| {
            self.task.register(cx.waker());
            match self.receiver.try_recv() {
                Some(event) => Poll::Ready(event),
                None => Poll::Pending,
            }
        })
        .await
    }
}

impl<P: Coded> Sender<P> for WsSender {
    async fn send(&mut self, message: P::Out) -> Result<()> {
        WsSender::send(self, WsMessage::Text(P::encode(message)?));
        Ok(())
    }
}

impl<P: Coded> Receiver<P> for Events {
    async fn receive(&mut self, payload: &P) -> Result<u32> {
        match self.next().await {
            WsEvent::Message(WsMessage::Text(text)) => payload.number_in(&text),
            other => Err(not_a_message(&other)),
        }
    }
}

fn not_a_message(event: &WsEvent) -> JsError {
    JsError::new(&format!("something else than a text arrived: {event:?}"))
}
