//! Serves one connection, whatever WebSocket library gives its stream and sink of messages: its HELLO, and its close.

use std::boxed::Box;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::string::String;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_core::Stream;
use futures_sink::Sink;
use tokio::time::timeout;

use super::connection::Connection;
use super::message::{Message, Parting};
use super::registry::Registry;
use super::welcome::{self, Accepted, Attached, Refused};
use crate::hub::Peer;
use crate::hub::goodbye::{FOREIGN, GOING_AWAY, Goodbye, REASON_BYTES, SILENT, clip};
use crate::session::Fault;
use crate::session::frame::{Control, FromClient, Hello};

/// How long the closing handshake may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

/// Serves a connection; `adopted` is called with its session when that is new to the application.
pub(super) async fn serve<F, E>(
    registry: &Arc<Registry>,
    frames: F,
    peer: Peer,
    adopted: impl FnOnce(&Attached) + Send,
) -> Parting
where
    F: Stream<Item = Result<Message, E>> + Sink<Message> + Send,
{
    let _serving = registry.serves();
    let mut frames = pin!(frames);
    // Boxed: it needs more room than all that follows, and would have it for as long as the connection lasts.
    let parting = match Box::pin(greet(registry, frames.as_mut(), peer)).await {
        Err(parting) => parting,
        Ok(Accepted { attached, welcome }) => {
            if attached.core.adopt() {
                adopted(&attached);
            }
            let first = Message::Binary(welcome.encode());
            Connection::new(registry, frames.as_mut(), attached, first).run().await
        }
    };
    match &parting {
        Parting::Lost => {}
        // The library answers while it is read.
        Parting::Left { .. } => drain(frames.as_mut()).await,
        Parting::Closed { code, reason } => close(frames.as_mut(), *code, reason).await,
    }
    parting
}

/// The first frame, and what it comes to.
async fn greet<F, E>(registry: &Arc<Registry>, mut frames: Pin<&mut F>, peer: Peer) -> Result<Accepted, Parting>
where
    F: Stream<Item = Result<Message, E>> + Sink<Message>,
{
    let closed = |code, reason: &str| Parting::Closed {
        code,
        reason: reason.into(),
    };
    if !registry.allows(peer.origin.as_deref()) {
        return Err(closed(4401, FOREIGN));
    }
    let patience = registry.rules.handshake_timeout;
    let hello = {
        let mut hello = pin!(timeout(patience, hello(frames.as_mut())));
        let mut stopping = pin!(registry.stopping());
        poll_fn(|cx| match stopping.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(None),
            Poll::Pending => hello.as_mut().poll(cx).map(Some),
        })
        .await
    };
    let hello = match hello {
        Some(Ok(hello)) => hello?,
        Some(Err(_)) => return Err(closed(4408, SILENT)),
        None => return Err(closed(1001, GOING_AWAY)),
    };
    match welcome::answer(registry, hello, peer).await {
        Ok(accepted) => Ok(accepted),
        Err(Refused::Close(Goodbye { code, reason })) => Err(closed(code, &reason)),
        Err(Refused::Ended(bye)) => {
            let bye = Message::Binary(Control::Bye(bye).encode());
            let sent = timeout(CLOSE_PATIENCE, send(frames.as_mut(), bye)).await;
            Err(if sent == Ok(true) {
                closed(1000, "")
            } else {
                Parting::Lost
            })
        }
    }
}

async fn hello<F, E>(mut frames: Pin<&mut F>) -> Result<Hello, Parting>
where
    F: Stream<Item = Result<Message, E>>,
{
    loop {
        match poll_fn(|cx| frames.as_mut().poll_next(cx)).await {
            None | Some(Err(_)) => return Err(Parting::Lost),
            Some(Ok(Message::Control)) => {}
            Some(Ok(Message::Close(reason))) => return Err(left(reason)),
            Some(Ok(Message::Broken(code, reason))) => return Err(Parting::Closed { code, reason }),
            Some(Ok(Message::Binary(bytes))) => match FromClient::decode(&bytes) {
                Ok(FromClient::Hello(hello)) => return Ok(hello),
                Ok(_) => return Err(broken(Fault::Unexpected)),
                Err(fault) => return Err(broken(fault.into())),
            },
            Some(Ok(Message::Text(_))) => return Err(broken(Fault::Unexpected)),
        }
    }
}

fn broken(fault: Fault) -> Parting {
    Parting::Closed {
        code: fault.code(),
        reason: fault.reason().into(),
    }
}

pub(super) fn left(frame: Option<(u16, String)>) -> Parting {
    let (code, reason) = frame.unwrap_or((1005, String::new()));
    Parting::Left { code, reason }
}

/// Whether the message was sent.
async fn send<F: Sink<Message>>(mut frames: Pin<&mut F>, message: Message) -> bool {
    if poll_fn(|cx| frames.as_mut().poll_ready(cx)).await.is_err() || frames.as_mut().start_send(message).is_err() {
        return false;
    }
    poll_fn(|cx| frames.as_mut().poll_flush(cx)).await.is_ok()
}

/// The closing handshake, from this side.
async fn close<F, E>(mut frames: Pin<&mut F>, code: u16, reason: &str)
where
    F: Stream<Item = Result<Message, E>> + Sink<Message>,
{
    let message = Message::Close(Some((code, clip(reason, REASON_BYTES).into())));
    let handshake = async {
        if send(frames.as_mut(), message).await {
            drain(frames.as_mut()).await;
        }
    };
    let _ = timeout(CLOSE_PATIENCE, handshake).await;
}

/// Reads to the end: closing a connection that has unread data would reset it, and the reset could overtake the close frame.
async fn drain<F, E>(mut frames: Pin<&mut F>)
where
    F: Stream<Item = Result<Message, E>>,
{
    let end = poll_fn(|cx| {
        loop {
            match frames.as_mut().poll_next(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    let _ = timeout(CLOSE_PATIENCE, end).await;
}
