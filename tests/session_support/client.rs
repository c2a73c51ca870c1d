//! A client as a driver of `session::Client` sees it: when to connect, to probe, to answer, to give up.

use std::collections::VecDeque;
use std::time::Duration;

use tautline::proto::Time;
use tautline::session::{Bye, Chunk, Client, Control, Fault, FromServer, Greeting};

use super::message;
use super::network::Packet;
use super::random::Random;
use super::setup::{MAX_MESSAGE, Setup};

const CONNECT: Duration = Duration::from_secs(10);
const PROBE: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(3);

/// Something to do.
#[derive(Debug)]
pub(crate) enum Action {
    Open(u32),
    /// A frame that is no message's.
    Send(Packet),
    /// These messages of the outbox.
    Transmit(Chunk),
    /// The closing handshake.
    Close(u16),
    Abandon,
    /// Hand so many that arrived to the application, or throw them away.
    Deliver(usize),
    Discard(usize),
    /// Forget so many of the outbox: they were taken.
    Release(usize),
    /// The session of this token: begun, gone on with.
    Begun(String),
    Resumed,
    /// Begun in place of another, with so many of the outbox unknown.
    Lost(String, usize),
    /// For good. So many of the outbox are unknown.
    Ended { code: u16, unknown: usize },
}

#[derive(Debug)]
pub(crate) struct Driver {
    client: Client,
    state: State,
    generation: u32,
    actions: VecDeque<Action>,
    resend: bool,
    random: Random,
    heard: Time,
    probed: Option<Time>,
    pong: Option<u64>,
    ping: bool,
    /// The application's close.
    closing: Option<Time>,
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// No WELCOME yet.
    Greeting {
        until: Time,
    },
    Open,
    Waiting {
        until: Time,
    },
    /// BYE is sent.
    Parting {
        until: Time,
    },
    Ended,
}

impl Driver {
    pub(crate) fn new(setup: &Setup, seed: u64) -> Self {
        Self {
            client: Client::new(setup.granted(setup.window), MAX_MESSAGE, Vec::new()),
            state: State::Idle,
            generation: 0,
            actions: VecDeque::new(),
            resend: setup.resend,
            random: Random::new(seed),
            heard: Time::default(),
            probed: None,
            pong: None,
            ping: false,
            closing: None,
            failures: 0,
        }
    }

    // Commands

    pub(crate) fn connect(&mut self, now: Time) {
        self.generation += 1;
        self.state = State::Greeting { until: now + CONNECT };
        self.actions.push_back(Action::Open(self.generation));
    }

    pub(crate) fn admits(&self, setup: &Setup) -> bool {
        self.closing.is_none()
            && self.state != State::Ended
            && self.client.outgoing.load().messages < setup.client_outbox
    }

    pub(crate) fn send(&mut self, size: usize) {
        self.client.outgoing.push(size);
    }

    pub(crate) fn taken(&mut self, count: usize, now: Time) {
        self.client.incoming.take(count, now);
    }

    pub(crate) fn close(&mut self, timeout: Duration, now: Time) {
        if self.closing.is_none() && !self.is_ended() {
            self.closing = Some(now + timeout);
        }
    }

    // What the socket reports

    pub(crate) fn opened(&mut self, generation: u32, now: Time) {
        if generation == self.generation && matches!(self.state, State::Greeting { .. }) {
            self.heard = now;
            let hello = self.client.hello();
            self.actions.push_back(Action::Send(Packet::Binary(hello.encode())));
        }
    }

    /// A frame arrived; so many messages of it wait in the driver's hands.
    pub(crate) fn frame(&mut self, generation: u32, packet: &Packet, now: Time) {
        let is_live = matches!(self.state, State::Greeting { .. } | State::Open | State::Parting { .. });
        if generation != self.generation || !is_live {
            if let Some((_, messages)) = messages(packet) {
                self.actions.push_back(Action::Discard(messages.len()));
            }
            return;
        }
        self.heard = now;
        self.probed = None;
        if let Some((first, messages)) = messages(packet) {
            let sizes: Vec<_> = messages.iter().map(|message| message.bytes.len()).collect();
            match self.client.incoming.arrive(first, &sizes) {
                _ if matches!(self.state, State::Greeting { .. }) => self.fail(Fault::Unexpected),
                Ok(duplicates) => {
                    self.actions.push_back(Action::Discard(duplicates));
                    self.actions.push_back(Action::Deliver(sizes.len() - duplicates));
                }
                Err(fault) => self.fail(fault),
            }
            return;
        }
        let Packet::Binary(bytes) = packet else {
            return self.fail(Fault::Malformed);
        };
        match (self.state, FromServer::decode(bytes)) {
            (State::Greeting { .. }, Ok(FromServer::Welcome(welcome))) => {
                let greeting = self.client.welcome(&welcome, self.resend);
                let action = match greeting {
                    Ok(Greeting::New) => Action::Begun(welcome.token),
                    Ok(Greeting::Lost { unknown }) => Action::Lost(welcome.token, unknown),
                    Ok(Greeting::Resumed { released }) => {
                        self.actions.push_back(Action::Resumed);
                        Action::Release(released)
                    }
                    Err(fault) => return self.fail(fault),
                };
                self.actions.push_back(action);
                self.state = State::Open;
                self.failures = 0;
            }
            (State::Open | State::Parting { .. }, Ok(FromServer::Control(Control::Ack { taken, limit }))) => {
                match self.client.outgoing.acknowledge(taken, limit) {
                    Ok(released) => self.actions.push_back(Action::Release(released)),
                    Err(fault) => self.fail(fault),
                }
            }
            (State::Open, Ok(FromServer::Control(Control::Ping(nonce)))) => self.pong = Some(nonce),
            (_, Ok(FromServer::Control(Control::Bye(bye)))) => {
                self.actions.push_back(Action::Close(1000));
                self.end(bye.code as u16);
            }
            (State::Open | State::Parting { .. }, Ok(FromServer::Control(_))) => {}
            _ => self.fail(Fault::Unexpected),
        }
    }

    pub(crate) fn closed(&mut self, generation: u32, code: u16, now: Time) {
        if generation != self.generation || matches!(self.state, State::Waiting { .. } | State::Ended | State::Idle) {
            return;
        }
        if matches!(self.state, State::Parting { .. }) {
            self.end(1000);
        } else if matches!(code, 4400 | 4409 | 4413) {
            self.end(code);
        } else {
            self.come_back(code == 4429, now);
        }
    }

    /// The socket got rid of something.
    pub(crate) fn progressed(&mut self, now: Time) {
        if let Some(probed) = &mut self.probed {
            *probed = now;
        }
    }

    // Time

    pub(crate) fn deadline(&self, has_room: bool) -> Option<Time> {
        let heartbeat = Duration::from_millis(self.client.heartbeat_ms());
        let own = match self.state {
            State::Idle | State::Ended => return None,
            State::Greeting { until } | State::Waiting { until } | State::Parting { until } => Some(until),
            State::Open => {
                let silence = match self.probed {
                    Some(probed) => Some(probed + PROBE),
                    None => (!heartbeat.is_zero()).then(|| self.heard + heartbeat * 2),
                };
                let ack = self.client.incoming.ack_due().filter(|_| has_room);
                ack.into_iter().chain(silence).min()
            }
        };
        own.into_iter().chain(self.closing).min()
    }

    /// The timer for `deadline` fired.
    pub(crate) fn timer(&mut self, deadline: Time, now: Time) {
        let late = now.since(deadline) > LATE;
        match self.state {
            State::Greeting { until } if now >= until => {
                self.actions.push_back(Action::Abandon);
                self.come_back(false, now);
            }
            State::Waiting { until } if now >= until => self.connect(now),
            State::Parting { until } if now >= until => {
                self.actions.push_back(Action::Abandon);
                self.end(1006);
            }
            State::Open => self.listen(late, now),
            _ => {}
        }
        if let Some(until) = self.closing
            && now >= until
            && !self.is_ended()
            && !matches!(self.state, State::Open | State::Parting { .. })
        {
            self.actions.push_back(Action::Abandon);
            self.end(1006);
        }
    }

    fn listen(&mut self, late: bool, now: Time) {
        let heartbeat = Duration::from_millis(self.client.heartbeat_ms());
        match self.probed {
            Some(probed) if now >= probed + PROBE && !late => {
                self.actions.push_back(Action::Abandon);
                self.come_back(false, now);
            }
            Some(probed) if now < probed + PROBE => {}
            None if heartbeat.is_zero() || now < self.heard + heartbeat * 2 => {}
            _ => {
                self.probed = Some(now);
                self.ping = true;
            }
        }
    }

    // What comes out

    /// The next thing to do, until there is none. `has_room`: the socket takes something.
    pub(crate) fn poll(&mut self, has_room: bool, now: Time) -> Option<Action> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        if self.state != State::Open {
            return self.depart();
        }
        if !has_room {
            return None;
        }
        let incoming = &mut self.client.incoming;
        let ack_is_due = incoming.ack_due().is_some_and(|due| due <= now);
        if ack_is_due || (self.pong.is_some() && incoming.owes()) {
            let (taken, limit) = incoming.tell();
            return Some(control(&Control::Ack { taken, limit }));
        }
        if let Some(nonce) = self.pong.take() {
            return Some(control(&Control::Pong(nonce)));
        }
        if std::mem::take(&mut self.ping) {
            return Some(control(&Control::Ping(7)));
        }
        if let Some(chunk) = self.client.outgoing.next_chunk() {
            return Some(Action::Transmit(chunk));
        }
        let until = self.closing?;
        if !self.client.outgoing.is_empty() && now < until {
            return None;
        }
        self.state = State::Parting { until: now + PATIENCE };
        self.actions.push_back(Action::Close(1000));
        let reason = "done".into();
        Some(control(&Control::Bye(Bye { code: 1000, reason })))
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Nothing is left in the outbox.
    pub(crate) fn is_flushed(&self) -> bool {
        self.client.outgoing.is_empty()
    }

    /// A close while there is no connection, and nothing is queued.
    fn depart(&mut self) -> Option<Action> {
        if self.closing.is_none() || !self.is_flushed() || !matches!(self.state, State::Waiting { .. }) {
            return None;
        }
        self.end(1000);
        self.actions.pop_front()
    }

    fn come_back(&mut self, overloaded: bool, now: Time) {
        self.client.outgoing.rewind();
        self.probed = None;
        self.pong = None;
        self.ping = false;
        self.failures += 1;
        let mut most = (100_000 << self.failures.min(6)).min(3_000_000);
        if self.client.has_session() {
            most = most.min(self.client.resume_ms() * 1000 / 6);
        }
        let wait = if overloaded { most } else { self.random.below(most.max(1)) };
        self.state = State::Waiting {
            until: now + Duration::from_micros(wait),
        };
    }

    fn fail(&mut self, fault: Fault) {
        self.actions.push_back(Action::Close(fault.code()));
        self.end(fault.code());
    }

    fn end(&mut self, code: u16) {
        if !self.is_ended() {
            self.state = State::Ended;
            let unknown = self.client.outgoing.unacknowledged();
            self.actions.push_back(Action::Ended { code, unknown });
        }
    }
}

fn control(frame: &Control) -> Action {
    Action::Send(Packet::Binary(frame.encode()))
}

/// The messages of a frame, where it has any.
pub(crate) fn messages(packet: &Packet) -> Option<(u64, Vec<message::Message>)> {
    match packet {
        Packet::Text(text) => message::decode_text(text),
        Packet::Binary(bytes) => match FromServer::decode(bytes) {
            Ok(FromServer::Batch(batch)) => Some(message::decode_batch(&batch)),
            _ => None,
        },
        _ => None,
    }
}
