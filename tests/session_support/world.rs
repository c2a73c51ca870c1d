//! The world of a schedule: its clock, its events, its network. `face.rs` is the client in it, `node.rs` the servers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tautline::proto::{Input, Time};

use super::face::Face;
use super::ledger::Ledger;
use super::network::{Lane, Packet, ServerEnd, Wire};
use super::node::Node;
use super::random::Random;
use super::setup::Setup;
use super::store::Store;

/// How long a server waits for a HELLO.
const HANDSHAKE: Duration = Duration::from_secs(5);

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) now: Time,
    pub(crate) setup: Setup,
    pub(crate) ledger: Ledger,
    pub(crate) wires: Vec<Wire>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) store: Store,
    pub(crate) face: Face,
    /// Sessions made so far.
    pub(crate) tokens: u64,
    /// Nothing goes wrong any more, and applications take what they get.
    pub(crate) calm: bool,
    /// Says what happens.
    pub(crate) verbose: bool,
    events: BinaryHeap<Reverse<Event>>,
}

/// Something that is going to happen. At the same instant chance decides on the order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: Time,
    tie: u64,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// A connection reaches its node.
    Connect(usize),
    /// No HELLO came.
    Unnamed(usize),
    ArriveUp(usize),
    ArriveDown(usize),
    /// The driver's timer, if it is still the one of this number.
    ClientTimer(u64),
    /// Of the event loop of a client's process.
    TurnEnds(usize),
    /// A page that was left or went offline is back.
    PageReturns(usize),
    SessionTimer {
        node: usize,
        token: u64,
        number: u64,
    },
    NodeStarts(usize),
    StoreAnswers(usize),
    ClientTakes,
    ServerTakes {
        node: usize,
        token: u64,
    },
}

impl World {
    pub(crate) fn new(mut random: Random, setup: Setup, verbose: bool) -> Self {
        let mut ledger = Ledger::default();
        let process = ledger.client_begins();
        let face = Face::new(process, &setup, random.next(), 0);
        let nodes = setup.nodes.iter().map(|_| Node::default()).collect();
        let mut world = Self {
            random,
            now: Time::from_millis(1_000_000),
            setup,
            ledger,
            wires: Vec::new(),
            nodes,
            store: Store::default(),
            face,
            tokens: 0,
            calm: false,
            verbose,
            events: BinaryHeap::new(),
        };
        world.client_feeds(Input::Connect);
        world
    }

    pub(crate) fn say(&self, what: impl FnOnce() -> String) {
        if self.verbose {
            println!("{:>12} {}", self.now.as_micros() - 1_000_000_000, what());
        }
    }

    // Time

    pub(crate) fn at(&mut self, at: Time, what: What) {
        let tie = self.random.next();
        self.events.push(Reverse(Event { at, tie, what }));
    }

    pub(crate) fn soon(&mut self, what: What) {
        let at = self.now + self.delay();
        self.at(at, what);
    }

    /// When a timer for this deadline fires.
    pub(crate) fn fires(&mut self, deadline: Time) -> Time {
        let late = if self.calm {
            0
        } else if self.random.one_in(self.setup.late_timers) {
            self.random.pick(&[1_000, 300_000, 1_500_000, 20_000_000])
        } else {
            self.random.below(1_000)
        };
        deadline.max(self.now) + Duration::from_micros(late)
    }

    /// Lets everything happen that happens until then.
    pub(crate) fn run_until(&mut self, end: Time) {
        while self.ledger.violation.is_none() && self.step(end) {}
        self.now = self.now.max(end);
    }

    /// Lets the next thing happen, if it does by then.
    pub(crate) fn step(&mut self, end: Time) -> bool {
        if self.events.peek().is_none_or(|Reverse(event)| event.at > end) {
            return false;
        }
        let Some(Reverse(event)) = self.events.pop() else {
            return false;
        };
        self.now = self.now.max(event.at);
        self.happen(event.what);
        true
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Connect(wire) => self.connects(wire),
            What::Unnamed(wire) => {
                if self.wires[wire].server == ServerEnd::Unnamed {
                    self.server_closes(wire, 4408);
                }
            }
            What::ArriveUp(wire) => {
                if let Some(packet) = self.wires[wire].up.pop(self.now) {
                    self.server_receives(wire, &packet);
                }
            }
            What::ArriveDown(wire) => {
                let was_full = self.wires[wire].down.buffered() >= self.setup.socket;
                if let Some(packet) = self.wires[wire].down.pop(self.now) {
                    self.client_receives(wire, packet);
                    if was_full && self.wires[wire].down.confirms() {
                        self.server_drains(wire);
                    }
                }
            }
            What::ClientTimer(number) => self.client_timer(number),
            What::TurnEnds(process) => self.turn_ends(process),
            What::PageReturns(process) => self.page_returns(process),
            What::SessionTimer { node, token, number } => self.session_timer(node, token, number),
            What::NodeStarts(node) => self.nodes[node].is_up = true,
            What::StoreAnswers(node) => self.store_answers(node),
            What::ClientTakes => self.client_takes(),
            What::ServerTakes { node, token } => self.server_takes(node, token, 3),
        }
    }

    // The network

    fn delay(&mut self) -> Duration {
        let most = self.setup.delay.as_micros() as u64;
        Duration::from_micros(self.random.below(most + 1))
    }

    pub(crate) fn send_up(&mut self, wire: usize, packet: Packet) {
        self.say(|| format!("{wire} > {packet:?}"));
        let delay = self.delay();
        if let Some(at) = self.wires[wire].up.push(packet, self.now, delay) {
            self.at(at, What::ArriveUp(wire));
        }
    }

    pub(crate) fn send_down(&mut self, wire: usize, packet: Packet) {
        self.say(|| format!("{wire} < {packet:?}"));
        let delay = self.delay();
        if let Some(at) = self.wires[wire].down.push(packet, self.now, delay) {
            self.at(at, What::ArriveDown(wire));
        }
    }

    fn connects(&mut self, wire: usize) {
        if self.wires[wire].server != ServerEnd::Unopened {
            return;
        }
        if self.nodes[self.wires[wire].node].is_up {
            self.wires[wire].server = ServerEnd::Unnamed;
            self.send_down(wire, Packet::Open);
            self.at(self.now + HANDSHAKE, What::Unnamed(wire));
        } else {
            self.server_closes(wire, 1006);
        }
    }

    pub(crate) fn server_closes(&mut self, wire: usize, code: u16) {
        self.wires[wire].server = ServerEnd::Gone;
        self.send_down(wire, Packet::Close(code));
    }

    /// A connection breaks.
    pub(crate) fn cut(&mut self, wire: usize) {
        self.say(|| format!("{wire} is cut"));
        if self.wires[wire].server == ServerEnd::Unopened {
            self.wires[wire].server = ServerEnd::Gone;
        }
        let (up, down) = (self.surviving(wire, true), self.surviving(wire, false));
        let (one, other) = (self.delay(), self.delay());
        if let Some(at) = self.wires[wire].up.cut(up, self.now, one) {
            self.at(at, What::ArriveUp(wire));
        }
        if let Some(at) = self.wires[wire].down.cut(down, self.now, other) {
            self.at(at, What::ArriveDown(wire));
        }
    }

    /// What is under way to the server comes late: the client has given up by then, perhaps.
    pub(crate) fn stall(&mut self, wire: usize) {
        let longer = Duration::from_millis(self.random.below(5_000));
        self.say(|| format!("{wire} stalls for {longer:?}"));
        let packets = self.wires[wire].up.in_flight();
        if let Some(at) = self.wires[wire].up.stall(longer) {
            for _ in 0..packets {
                self.at(at, What::ArriveUp(wire));
            }
        }
        if self.random.one_in(2) {
            let delay = self.delay();
            if let Some(at) = self.wires[wire].down.cut(0, self.now, delay) {
                self.at(at, What::ArriveDown(wire));
            }
        }
    }

    /// A connection goes silent, in one direction or in both.
    pub(crate) fn silence(&mut self, wire: usize) {
        let (up, down) = self.random.pick(&[(true, true), (true, false), (false, true)]);
        self.say(|| format!("{wire} goes silent: up {up}, down {down}"));
        let (kept_up, kept_down) = (self.surviving(wire, true), self.surviving(wire, false));
        let wire = &mut self.wires[wire];
        if up {
            wire.up.silence(kept_up);
            wire.down.deafen();
        }
        if down {
            wire.down.silence(kept_down);
            wire.up.deafen();
        }
    }

    /// How many of the packets under way still arrive.
    fn surviving(&mut self, wire: usize, up: bool) -> usize {
        let lane: &Lane = if up {
            &self.wires[wire].up
        } else {
            &self.wires[wire].down
        };
        let count = lane.in_flight() as u64 + 1;
        self.random.below(count) as usize
    }
}
