//! The server's half of one session, from its first connection to its end. Whoever runs servers has one for each session,
//! finds it by its token, and keeps its payloads in two queues.
//!
//! Tell it what happened; then carry out each [`Output`] of [`Server::poll`], pull each [`Frame`] of
//! [`Server::next_frame`] while the connection takes any, and both again until there is none; and call
//! [`Server::timer`] at [`Server::deadline`]. [`Server::record`] is what has to be stored before a frame leaves,
//! where the session is to outlive this process.
//!
//! `connection.rs` is about its connections, `ends.rs` about its end; `output.rs` has the words.

mod connection;
mod ends;
mod output;

use alloc::collections::VecDeque;
use alloc::string::String;
use core::time::Duration;

pub use self::output::{Event, Frame, Link, Output, Record, Refusal};
use super::frame::{Bye, Control, Hello, Welcome};
use super::incoming::{ACK_BESIDE, Incoming};
use super::outgoing::Outgoing;
use crate::proto::{Admission, Load, Time};

/// A timer that fires later than this past its deadline says that this process stood still, and nothing about the other end.
pub(crate) const LATE: Duration = Duration::from_secs(1);
/// What leaves so soon after another frame leaves beside it.
const BESIDE: Duration = Duration::from_millis(1);

/// What a server grants each session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Positions that may arrive and wait to be taken. Default: 1,024.
    pub window: u64,
    /// The largest message taken, in bytes. Default: 1 MiB.
    pub max_message: u64,
    /// How long a session outlives its connection. Default: 120 s.
    pub resume: Duration,
    /// How long the server is silent at most; zero: as long as it likes. Default: 15 s.
    pub heartbeat: Duration,
    /// How long a client that was silent for twice the heartbeat has for its answer to a PING. Default: 5 s.
    pub probe: Duration,
    /// Messages that wait to be taken by the client's application, at most. Default: 4,096.
    pub outbox_messages: usize,
    /// Their bytes, at most. Default: 16 MiB.
    pub outbox_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window: 1024,
            max_message: 1 << 20,
            resume: Duration::from_secs(120),
            heartbeat: Duration::from_secs(15),
            probe: Duration::from_secs(5),
            outbox_messages: 4096,
            outbox_bytes: 16 << 20,
        }
    }
}

/// The server's half of one session.
#[derive(Clone, Debug)]
pub struct Server {
    settings: Settings,
    protocol: String,
    attempt: u64,
    /// The largest message that the client takes.
    max_message: u64,
    outgoing: Outgoing,
    incoming: Incoming,
    state: State,
    /// The application's close, and how long it waits for what is queued.
    closing: Option<(Bye, Time)>,
    outputs: VecDeque<Output>,
    /// The client has said something since its first WELCOME, or come back.
    used: bool,
}

#[derive(Clone, Debug)]
enum State {
    Attached(Attachment),
    Detached { since: Time, until: Time },
    Ended,
}

#[derive(Clone, Debug)]
struct Attachment {
    link: Link,
    heard: Time,
    sent: Time,
    /// When the PING that waits for an answer went out.
    probed: Option<Time>,
    /// The nonce of the PING that is to be answered.
    pong: Option<u64>,
    /// A PING has to go out.
    ping: bool,
}

impl Attachment {
    fn new(link: Link, now: Time) -> Self {
        Self {
            link,
            heard: now,
            sent: now,
            probed: None,
            pong: None,
            ping: false,
        }
    }
}

impl Server {
    /// What a connection is told when it has lost its session to a newer one.
    pub(crate) const SUPERSEDED: &str = "superseded by a newer connection";
    /// Why a session has ended that its client and its server don't both know.
    pub(crate) const LOST: &str = "session lost";

    /// A new session for a client that has said `hello`, on the connection `link`; and the WELCOME without its token, which
    /// is to be the first frame.
    pub fn new(settings: Settings, hello: &Hello, protocol: String, link: Link, now: Time) -> (Self, Welcome) {
        // What a HELLO with a token says of its limit is that session's.
        let limit = if hello.token.is_empty() { hello.limit } else { 0 };
        let mut server = Self {
            settings,
            protocol,
            attempt: hello.attempt,
            max_message: hello.max_message,
            outgoing: Outgoing::new(limit),
            incoming: Incoming::new(settings.window, settings.max_message),
            state: State::Attached(Attachment::new(link, now)),
            closing: None,
            outputs: VecDeque::new(),
            used: false,
        };
        let welcome = server.greet(false);
        (server, welcome)
    }

    /// A session as a store kept it, without a connection. `sizes` are those of the payloads that are not taken, the oldest
    /// first; what this process held and had not taken is gone, and comes again.
    pub fn restore(
        settings: Settings,
        record: &Record,
        sizes: impl IntoIterator<Item = usize>,
        protocol: String,
        now: Time,
    ) -> Self {
        Self {
            settings,
            protocol,
            attempt: record.attempt,
            max_message: u64::MAX,
            outgoing: Outgoing::restored(record.acknowledged, record.limit, record.sent_to, sizes),
            incoming: Incoming::restored(settings.window, settings.max_message, record.taken, record.granted),
            state: State::Detached {
                since: now,
                until: now + settings.resume,
            },
            closing: None,
            outputs: VecDeque::new(),
            used: true,
        }
    }

    /// The application sent a message of this size, which [`admits`](Self::admits) accepted.
    pub fn send(&mut self, size: usize) {
        self.outgoing.push(size);
    }

    /// The application has taken so many of the oldest messages.
    pub fn take(&mut self, count: usize, now: Time) {
        self.incoming.take(count, now);
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next frame to send, until there is none. Pull it only when it can be sent: what waits grows into fewer frames.
    pub fn next_frame(&mut self, link: Link, now: Time) -> Option<Frame> {
        let owes = self.incoming.owes();
        let ack_due = self.ack_due();
        let leaves = self.may_leave(now);
        let attachment = self.attachment(link)?;
        let is_beside = now.since(attachment.sent) < BESIDE;
        let by = if is_beside { now + ACK_BESIDE } else { now };
        let ack_is_due = ack_due.is_some_and(|due| due <= by);
        // After a BYE nothing more is said: what was taken is told before.
        let frame = if ack_is_due || (owes && (attachment.pong.is_some() || leaves)) {
            let (taken, limit) = self.incoming.tell();
            Frame::Control(Control::Ack { taken, limit })
        } else if let Some(nonce) = attachment.pong.take() {
            Frame::Control(Control::Pong(nonce))
        } else if core::mem::take(&mut attachment.ping) {
            Frame::Control(Control::Ping(now.as_micros() & 0xffff_ffff))
        } else if let Some(chunk) = self.outgoing.next_chunk() {
            Frame::Chunk(chunk)
        } else {
            return self.farewell(now);
        };
        if let Some(attachment) = self.attachment(link) {
            attachment.sent = now;
        }
        Some(frame)
    }

    /// What has to be stored before a frame leaves.
    pub fn record(&self) -> Record {
        Record {
            attempt: self.attempt,
            taken: self.incoming.taken(),
            granted: self.incoming.granted(),
            acknowledged: self.outgoing.taken(),
            sent_to: self.outgoing.sent_to(),
            limit: self.outgoing.limit(),
        }
    }

    /// Whether a message of `size` bytes may be sent now.
    pub fn admits(&self, size: usize) -> Admission {
        let load = self.outgoing.load();
        if self.is_ended() || self.closing.is_some() {
            Admission::Closed
        } else if size as u64 > self.max_message || size > self.settings.outbox_bytes {
            Admission::TooBig
        } else if load.messages < self.settings.outbox_messages
            && load.bytes.saturating_add(size) <= self.settings.outbox_bytes
        {
            Admission::Accept
        } else {
            Admission::Wait
        }
    }

    /// Whether it is settled when the client hears of what was taken: [`take`](Self::take) needs no time then.
    pub const fn is_ack_timed(&self) -> bool {
        self.incoming.is_timed()
    }

    /// What was sent and is not taken.
    pub fn outbox(&self) -> Load {
        self.outgoing.load()
    }

    /// What arrived and is not taken.
    pub fn inbox(&self) -> Load {
        self.incoming.load()
    }

    /// The application's subprotocol; empty: none.
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// The connection it has.
    pub const fn link(&self) -> Option<Link> {
        match &self.state {
            State::Attached(attachment) => Some(attachment.link),
            _ => None,
        }
    }

    /// Since when it has no connection.
    pub const fn detached_since(&self) -> Option<Time> {
        match &self.state {
            State::Detached { since, .. } => Some(*since),
            _ => None,
        }
    }

    /// Whether it has ended.
    pub const fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Whether the client has ever said anything after its first WELCOME, or come back.
    pub const fn is_used(&self) -> bool {
        self.used
    }

    /// When the client is to hear of what was taken: at once where that lies in the past.
    fn ack_due(&self) -> Option<Time> {
        let now = self.incoming.is_much().then(Time::default);
        now.or_else(|| self.incoming.ack_due())
    }
}
