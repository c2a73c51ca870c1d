//! What a HELLO comes to: a new session, one that goes on, or a refusal.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Hub;
use super::connections::Stage;
use super::goodbye::{FULL, GOING_AWAY, Goodbye, MADE_ROOM};
use super::key::{self, Key, TOKEN_BYTES};
use super::output::{Output, SessionId};
use super::places::{Full, Place};
use super::sessions::{Entry, Fate, Turn};
use super::timers::Timed;
use crate::session::frame::{Control, FromClient, Hello, Welcome};
use crate::session::{Fault, Link, Refusal, Server};

impl Hub {
    /// The first frame arrived on a connection. `random` is what a token is made of, should it come to a new session: from a
    /// generator that nobody can predict.
    pub fn hello(&mut self, link: Link, frame: &[u8], random: [u8; TOKEN_BYTES]) {
        if !self.awaits_hello(link) {
            self.fail(link, Fault::Unexpected);
            return;
        }
        match FromClient::decode(frame) {
            Ok(FromClient::Hello(hello)) => self.greet(link, hello, random),
            Ok(_) => self.fail(link, Fault::Unexpected),
            Err(fault) => self.fail(link, fault.into()),
        }
    }

    fn greet(&mut self, link: Link, hello: Hello, random: [u8; TOKEN_BYTES]) {
        let Some(connection) = self.connections.get(&link) else {
            return;
        };
        let identity = connection.peer.identity();
        if !hello.token.is_empty() {
            let key = Key::of(&hello.token);
            if let Some(bye) = self.ends.find(&key, &identity, self.now) {
                let bytes = Control::Bye(bye).encode();
                self.outputs.push_back(Output::Frame { link, bytes });
                self.untold.remove(&key);
                self.refuse(link, Goodbye::new(1000, ""));
                return;
            }
            let session = self.keys.get(&key).copied();
            // Another's session is an unknown one.
            let is_its = |entry: &Entry| entry.peer.identity() == identity;
            if let Some(session) = session
                && self.sessions.get(&session).is_some_and(|entry| is_its(entry))
                && self.resume(session, link, &hello)
            {
                return;
            }
        }
        if self.is_stopped {
            self.refuse(link, Goodbye::new(1001, GOING_AWAY));
        } else {
            self.select(link, hello, random);
        }
    }

    /// Whether that was the answer: otherwise the two don't agree on where they are, and the session has ended.
    fn resume(&mut self, session: SessionId, link: Link, hello: &Hello) -> bool {
        let Some(entry) = self.sessions.get_mut(&session) else {
            return false;
        };
        match entry.server.resume(hello, link, self.now) {
            Ok(welcome) => {
                // Whatever was not taken goes out again, as fast as it can.
                entry.turn = Turn::Ended;
                self.carry(link, session);
                self.welcome(link, &welcome);
                self.settle(session);
                true
            }
            Err(Refusal::Late) => {
                self.refuse(link, Goodbye::new(4409, Server::SUPERSEDED));
                true
            }
            Err(Refusal::Lost) => {
                self.settle(session);
                false
            }
        }
    }

    fn select(&mut self, link: Link, mut hello: Hello, random: [u8; TOKEN_BYTES]) {
        if self.rules.protocols.is_none() {
            hello.protocols = names(hello.protocols);
        }
        match &self.rules.protocols {
            None if !hello.protocols.is_empty() => {
                let protocols = hello.protocols.clone();
                if let Some(connection) = self.connections.get_mut(&link) {
                    if let Stage::Silent { until, .. } = connection.stage {
                        self.timers.clear(until, Timed::Connection(link));
                    }
                    let hello = Box::new(hello);
                    connection.stage = Stage::Choosing { hello, random };
                }
                self.outputs.push_back(Output::Choose { link, protocols });
            }
            known => {
                let known = known.as_deref().unwrap_or_default();
                let protocol = select(known, &hello.protocols);
                self.begin(link, &hello, protocol, random);
            }
        }
    }

    /// The subprotocol that the application has chosen; one that was not offered is none.
    pub fn choose(&mut self, link: Link, protocol: &str) {
        let Some(connection) = self.connections.get_mut(&link) else {
            return;
        };
        let silent = Stage::Silent {
            until: self.now,
            again: false,
        };
        let stage = core::mem::replace(&mut connection.stage, silent);
        if let Stage::Choosing { hello, random } = stage {
            let protocol = select(&[protocol.to_string()], &hello.protocols);
            self.begin(link, &hello, protocol, random);
        } else {
            connection.stage = stage;
        }
    }

    fn begin(&mut self, link: Link, hello: &Hello, protocol: String, random: [u8; TOKEN_BYTES]) {
        if self.is_stopped {
            self.refuse(link, Goodbye::new(1001, GOING_AWAY));
            return;
        }
        let place = match self.place(link) {
            Ok(place) => place,
            Err(reason) => {
                self.refuse(link, Goodbye::new(4429, reason));
                return;
            }
        };
        let Some(connection) = self.connections.get(&link) else {
            return;
        };
        let peer = connection.peer.clone();
        let token = key::token(&random);
        let key = Key::of(&token);
        let session = self.next_number();
        let settings = self.rules.settings;
        let (server, mut welcome) = Server::new(settings, hello, protocol.clone(), link, self.now);
        welcome.token = token;
        self.sessions
            .insert(session, Box::new(Entry::new(server, key, peer, place)));
        self.keys.insert(key, session);
        let Self { sessions, unused, .. } = self;
        unused.push(session, sessions.len(), |session| sessions.contains_key(session));
        self.carry(link, session);
        self.welcome(link, &welcome);
        let name = key.name();
        self.outputs.push_back(Output::Begin {
            session,
            link,
            name,
            protocol,
        });
        self.touch(session);
    }

    /// A place for one session more. Where there is none, the oldest of those that no client ever used makes room.
    fn place(&mut self, link: Link) -> Result<Place, &'static str> {
        loop {
            let connection = self.connections.get(&link).ok_or(FULL)?;
            match self.places.take(&self.rules.quotas, &connection.peer) {
                Ok(place) => return Ok(place),
                Err(Full::Quota(reason)) => return Err(reason),
                Err(Full::Sessions) => {}
            }
            let is_unused =
                |session: &SessionId| self.sessions.get(session).is_some_and(|entry| !entry.server.is_used());
            let mut oldest = core::iter::from_fn(|| self.unused.pop()).filter(is_unused);
            let victim = oldest.next().ok_or(FULL)?;
            self.abandon(victim, 4429, MADE_ROOM, Fate::Forget);
        }
    }

    /// The connection carries the session from now on.
    fn carry(&mut self, link: Link, session: SessionId) {
        if let Some(connection) = self.connections.get_mut(&link) {
            if let Stage::Silent { until, .. } = connection.stage {
                self.timers.clear(until, Timed::Connection(link));
            }
            connection.stage = Stage::Carrying(session);
        }
    }

    fn welcome(&mut self, link: Link, welcome: &Welcome) {
        let bytes = welcome.encode();
        self.outputs.push_back(Output::Frame { link, bytes });
    }
}

/// The first subprotocol of the client's that the server knows.
pub(crate) fn select(known: &[String], offered: &[String]) -> String {
    let selected = offered.iter().find(|protocol| known.contains(protocol));
    selected.cloned().unwrap_or_default()
}

/// What an application may be asked about: subprotocols as a browser's WebSocket and HTTP have them, tokens, each of them once.
fn names(offered: Vec<String>) -> Vec<String> {
    let mut names = Vec::new();
    for protocol in offered {
        if is_token(&protocol) && !names.contains(&protocol) {
            names.push(protocol);
        }
    }
    names
}

fn is_token(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}
