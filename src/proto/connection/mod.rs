//! The machine itself: its state, its commands, and what it does by itself when there is something to send.
//! `socket.rs`, `page.rs` and `retry.rs` react to what is reported, `session.rs` to what a durable session adds.

mod page;
mod retry;
mod session;
mod socket;

use alloc::collections::VecDeque;
use alloc::string::String;
use core::time::Duration;

use self::session::Session;
use crate::proto::backoff::{Backoff, Pace};
use crate::proto::error::Failure;
use crate::proto::event::{Close, Event, State, Stats};
use crate::proto::io::{Admission, Generation, Input, Output};
use crate::proto::liveness::Liveness;
use crate::proto::policy::{Config, Inbox, InboxOverflow, Outbox, OutboxOverflow};
use crate::proto::queue::{Load, Queue};
use crate::proto::time::Time;
use crate::proto::timer::{Timer, Timers};
use crate::session::Fault;

/// The socket gets no more while it holds this many bytes: what it holds is lost with the link, and a page can't take it back.
/// Enough to keep a fast link busy from one look to the next; in a busy page a look shows what was some milliseconds ago.
const BUFFER_MOST: usize = 4 << 20;
/// Where signs of life stand in line behind it, it is this many, and as many more as have just left it between two looks, but
/// no more than that.
const BUFFER_LEAST: usize = 1 << 20;
/// How often to look whether a full socket has drained. A browser has no event for it.
const DRAIN_POLL: Duration = Duration::from_millis(5);
/// How long a socket that closes by itself, or has failed, may take before it counts as gone: some browsers wait a minute
/// for the other side's last word, and WebKit ends a connection to a port that it blocks with an error alone. Well above
/// the two seconds that Chromium gives a server to end the stream after its close frame: the code is told only then.
const LINGER: Duration = Duration::from_secs(3);
/// How soon to try when somebody looks at the page again, or it woke up.
const PROMPT: Duration = Duration::from_millis(50);
/// The longest delay after going online: a thousand pages hear of it at the same moment.
const ONLINE_SPREAD: Duration = Duration::from_secs(2);
/// What the server is told when the inbox is full: a page may send 1000 and 3000 to 4999 only.
const OVERFLOW_CODE: u16 = 4429;

/// A connection that comes back by itself. See the [module](self::super) for how to drive it.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    phase: Phase,
    /// While open: since when, and whether the closing handshake has begun from this side.
    since: Time,
    parting: bool,
    /// The socket takes messages.
    writable: bool,
    /// Why it waits.
    cause: Option<Failure>,
    generation: Generation,
    outputs: VecDeque<Output>,
    timers: Timers,
    /// The instant the driver's timer is set to.
    armed: Time,
    backoff: Backoff,
    /// Attempts since the last stable connection.
    attempts_in_row: u32,
    /// Fresh credentials were asked for since the last stable connection.
    reauthorized: bool,
    /// The server asked for patience: no attempt before this, whoever looks at the page.
    hold: Time,
    online: bool,
    /// The page is not shown.
    hidden: bool,
    /// The page was left, and perhaps kept.
    left: bool,
    /// The caller's close, with code and reason.
    closing: Option<(u16, String)>,
    liveness: Option<Liveness>,
    /// Where delivery is exactly once; its outbox and inbox are in place of the two below.
    session: Option<Session>,
    outbox: Queue,
    /// Messages ever accepted.
    accepted: u64,
    inbox: Queue,
    /// An upper bound of what the socket holds, in bytes.
    buffered: usize,
    /// How much left it between the last two looks.
    drained: usize,
    drain: Drain,
    opens: u32,
    sent: u64,
    received: u64,
    last_close: Option<Close>,
    /// The latest instant that an input came with.
    now: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not begun.
    Idle,
    /// A URL was asked for.
    Asking,
    /// A socket is connecting.
    Connecting,
    /// It is open, and the session is not agreed upon.
    Greeting,
    Open,
    Waiting,
    Closed,
}

/// How the machine stands to the socket's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Drain {
    /// There is room, as far as is known.
    Flowing,
    /// Full; waits to look again.
    Full,
    /// Asked how full it is.
    Measuring,
    /// Asked again: what left it since tells how fast it drains.
    Looking,
}

impl Connection {
    /// A machine that has not begun. `seed` drives the jitter of its delays; take it from a real source of randomness.
    pub fn new(mut config: Config, seed: u64) -> Self {
        let session = config.durable.take().map(|durable| Session::new(&config, durable));
        Self {
            config,
            phase: Phase::Idle,
            since: Time::default(),
            parting: false,
            writable: false,
            cause: None,
            generation: Generation::default(),
            outputs: VecDeque::new(),
            timers: Timers::new(),
            armed: Time::NEVER,
            backoff: Backoff::new(seed),
            attempts_in_row: 0,
            reauthorized: false,
            hold: Time::default(),
            online: true,
            hidden: false,
            left: false,
            closing: None,
            liveness: None,
            session,
            outbox: Queue::default(),
            accepted: 0,
            inbox: Queue::default(),
            buffered: 0,
            drained: 0,
            drain: Drain::Flowing,
            opens: 0,
            sent: 0,
            received: 0,
            last_close: None,
            now: Time::default(),
        }
    }

    /// Takes in what happened at `now`. Then [`poll`](Self::poll).
    pub fn handle(&mut self, input: Input, now: Time) {
        self.now = self.now.max(now);
        match input {
            Input::Connect => self.connect(now),
            Input::Send { size } => self.send(size),
            Input::Taken { count } => self.taken(count, now),
            Input::Close { code, reason, timeout } => self.close(code, reason, timeout, now),
            Input::Abort => self.abort(),
            Input::UrlReady(generation) => {
                if self.is(generation, Phase::Asking) {
                    self.phase = Phase::Connecting;
                    self.outputs.push_back(Output::Open(generation));
                }
            }
            Input::UrlFailed(generation) => {
                if self.is(generation, Phase::Asking) {
                    self.come_back(Failure::Url, Pace::Usual, now);
                }
            }
            Input::OpenFailed(generation) => self.open_failed(generation, now),
            Input::Opened(generation) => self.opened(generation, now),
            Input::WrongProtocol(generation) => self.wrong_protocol(generation, now),
            Input::Message(generation, size) => {
                if self.message(generation, size, now) {
                    self.outputs.push_back(Output::Deliver { count: 1 });
                }
            }
            Input::Malformed(generation) => self.fault(generation, Fault::Malformed),
            Input::TurnEnded => self.turn_ended(),
            Input::Error(generation) => self.failed(generation, now),
            Input::Closing(generation) => self.socket_closing(generation, now),
            Input::Closed {
                generation,
                close,
                retry,
            } => {
                if generation == self.generation {
                    self.ended(close, retry, now);
                }
            }
            Input::Buffered(bytes) => self.measured(bytes, now),
            Input::Timer => self.timer(now),
            Input::Page(signal) => self.page(signal, now),
        }
    }

    /// Whether a driver may hold what is to go out: not where the oldest would have to make room for it, or where it would be
    /// refused, nor behind a close. Nor where it fills the outbox, or half of its bytes: the next is to find room.
    pub fn may_hold(&self) -> bool {
        let Outbox {
            messages,
            bytes,
            overflow,
        } = self.config.outbox;
        let load = self.outbox.load();
        !self.is_durable()
            && overflow == OutboxOverflow::Wait
            && self.closing.is_none()
            && load.messages < messages
            && load.bytes <= bytes / 2
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        self.poll_unless_held(false)
    }

    /// The same; where a driver holds, to collect more, what waits to be sent on a plain WebSocket waits on, and so does a
    /// close. A session collects by itself.
    pub fn poll_unless_held(&mut self, holds: bool) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        if !holds && let Some(output) = self.transmission().or_else(|| self.farewell()) {
            return Some(output);
        }
        let next = self.timers.next();
        (next != self.armed).then(|| {
            self.armed = next;
            Output::SetTimer((next < Time::NEVER).then_some(next))
        })
    }

    /// Whether a message of `size` bytes may be sent now.
    pub fn admits(&self, size: usize) -> Admission {
        let bounds = &self.config.outbox;
        if self.closing.is_some() || self.phase == Phase::Closed {
            Admission::Closed
        } else if size > bounds.bytes || size as u64 > self.max_message() {
            Admission::TooBig
        } else if bounds.overflow == OutboxOverflow::DropOldest
            || self.outbox().has_room(size, bounds.messages, bounds.bytes)
        {
            Admission::Accept
        } else if bounds.overflow == OutboxOverflow::Wait {
            Admission::Wait
        } else {
            Admission::Reject
        }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Idle | Phase::Asking | Phase::Connecting | Phase::Greeting => State::Connecting,
            Phase::Open => State::Open,
            Phase::Waiting => State::Waiting,
            Phase::Closed => State::Closed,
        }
    }

    /// The attempt under way, or the latest.
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether messages may be on their way into the socket, so that its readiness matters.
    pub fn is_writable(&self) -> bool {
        self.is_conversing() && self.writable
    }

    /// Whether [`poll`](Self::poll) may be about to hand messages to the socket.
    pub fn is_sending(&self) -> bool {
        self.is_writable()
            && self.drain == Drain::Flowing
            && match &self.session {
                Some(session) => session.turn != session::Turn::Busy && session.client.outgoing.is_ready(),
                None => !self.outbox.is_empty(),
            }
    }

    /// Whether it matters when a message of a plain WebSocket arrives: something watches over the silence between them.
    pub const fn watches(&self) -> bool {
        self.liveness.is_some()
    }

    /// What is sent and not yet handed on or dropped; in a session, not yet taken by the other application.
    pub fn outbox(&self) -> Load {
        match &self.session {
            Some(session) => session.client.outgoing.load(),
            None => self.outbox.load(),
        }
    }

    /// What arrived and is not yet taken.
    pub fn inbox(&self) -> Load {
        match &self.session {
            Some(session) => session.client.incoming.load(),
            None => self.inbox.load(),
        }
    }

    /// Whether the inbox can lend room: not in a session, nor where the oldest make room, as more than it holds might come in.
    pub fn lends_room(&self) -> bool {
        !self.is_durable() && self.config.inbox.overflow == InboxOverflow::Close
    }

    /// The inbox of a plain WebSocket has room for one more message, of `size` bytes, until that is taken back: for a driver that
    /// has delivered it, and wakes the application a little later. What was lent. (A [`Row`](crate::proto::Row) says when.)
    pub const fn lend_room(&mut self, size: usize) -> Load {
        let Inbox { messages, bytes, .. } = self.config.inbox;
        self.config.inbox.messages = messages.saturating_add(1);
        self.config.inbox.bytes = bytes.saturating_add(size);
        Load {
            messages: self.config.inbox.messages - messages,
            bytes: self.config.inbox.bytes - bytes,
        }
    }

    /// Takes back what was lent.
    pub const fn take_room_back(&mut self, lent: Load) {
        let Inbox { messages, bytes, .. } = self.config.inbox;
        self.config.inbox.messages = messages.saturating_sub(lent.messages);
        self.config.inbox.bytes = bytes.saturating_sub(lent.bytes);
    }

    /// How many messages the application may take, until something else happens, before [`Input::Taken`] has to say so: any
    /// number on a plain WebSocket.
    pub fn patience(&self) -> u64 {
        self.session
            .as_ref()
            .map_or(u64::MAX, |session| session.client.incoming.patience())
    }

    /// Messages of a session that went out and are not known to be taken.
    pub fn unacknowledged(&self) -> usize {
        self.session
            .as_ref()
            .map_or(0, |session| session.client.outgoing.unacknowledged())
    }

    /// How long the server's last answer to a HELLO or a PING took, in a session.
    pub fn rtt(&self) -> Option<Duration> {
        self.session.as_ref().and_then(|session| session.rtt)
    }

    /// Whether messages go in frames of a session.
    pub const fn is_durable(&self) -> bool {
        self.session.is_some()
    }

    /// The application's subprotocol that the server chose for the session: empty where it chose none or before the first
    /// WELCOME. `None` on a plain WebSocket.
    pub fn session_protocol(&self) -> Option<&str> {
        self.session.as_ref().map(|session| session.client.protocol())
    }

    /// The largest message that the server takes, as far as it has said.
    fn max_message(&self) -> u64 {
        self.session
            .as_ref()
            .map_or(u64::MAX, |session| session.client.max_message())
    }

    /// Messages handed to the browser so far.
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Messages that arrived so far.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Connections opened after the first one.
    pub const fn reconnects(&self) -> u32 {
        self.opens.saturating_sub(1)
    }

    /// Whether anything is sent and not yet handed on or dropped.
    pub fn has_outbox(&self) -> bool {
        self.outbox().messages > 0
    }

    /// Figures from the start to now.
    pub fn stats(&self) -> Stats {
        Stats {
            state: self.state(),
            attempts: self.generation.number(),
            reconnects: self.reconnects(),
            sent: self.sent,
            received: self.received,
            outbox: self.outbox(),
            inbox: self.inbox(),
            unacknowledged: self.unacknowledged(),
            rtt: self.rtt(),
            last_close: self.last_close.clone(),
        }
    }

    // Commands

    fn connect(&mut self, now: Time) {
        if self.phase != Phase::Idle {
            return;
        }
        if self.online && !self.left {
            self.begin_attempt(now);
        } else {
            self.pause(State::Connecting);
        }
    }

    fn send(&mut self, size: usize) {
        if self.closing.is_some() || self.phase == Phase::Closed {
            return;
        }
        self.accepted += 1;
        if let Some(session) = &mut self.session {
            session.client.outgoing.push(size);
            return;
        }
        let bounds = &self.config.outbox;
        let dropped = self.outbox.make_room(size, bounds.messages, bounds.bytes);
        match self.outputs.back_mut() {
            _ if dropped == 0 => {}
            Some(Output::Release { count }) => *count += dropped,
            _ => self.outputs.push_back(Output::Release { count: dropped }),
        }
        self.outbox.push(size);
    }

    fn taken(&mut self, count: u64, now: Time) {
        if let Some(session) = &mut self.session {
            session.client.incoming.take(count as usize, now);
            return;
        }
        for _ in 0..count {
            if self.inbox.pop().is_none() {
                break;
            }
        }
    }

    fn close(&mut self, code: u16, reason: String, timeout: Duration, now: Time) {
        if self.closing.is_some() || self.phase == Phase::Closed {
            return;
        }
        if self.phase != Phase::Open && !self.has_outbox() {
            // Nothing is open and nothing is owed.
            self.abandon();
            self.finish(
                Close {
                    code,
                    reason,
                    was_clean: true,
                },
                None,
            );
            return;
        }
        self.closing = Some((code, reason));
        self.timers.set(Timer::Close, now + timeout);
        self.hurry(now, now);
    }

    fn abort(&mut self) {
        if self.phase == Phase::Closed {
            return;
        }
        self.bye(1000, "");
        self.finish(Close::abnormal(), Some(Failure::Aborted));
    }

    fn measured(&mut self, bytes: usize, now: Time) {
        self.judged(bytes, now);
        // The socket that was asked about may be gone.
        if self.drain < Drain::Measuring || self.phase != Phase::Open {
            return;
        }
        self.drained = match self.drain {
            Drain::Looking => self.buffered.saturating_sub(bytes).min(BUFFER_MOST - BUFFER_LEAST),
            _ => 0,
        };
        self.buffered = bytes;
        self.drain = Drain::Flowing;
        if self.is_full() {
            self.drain = Drain::Full;
            self.timers.set(Timer::Drain, now + DRAIN_POLL);
        }
    }

    // Outputs that follow from the state

    fn transmission(&mut self) -> Option<Output> {
        if self.session.is_some() {
            return self.next_frame();
        }
        if !self.is_writable() || self.outbox.is_empty() || self.drain != Drain::Flowing {
            return None;
        }
        if let Some(measure) = self.measure_if_full() {
            return Some(measure);
        }
        let first = self.accepted - self.outbox.load().messages as u64 + 1;
        let mut count = 0;
        while !self.is_full()
            && let Some(size) = self.outbox.pop()
        {
            self.buffered = self.buffered.saturating_add(size);
            count += 1;
        }
        self.sent += count;
        self.outputs.push_back(Output::Release { count });
        Some(Output::Transmit { first, count })
    }

    /// The socket may be full by now: it has to be looked at before it gets more.
    fn measure_if_full(&mut self) -> Option<Output> {
        self.is_full().then(|| {
            self.drain = Drain::Measuring;
            Output::Measure
        })
    }

    const fn is_full(&self) -> bool {
        let most = match self.liveness {
            Some(_) => BUFFER_LEAST + self.drained,
            None => BUFFER_MOST,
        };
        self.buffered >= most
    }

    /// The closing handshake, once everything is handed on, and in a session taken.
    fn farewell(&mut self) -> Option<Output> {
        if !self.has_said_all() || !self.is_writable() {
            return None;
        }
        let (mut code, mut reason) = self.closing.clone()?;
        if self.session.is_some() {
            // The BYE has the code; the connection just ends.
            self.say_bye(code, &reason);
            (code, reason) = (1000, String::new());
        }
        self.outputs.push_back(Output::Close { code, reason });
        self.parting = true;
        // The timeout of the close watches over the rest.
        self.liveness = None;
        self.timers.clear(Timer::Heartbeat);
        self.outputs.pop_front()
    }

    /// Whether the caller closed it and everything is handed on: no reason to come back.
    fn has_said_all(&self) -> bool {
        self.closing.is_some() && !self.has_outbox()
    }

    fn is(&self, generation: Generation, phase: Phase) -> bool {
        generation == self.generation && self.phase == phase
    }

    /// Open, and not about to close from this side.
    fn is_conversing(&self) -> bool {
        self.phase == Phase::Open && !self.parting
    }

    fn tell_state(&mut self, previous: State, retry_in: Option<Duration>, cause: Option<Failure>) {
        self.outputs.push_back(Output::Tell(Event::StateChange {
            state: self.state(),
            previous,
            retry_in,
            cause,
        }));
    }
}
