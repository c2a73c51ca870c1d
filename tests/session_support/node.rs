//! A server's node in the world: the sessions that it holds, its applications, and what it keeps in the store.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tautline::proto::{Admission, Time};
use tautline::session::{
    Bye, Control, Event, Frame, FromClient, Hello, Output, Record, Refusal, Server, Settings, Welcome, span,
};

use super::face::{down_line, parse};
use super::message::{self, Message};
use super::network::{Packet, ServerEnd};
use super::setup::Sabotage;
use super::store::Found;
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

/// A session that a node holds.
#[derive(Debug)]
pub(crate) struct Session {
    server: Server,
    /// Arrived, and nobody said yet what becomes of it.
    arrived: VecDeque<Message>,
    /// Waits for the application.
    inbox: VecDeque<Message>,
    /// So many of it the session was told are taken.
    told_taken: usize,
    outbox: VecDeque<Message>,
    /// The number of the oldest one in there.
    oldest: u64,
    /// Taken by the client, and still in the store.
    released: usize,
    armed: Option<Time>,
    timer: u64,
}

impl Session {
    fn new(server: Server, outbox: VecDeque<Message>, oldest: u64) -> Self {
        Self {
            server,
            arrived: VecDeque::new(),
            inbox: VecDeque::new(),
            told_taken: 0,
            outbox,
            oldest,
            released: 0,
            armed: None,
            timer: 0,
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

    // The application

    pub(crate) fn server_sends(&mut self, node: usize, token: u64) {
        let number = self.ledger.next_down(token);
        let message = Message::new(&self.setup.sizes, down_line(token), number);
        let always = self.setup.is_without(Sabotage::StoreAlways);
        let Some(session) = self.nodes[node].sessions.get_mut(&token) else {
            return;
        };
        if session.server.admits(message.bytes.len()) != Admission::Accept {
            return;
        }
        let attempt = session.server.record().attempt;
        if !self.store.append(token, attempt, message.clone(), always) {
            return self.void(node, token);
        }
        session.server.send(message.bytes.len());
        session.outbox.push_back(message);
        self.ledger.accepted_down(token);
        self.session_acts(node, token);
    }

    /// The application takes what waits, or a part of it: what it has taken is stored before it is anybody's.
    pub(crate) fn server_takes(&mut self, node: usize, token: u64, most: u64) {
        let count = 1 + self.random.below(most);
        for _ in 0..count {
            let now = self.now;
            let Some(session) = self.nodes[node].sessions.get_mut(&token) else {
                return;
            };
            let Some(message) = session.inbox.pop_front() else {
                break;
            };
            if session.told_taken > 0 {
                session.told_taken -= 1;
            } else {
                session.server.take(1, now);
            }
            if !session.server.is_ended() && !self.commit(node, token) {
                return self.void(node, token);
            }
            let expected = self.ledger.taken_up(token);
            let expected = expected.map(|(process, number)| Message::new(&self.setup.sizes, process as u64, number));
            if expected.as_ref() != Some(&message) {
                self.ledger
                    .violate(format!("the server takes a wrong message of session {token}"));
            }
        }
        self.session_acts(node, token);
        if let Some(session) = self.nodes[node].sessions.get(&token)
            && self.calm
            && !session.inbox.is_empty()
        {
            self.at(self.now, What::ServerTakes { node, token });
        }
    }

    pub(crate) fn server_says_goodbye(&mut self, node: usize, token: u64, timeout: Duration) {
        let now = self.now;
        if let Some(session) = self.nodes[node].sessions.get_mut(&token) {
            session.server.close(4000, "enough", timeout, now);
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

    // The session

    pub(crate) fn session_timer(&mut self, node: usize, token: u64, number: u64) {
        let now = self.now;
        let Some(session) = self.nodes[node].sessions.get_mut(&token) else {
            return;
        };
        if session.timer == number {
            session.armed = None;
            session.server.timer(now);
            self.session_acts(node, token);
        }
    }

    /// Carries out all that the session wants done, sends what it has to say, and arms its timer.
    fn session_acts(&mut self, node: usize, token: u64) {
        let now = self.now;
        let mut has_room = true;
        loop {
            self.carry_out(node, token);
            let Some(session) = self.nodes[node].sessions.get_mut(&token) else {
                return;
            };
            let Some(link) = session.server.link() else {
                break;
            };
            let wire = link as usize;
            has_room = self.wires[wire].down.buffered() < self.setup.socket;
            if !has_room {
                break;
            }
            let Some(frame) = session.server.next_frame(link, now) else {
                break;
            };
            let packet = match frame {
                Frame::Control(control) => Packet::Binary(control.encode()),
                Frame::Chunk(chunk) => {
                    let messages = session.outbox.range(chunk.offset..chunk.offset + chunk.count);
                    message::encode(chunk.first, messages)
                }
            };
            // Stored before it is sent.
            if !self.commit(node, token) {
                return self.void(node, token);
            }
            self.send_down(wire, packet);
        }
        self.check_session(node, token);
        let Some(session) = self.nodes[node].sessions.get_mut(&token) else {
            return;
        };
        let deadline = if has_room {
            session.server.deadline()
        } else {
            session.server.deadline_while_blocked()
        };
        if deadline == session.armed {
            return;
        }
        session.armed = deadline;
        session.timer += 1;
        let number = session.timer;
        if let Some(deadline) = deadline {
            let at = self.fires(deadline);
            self.at(at, What::SessionTimer { node, token, number });
        }
    }

    fn carry_out(&mut self, node: usize, token: u64) {
        loop {
            let Some(session) = self.nodes[node].sessions.get_mut(&token) else {
                return;
            };
            let Some(output) = session.server.poll() else {
                return;
            };
            match output {
                Output::Deliver(count) => {
                    let arrived = session.arrived.drain(..count);
                    session.inbox.extend(arrived);
                    if self.setup.is_without(Sabotage::ServerTakesOnArrival) {
                        session.server.take(count, self.now);
                        session.told_taken += count;
                    }
                    if self.calm || self.random.one_in(2) {
                        self.soon(What::ServerTakes { node, token });
                    }
                }
                Output::Discard(count) => drop(session.arrived.drain(..count)),
                Output::Release(count) => {
                    session.outbox.drain(..count);
                    session.released += count;
                    session.oldest += count as u64;
                    self.ledger.released_down(token, session.oldest - 1);
                }
                Output::Drop { link, code, .. } => self.server_closes(link as usize, code),
                Output::Tell(Event::Ended { code, reason }) => self.session_ends(node, token, code, reason),
                Output::Tell(Event::Detached | Event::Resumed) => {}
            }
        }
    }

    fn session_ends(&mut self, node: usize, token: u64, code: u16, reason: String) {
        self.say(|| format!("session {token} ends on node {node}: {code} {reason}"));
        let Some(session) = self.nodes[node].sessions.get(&token) else {
            return;
        };
        let attempt = session.server.record().attempt;
        match code {
            4400 | 4413 => self.ledger.violate(format!("the session ends: {code} {reason}")),
            1006 if self.store.remove(token, attempt) => {
                self.ledger.counts.expired += 1;
                self.ledger.forgotten(token);
            }
            1006 => self.void(node, token),
            _ => {
                let until = self.now + self.setup.nodes[node].resume;
                if self.store.end(token, attempt, code, reason, until) {
                    self.ledger.session_ended(token);
                } else {
                    self.void(node, token);
                }
            }
        }
    }

    /// Another node has the session, or nobody: what this one holds of it is worth nothing.
    fn void(&mut self, node: usize, token: u64) {
        let Some(mut session) = self.nodes[node].sessions.remove(&token) else {
            return;
        };
        self.say(|| format!("session {token} is no longer node {node}'s"));
        self.ledger.counts.superseded += 1;
        session.server.superseded();
        while let Some(output) = session.server.poll() {
            if let Output::Drop { link, code, .. } = output {
                self.server_closes(link as usize, code);
            }
        }
    }

    /// Stores where the session is. Fails where it is another node's.
    fn commit(&mut self, node: usize, token: u64) -> bool {
        let always = self.setup.is_without(Sabotage::StoreAlways);
        let record = self.kept(node, token);
        let Some(session) = self.nodes[node].sessions.get(&token) else {
            return false;
        };
        if session.server.is_ended() {
            // The BYE; that it ends is stored in a moment.
            return self.store.is_current(token, record.attempt) || always;
        }
        let released = self.released(node, token);
        self.store.commit(token, record, released, always)
    }

    /// How many payloads of the store were taken since it was last told.
    fn released(&mut self, node: usize, token: u64) -> usize {
        let session = self.nodes[node].sessions.get_mut(&token);
        session.map_or(0, |session| std::mem::take(&mut session.released))
    }

    /// What the store gets to know.
    fn kept(&self, node: usize, token: u64) -> Record {
        let mut record = self.nodes[node]
            .sessions
            .get(&token)
            .map(|session| session.server.record())
            .unwrap_or_default();
        if self.setup.is_without(Sabotage::ForgetLimit) {
            record.granted = 0;
        }
        record
    }

    /// What waits to be taken is bounded, and so is what waits to be sent.
    fn check_session(&mut self, node: usize, token: u64) {
        let Some(session) = self.nodes[node].sessions.get(&token) else {
            return;
        };
        let held: u64 = session.inbox.iter().map(|message| span(message.bytes.len())).sum();
        let window = self.setup.nodes.iter().map(|settings| settings.window).max();
        let most = window.unwrap_or_default() + self.setup.largest_span() - 1;
        if held > most {
            self.ledger
                .violate(format!("the server holds {held} positions, and may {most}"));
        }
        let load = session.server.outbox();
        let settings = self.setup.nodes[node];
        if load.messages > settings.outbox_messages || load.bytes > settings.outbox_bytes {
            self.ledger.violate(format!("the server keeps {load:?}"));
        }
        if !session.arrived.is_empty() {
            self.ledger.violate("messages are neither delivered nor discarded");
        }
    }

    /// Whether all that this session's applications have sent is taken.
    pub(crate) fn is_session_quiet(&self, token: u64) -> bool {
        self.nodes.iter().all(|node| {
            node.sessions.get(&token).is_none_or(|session| {
                let is_current = self.store.is_current(token, session.server.record().attempt);
                !is_current || (session.inbox.is_empty() && session.server.outbox().messages == 0)
            })
        })
    }

    /// Sessions that a node holds.
    pub(crate) fn all_sessions(&self) -> Vec<(usize, u64)> {
        let of = |(node, held): (usize, &Node)| {
            held.sessions
                .keys()
                .map(move |&token| (node, token))
                .collect::<Vec<_>>()
        };
        self.nodes.iter().enumerate().flat_map(of).collect()
    }
}
