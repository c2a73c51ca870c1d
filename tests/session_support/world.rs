//! The world of a schedule: its clock, its events, its network. `face.rs` is the client in it, `node.rs` the servers.

use std::time::Duration;

use tautline::proto::{Input, Time};

use super::clock::Events;
use super::face::Face;
use super::ledger::Ledger;
use super::network::{Packet, ServerEnd, Wire};
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
    pub(crate) events: Events,
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
    ClientTimer {
        process: usize,
        number: u64,
    },
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
    ClientTakes(usize),
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
            events: Events::default(),
        };
        world.client_feeds(Input::Connect);
        world
    }

    pub(crate) fn happen(&mut self, what: What) {
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
            What::ClientTimer { number, .. } => self.client_timer(number),
            What::TurnEnds(process) => self.turn_ends(process),
            What::PageReturns(process) => self.page_returns(process),
            What::SessionTimer { node, token, number } => self.session_timer(node, token, number),
            What::NodeStarts(node) => self.nodes[node].is_up = true,
            What::StoreAnswers(node) => self.store_answers(node),
            What::ClientTakes(_) => self.client_takes(),
            What::ServerTakes { node, token } => self.server_takes(node, token, 3),
        }
    }

    // The network

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
}
