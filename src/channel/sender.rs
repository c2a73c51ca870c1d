//! The end where messages go in.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::string::String;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_channel::oneshot;
use futures_core::Future;
use futures_sink::Sink;

use super::core::{Accepted, Core, Flush};
use super::error::{CloseError, Closed, SendError};
use super::socket::Handle;
use crate::codec::{Codec, Payload};

/// The end where messages go in. Clone it freely; messages of one clone keep their order.
///
/// Also a [`Sink`]. `Sink::close` flushes and closes that clone only; [`close`](Self::close) ends the socket.
pub struct Sender<Out> {
    handle: Handle,
    encode: Arc<dyn Encode<Out>>,
    /// A message that the `Sink` took and that waits for room.
    slot: Option<Payload>,
    /// How far a flush of the `Sink` under way has to come.
    flushing: Option<Flush>,
    /// `Sink::close` was called.
    done: bool,
}

/// The half of a codec that a sender needs, without the type of what comes in.
pub(super) trait Encode<Out>: Send + Sync {
    fn encode(&self, message: Out) -> Result<Payload, SendError>;
}

/// A codec, seen as its encoding half.
pub(super) struct Encoder<C, In> {
    pub(super) codec: Arc<C>,
    pub(super) incoming: std::marker::PhantomData<fn() -> In>,
}

impl<In, Out, C: Codec<In, Out>> Encode<Out> for Encoder<C, In> {
    fn encode(&self, message: Out) -> Result<Payload, SendError> {
        self.codec.encode(message).map_err(SendError::Encode)
    }
}

impl<Out> Sender<Out> {
    pub(super) fn new(handle: Handle, encode: Arc<dyn Encode<Out>>) -> Self {
        Self {
            handle,
            encode,
            slot: None,
            flushing: None,
            done: false,
        }
    }

    /// Sends a message: returns once it is accepted, and waits while the outbox is full. That is the backpressure.
    ///
    /// An accepted message goes out as soon as the socket is open. On a durable socket the other application gets it
    /// exactly once, or [`Event::SessionLost`](super::Event::SessionLost) or [`Closed`] has it. Dropping the future
    /// before it is ready means that the message was not accepted.
    ///
    /// # Errors
    /// See [`SendError`]; the message was not accepted then.
    pub async fn send(&mut self, message: Out) -> Result<(), SendError> {
        self.ready_to_send()?;
        // What the sink took goes first.
        poll_fn(|cx| self.poll_slot(cx)).await?;
        let mut waiting = Some(self.encode.encode(message)?);
        poll_fn(|cx| self.poll_accept(&mut waiting, cx)).await
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    /// [`SendError::Full`] where there is none; otherwise as [`send`](Self::send).
    pub fn try_send(&self, message: Out) -> Result<(), SendError> {
        self.ready_to_send()?;
        if self.slot.is_some() {
            return Err(SendError::Full);
        }
        match self.core().accept(self.encode.encode(message)?, None) {
            Accepted::Done => Ok(()),
            Accepted::Wait(_) => Err(SendError::Full),
            Accepted::Refused(error) => Err(error),
        }
    }

    /// Waits until everything that was accepted before is handed to the browser; on a durable socket, until the
    /// application at the other end has taken it.
    ///
    /// On a plain WebSocket that is all that can be known: what the browser holds when the link dies is lost.
    ///
    /// # Errors
    /// [`SendError::Closed`] where the socket closed before, [`SendError::SessionLost`] where the server lost the
    /// session and with it what became of the messages.
    pub async fn flush(&mut self) -> Result<(), SendError> {
        poll_fn(|cx| self.poll_slot(cx)).await?;
        let flush = self.core().begin_flush();
        poll_fn(|cx| self.core().poll_flushed(flush, cx)).await
    }

    /// Ends the socket: sends what is queued, on a durable socket waits until it is taken, then closes with this code
    /// and reason. Begins at once; await the result to know how it went, or let it go. Takes 5 s at most; what is left
    /// then is in [`Closed::unacknowledged`].
    ///
    /// A page may close with 1000 and 3000 to 4999, and a reason of at most 123 bytes; anything else is a
    /// [`CloseError`], and the socket stays open.
    pub fn close(&self, code: u16, reason: impl Into<String>) -> Closing {
        self.handle.close(code, &reason.into())
    }

    /// Whether messages are refused from now on: the socket is closing or closed, or `Sink::close` ended this clone.
    pub fn is_closed(&self) -> bool {
        self.done || self.core().is_closing()
    }

    fn core(&self) -> &Core {
        self.handle.core()
    }

    fn ready_to_send(&self) -> Result<(), SendError> {
        if self.done { Err(SendError::Closed) } else { Ok(()) }
    }

    fn poll_accept(&self, waiting: &mut Option<Payload>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let Some(payload) = waiting.take() else {
            return Poll::Ready(Ok(()));
        };
        match self.core().accept(payload, Some(cx)) {
            Accepted::Done => Poll::Ready(Ok(())),
            Accepted::Wait(payload) => {
                *waiting = Some(payload);
                Poll::Pending
            }
            Accepted::Refused(error) => Poll::Ready(Err(error)),
        }
    }

    /// Has the slot's message accepted.
    fn poll_slot(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut slot = self.slot.take();
        let accepted = self.poll_accept(&mut slot, cx);
        self.slot = slot;
        accepted
    }
}

impl<Out> Clone for Sender<Out> {
    fn clone(&self) -> Self {
        Self::new(self.handle.clone(), self.encode.clone())
    }
}

impl<Out> Unpin for Sender<Out> {}

impl<Out> Sink<Out> for Sender<Out> {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.ready_to_send()?;
        self.poll_slot(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Out) -> Result<(), SendError> {
        self.ready_to_send()?;
        if self.slot.is_some() {
            return Err(SendError::Full);
        }
        let payload = self.encode.encode(message)?;
        // Where it has to wait, `poll_ready` or `poll_flush` sees to it.
        match self.core().accept(payload, None) {
            Accepted::Done => Ok(()),
            Accepted::Wait(payload) => {
                self.slot = Some(payload);
                Ok(())
            }
            Accepted::Refused(error) => Err(error),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        ready!(self.poll_slot(cx))?;
        // What was accepted before the first poll: others may go on sending.
        let flush = self.flushing.unwrap_or_else(|| self.core().begin_flush());
        self.flushing = Some(flush);
        let flushed = ready!(self.core().poll_flushed(flush, cx));
        self.flushing = None;
        Poll::Ready(flushed)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        ready!(self.as_mut().poll_flush(cx))?;
        self.done = true;
        Poll::Ready(Ok(()))
    }
}

impl<Out> fmt::Debug for Sender<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// A close under way. It goes on whether or not this is awaited.
#[derive(Debug)]
pub struct Closing {
    pub(super) state: Result<oneshot::Receiver<Closed>, CloseError>,
}

impl Future for Closing {
    type Output = Result<Closed, CloseError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            Ok(closed) => Pin::new(closed).poll(cx).map(|closed| Ok(closed.unwrap_or_default())),
            Err(error) => Poll::Ready(Err(error.clone())),
        }
    }
}
