//! The client's side of the world: drives the real `Connection` as a page does, over sockets of the virtual network.

use std::time::Duration;

use tautline::proto::{Close, Event, Failure, Generation, Input, OnSessionLost, Output, Signal};
use tautline::session::{Control, FromClient, FromServer, LAST};

use super::message;
use super::network::{Lane, Packet, ServerEnd, Wire};
use super::setup::Sabotage;
use super::token::parse;
use super::world::{What, World};

/// The machine lets a socket hold so much, whatever its link is like.
const FULL: usize = 1 << 20;

impl World {
    /// Feeds the machine something that happened, and carries out all that it wants done.
    pub(crate) fn client_feeds(&mut self, input: Input) {
        self.face.machine.handle(input, self.now);
        self.client_acts();
    }

    fn client_acts(&mut self) {
        loop {
            let sends = self.face.machine.is_sending();
            let Some(output) = self.face.machine.poll() else {
                break;
            };
            assert!(
                sends || !matches!(output, Output::Batch(_)),
                "a driver looks at the socket before"
            );
            self.client_does(output);
        }
        self.check_client();
    }

    fn client_does(&mut self, output: Output) {
        if !matches!(output, Output::Frame(_) | Output::SetTimer(_) | Output::AwaitTurn) {
            self.say(|| format!("client: {output:?}"));
        }
        match output {
            Output::Open(generation) => self.client_opens(generation),
            Output::Frame(bytes) => {
                let is_hello = matches!(FromClient::decode(&bytes), Ok(FromClient::Hello(_)));
                self.client_pushes(Packet::Binary(bytes));
                if let Some(wire) = self.face.wire
                    && is_hello
                    && !self.calm
                    && self.random.one_in(self.setup.late_hellos)
                {
                    self.stall(wire);
                }
            }
            Output::Batch(chunk) => {
                let messages = self.face.outbox.range(chunk.offset..chunk.offset + chunk.count);
                let packet = message::encode(chunk.first, messages);
                let to = self.face.oldest + (chunk.offset + chunk.count) as u64 - 1;
                self.ledger.sent_up(self.face.process, to);
                self.client_pushes(packet);
            }
            Output::AwaitTurn => {
                let at = self.now + Duration::from_micros(self.random.below(200));
                self.at(at, What::TurnEnds(self.face.process));
            }
            Output::Release { count } => {
                self.ledger.released_up(self.face.process, count as usize);
                self.drop_oldest(count as usize);
            }
            Output::Deliver { count } => self.client_gets(count),
            Output::Discard { count } => drop(self.face.arrivals.drain(..count)),
            Output::Measure => {
                let bytes = self.client_buffers();
                self.face.machine.handle(Input::Buffered(bytes), self.now);
            }
            Output::Close { code, .. } => self.client_pushes(Packet::Close(code)),
            Output::Abandon(_) => {
                // The tab closes a socket that nobody holds any more.
                self.client_pushes(Packet::Close(1006));
                self.face.wire = None;
            }
            Output::SetTimer(deadline) => {
                self.face.timer += 1;
                if let Some(deadline) = deadline {
                    let at = self.fires(deadline);
                    let (process, number) = (self.face.process, self.face.timer);
                    self.at(at, What::ClientTimer { process, number });
                }
            }
            Output::Tell(event) => self.client_is_told(event),
            Output::AskUrl(_) | Output::Transmit { .. } | Output::Drop { .. } | Output::Heartbeat => {
                self.ledger.violate(format!("{output:?} in a session"));
            }
        }
    }

    fn client_is_told(&mut self, event: Event) {
        match event {
            Event::SessionLost { unknown, returned } => self.client_loses_session(unknown, returned),
            Event::Open { resumed: true } => self.ledger.counts.resumed += 1,
            Event::Open { resumed: false } => self.client_begins_session(),
            Event::Closed { close, failure } => {
                if !self.may_end(failure) {
                    self.ledger
                        .violate(format!("the client ends: {failure:?}, {} {}", close.code, close.reason));
                }
                let left = self.face.outbox.len();
                self.ledger.client_ended(self.face.process, left);
                self.face.outbox.clear();
            }
            Event::StateChange { .. } | Event::Disconnected { .. } => {}
        }
    }

    /// Whether a client of a correct server may end for this reason.
    fn may_end(&self, failure: Option<Failure>) -> bool {
        match failure {
            // A BYE, or its own close.
            None | Some(Failure::Aborted | Failure::PageHidden) => true,
            // It can't tell three broken links before the first WELCOME from a server that knows no sessions.
            Some(Failure::Unsupported) => self.face.token == 0,
            Some(Failure::SessionLost) => {
                self.setup.on_lost == OnSessionLost::End && self.ledger.is_forgotten(self.face.token)
            }
            _ => self.face.closes,
        }
    }

    // The socket

    fn client_opens(&mut self, generation: Generation) {
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
            let (at, count) = self.face.pushed;
            self.face.pushed = (self.now, if at == self.now { count + 1 } else { 1 });
        }
    }

    /// What the browser says that the socket holds: what it was given this instant, and what the system has no room for.
    /// What the system holds does not count, be the link dead or alive.
    fn client_buffers(&self) -> usize {
        let (at, count) = self.face.pushed;
        let fresh = if at == self.now { count } else { 0 };
        let held = self.face.wire.map_or(0, |wire| self.wires[wire].up.buffered());
        let packets = fresh + held.saturating_sub(fresh).saturating_sub(self.setup.system);
        packets * FULL / self.setup.socket
    }

    /// Something came out of a connection. What comes late, out of one that was given up, is fed all the same.
    pub(crate) fn client_receives(&mut self, wire: usize, packet: Packet) {
        if self.wires[wire].process != self.face.process {
            return;
        }
        let generation = self.wires[wire].generation;
        let is_current = self.face.wire == Some(wire);
        match packet {
            Packet::Open => self.client_feeds(Input::Opened(generation)),
            Packet::Close(code) => {
                if is_current && matches!(code, 4400 | 4409 | 4413) {
                    self.ledger
                        .violate(format!("the client's connection is closed with {code}"));
                }
                self.client_closed(generation, code);
            }
            Packet::Text(text) => match message::decode_text(&text) {
                Some((first, messages)) => self.client_gets_batch(generation, first, messages),
                None => self.ledger.violate("a text frame that is none"),
            },
            Packet::Binary(bytes) => {
                if let Some(bytes) = self.tamper(bytes) {
                    self.client_gets_frame(generation, &bytes);
                } else {
                    self.client_closed(generation, 1006);
                }
            }
        }
    }

    fn client_closed(&mut self, generation: Generation, code: u16) {
        let close = Close {
            code,
            reason: String::new(),
            was_clean: code != 1006,
        };
        self.client_feeds(Input::Closed {
            generation,
            close,
            retry: None,
        });
    }

    fn client_gets_frame(&mut self, generation: Generation, bytes: &[u8]) {
        if let Ok(FromServer::Welcome(welcome)) = FromServer::decode(bytes) {
            self.face.welcomed = parse(&welcome.token);
        }
        if let Some(batch) = self.face.machine.frame(generation, bytes, self.now) {
            let (first, messages) = message::decode_batch(&batch);
            self.client_gets_batch(generation, first, messages);
        } else {
            self.client_acts();
        }
    }

    fn client_gets_batch(&mut self, generation: Generation, first: u64, messages: Vec<message::Message>) {
        let sizes: Vec<_> = messages.iter().map(|message| message.bytes.len()).collect();
        self.face.arrivals.extend(messages);
        self.face.machine.batch(generation, first, &sizes, self.now);
        self.client_acts();
    }

    /// What a client that goes without a rule makes of a frame; `None`: it takes it for a cut.
    fn tamper(&self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        match (self.setup.sabotage, FromServer::decode(&bytes)) {
            (Some(Sabotage::IgnoreLimit), Ok(FromServer::Control(Control::Ack { taken, .. }))) => {
                Some(Control::Ack { taken, limit: LAST }.encode())
            }
            (Some(Sabotage::IgnoreLimit), Ok(FromServer::Welcome(mut welcome))) => {
                welcome.limit = LAST;
                Some(welcome.encode())
            }
            (Some(Sabotage::ReturnAfterBye), Ok(FromServer::Control(Control::Bye(_)))) => None,
            _ => Some(bytes),
        }
    }

    // Time and the page

    pub(crate) fn client_timer(&mut self, number: u64) {
        if number == self.face.timer {
            self.client_feeds(Input::Timer);
        }
    }

    pub(crate) fn turn_ends(&mut self, process: usize) {
        if process == self.face.process {
            self.client_feeds(Input::TurnEnded);
        }
    }

    pub(crate) fn page_returns(&mut self, process: usize) {
        if process == self.face.process {
            self.page(Signal::Returned);
            self.page(Signal::Online);
            self.page(Signal::Visible);
        }
    }

    pub(crate) fn page(&mut self, signal: Signal) {
        self.say(|| format!("page: {signal:?}"));
        self.client_feeds(Input::Page(signal));
    }
}
