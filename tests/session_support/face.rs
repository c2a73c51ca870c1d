//! The client in the world: its application, its two queues of messages, its sockets.

use std::collections::VecDeque;
use std::time::Duration;

use tautline::proto::Time;
use tautline::session::span;

use super::client::{Action, Driver, messages};
use super::ledger::Process;
use super::message::{self, Message};
use super::network::{Lane, Packet, ServerEnd, Wire};
use super::setup::{Sabotage, Setup};
use super::world::{What, World};

/// One process of a client, with what it knows.
#[derive(Debug)]
pub(crate) struct Face {
    pub(crate) process: Process,
    pub(crate) driver: Driver,
    /// The session it has; 0: none.
    pub(crate) token: u64,
    /// Its connection, if it has one that it has not given up.
    pub(crate) wire: Option<usize>,
    outbox: VecDeque<Message>,
    /// The number of the oldest one in there.
    oldest: u64,
    arrivals: VecDeque<Message>,
    /// With the session in which each arrived.
    inbox: VecDeque<(u64, Message)>,
    /// So many of them the driver was told are taken.
    told_taken: usize,
    armed: Option<Time>,
    timer: u64,
}

impl Face {
    pub(crate) fn new(process: Process, setup: &Setup, seed: u64) -> Self {
        Self {
            process,
            driver: Driver::new(setup, seed),
            token: 0,
            wire: None,
            outbox: VecDeque::new(),
            oldest: 1,
            arrivals: VecDeque::new(),
            inbox: VecDeque::new(),
            told_taken: 0,
            armed: None,
            timer: 0,
        }
    }

    /// Whether nothing waits to be taken.
    pub(crate) fn has_taken_all(&self) -> bool {
        self.inbox.is_empty()
    }
}

impl World {
    pub(crate) fn client_connects(&mut self) {
        self.face.driver.connect(self.now);
        self.client_acts();
    }

    // The application

    pub(crate) fn client_sends(&mut self) {
        if !self.face.driver.admits(&self.setup) {
            return;
        }
        let number = self.ledger.next_up(self.face.process);
        let message = Message::new(&self.setup.sizes, self.face.process as u64, number);
        self.ledger.accepted_up(self.face.process);
        self.face.driver.send(message.bytes.len());
        self.face.outbox.push_back(message);
        self.client_acts();
    }

    /// The application takes what waits, or a part of it.
    pub(crate) fn client_takes(&mut self) {
        let most = 1 + self.random.below(4);
        for _ in 0..most {
            let Some((token, message)) = self.face.inbox.pop_front() else {
                break;
            };
            let number = self.ledger.taken_down(token);
            if message != Message::new(&self.setup.sizes, down_line(token), number) {
                self.ledger.violate(format!(
                    "the client takes another message than {number} of session {token}"
                ));
            }
            if self.face.told_taken > 0 {
                self.face.told_taken -= 1;
            } else {
                self.face.driver.taken(1, self.now);
            }
        }
        self.client_acts();
        if self.calm && !self.face.inbox.is_empty() {
            self.at(self.now, What::ClientTakes);
        }
    }

    pub(crate) fn client_closes(&mut self, timeout: Duration) {
        self.say(|| format!("the client closes within {timeout:?}"));
        self.face.driver.close(timeout, self.now);
        self.client_acts();
    }

    /// The process is gone, or has ended, and another one begins.
    pub(crate) fn client_begins_again(&mut self) {
        if !self.face.driver.is_ended() {
            self.say(|| "the client dies".into());
            self.ledger.client_died(self.face.process);
        }
        for wire in 0..self.wires.len() {
            if self.wires[wire].process == self.face.process && !self.wires[wire].up.is_silent() {
                self.cut(wire);
            }
        }
        let process = self.ledger.client_begins();
        let timer = self.face.timer;
        self.face = Face::new(process, &self.setup, self.random.next());
        self.face.timer = timer + 1;
        self.client_connects();
    }

    // The socket

    pub(crate) fn client_receives(&mut self, wire: usize, packet: Packet) {
        if self.wires[wire].process != self.face.process {
            return;
        }
        let (generation, now) = (self.wires[wire].generation, self.now);
        let is_current = self.face.wire == Some(wire);
        match packet {
            Packet::Open => self.face.driver.opened(generation, now),
            Packet::Close(code) => {
                let code = self.check_close(is_current, code);
                self.face.driver.closed(generation, code, now);
                if is_current {
                    self.face.wire = None;
                }
            }
            frame => {
                let frame = self.tamper_down(frame);
                if is_bye(&frame) && self.setup.is_without(Sabotage::ReturnAfterBye) {
                    self.face.driver.closed(generation, 1006, now);
                } else {
                    if let Some((_, messages)) = messages(&frame) {
                        self.face.arrivals.extend(messages);
                    }
                    self.face.driver.frame(generation, &frame, now);
                }
            }
        }
        self.client_acts();
    }

    /// No correct server closes a correct client's connection for a fault.
    fn check_close(&mut self, is_current: bool, code: u16) -> u16 {
        if is_current && matches!(code, 4400 | 4409 | 4413) {
            self.ledger
                .violate(format!("the client's connection is closed with {code}"));
        }
        code
    }

    /// What the driver of a client that ignores limits is told.
    fn tamper_down(&self, packet: Packet) -> Packet {
        use tautline::session::{Control, FromServer, LAST};

        let Packet::Binary(bytes) = &packet else {
            return packet;
        };
        if !self.setup.is_without(Sabotage::IgnoreLimit) {
            return packet;
        }
        match FromServer::decode(bytes) {
            Ok(FromServer::Control(Control::Ack { taken, .. })) => {
                Packet::Binary(Control::Ack { taken, limit: LAST }.encode())
            }
            Ok(FromServer::Welcome(mut welcome)) => {
                welcome.limit = LAST;
                Packet::Binary(welcome.encode())
            }
            _ => packet,
        }
    }

    /// The socket got rid of a packet.
    pub(crate) fn client_drains(&mut self, wire: usize) {
        if self.face.wire == Some(wire) {
            self.face.driver.progressed(self.now);
            self.client_acts();
        }
    }

    fn has_room(&self) -> bool {
        self.face
            .wire
            .is_some_and(|wire| self.wires[wire].up.buffered() < self.setup.socket)
    }

    pub(crate) fn client_timer(&mut self, number: u64) {
        if number != self.face.timer {
            return;
        }
        if let Some(deadline) = self.face.armed.take() {
            self.face.driver.timer(deadline, self.now);
        }
        self.client_acts();
    }

    /// Carries out all that the driver wants done, and arms its timer.
    fn client_acts(&mut self) {
        while let Some(action) = self.face.driver.poll(self.has_room(), self.now) {
            self.client_does(action);
        }
        self.check_client();
        let deadline = self.face.driver.deadline(self.has_room());
        if deadline != self.face.armed {
            self.face.armed = deadline;
            self.face.timer += 1;
            if let Some(deadline) = deadline {
                let at = self.fires(deadline);
                self.at(at, What::ClientTimer(self.face.timer));
            }
        }
    }

    fn client_does(&mut self, action: Action) {
        if !matches!(action, Action::Send(_)) {
            self.say(|| format!("client: {action:?}"));
        }
        let process = self.face.process;
        match action {
            Action::Open(generation) => self.client_opens(generation),
            Action::Send(packet) => self.client_pushes(packet),
            Action::Transmit(chunk) => {
                let messages = self.face.outbox.range(chunk.offset..chunk.offset + chunk.count);
                let packet = message::encode(chunk.first, messages);
                let to = self.face.oldest + (chunk.offset + chunk.count) as u64 - 1;
                self.ledger.sent_up(process, to);
                self.client_pushes(packet);
            }
            Action::Close(code) => self.client_pushes(Packet::Close(code)),
            Action::Abandon => {
                self.client_pushes(Packet::Close(1006));
                self.face.wire = None;
            }
            Action::Deliver(count) => {
                let token = self.face.token;
                let arrived = self.face.arrivals.drain(..count);
                self.face.inbox.extend(arrived.map(|message| (token, message)));
                if self.setup.is_without(Sabotage::ClientTakesOnArrival) {
                    self.face.driver.taken(count, self.now);
                    self.face.told_taken += count;
                }
                if self.calm || self.random.one_in(2) {
                    self.soon(What::ClientTakes);
                }
            }
            Action::Discard(count) => drop(self.face.arrivals.drain(..count)),
            Action::Release(count) => {
                self.ledger.released_up(process, count);
                self.drop_oldest(count);
            }
            Action::Begun(token) => self.client_begins_session(&token, None),
            Action::Resumed => self.ledger.counts.resumed += 1,
            Action::Lost(token, unknown) => {
                if self.setup.is_without(Sabotage::LoseInSilence) {
                    self.client_begins_session(&token, None);
                    self.drop_oldest(if self.setup.resend { 0 } else { unknown });
                } else {
                    self.client_begins_session(&token, Some(unknown));
                }
            }
            Action::Ended { code, unknown } => {
                if matches!(code, 4400 | 4409 | 4413) {
                    self.ledger.violate(format!("the client ends with {code}"));
                }
                let left = self.face.outbox.len();
                self.ledger.client_ended(process, left, unknown);
                self.face.outbox.clear();
            }
        }
    }

    fn client_begins_session(&mut self, token: &str, unknown: Option<usize>) {
        let (resend, old) = (self.setup.resend, self.face.token);
        self.face.token = parse(token);
        let lost = unknown.map(|unknown| (old, unknown));
        self.ledger.greeted(self.face.process, self.face.token, lost, resend);
        if let Some(unknown) = unknown
            && !resend
        {
            self.drop_oldest(unknown);
        }
    }

    fn client_opens(&mut self, generation: u32) {
        let wire = Wire {
            node: self.random.below(self.nodes.len() as u64) as usize,
            process: self.face.process,
            generation,
            up: Lane::default(),
            down: Lane::default(),
            server: ServerEnd::Unopened,
        };
        self.wires.push(wire);
        let wire = self.wires.len() - 1;
        self.face.wire = Some(wire);
        self.soon(What::Connect(wire));
    }

    fn client_pushes(&mut self, packet: Packet) {
        if let Some(wire) = self.face.wire {
            self.send_up(wire, packet);
        }
    }

    fn drop_oldest(&mut self, count: usize) {
        self.face.outbox.drain(..count);
        self.face.oldest += count as u64;
    }

    /// What waits to be taken is bounded.
    fn check_client(&mut self) {
        let held: u64 = self
            .face
            .inbox
            .iter()
            .map(|(_, message)| span(message.bytes.len()))
            .sum();
        let most = self.setup.window + self.setup.largest_span() - 1;
        if held > most {
            self.ledger
                .violate(format!("the client holds {held} positions, and may {most}"));
        }
        if !self.face.arrivals.is_empty() {
            self.ledger.violate("messages are neither delivered nor discarded");
        }
    }
}

/// The number of a session, by the token that went over the wire.
pub(crate) fn parse(token: &str) -> u64 {
    token.strip_prefix('t').and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// What the server sends in a session has a line of its own, which no client has.
pub(crate) fn down_line(token: u64) -> u64 {
    1000 + token
}

fn is_bye(packet: &Packet) -> bool {
    use tautline::session::{Control, FromServer};

    let Packet::Binary(bytes) = packet else {
        return false;
    };
    matches!(FromServer::decode(bytes), Ok(FromServer::Control(Control::Bye(_))))
}
