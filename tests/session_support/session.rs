//! A session on a node of the world: carries out what the session wants done, sends what it has to say, and keeps the store
//! up to date, on the condition that the session is still this node's. With it the server's application.

use std::collections::VecDeque;
use std::time::Duration;

use tautline::proto::{Admission, Time};
use tautline::session::{Event, Frame, Output, Record, Server, span};

use super::face::down_line;
use super::message::{self, Message};
use super::network::Packet;
use super::node::Node;
use super::setup::Sabotage;
use super::world::{What, World};

/// A session that a node holds.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) server: Server,
    /// Arrived, and nobody said yet what becomes of it.
    pub(crate) arrived: VecDeque<Message>,
    /// Waits for the application.
    inbox: VecDeque<Message>,
    /// So many of it the session was told are taken.
    told_taken: usize,
    pub(crate) outbox: VecDeque<Message>,
    /// The number of the oldest one in there.
    oldest: u64,
    /// Taken by the client, and still in the store.
    released: usize,
    armed: Option<Time>,
    timer: u64,
}

impl Session {
    pub(crate) fn new(server: Server, outbox: VecDeque<Message>, oldest: u64) -> Self {
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
    pub(crate) fn session_acts(&mut self, node: usize, token: u64) {
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

    pub(crate) fn carry_out(&mut self, node: usize, token: u64) {
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
    pub(crate) fn void(&mut self, node: usize, token: u64) {
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
    pub(crate) fn released(&mut self, node: usize, token: u64) -> usize {
        let session = self.nodes[node].sessions.get_mut(&token);
        session.map_or(0, |session| std::mem::take(&mut session.released))
    }

    /// What the store gets to know.
    pub(crate) fn kept(&self, node: usize, token: u64) -> Record {
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
