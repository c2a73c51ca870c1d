//! The server of the world: the hub, its connections, its timer and its turns; and the applications of all its sessions.

use std::time::Duration;

use tautline::hub::{Entrance, Peer, SessionId};
use tautline::proto::Admission;
use tautline::session::{FromServer, Hello, Link, Part, span};

use super::driver::{Driver, News, Payload};
use super::face::down_line;
use super::ledger::Process;
use super::message::{self, Message};
use super::network::{Packet, ServerEnd};
use super::token;
use super::world::{What, World};

/// At one instant the timer does not fire more often.
const ENOUGH: u32 = 1_000;

/// What there is to know of a session beside what the driver has.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(crate) session: SessionId,
    /// The number of the oldest message in the outbox.
    oldest: u64,
}

impl Payload for Message {
    fn of(part: Part<'_>) -> Self {
        Self {
            kind: part.kind,
            bytes: part.bytes.to_vec(),
        }
    }

    fn size(&self) -> usize {
        self.bytes.len()
    }
}

impl World {
    // Connections

    pub(crate) fn connects(&mut self, wire: usize) {
        if self.wires[wire].server != ServerEnd::Unopened {
            return;
        }
        self.wires[wire].server = ServerEnd::Unnamed;
        self.send_down(wire, Packet::Open);
        self.driver.hub.tell_time(self.now);
        let peer = self.peer(self.wires[wire].process);
        let link = self.driver.connect(peer, Entrance::Allowed);
        self.links.insert(link, wire);
        self.link_of.insert(wire, link);
        self.hub_acts();
    }

    pub(crate) fn server_receives(&mut self, wire: usize, packet: Packet) {
        let Some(&link) = self.link_of.get(&wire) else {
            return;
        };
        self.driver.hub.tell_time(self.now);
        self.forget_old();
        if self.random.one_in(8) {
            self.driver.hub.alive(link);
        }
        match packet {
            Packet::Binary(bytes) => {
                if self.driver.hub.awaits_hello(link) {
                    self.tokens += 1;
                }
                self.driver.binary(link, &bytes, token::random(self.tokens));
            }
            Packet::Text(text) => match message::decode_text(&text) {
                Some((first, messages)) => self.driver.batch(link, first, messages),
                None => self.ledger.violate("a text frame that is none"),
            },
            Packet::Close(code) => {
                self.unlink(link);
                self.driver.closed(link, code, "");
                self.server_closes(wire, 1006);
            }
            Packet::Open => {}
        }
        self.hub_acts();
    }

    /// A full socket got rid of a packet: the other end confirms something.
    pub(crate) fn server_drains(&mut self, wire: usize) {
        if let Some(&link) = self.link_of.get(&wire)
            && self.wires[wire].down.buffered() < self.setup.socket
            && self.blocked.remove(&link)
        {
            self.driver.hub.tell_time(self.now);
            self.driver.hub.unblocked(link);
            self.hub_acts();
        }
    }

    fn unlink(&mut self, link: Link) -> Option<usize> {
        let wire = self.links.remove(&link)?;
        self.link_of.remove(&wire);
        self.blocked.remove(&link);
        Some(wire)
    }

    // The hub

    pub(crate) fn hub_timer(&mut self, number: u64) {
        if self.timer == number {
            self.armed = None;
            let (at, times) = self.fired;
            self.fired = (self.now, if at == self.now { times + 1 } else { 1 });
            if self.fired.1 > ENOUGH {
                self.ledger.violate("a deadline does not go away");
            }
            self.driver.hub.tell_time(self.now);
            self.driver.hub.timer();
            self.hub_acts();
        }
    }

    /// The next one is not late, whatever was.
    pub(crate) fn hub_timer_is_on_time(&mut self) {
        self.armed = None;
        self.hub_acts();
    }

    pub(crate) fn hub_turn_ends(&mut self) {
        if self.driver.awaits_turn {
            self.driver.hub.tell_time(self.now);
            self.driver.turn_ended();
            self.hub_acts();
        }
    }

    /// Does all that the hub wants done, and sets its timer.
    pub(crate) fn hub_acts(&mut self) {
        let awaited = self.driver.awaits_turn;
        while let Some(news) = self.driver.next() {
            self.hub_tells(news);
        }
        self.driver.check();
        self.check_bounds();
        if self.driver.awaits_turn && !awaited {
            let at = self.now + Duration::from_micros(self.random.below(200));
            self.at(at, What::HubTurnEnds);
        }
        // One that is set for earlier stays.
        if let Some(deadline) = self.driver.hub.deadline()
            && self.armed.is_none_or(|armed| deadline < armed)
        {
            self.armed = Some(deadline);
            self.timer += 1;
            let at = self.fires(deadline);
            self.at(at, What::HubTimer(self.timer));
        }
    }

    fn hub_tells(&mut self, news: News<Message>) {
        match news {
            News::Frame(link, bytes) => self.hub_sends(link, Packet::Binary(bytes)),
            News::Messages {
                link, first, messages, ..
            } => self.hub_sends(link, message::encode(first, messages.iter())),
            News::Closed(link, code, reason) => {
                self.say(|| format!("the hub closes {link}: {code} {reason}"));
                match code {
                    4409 => self.ledger.counts.late += 1,
                    4429 => self.ledger.counts.refused += 1,
                    _ => {}
                }
                if let Some(wire) = self.unlink(link) {
                    self.server_closes(wire, code);
                }
            }
            News::Began { session, link, .. } => self.session_begins(session, link),
            News::Delivered(session, _) => {
                if self.calm || self.random.one_in(2) {
                    let token = self.token_of(session);
                    self.soon(What::ServerTakes(token));
                }
            }
            News::Released(session, messages) => {
                let token = self.token_of(session);
                let book = self.books.get_mut(&token).expect("a session that is there");
                book.oldest += messages.len() as u64;
                self.ledger.released_down(token, self.books[&token].oldest - 1);
            }
            News::Ended {
                session, code, reason, ..
            } => self.session_ends(session, code, &reason),
            News::Detached(_) | News::Resumed(_) => {}
            News::Choose(..) => self.ledger.violate("nobody offers a subprotocol"),
        }
    }

    fn hub_sends(&mut self, link: Link, packet: Packet) {
        if self.thieves.contains(&link) {
            return self.thief_hears(link, &packet);
        }
        let wire = self.links[&link];
        if self.blocked.contains(&link) {
            self.ledger
                .violate("something is sent on a connection that takes nothing");
        }
        self.send_down(wire, packet);
        if self.wires[wire].down.buffered() >= self.setup.socket {
            self.blocked.insert(link);
            self.driver.hub.blocked(link);
        }
    }

    /// What a session may hold, and all of them.
    fn check_bounds(&mut self) {
        let settings = self.rules.settings;
        let most = settings.window + self.setup.largest_span() - 1;
        for kept in self.driver.sessions.values() {
            let held: u64 = kept.inbox.iter().map(|message| span(message.bytes.len())).sum();
            let kept_bytes: usize = kept.outbox.iter().map(Payload::size).sum();
            if held > most || kept.outbox.len() > settings.outbox_messages || kept_bytes > settings.outbox_bytes {
                self.ledger
                    .violate(format!("a session holds too much: {held} positions"));
                return;
            }
        }
        let stats = self.driver.hub.stats();
        if stats.detached_bytes > self.rules.max_detached_bytes || stats.sessions > self.rules.quotas.sessions {
            self.ledger.violate(format!("the hub holds too much: {stats:?}"));
        }
    }

    // Sessions

    fn session_begins(&mut self, session: SessionId, link: Link) {
        let token = self.tokens;
        self.books.insert(token, Book { session, oldest: 1 });
        // Nobody's messages are a thief's.
        let process = self.links.get(&link).map(|&wire| self.wires[wire].process);
        if process.is_none() {
            self.loot.insert(token);
        }
        self.ledger.session_begins(token, process.unwrap_or(Process::MAX));
        self.say(|| format!("session {token} begins: {session}, for {process:?}"));
    }

    fn session_ends(&mut self, session: SessionId, code: u16, reason: &str) {
        let token = self.token_of(session);
        self.books.remove(&token);
        self.say(|| format!("session {token} ends: {code} {reason}"));
        match (code, reason) {
            (1006, "not resumed in time" | "no room to keep it" | "terminated") | (4429, _) => {
                self.ledger.counts.expired += 1;
                self.ledger.forgotten(token);
            }
            // Whoever does that has said so before.
            (1006, "session lost") if self.ledger.is_forgotten(token) => {}
            (1006 | 4400 | 4413, _) => self.ledger.violate(format!("session {token} ends: {code} {reason}")),
            _ => {
                self.ledger.session_ended(token);
                self.ends.push((self.now + self.rules.settings.resume, token));
            }
        }
    }

    fn forget_old(&mut self) {
        let now = self.now;
        for (_, token) in self.ends.extract_if(.., |(until, _)| *until <= now) {
            self.ledger.forgotten(token);
        }
    }

    fn token_of(&self, session: SessionId) -> u64 {
        let book = self.books.iter().find(|(_, book)| book.session == session);
        book.map(|(&token, _)| token).unwrap_or_default()
    }

    // The applications

    pub(crate) fn server_sends(&mut self, token: u64) {
        let Some(session) = self.books.get(&token).map(|book| book.session) else {
            return;
        };
        let number = self.ledger.next_down(token);
        let message = Message::new(&self.setup.sizes, down_line(token), number);
        let size = message.size() as u64;
        self.driver.hub.tell_time(self.now);
        let admission = self.driver.send(session, message);
        if admission == Admission::Accept {
            self.ledger.accepted_down(token);
        }
        // The application comes again with it, some time.
        let waits = admission == Admission::Wait;
        self.driver.waiting(session, if waits { size } else { 0 });
        if waits || !self.driver.hub.awaits_turn(session) {
            self.hub_acts();
        }
    }

    /// The application takes what waits, or a part of it.
    pub(crate) fn server_takes(&mut self, token: u64, most: u64) {
        let count = 1 + self.random.below(most);
        let Some(session) = self.books.get(&token).map(|book| book.session) else {
            return;
        };
        self.driver.hub.tell_time(self.now);
        for _ in 0..count {
            let Some(message) = self.driver.take(session) else {
                break;
            };
            let expected = self.ledger.taken_up(token);
            let expected = expected.map(|(process, number)| Message::new(&self.setup.sizes, process as u64, number));
            if expected.as_ref() != Some(&message) {
                self.ledger
                    .violate(format!("the server takes a wrong message of session {token}"));
            }
        }
        self.hub_acts();
        if self.calm && self.driver.hub.inbox(session).messages > 0 {
            self.at(self.now, What::ServerTakes(token));
        }
    }

    pub(crate) fn server_says_goodbye(&mut self, token: u64) {
        if let Some(session) = self.books.get(&token).map(|book| book.session) {
            self.driver.hub.tell_time(self.now);
            self.driver.hub.close(session, 4000, "enough");
            self.hub_acts();
        }
    }

    pub(crate) fn server_terminates(&mut self, token: u64) {
        if let Some(session) = self.books.get(&token).map(|book| book.session) {
            self.driver.hub.tell_time(self.now);
            self.driver.hub.terminate(session);
            self.hub_acts();
        }
    }

    /// Whether all that this session's applications have sent is taken.
    pub(crate) fn is_session_quiet(&self, token: u64) -> bool {
        self.books.get(&token).is_none_or(|book| {
            let hub = &self.driver.hub;
            hub.inbox(book.session).messages == 0 && hub.outbox(book.session).messages == 0
        })
    }

    // Disasters

    /// All sessions are gone, as if the process had died.
    pub(crate) fn hub_forgets(&mut self) {
        self.say(|| "the hub forgets".into());
        for &token in self.books.keys() {
            self.ledger.forgotten(token);
        }
        self.driver.hub.tell_time(self.now);
        self.driver.hub.forget();
        self.hub_acts();
    }

    /// The process dies, and another one begins.
    pub(crate) fn hub_dies(&mut self) {
        self.say(|| "the server dies".into());
        for token in 1..=self.tokens {
            self.ledger.forgotten(token);
        }
        self.books.clear();
        self.ends.clear();
        self.thieves.clear();
        self.blocked.clear();
        self.driver = Driver::new(self.rules.clone());
        self.armed = None;
        self.timer += 1;
        self.link_of.clear();
        for (_, wire) in std::mem::take(&mut self.links) {
            self.wires[wire].server = ServerEnd::Gone;
            self.cut(wire);
        }
    }

    /// Somebody who is not the client comes with its token, and gets nothing for it.
    pub(crate) fn thief_comes(&mut self, token: u64) {
        if token == 0 || self.loot.contains(&token) {
            return;
        }
        self.say(|| format!("a thief has the token {token}"));
        self.driver.hub.tell_time(self.now);
        let peer = Peer {
            principal: Some("thief".into()),
            ..self.peer(self.face.process)
        };
        let link = self.driver.connect(peer, Entrance::Allowed);
        self.thieves.push(link);
        let hello = Hello {
            token: token::token(token),
            limit: 100,
            attempt: 1 << 40,
            max_message: 1 << 20,
            ..Hello::default()
        };
        self.tokens += 1;
        self.driver.binary(link, &hello.encode(), token::random(self.tokens));
        self.hub_acts();
        self.thieves.pop();
        if self.driver.links.contains(&link) {
            self.driver.closed(link, 1006, "");
            self.hub_acts();
        }
    }

    fn thief_hears(&mut self, _link: Link, packet: &Packet) {
        let heard = match packet {
            Packet::Binary(bytes) => FromServer::decode(bytes),
            _ => return self.ledger.violate("a thief gets messages"),
        };
        match heard {
            Ok(FromServer::Welcome(welcome)) if !welcome.resumed && welcome.taken == 0 => {}
            other => self.ledger.violate(format!("a thief gets {other:?}")),
        }
    }

    /// The end of all: everything that was sent goes out, and nothing is left.
    pub(crate) fn hub_says_goodbye(&mut self, timeout: Duration) {
        self.driver.hub.tell_time(self.now);
        self.driver.hub.bye(1001, "the end", timeout);
        self.hub_acts();
    }
}
