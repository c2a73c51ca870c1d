//! Connections that can be slow, cut at any byte, and go silent.

use std::collections::VecDeque;
use std::time::Duration;

use tautline::proto::{Generation, Time};

/// What travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// The answer to the upgrade.
    Open,
    Text(String),
    Binary(Vec<u8>),
    /// The end of the connection, with its code.
    Close(u16),
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    queue: VecDeque<(Time, Packet)>,
    /// When the last one of the queue arrives.
    last: Time,
    /// Nothing that goes in comes out any more, and nobody is told.
    silent: bool,
    /// The other direction is silent: what arrives is not confirmed, and the sender's socket keeps it.
    unconfirmed: bool,
    /// How many the sender's socket keeps for one of the two reasons.
    stuck: usize,
    /// Nothing goes in any more.
    shut: bool,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    /// The server's node.
    pub(crate) node: usize,
    /// Which client process made it, at which attempt.
    pub(crate) process: usize,
    pub(crate) generation: Generation,
    /// From the client.
    pub(crate) up: Lane,
    /// From the server.
    pub(crate) down: Lane,
    pub(crate) server: ServerEnd,
}

/// What a server's node knows of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerEnd {
    /// Nothing yet.
    Unopened,
    /// It has to say HELLO.
    Unnamed,
    /// It is, or was, this session's.
    Session(u64),
    Gone,
}

impl Lane {
    /// Sends a packet; when it arrives, if it does.
    pub(crate) fn push(&mut self, packet: Packet, now: Time, delay: Duration) -> Option<Time> {
        if self.shut {
            return None;
        }
        if matches!(packet, Packet::Close(_)) {
            self.shut = true;
        }
        if self.silent {
            self.stuck += 1;
            return None;
        }
        self.last = self.last.max(now + delay);
        self.queue.push_back((self.last, packet));
        Some(self.last)
    }

    /// The next packet, where it has arrived.
    pub(crate) fn pop(&mut self, now: Time) -> Option<Packet> {
        self.queue.front().filter(|&&(at, _)| at <= now)?;
        self.stuck += usize::from(self.unconfirmed);
        self.queue.pop_front().map(|(_, packet)| packet)
    }

    /// Loses all but the first `kept` packets that are under way.
    fn lose(&mut self, kept: usize) {
        self.queue.truncate(kept);
        self.last = self.queue.back().map_or(Time::default(), |&(at, _)| at);
    }

    /// The connection breaks: what is under way arrives up to some byte, then the end. When that comes.
    pub(crate) fn cut(&mut self, kept: usize, now: Time, delay: Duration) -> Option<Time> {
        self.lose(kept);
        self.silent = false;
        self.unconfirmed = false;
        self.stuck = 0;
        // Even where this end had sent its own close, the other one sees a break.
        self.shut = false;
        self.push(Packet::Close(1006), now, delay)
    }

    /// What is under way takes so much longer, and what follows it comes after it. When the last of it arrives.
    pub(crate) fn stall(&mut self, longer: Duration) -> Option<Time> {
        for (at, _) in &mut self.queue {
            *at = *at + longer;
        }
        self.last = self.queue.back().map_or(self.last, |&(at, _)| at);
        self.queue.back().map(|_| self.last)
    }

    /// From some byte on nothing arrives any more, not even an end.
    pub(crate) fn silence(&mut self, kept: usize) {
        if !self.silent {
            self.stuck += self.in_flight().saturating_sub(kept);
            self.lose(kept);
            self.silent = true;
        }
    }

    /// From now on the sender hears of nothing that arrives.
    pub(crate) fn deafen(&mut self) {
        self.unconfirmed = true;
    }

    /// Whether the sender's socket has got rid of what arrived.
    pub(crate) fn confirms(&self) -> bool {
        !self.unconfirmed
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.queue.len()
    }

    /// What the sender's socket still holds.
    pub(crate) fn buffered(&self) -> usize {
        self.queue.len() + self.stuck
    }
}
