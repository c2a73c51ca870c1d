//! The server's half of one session, from its first connection to its end. Whoever runs servers has one for each session,
//! finds it by its token, and keeps its payloads in two queues.
//!
//! Tell it what happened; then carry out each [`Output`] of [`Server::poll`], pull each [`Frame`] of
//! [`Server::next_frame`] while the connection takes any, and both again until there is none; and call
//! [`Server::timer`] at [`Server::deadline`]. [`Server::record`] is what has to be stored before a frame leaves,
//! where the session is to outlive this process.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::time::Duration;

use super::fault::Fault;
use super::frame::{Bye, Control, Hello, Welcome};
use super::incoming::Incoming;
use super::outgoing::{Chunk, Outgoing};
use crate::proto::{Admission, Load, Time};

/// A timer that fires later than this past its deadline says that this process stood still, and nothing about the other end.
pub(crate) const LATE: Duration = Duration::from_secs(1);
/// Whoever could not come back meanwhile has so long to do it.
const SECOND_CHANCE: Duration = Duration::from_secs(5);

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

/// A connection's number, as whoever runs the server gave it.
pub type Link = u64;

/// Why a HELLO does not resume a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It comes late, from a connection that its client has given up: close that one with 4409; nothing else changes.
    Late,
    /// The two don't agree on where they are: this session has ended, and the client gets a new one.
    Lost,
}

/// Something to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Hand so many of the oldest messages that arrived to the application.
    Deliver(usize),
    /// Throw so many of the oldest messages that arrived away.
    Discard(usize),
    /// Forget so many of the oldest messages of the outbox: they were taken.
    Release(usize),
    /// Close a connection, with this code and reason. It is not this session's any more.
    Drop {
        /// Which one.
        link: Link,
        /// The close code.
        code: u16,
        /// The close reason.
        reason: &'static str,
    },
    /// Tell the application.
    Tell(Event),
}

/// What an application is told of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It has no connection; it waits for one.
    Detached,
    /// It has a connection again.
    Resumed,
    /// It has ended. What is left in the outbox was not taken, as far as anybody knows.
    Ended {
        /// The code of the BYE, or the close code.
        code: u16,
        /// The reason.
        reason: String,
    },
}

/// Something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A control frame.
    Control(Control),
    /// Messages of the outbox.
    Chunk(Chunk),
}

/// What a store keeps of a session, beside the payloads that are not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The highest attempt.
    pub attempt: u64,
    /// The last position that the server's application has taken.
    pub taken: u64,
    /// The highest limit ever granted.
    pub granted: u64,
    /// The last position that the client's application has taken.
    pub acknowledged: u64,
    /// The last position ever sent.
    pub sent_to: u64,
    /// The highest limit that the client ever gave.
    pub limit: u64,
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

    // Connections

    /// The client comes back on a new connection, which takes the place of any other. The WELCOME, which is to be its first
    /// frame.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn resume(&mut self, hello: &Hello, link: Link, now: Time) -> Result<Welcome, Refusal> {
        if self.is_ended() {
            return Err(Refusal::Lost);
        }
        if hello.attempt <= self.attempt {
            return Err(Refusal::Late);
        }
        self.attempt = hello.attempt;
        self.supersede();
        let Ok(released) = self.outgoing.resume(hello.taken, hello.limit) else {
            self.end(1006, Self::LOST);
            return Err(Refusal::Lost);
        };
        self.release(released);
        self.max_message = hello.max_message;
        self.state = State::Attached(Attachment::new(link, now));
        self.used = true;
        let mut welcome = self.greet(true);
        welcome.token.clone_from(&hello.token);
        self.outputs.push_back(Output::Tell(Event::Resumed));
        Ok(welcome)
    }

    /// A HELLO that came too late for this session has claimed it in the store, which lets nobody below that attempt end it.
    pub fn claimed(&mut self, attempt: u64) {
        self.attempt = self.attempt.max(attempt);
    }

    /// Another node has taken the session over: this one's half of it is void.
    pub fn superseded(&mut self) {
        self.abandon(4409, Self::SUPERSEDED);
    }

    /// Ends this half at once, without a BYE. The code and the reason are those of the connection's close, too.
    pub fn abandon(&mut self, code: u16, reason: &'static str) {
        if !self.is_ended() {
            self.drop_link(code, reason);
            self.end(code, reason);
        }
    }

    /// The connection has ended without a BYE.
    pub fn detach(&mut self, link: Link, now: Time) {
        if self.attachment(link).is_some() {
            self.wait_for_link(now);
        }
    }

    /// Messages of these sizes arrived, one after the other from position `first` on, and wait as the youngest in the hands
    /// of whoever runs the server.
    pub fn batch(&mut self, link: Link, first: u64, sizes: &[usize], now: Time) {
        if !self.heard(link, now) {
            self.outputs.push_back(Output::Discard(sizes.len()));
            return;
        }
        match self.incoming.arrive(first, sizes) {
            Ok(duplicates) => {
                if duplicates > 0 {
                    self.outputs.push_back(Output::Discard(duplicates));
                }
                if duplicates < sizes.len() {
                    self.outputs.push_back(Output::Deliver(sizes.len() - duplicates));
                }
            }
            Err(fault) => {
                self.outputs.push_back(Output::Discard(sizes.len()));
                self.fail(link, fault);
            }
        }
    }

    /// A control frame arrived.
    pub fn control(&mut self, link: Link, frame: Control, now: Time) {
        if !self.heard(link, now) {
            return;
        }
        match frame {
            Control::Ack { taken, limit } => match self.outgoing.acknowledge(taken, limit) {
                Ok(released) => self.release(released),
                Err(fault) => self.fail(link, fault),
            },
            Control::Ping(nonce) => {
                if let Some(attachment) = self.attachment(link) {
                    attachment.pong = Some(nonce);
                }
            }
            Control::Pong(_) => {}
            Control::Bye(bye) => self.part(&bye),
        }
    }

    /// The client broke a rule. The session ends.
    pub fn fail(&mut self, link: Link, fault: Fault) {
        if self.attachment(link).is_some() {
            self.drop_link(fault.code(), fault.reason());
            self.end(fault.code(), fault.reason());
        }
    }

    /// Something arrived that is no frame: part of one, say. The client lives.
    pub fn alive(&mut self, link: Link, now: Time) {
        if let Some(attachment) = self.attachment(link) {
            attachment.heard = now;
            attachment.probed = None;
        }
    }

    /// The connection was full and takes something again: the other end of it lives. That a connection with room takes
    /// something is no sign of that, and must not be reported: the system's buffers take it for a dead peer as well.
    pub fn progressed(&mut self, link: Link, now: Time) {
        if let Some(attachment) = self.attachment(link)
            && let Some(probed) = &mut attachment.probed
        {
            *probed = now;
        }
    }

    // The application

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

    /// The application sent a message of this size, which [`admits`](Self::admits) accepted.
    pub fn send(&mut self, size: usize) {
        self.outgoing.push(size);
    }

    /// The application has taken so many of the oldest messages.
    pub fn take(&mut self, count: usize, now: Time) {
        self.incoming.take(count, now);
    }

    /// Whether it is settled when the client hears of what was taken: [`take`](Self::take) needs no time then.
    pub const fn is_ack_timed(&self) -> bool {
        self.incoming.is_timed()
    }

    /// Ends the session, when the client has taken all that was sent, or after `timeout`.
    pub fn close(&mut self, code: u16, reason: &str, timeout: Duration, now: Time) {
        if self.is_ended() || self.closing.is_some() {
            return;
        }
        let bye = Bye {
            code: code.into(),
            reason: reason.into(),
        };
        self.closing = Some((bye, now + timeout));
        self.end_if_all_is_said(now);
    }

    /// Whether the application has closed it, and it has not ended yet.
    pub const fn is_closing(&self) -> bool {
        self.closing.is_some() && !self.is_ended()
    }

    /// What is to close waits no longer for what is queued.
    pub fn hurry(&mut self, now: Time) {
        if let Some((_, until)) = &mut self.closing {
            *until = (*until).min(now);
        }
        self.end_if_all_is_said(now);
    }

    /// What is to close ends now, even if its BYE does not leave.
    pub fn finish(&mut self) {
        if let Some((bye, _)) = self.closing.clone() {
            self.part(&bye);
        }
    }

    // Time

    /// When [`timer`](Self::timer) is to be called: at once where that lies in the past.
    pub fn deadline(&self) -> Option<Time> {
        let closing = self.closing.as_ref().map(|&(_, until)| until);
        let own = match &self.state {
            State::Attached(attachment) => self.ack_due().into_iter().chain(self.beats(attachment)).min(),
            State::Detached { until, .. } => Some(*until),
            State::Ended => return None,
        };
        closing.into_iter().chain(own).min()
    }

    /// The same while the connection takes nothing: what has to be said can't be, and only what must be heard counts.
    pub fn deadline_while_blocked(&self) -> Option<Time> {
        let State::Attached(attachment) = &self.state else {
            return self.deadline();
        };
        let closing = self.closing.as_ref().map(|&(_, until)| until + LATE);
        closing.into_iter().chain(self.listens_until(attachment)).min()
    }

    /// The deadline has come.
    pub fn timer(&mut self, now: Time) {
        let Settings {
            heartbeat,
            probe,
            resume,
            ..
        } = self.settings;
        match &mut self.state {
            State::Attached(attachment) if !heartbeat.is_zero() => {
                if now >= attachment.sent + heartbeat {
                    attachment.ping = true;
                }
                match attachment.probed {
                    Some(probed) if now >= probed + probe => {
                        if now.since(probed + probe) > LATE {
                            attachment.probed = Some(now);
                            attachment.ping = true;
                        } else {
                            self.drop_link(1001, "no answer to a ping");
                            self.wait_for_link(now);
                        }
                    }
                    None if now >= attachment.heard + heartbeat * 2 => {
                        attachment.probed = Some(now);
                        attachment.ping = true;
                    }
                    _ => {}
                }
            }
            State::Detached { until, .. } if now >= *until => {
                if now.since(*until) > LATE {
                    *until = now + resume.min(SECOND_CHANCE);
                } else {
                    self.end(1006, "not resumed in time");
                }
            }
            _ => {}
        }
        self.end_if_all_is_said(now);
        self.end_if_nobody_listens(now);
    }

    // What comes out

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next frame to send, until there is none. Pull it only when it can be sent: what waits grows into fewer frames.
    pub fn next_frame(&mut self, link: Link, now: Time) -> Option<Frame> {
        let owes = self.incoming.owes();
        let ack_is_due = self.ack_due().is_some_and(|due| due <= now);
        let leaves = self.may_leave(now);
        let attachment = self.attachment(link)?;
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

    fn greet(&mut self, resumed: bool) -> Welcome {
        let (taken, limit) = self.incoming.tell();
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(super::LAST).min(super::LAST);
        Welcome {
            resumed,
            token: String::new(),
            taken,
            limit,
            resume_ms: millis(self.settings.resume),
            heartbeat_ms: millis(self.settings.heartbeat),
            max_message: self.settings.max_message,
            protocol: self.protocol.clone(),
        }
    }

    fn attachment(&mut self, link: Link) -> Option<&mut Attachment> {
        match &mut self.state {
            State::Attached(attachment) if attachment.link == link => Some(attachment),
            _ => None,
        }
    }

    /// Whether the connection is this session's, which has been heard of now.
    fn heard(&mut self, link: Link, now: Time) -> bool {
        let Some(attachment) = self.attachment(link) else {
            return false;
        };
        attachment.heard = now;
        attachment.probed = None;
        self.used = true;
        true
    }

    /// When the client is to hear of what was taken: at once where that lies in the past.
    fn ack_due(&self) -> Option<Time> {
        let now = self.incoming.is_much().then(Time::default);
        now.or_else(|| self.incoming.ack_due())
    }

    /// When something is to be said, and when something must have been heard.
    fn beats(&self, attachment: &Attachment) -> Option<Time> {
        let listen = self.listens_until(attachment)?;
        let speak = attachment.sent + self.settings.heartbeat;
        Some(if attachment.ping { listen } else { listen.min(speak) })
    }

    /// When something must have been heard.
    fn listens_until(&self, attachment: &Attachment) -> Option<Time> {
        let Settings { heartbeat, probe, .. } = self.settings;
        let until = match attachment.probed {
            Some(probed) => probed + probe,
            None => attachment.heard + heartbeat * 2,
        };
        (!heartbeat.is_zero()).then_some(until)
    }

    fn release(&mut self, count: usize) {
        if count > 0 {
            self.outputs.push_back(Output::Release(count));
        }
    }

    fn supersede(&mut self) {
        self.drop_link(4409, Self::SUPERSEDED);
    }

    fn drop_link(&mut self, code: u16, reason: &'static str) {
        if let Some(link) = self.link() {
            self.outputs.push_back(Output::Drop { link, code, reason });
        }
    }

    /// The BYE, once everything is taken or the patience is at its end.
    fn farewell(&mut self, now: Time) -> Option<Frame> {
        if !self.may_leave(now) {
            return None;
        }
        let (bye, _) = self.closing.clone()?;
        self.part(&bye);
        Some(Frame::Control(Control::Bye(bye)))
    }

    fn may_leave(&self, now: Time) -> bool {
        (self.closing.as_ref()).is_some_and(|&(_, until)| self.outgoing.is_empty() || now >= until)
    }

    /// Without a connection a session that is to close ends in silence; its client hears of it when it asks.
    fn end_if_all_is_said(&mut self, now: Time) {
        if matches!(self.state, State::Detached { .. }) && self.may_leave(now) {
            self.finish();
        }
    }

    /// A connection that takes nothing does not take the BYE either: past the patience of the close it ends without.
    fn end_if_nobody_listens(&mut self, now: Time) {
        let is_over = matches!(&self.closing, Some((_, until)) if now >= *until + LATE);
        if matches!(self.state, State::Attached(_)) && is_over {
            self.finish();
        }
    }

    /// Without a connection from now on.
    fn wait_for_link(&mut self, now: Time) {
        let until = now + self.settings.resume;
        self.state = State::Detached { since: now, until };
        self.outgoing.rewind();
        self.outputs.push_back(Output::Tell(Event::Detached));
    }

    /// The connection, if there is one, has no more to carry, and the session ends as the BYE says.
    fn part(&mut self, bye: &Bye) {
        self.drop_link(1000, "");
        self.end(bye.close_code(), &bye.reason);
    }

    fn end(&mut self, code: u16, reason: &str) {
        if !self.is_ended() {
            self.state = State::Ended;
            self.outputs.push_back(Output::Tell(Event::Ended {
                code,
                reason: reason.into(),
            }));
        }
    }
}
