//! The socket's handle: its state, its events, its ends.

use std::fmt;
use std::string::String;
use std::sync::Arc;

use super::builder::Builder;
use super::core::Core;
use super::error::{CloseError, Closed, SplitError};
use super::event::Events;
use super::receiver::{Decode, Receiver};
use super::sender::{Closing, Encode, Sender};
use crate::proto::{State, Stats};

/// A WebSocket that connects again by itself, with messages of type `In` coming in and `Out` going out.
///
/// A handle: clone it freely, keep it in application state, send it to other threads. When the last handle of a socket
/// (every `Socket`, [`Sender`] and [`Receiver`]) is dropped, what is queued is sent and the socket closes with 1000.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use tautline::Socket;
///
/// let socket = Socket::<String>::builder("wss://example.com/chat").connect()?;
/// socket.opened().await?;
/// let (mut sender, mut receiver) = socket.split();
/// sender.send("hello".into()).await?;
/// while let Some(message) = receiver.next().await {
///     println!("{}", message?);
/// }
/// println!("{}", socket.closed().await);
/// # Ok(())
/// # }
/// ```
pub struct Socket<In, Out = In> {
    handle: Handle,
    encode: Arc<dyn Encode<Out>>,
    decode: Arc<dyn Decode<In>>,
}

impl<In, Out> Socket<In, Out> {
    /// Begins to describe a socket to `url`, which may be relative to the page; `http:` becomes `ws:`, `https:` `wss:`.
    pub fn builder(url: impl Into<String>) -> Builder<In, Out> {
        Builder::new(url.into())
    }

    pub(super) fn new(handle: Handle, encode: Arc<dyn Encode<Out>>, decode: Arc<dyn Decode<In>>) -> Self {
        Self { handle, encode, decode }
    }

    /// The two ends. A socket has one receiver: on a second call the sender works, and the receiver yields
    /// [`DecodeError::AlreadySplit`](crate::codec::DecodeError::AlreadySplit) and ends. [`try_split`](Self::try_split)
    /// says so at once.
    pub fn split(&self) -> (Sender<Out>, Receiver<In>) {
        let first = self.handle.core().split();
        (
            self.sender(),
            Receiver::new(self.handle.clone(), self.decode.clone(), first),
        )
    }

    /// The two ends, once.
    ///
    /// # Errors
    /// [`SplitError`] where the socket was split before.
    pub fn try_split(&self) -> Result<(Sender<Out>, Receiver<In>), SplitError> {
        if !self.handle.core().split() {
            return Err(SplitError);
        }
        let receiver = Receiver::new(self.handle.clone(), self.decode.clone(), true);
        Ok((self.sender(), receiver))
    }

    /// A sender, as often as you like. What arrives still needs a taker: whoever only sends drops the receiver that
    /// [`split`](Self::split) gives, which discards it; else the inbox fills, and the other end of a durable socket
    /// waits.
    pub fn sender(&self) -> Sender<Out> {
        Sender::new(self.handle.clone(), self.encode.clone())
    }

    /// Where the socket stands.
    pub fn state(&self) -> State {
        self.handle.core().state()
    }

    /// Figures from the start to now.
    pub fn stats(&self) -> Stats {
        self.handle.core().stats()
    }

    /// The subprotocol that the server chose on the latest connection, or for the session of a durable socket; empty
    /// where it chose none, or before the first.
    pub fn protocol(&self) -> String {
        self.handle.core().protocol()
    }

    /// What happens from now on. Call it again for another, independent stream.
    pub fn events(&self) -> Events {
        self.handle.core().events()
    }

    /// Waits until the socket is open for the first time. Returns at once where it has been open before.
    ///
    /// # Errors
    /// [`Closed`] where it closed for good before it was ever open.
    pub async fn opened(&self) -> Result<(), Closed> {
        let opened = self.handle.core().on_opened();
        opened.await.unwrap_or_else(|_| Err(Closed::default()))
    }

    /// Waits until the socket is closed for good, and says how.
    pub async fn closed(&self) -> Closed {
        self.handle.core().on_closed().await.unwrap_or_default()
    }

    /// Ends the socket; as [`Sender::close`].
    pub fn close(&self, code: u16, reason: impl Into<String>) -> Closing {
        self.handle.close(code, &reason.into())
    }
}

impl<In, Out> Clone for Socket<In, Out> {
    fn clone(&self) -> Self {
        Self::new(self.handle.clone(), self.encode.clone(), self.decode.clone())
    }
}

impl<In, Out> fmt::Debug for Socket<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// What every handle holds. The last one to go closes the socket.
#[derive(Clone, Debug)]
pub(super) struct Handle(Arc<LastOut>);

#[derive(Debug)]
struct LastOut {
    core: Arc<Core>,
}

impl Handle {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self(Arc::new(LastOut { core }))
    }

    pub(super) fn core(&self) -> &Core {
        &self.0.core
    }

    pub(super) fn close(&self, code: u16, reason: &str) -> Closing {
        let state = check_close(code, reason).map(|()| {
            let closed = self.core().on_closed();
            self.core().close(code, reason);
            closed
        });
        Closing { state }
    }
}

impl Drop for LastOut {
    fn drop(&mut self) {
        self.core.close(1000, "");
    }
}

/// What a browser would throw for.
fn check_close(code: u16, reason: &str) -> Result<(), CloseError> {
    if code != 1000 && !(3000..=4999).contains(&code) {
        return Err(CloseError::Code(code));
    }
    if reason.len() > 123 {
        return Err(CloseError::Reason { bytes: reason.len() });
    }
    Ok(())
}
