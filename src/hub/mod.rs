//! All sessions of one server process, as pure logic: who may connect, what a HELLO comes to, which sessions there are and
//! which of them have to go, what is due when. The rules of one session are [`session::Server`](crate::session::Server)'s.
//!
//! Whoever drives a [`Hub`] has the connections and the payloads: it tells what happened on a connection or in the
//! application, carries out each [`Output`] of [`Hub::poll`] until there is none, sees to it that [`Hub::timer`] is called at
//! [`Hub::deadline`], and calls [`Hub::turn_ended`] at the end of a turn of its event loop where that was asked for. There is
//! no clock here, no randomness and no async. The npm package's server is driven so. The sessions of
//! `tautline::server` may live in a store that several processes share; it has these rules from here, and its own order.
//!
//! This module is public so that it can be bound to other platforms. Its API may change in any release.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod connections;
pub(crate) mod ends;
pub(crate) mod goodbye;
pub(crate) mod greeting;
pub(crate) mod holders;
pub(crate) mod key;
mod origins;
mod output;
mod peer;
pub(crate) mod places;
mod sessions;
#[cfg(test)]
mod tests;
mod timers;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use connections::Connection;
use ends::Ends;
use places::{Places, Unused};
use sessions::Entry;
use timers::Timers;

pub use key::{Key, TOKEN_BYTES};
pub use origins::Origins;
pub use output::{Entrance, Output, SessionId, Stats};
pub use peer::{Identity, Peer};
pub use places::Quotas;

use crate::proto::Time;
use crate::session::{Link, Settings};

/// What holds for all sessions.
#[derive(Clone, Debug)]
pub struct Rules {
    /// What each session is granted.
    pub settings: Settings,
    /// How long a client has for its HELLO. Default: 5 s.
    pub handshake_timeout: Duration,
    /// How long an application's close waits until what was sent is taken. Default: 5 s.
    pub close_timeout: Duration,
    /// The application's subprotocols: the first that a client offers and that is among them is the session's. `None`: the
    /// application is asked, by [`Output::Choose`]. Default: none of them.
    pub protocols: Option<Vec<String>>,
    /// The pages that may connect. Default: none.
    pub origins: Origins,
    /// How many sessions there may be.
    pub quotas: Quotas,
    /// How much sessions without a connection may hold, all together, in bytes. Default: 256 MiB.
    pub max_detached_bytes: u64,
    /// How much all sessions may hold, in bytes, until what applications send has to wait. What clients send is bounded for each
    /// session, by its window. Default: 1 GiB.
    pub max_held_bytes: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            handshake_timeout: Duration::from_secs(5),
            close_timeout: Duration::from_secs(5),
            protocols: Some(Vec::new()),
            origins: Origins::default(),
            quotas: Quotas::default(),
            max_detached_bytes: 256 << 20,
            max_held_bytes: 1 << 30,
        }
    }
}

/// All sessions of a server.
#[derive(Debug)]
pub struct Hub {
    rules: Rules,
    connections: BTreeMap<Link, Connection>,
    sessions: BTreeMap<SessionId, Box<Entry>>,
    keys: BTreeMap<Key, SessionId>,
    ends: Ends,
    places: Places,
    unused: Unused<SessionId>,
    timers: Timers,
    /// Connections on which there may be something to send.
    due: VecDeque<Link>,
    /// Sessions that have sent in this turn of the event loop.
    busy: Vec<SessionId>,
    awaits_turn: bool,
    /// Sessions that something has happened to, whose deadline may be another now.
    touched: Vec<SessionId>,
    outputs: VecDeque<Output>,
    /// What all sessions hold, and what those without a connection do, in bytes.
    held: u64,
    detached: u64,
    /// The last number that a connection or a session was given. None comes twice.
    last_number: u64,
    /// No session begins any more; and nobody comes in.
    is_stopped: bool,
    is_shut: bool,
    /// Sessions that ended then, without a connection: their clients may come back and ask.
    untold: BTreeSet<Key>,
    now: Time,
}

impl Hub {
    /// No sessions yet.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            connections: BTreeMap::new(),
            sessions: BTreeMap::new(),
            keys: BTreeMap::new(),
            ends: Ends::default(),
            places: Places::default(),
            unused: Unused::default(),
            timers: Timers::default(),
            due: VecDeque::new(),
            busy: Vec::new(),
            awaits_turn: false,
            touched: Vec::new(),
            outputs: VecDeque::new(),
            held: 0,
            detached: 0,
            last_number: 0,
            is_stopped: false,
            is_shut: false,
            untold: BTreeSet::new(),
            now: Time::default(),
        }
    }

    /// Connections and sessions get numbers after this one: others have had those before.
    pub fn count_from(&mut self, last: u64) {
        self.last_number = self.last_number.max(last);
    }

    /// One origin more whose pages may connect.
    pub fn allow(&mut self, origin: &str) {
        self.rules.origins.allow(origin);
    }

    /// One subprotocol more that the application knows; an empty one is none. From the first on it is not asked any more.
    pub fn know(&mut self, protocol: &str) {
        let known = self.rules.protocols.get_or_insert_default();
        if !protocol.is_empty() {
            known.push(protocol.into());
        }
    }

    /// What is told from now on happens at this time. To be called first of all, and whenever it is later.
    pub fn tell_time(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    // What comes out

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            if !self.send_next() {
                break;
            }
        }
        self.arm();
        None
    }

    /// When [`timer`](Self::timer) is to be called, once there is nothing left to do.
    pub fn deadline(&self) -> Option<Time> {
        self.timers.first()
    }

    /// Whether a page of this origin may connect.
    pub fn allows(&self, origin: &str) -> bool {
        self.rules.origins.contains(origin)
    }

    /// How things are.
    pub fn stats(&self) -> Stats {
        Stats {
            sessions: self.sessions.len(),
            attached: self
                .sessions
                .values()
                .filter(|entry| entry.server.link().is_some())
                .count(),
            connections: self.connections.len(),
            held_bytes: self.held,
            detached_bytes: self.detached,
        }
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}
