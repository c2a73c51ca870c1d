//! A session as the application has it.

use std::fmt;
use std::pin::pin;
use std::string::String;
use std::sync::{Arc, Weak};
use std::vec::{IntoIter, Vec};

use tokio::time::sleep;

use super::commit::{STORE_PAUSE, Why};
use super::core::Core;
use super::event::{Ended, Events};
use super::halves::{Decode, Encode};
use super::held::Run;
use super::state::State;
use crate::codec::{DecodeError, EncodeError, Payload};
use crate::hub::Peer;
use crate::hub::goodbye::{REASON_BYTES, clip, of_application};
use crate::proto::{Admission, Load, Time};

/// One client's session: messages of type `In` come out of it and messages of type `Out` go in, each exactly once and in order,
/// over as many connections as it takes.
///
/// All methods take `&self`, so that one task can send and receive at the same time; [`sender`](Self::sender) gives a handle for
/// other tasks.
///
/// Dropping it closes the session: with 1000, or with 1011 where a panic drops it. That happens in the background, and what
/// was sent before goes out first. What had arrived and was not received counts as not taken, and the client is told so.
pub struct Session<In, Out = In> {
    core: Arc<Core>,
    decode: Arc<dyn Decode<In>>,
    sender: Sender<Out>,
}

/// Sends messages of a session from another task. Clone it freely; messages of one clone keep their order. It does not keep the
/// session, nor what is left of one that has ended.
pub struct Sender<Out> {
    name: String,
    core: Weak<Core>,
    encode: Arc<dyn Encode<Out>>,
}

/// Why a message was not accepted. It was not sent, and will not be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The session has ended, or is about to.
    Closed,
    /// The outbox is full: wait with [`send`](Sender::send).
    Full,
    /// The message is larger than the client takes, or than the whole outbox.
    TooBig {
        /// Its size in bytes.
        size: usize,
    },
    /// The codec can't express it.
    Encode(EncodeError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the session has ended or is about to; the message was not accepted"),
            Self::Full => f.write_str("the outbox is full; wait for room with `send`, or raise its bounds"),
            Self::TooBig { size } => write!(
                f,
                "the message has {size} bytes, more than the client or the outbox takes"
            ),
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Encode(error) => Some(error),
            _ => None,
        }
    }
}

impl<In, Out> Session<In, Out> {
    pub(super) fn new(core: &Arc<Core>, decode: Arc<dyn Decode<In>>, encode: Arc<dyn Encode<Out>>) -> Self {
        Self {
            core: core.clone(),
            decode,
            sender: Sender {
                name: core.key.name(),
                core: Arc::downgrade(core),
                encode,
            },
        }
    }

    /// Sends a message; see [`Sender::send`].
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(&self, message: Out) -> Result<(), SendError> {
        let payload = self.sender.encode.one(message).map_err(SendError::Encode)?;
        send(&self.core, payload).await
    }

    /// Sends messages one after the other, as [`send`](Self::send) does, for less.
    ///
    /// Where the future is dropped before it is ready, those that found room are sent, and the rest is gone with it. Nothing
    /// tells how many: send them one by one where you may stop.
    ///
    /// # Errors
    /// See [`SendError`]. Where one can't be encoded, none is sent; otherwise those before the one in question are.
    pub async fn send_many(&self, messages: impl IntoIterator<Item = Out>) -> Result<(), SendError> {
        let payloads = self.sender.encode.all(messages.into_iter().collect());
        send_many(&self.core, payloads.map_err(SendError::Encode)?).await
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    /// [`SendError::Full`] where there is none; otherwise as [`send`](Self::send).
    pub fn try_send(&self, message: Out) -> Result<(), SendError> {
        self.sender.try_send(message)
    }

    /// Waits until the client's application has taken everything that was sent before; see [`Sender::flush`].
    ///
    /// # Errors
    /// [`SendError::Closed`] where the session ends before.
    pub async fn flush(&self) -> Result<(), SendError> {
        self.sender.flush().await
    }

    /// A handle for another task. It does not keep the session.
    pub fn sender(&self) -> Sender<Out> {
        self.sender.clone()
    }

    /// The next message; `None` once the session has ended and all that arrived is received. Messages that can't be decoded are
    /// items, not the end.
    ///
    /// What this returns is taken: the client is told so and sends it no more. It is safe to drop the future before it is
    /// ready; no message is lost then.
    pub async fn recv(&self) -> Option<Result<In, DecodeError>> {
        let (message, _) = self.core.take(1).await?;
        self.decode.first(message)
    }

    /// The next messages: at least one, and with it what else is here, `most` in all. None once the session has ended and all
    /// that arrived is received. For those who take many a second: it costs less than as many [`recv`](Self::recv)s.
    ///
    /// What this returns is taken, all of it, and follows one on the other, even where several tasks receive. It is safe to drop
    /// the future before it is ready; no message is lost then. Where sessions are kept in a store of the application's, that notes
    /// one message after the other, and this returns one.
    pub async fn recv_many(&self, most: usize) -> Vec<Result<In, DecodeError>> {
        let Some((first, rest)) = self.core.take(most).await else {
            return Vec::new();
        };
        let count = first.len() + rest.iter().map(Run::len).sum::<usize>();
        let mut messages = Vec::with_capacity(count);
        for run in std::iter::once(first).chain(rest) {
            self.decode.all(run, &mut messages);
        }
        messages
    }

    /// Ends the session: waits until the client's application has taken what was sent, for the close timeout at most, and then
    /// says goodbye with this code and reason. Returns how it ended.
    ///
    /// The codes are 1000, and 3000 to 4999, which are the application's; any other becomes 1000. A reason is cut off after 123
    /// bytes. The client is told in a BYE, and its connection closed with 1000 in any case. Where it has no connection, the end is
    /// kept for it, for the resume time.
    pub async fn close(&self, code: u16, reason: &str) -> Ended {
        self.begin_close(of_application(code), reason);
        self.closed().await
    }

    /// Waits until the session has ended, and says how.
    pub async fn closed(&self) -> Ended {
        Ended::clone(&*self.core.ended().await)
    }

    /// What happens to the session, from now on.
    pub fn events(&self) -> Events {
        Events::new(&self.core)
    }

    /// A name for logs: the same on every connection and every node. It is not the token, and does not help to resume.
    pub fn id(&self) -> String {
        self.core.key.name()
    }

    /// The application's subprotocol; empty: none.
    pub fn protocol(&self) -> &str {
        &self.core.protocol
    }

    /// Who made it: the peer of the first connection that this process saw of it.
    pub fn peer(&self) -> &Peer {
        &self.core.peer
    }

    /// Whether it began in another process, or an earlier one, and was taken over from the store: its client has sent and
    /// received messages that this process has not seen.
    pub fn is_restored(&self) -> bool {
        self.core.restored
    }

    /// Whether it has a connection now.
    pub fn is_attached(&self) -> bool {
        self.core.is_attached()
    }

    /// What was sent and the client's application has not taken.
    pub fn outbox(&self) -> Load {
        self.core.state().server.outbox()
    }

    /// What arrived and was not received.
    pub fn inbox(&self) -> Load {
        self.core.state().server.inbox()
    }

    fn begin_close(&self, code: u16, reason: &str) {
        let timeout = self.core.registry.rules.close_timeout;
        self.core.close(code, clip(reason, REASON_BYTES), timeout);
    }
}

impl<In, Out> Drop for Session<In, Out> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.begin_close(1011, "the application failed");
        } else {
            self.begin_close(1000, "");
        }
    }
}

impl<In, Out> fmt::Debug for Session<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl<Out> Sender<Out> {
    /// Sends a message: returns once it is accepted, and waits while the outbox is full. That is the backpressure: a client
    /// that does not take what it gets holds up whoever sends it more.
    ///
    /// There is no queue before the outbox: of several that wait at the same time, a small message may find room where a large one
    /// does not yet.
    ///
    /// What is sent while the client has no connection waits for the next one. Dropping the future before it is ready means
    /// that the message was not accepted.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(&self, message: Out) -> Result<(), SendError> {
        let payload = self.encode.one(message).map_err(SendError::Encode)?;
        let core = self.core.upgrade().ok_or(SendError::Closed)?;
        send(&core, payload).await
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    /// [`SendError::Full`] where there is none; otherwise as [`send`](Self::send).
    pub fn try_send(&self, message: Out) -> Result<(), SendError> {
        let payload = self.encode.one(message).map_err(SendError::Encode)?;
        let core = self.core.upgrade().ok_or(SendError::Closed)?;
        offer(&core, payload).map_err(|(error, _)| error)
    }

    /// Waits until the client's application has taken everything that was sent before, by whichever handle.
    ///
    /// # Errors
    /// [`SendError::Closed`] where the session ends before; [`Session::closed`] has what was not taken.
    pub async fn flush(&self) -> Result<(), SendError> {
        let core = self.core.upgrade().ok_or(SendError::Closed)?;
        let (target, _) = core.progress();
        loop {
            let mut change = pin!(core.writable.notified());
            change.as_mut().enable();
            let (_, taken) = core.progress();
            if taken >= target {
                return Ok(());
            }
            if core.end().is_some() {
                return Err(SendError::Closed);
            }
            change.await;
        }
    }
}

/// Sends a payload, as soon as there is room.
async fn send(core: &Arc<Core>, payload: Payload) -> Result<(), SendError> {
    let mut payload = match offer(core, payload) {
        Ok(()) => return Ok(()),
        Err((SendError::Full, payload)) => payload,
        Err((error, _)) => return Err(error),
    };
    loop {
        let mut room = pin!(core.writable.notified());
        room.as_mut().enable();
        // It may have come in between.
        payload = match offer(core, payload) {
            Ok(()) => return Ok(()),
            Err((SendError::Full, payload)) => payload,
            Err((error, _)) => return Err(error),
        };
        room.await;
    }
}

/// Sends payloads, each as soon as there is room.
async fn send_many(core: &Arc<Core>, payloads: Vec<Payload>) -> Result<(), SendError> {
    let mut payloads = payloads.into_iter();
    match offer_many(core, &mut payloads) {
        Err(SendError::Full) => {}
        done => return done,
    }
    loop {
        let mut room = pin!(core.writable.notified());
        room.as_mut().enable();
        // It may have come in between.
        match offer_many(core, &mut payloads) {
            Err(SendError::Full) => room.await,
            done => return done,
        }
    }
}

fn offer(core: &Arc<Core>, payload: Payload) -> Result<(), (SendError, Payload)> {
    core.push(payload)
        .map_err(|(admission, payload)| (refused(admission, payload.len()), payload))
}

fn offer_many(core: &Arc<Core>, payloads: &mut IntoIter<Payload>) -> Result<(), SendError> {
    core.push_many(payloads)
        .map_err(|(admission, size)| refused(admission, size))
}

const fn refused(admission: Admission, size: usize) -> SendError {
    match admission {
        Admission::Accept | Admission::Wait | Admission::Reject => SendError::Full,
        Admission::TooBig => SendError::TooBig { size },
        Admission::Closed => SendError::Closed,
    }
}

impl<Out> Clone for Sender<Out> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            core: self.core.clone(),
            encode: self.encode.clone(),
        }
    }
}

impl<Out> fmt::Debug for Sender<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("session", &self.name)
            .finish_non_exhaustive()
    }
}

/// Where the application's next message is.
enum Next {
    /// And what else was asked for and is here.
    Given(Run, Vec<Run>),
    /// It is here; the store has to know that it is taken.
    Held,
    /// None yet.
    Nothing,
    /// None any more.
    Over,
}

impl Core {
    /// Takes the oldest message that arrived, and what else is here, so many in all at most; `None` when there won't be one.
    async fn take(self: &Arc<Self>, most: usize) -> Option<(Run, Vec<Run>)> {
        loop {
            match self.next(most) {
                Next::Given(first, rest) => return Some((first, rest)),
                Next::Over => return None,
                Next::Held => {
                    if self.commit(Why::Take).await.is_err() {
                        sleep(STORE_PAUSE).await;
                    }
                }
                Next::Nothing => {
                    let mut arrival = pin!(self.readable.notified());
                    arrival.as_mut().enable();
                    if matches!(self.look(&mut self.state()), Next::Nothing) {
                        arrival.await;
                    }
                }
            }
        }
    }

    fn next(self: &Arc<Self>, most: usize) -> Next {
        let mut state = self.state();
        state.has_many = false;
        // No store has to note it first.
        let is_at_once = self.registry.is_alone && !state.is_ending();
        let next = match state.taken.pop_front(1) {
            None if is_at_once => state.held.pop_front(most.max(1)),
            next => next,
        };
        if let Some(first) = next {
            let (mut rest, mut count) = (Vec::new(), first.len());
            // Under the same lock: another task that receives must not come in between.
            while is_at_once
                && state.taken.is_empty()
                && let Some(run) = state.held.pop_front(most.saturating_sub(count))
            {
                count += run.len();
                rest.push(run);
            }
            state.has_many = count > 1;
            // Not before: who asked for it may have lost interest, and no one may ask again.
            self.note_taken(&mut state, count);
            state.trim();
            return Next::Given(first, rest);
        }
        if state.is_over() && !state.is_asked {
            // Nobody is told any more what is taken; what has arrived is still given.
            let next = state.held.pop_front(1);
            return next.map_or(Next::Over, |oldest| Next::Given(oldest, Vec::new()));
        }
        self.look(&mut state)
    }

    fn note_taken(&self, state: &mut State, count: usize) {
        if state.server.is_ack_timed() {
            // The time is only for that.
            state.server.take(count, Time::default());
        } else {
            state.server.take(count, self.registry.now());
        }
        state.rouse();
        self.recount_roughly(state);
    }

    fn look(&self, state: &mut State) -> Next {
        if state.is_over() {
            // What the store is being asked may yet come to a message.
            return if state.is_asked { Next::Nothing } else { Next::Over };
        }
        let is_there = !state.held.is_empty() && !state.is_ending();
        if is_there || !state.taken.is_empty() {
            return Next::Held;
        }
        self.uncork(state);
        Next::Nothing
    }
}
