//! A server's node in the world: the sessions that it holds, its applications, and what it keeps in the store.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tautline::session::{Bye, Control, FromClient, Hello, Record, Refusal, Server, Settings, Welcome};

use super::message::{self, Message};
use super::network::{Packet, ServerEnd};
use super::session::Session;
use super::setup::Sabotage;
use super::store::Found;
use super::token::parse;
use super::world::{What, World};

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) is_up: bool,
    /// It can't reach the store.
    pub(crate) is_cut_off: bool,
    pub(crate) sessions: BTreeMap<u64, Session>,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            is_up: true,
            is_cut_off: false,
            sessions: BTreeMap::new(),
        }
    }
}

impl World {
    // Connections

    pub(crate) fn server_receives(&mut self, wire: usize, packet: &Packet) {
        match self.wires[wire].server {
            ServerEnd::Unnamed => self.server_is_greeted(wire, packet),
            ServerEnd::Session(token) => self.session_receives(wire, token, packet),
            ServerEnd::Unopened | ServerEnd::Gone => {}
        }
    }

    fn server_is_greeted(&mut self, wire: usize, packet: &Packet) {
        match packet {
            Packet::Binary(bytes) => match FromClient::decode(bytes) {
                Ok(FromClient::Hello(hello)) => self.hello(wire, hello),
                other => self.ledger.violate(format!("the first frame is {other:?}")),
            },
            Packet::Close(_) => self.server_closes(wire, 1006),
            other => self.ledger.violate(format!("the first frame is {other:?}")),
        }
    }

    fn hello(&mut self, wire: usize, mut hello: Hello) {
        let node = self.wires[wire].node;
        if self.nodes[node].is_cut_off {
            self.ledger.counts.refused += 1;
            self.server_closes(wire, 4429);
            return;
        }
        self.forget_old();
        if hello.token.is_empty() {
            self.session_begins(wire, &hello);
            return;
        }
        let token = parse(&hello.token);
        let record = match self.store.find(token) {
            Found::Nothing => return self.session_begins(wire, &hello),
            Found::Ended(ended) => {
                let reason = ended.reason;
                let code = ended.code.into();
                let bye = Control::Bye(Bye { code, reason });
                self.send_down(wire, Packet::Binary(bye.encode()));
                return self.server_closes(wire, 1000);
            }
            Found::Live(entry) => entry.record,
        };
        if self.setup.is_without(Sabotage::LateHelloWins) {
            hello.attempt = hello.attempt.max(record.attempt + 1);
        }
        let is_fetched = self.fetch(node, token, record);
        let now = self.now;
        let Some(session) = self.nodes[node].sessions.get_mut(&token) else {
            return;
        };
        match session.server.resume(&hello, wire as u64, now) {
            Ok(welcome) => {
                // What the HELLO says is taken has to leave the store together with the record that says so.
                self.carry_out(node, token);
                let record = self.kept(node, token);
                let released = self.released(node, token);
                if self.store.claim(token, record, released, node) {
                    self.wires[wire].server = ServerEnd::Session(token);
                    self.send_down(wire, Packet::Binary(welcome.encode()));
                    self.session_acts(node, token);
                } else {
                    self.ledger.violate("a higher attempt does not win");
                }
            }
            Err(Refusal::Late) => {
                self.ledger.counts.late += 1;
                if is_fetched {
                    // It is another node's, or nobody's: a copy with the same attempt would pass for the session itself.
                    self.nodes[node].sessions.remove(&token);
                }
                self.server_closes(wire, 4409);
            }
            Err(Refusal::Lost) => self.ledger.violate("two correct ends don't agree on where they are"),
        }
    }

    /// Gets a session from the store, where this node does not hold it or holds an old version. Whether it did.
    fn fetch(&mut self, node: usize, token: u64, record: Record) -> bool {
        let held = self.nodes[node].sessions.get(&token);
        if held.is_some_and(|session| !session.server.is_ended() && session.server.record().attempt == record.attempt) {
            return false;
        }
        self.void(node, token);
        let Found::Live(entry) = self.store.find(token) else {
            return false;
        };
        let payloads = entry.payloads.clone();
        let settings = self.settings(node);
        let sizes = payloads.iter().map(|message| message.bytes.len());
        let server = Server::restore(settings, &record, sizes, String::new(), self.now);
        self.ledger.counts.restored += 1;
        let oldest = self.ledger.next_down(token) - payloads.len() as u64;
        let session = Session::new(server, payloads, oldest);
        self.nodes[node].sessions.insert(token, session);
        true
    }

    fn settings(&self, node: usize) -> Settings {
        let mut settings = self.setup.nodes[node];
        settings.window = self.setup.granted(settings.window);
        settings
    }

    fn session_begins(&mut self, wire: usize, hello: &Hello) {
        let (node, process, now) = (self.wires[wire].node, self.wires[wire].process, self.now);
        let settings = self.settings(node);
        let (server, mut welcome) = Server::new(settings, hello, String::new(), wire as u64, now);
        self.tokens += 1;
        let mut token = self.tokens;
        if self.setup.is_without(Sabotage::ResumeTheUnknown) && !hello.token.is_empty() {
            token = parse(&hello.token);
            welcome.resumed = true;
        } else {
            self.ledger.session_begins(token, process);
        }
        let session = Session::new(server, VecDeque::new(), 1);
        self.nodes[node].sessions.insert(token, session);
        self.store.create(token, self.kept(node, token), node);
        self.wires[wire].server = ServerEnd::Session(token);
        self.welcome(wire, token, welcome);
        self.session_acts(node, token);
    }

    fn welcome(&mut self, wire: usize, token: u64, mut welcome: Welcome) {
        welcome.token = format!("t{token}");
        self.send_down(wire, Packet::Binary(welcome.encode()));
    }

    fn session_receives(&mut self, wire: usize, token: u64, packet: &Packet) {
        let (node, link, now) = (self.wires[wire].node, wire as u64, self.now);
        let Some(session) = self.nodes[node].sessions.get_mut(&token) else {
            return;
        };
        let mut batch = |(first, messages): (u64, Vec<Message>)| {
            let sizes: Vec<_> = messages.iter().map(|message| message.bytes.len()).collect();
            session.arrived.extend(messages);
            session.server.batch(link, first, &sizes, now);
        };
        match packet {
            Packet::Text(text) => match message::decode_text(text) {
                Some(messages) => batch(messages),
                None => self.ledger.violate("a text frame that is none"),
            },
            Packet::Binary(bytes) => match FromClient::decode(bytes) {
                Ok(FromClient::Batch(messages)) => batch(message::decode_batch(&messages)),
                Ok(FromClient::Control(control)) => session.server.control(link, control, now),
                other => self.ledger.violate(format!("an unexpected frame: {other:?}")),
            },
            Packet::Close(_) => {
                session.server.detach(link, now);
                self.server_closes(wire, 1006);
            }
            Packet::Open => {}
        }
        self.session_acts(node, token);
    }

    /// A full socket got rid of a packet: the other end confirms something.
    pub(crate) fn server_drains(&mut self, wire: usize) {
        let (node, now) = (self.wires[wire].node, self.now);
        if let ServerEnd::Session(token) = self.wires[wire].server
            && let Some(session) = self.nodes[node].sessions.get_mut(&token)
        {
            session.server.progressed(wire as u64, now);
            self.session_acts(node, token);
        }
    }

    // The process

    /// The process dies, with all it holds; the machine with it, or not.
    pub(crate) fn node_dies(&mut self, node: usize, pause: Duration) {
        self.say(|| format!("node {node} dies"));
        self.nodes[node].sessions.clear();
        self.nodes[node].is_up = false;
        self.store.orphan(node, self.now);
        let crashes = self.random.one_in(3);
        for wire in 0..self.wires.len() {
            if self.wires[wire].node != node {
                continue;
            }
            let was_open = !matches!(self.wires[wire].server, ServerEnd::Unopened | ServerEnd::Gone);
            self.wires[wire].server = ServerEnd::Gone;
            if was_open && crashes && !self.calm {
                self.wires[wire].up.silence(0);
                self.wires[wire].down.silence(0);
            } else if was_open {
                self.cut(wire);
            } else {
                self.server_closes(wire, 1006);
            }
        }
        self.at(self.now + pause, What::NodeStarts(node));
    }

    /// The store has lost everything, and no process is left.
    pub(crate) fn all_is_lost(&mut self, pause: Duration) {
        for node in 0..self.nodes.len() {
            self.node_dies(node, pause);
        }
        for token in self.store.wipe() {
            self.ledger.forgotten(token);
        }
    }

    pub(crate) fn store_answers(&mut self, node: usize) {
        self.nodes[node].is_cut_off = false;
    }

    fn forget_old(&mut self) {
        let resume = self.setup.nodes[0].resume;
        if self.setup.is_without(Sabotage::ForgetEnds) {
            self.store.forget_ended();
        }
        for token in self.store.expire(self.now, resume) {
            self.ledger.counts.expired += 1;
            self.ledger.forgotten(token);
        }
    }
}
