//! The world of a schedule: several clients and one hub, over the network, the clock and with the clients of the sessions'
//! simulation. `server.rs` is the hub in it.

use std::collections::{BTreeMap, BTreeSet};

use tautline::hub::{Peer, Rules};
use tautline::proto::{Input, Time};
use tautline::session::Link;

use super::clock::Events;
use super::driver::Driver;
use super::face::Face;
use super::ledger::{Ledger, Process};
use super::message::Message;
use super::network::Wire;
use super::random::Random;
use super::server::Book;
use super::setup::Setup;

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) now: Time,
    pub(crate) setup: Setup,
    pub(crate) rules: Rules,
    pub(crate) ledger: Ledger,
    pub(crate) wires: Vec<Wire>,
    /// One server: clients choose among so many.
    pub(crate) nodes: [(); 1],
    /// The client that something happens to, and the others.
    pub(crate) face: Face,
    pub(crate) others: Vec<Face>,
    pub(crate) driver: Driver<Message>,
    /// What a connection of the hub's is to the network, and the other way round.
    pub(crate) links: BTreeMap<Link, usize>,
    pub(crate) link_of: BTreeMap<usize, Link>,
    /// Connections that take nothing.
    pub(crate) blocked: BTreeSet<Link>,
    /// Connections that say they were whose they are not.
    pub(crate) thieves: Vec<Link>,
    /// Tokens of sessions that thieves have begun: their own.
    pub(crate) loot: BTreeSet<u64>,
    /// By the number of the token.
    pub(crate) books: BTreeMap<u64, Book>,
    /// When the end of a session need not be remembered any more.
    pub(crate) ends: Vec<(Time, u64)>,
    /// Tokens made so far.
    pub(crate) tokens: u64,
    /// The hub's timer, and the number of the event for it.
    pub(crate) armed: Option<Time>,
    pub(crate) timer: u64,
    /// When it fired last, and how often at that instant.
    pub(crate) fired: (Time, u32),
    /// Nothing goes wrong any more, and applications take what they get.
    pub(crate) calm: bool,
    /// Says what happens.
    pub(crate) verbose: bool,
    pub(crate) events: Events,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// A connection reaches the server.
    Connect(usize),
    ArriveUp(usize),
    ArriveDown(usize),
    /// A client's timer, if it is still the one of this number.
    ClientTimer {
        process: Process,
        number: u64,
    },
    /// Of the event loop of a client's process.
    TurnEnds(Process),
    /// A page that was left or went offline is back.
    PageReturns(Process),
    HubTimer(u64),
    /// Of the server's event loop.
    HubTurnEnds,
    ClientTakes(Process),
    /// By the number of the session's token.
    ServerTakes(u64),
}

impl World {
    pub(crate) fn new(mut random: Random, setup: Setup, rules: Rules, clients: u64, verbose: bool) -> Self {
        let mut ledger = Ledger::default();
        let mut faces: Vec<_> = (0..clients)
            .map(|_| Face::new(ledger.client_begins(), &setup, random.next(), 0))
            .collect();
        let face = faces.pop().expect("one client at least");
        let mut world = Self {
            random,
            now: Time::from_millis(1_000_000),
            setup,
            driver: Driver::new(rules.clone()),
            rules,
            ledger,
            wires: Vec::new(),
            nodes: [()],
            face,
            others: faces,
            links: BTreeMap::new(),
            link_of: BTreeMap::new(),
            blocked: BTreeSet::new(),
            thieves: Vec::new(),
            loot: BTreeSet::new(),
            books: BTreeMap::new(),
            ends: Vec::new(),
            tokens: 0,
            armed: None,
            timer: 0,
            fired: (Time::default(), 0),
            calm: false,
            verbose,
            events: Events::default(),
        };
        for process in world.processes() {
            world.turn_to(process);
            world.client_feeds(Input::Connect);
        }
        world
    }

    /// Who lives.
    pub(crate) fn processes(&self) -> Vec<Process> {
        self.faces().map(|face| face.process).collect()
    }

    pub(crate) fn faces(&self) -> impl Iterator<Item = &Face> {
        self.others.iter().chain([&self.face])
    }

    /// Something happens to this client now. False where it is gone.
    pub(crate) fn turn_to(&mut self, process: Process) -> bool {
        if self.face.process == process {
            return true;
        }
        let Some(face) = self.others.iter_mut().find(|face| face.process == process) else {
            return false;
        };
        std::mem::swap(&mut self.face, face);
        true
    }

    pub(crate) fn turn_to_any(&mut self) {
        let processes = self.processes();
        let process = self.random.pick(&processes);
        self.turn_to(process);
    }

    /// Who a client is, on all of its connections; three of them are the same, each at an address of its own.
    pub(crate) fn peer(&self, process: Process) -> Peer {
        Peer {
            origin: Some("https://example.com".into()),
            principal: Some(format!("user {}", process % 3)),
            address: Some([10, 0, (process >> 8) as u8, process as u8].into()),
        }
    }

    pub(crate) fn happen(&mut self, what: What) {
        match what {
            What::Connect(wire) => self.connects(wire),
            What::ArriveUp(wire) => {
                if let Some(packet) = self.wires[wire].up.pop(self.now) {
                    self.server_receives(wire, packet);
                }
            }
            What::ArriveDown(wire) => {
                let was_full = self.wires[wire].down.buffered() >= self.setup.socket;
                if let Some(packet) = self.wires[wire].down.pop(self.now) {
                    if self.turn_to(self.wires[wire].process) {
                        self.client_receives(wire, packet);
                    }
                    if was_full && self.wires[wire].down.confirms() {
                        self.server_drains(wire);
                    }
                }
            }
            What::ClientTimer { process, number } => {
                if self.turn_to(process) {
                    self.client_timer(number);
                }
            }
            What::TurnEnds(process) => {
                if self.turn_to(process) {
                    self.turn_ends(process);
                }
            }
            What::PageReturns(process) => {
                if self.turn_to(process) {
                    self.page_returns(process);
                }
            }
            What::HubTimer(number) => self.hub_timer(number),
            What::HubTurnEnds => self.hub_turn_ends(),
            What::ClientTakes(process) => {
                if self.turn_to(process) {
                    self.client_takes();
                }
            }
            What::ServerTakes(token) => self.server_takes(token, 3),
        }
    }
}
