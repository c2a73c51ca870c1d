//! The end where messages come out.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::socket::Handle;
use crate::codec::{Arrival, Codec, DecodeError};

/// The end where messages come out. A [`Stream`]; it ends when the socket is closed for good and everything is taken.
///
/// A message counts as taken when it comes out. Dropping the receiver discards what arrives from then on, as taken.
pub struct Receiver<In> {
    handle: Handle,
    decode: Arc<dyn Decode<In>>,
    part: Part,
}

/// What this receiver is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Messages,
    /// To say once that the messages go elsewhere.
    Refusal,
    Nothing,
}

/// The half of a codec that a receiver needs, without the type of what goes out.
pub(super) trait Decode<In>: Send + Sync {
    fn decode(&self, arrival: Arrival) -> Result<In, DecodeError>;
}

/// A codec, seen as its decoding half.
pub(super) struct Decoder<C, Out> {
    pub(super) codec: Arc<C>,
    pub(super) outgoing: std::marker::PhantomData<fn() -> Out>,
}

impl<In, Out, C: Codec<In, Out>> Decode<In> for Decoder<C, Out> {
    fn decode(&self, arrival: Arrival) -> Result<In, DecodeError> {
        arrival.decode(&*self.codec)
    }
}

impl<In> Receiver<In> {
    pub(super) fn new(handle: Handle, decode: Arc<dyn Decode<In>>, first: bool) -> Self {
        let part = if first { Part::Messages } else { Part::Refusal };
        Self { handle, decode, part }
    }

    /// The next message; `None` once the socket is closed for good, and [`closed`](super::Socket::closed) says why.
    ///
    /// A message that can't be decoded is an item like any other, with the cause and the payload; the next call goes on
    /// behind it.
    pub async fn next(&mut self) -> Option<Result<In, DecodeError>> {
        poll_fn(|cx| self.poll_message(cx)).await
    }

    fn poll_message(&mut self, cx: &Context<'_>) -> Poll<Option<Result<In, DecodeError>>> {
        match self.part {
            Part::Messages => {
                let arrival = ready!(self.handle.core().poll_receive(cx));
                Poll::Ready(arrival.map(|arrival| self.decode.decode(arrival)))
            }
            Part::Refusal => {
                self.part = Part::Nothing;
                Poll::Ready(Some(Err(DecodeError::AlreadySplit)))
            }
            Part::Nothing => Poll::Ready(None),
        }
    }
}

impl<In> Unpin for Receiver<In> {}

impl<In> Stream for Receiver<In> {
    type Item = Result<In, DecodeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_message(cx)
    }
}

impl<In> Drop for Receiver<In> {
    fn drop(&mut self) {
        if self.part == Part::Messages {
            self.handle.core().drop_receiver();
        }
    }
}

impl<In> fmt::Debug for Receiver<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
