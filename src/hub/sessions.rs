//! Sessions: what the application does with them, what comes of it, and their ends.

use alloc::vec::Vec;

use super::Hub;
use super::goodbye::{GOING_AWAY, Goodbye, NO_ROOM, REASON_BYTES, clip, is_remembered, of_application, of_server};
use super::holders::{self, Detached};
use super::key::Key;
use super::output::{Output, SessionId};
use super::peer::Peer;
use super::places::Place;
use super::timers::Timed;
use crate::proto::{Admission, Load, Time};
use crate::session::{self, LAST, Server};

/// A session.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) server: Server,
    key: Key,
    pub(super) peer: Peer,
    place: Place,
    pub(super) turn: Turn,
    fate: Option<Fate>,
    /// It stands among those that something has happened to.
    is_touched: bool,
    /// What the timers have of it.
    armed: Option<Time>,
    /// What waits for room in the outbox, in the driver's hands.
    waiting: u64,
    held_bytes: u64,
    detached_bytes: u64,
}

/// How the messages of one turn of the event loop become frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing went out in this turn: what comes goes out at once.
    Quiet,
    /// Something went out, and the rest waits for the turn's end.
    Busy,
    /// It has ended: everything goes out.
    Ended,
}

/// What whoever comes back with its token gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The word that it has ended.
    Remember,
    /// A new session.
    Forget,
}

impl Entry {
    pub(super) fn new(server: Server, key: Key, peer: Peer, place: Place) -> Self {
        Self {
            server,
            key,
            peer,
            place,
            turn: Turn::Quiet,
            fate: None,
            is_touched: false,
            armed: None,
            waiting: 0,
            held_bytes: 0,
            detached_bytes: 0,
        }
    }
}

impl Hub {
    // The application

    /// The application sends a message of this size. Only where the answer is [`Admission::Accept`] it stands at the end of the
    /// outbox now.
    pub fn send(&mut self, session: SessionId, size: usize) -> Admission {
        let is_full = self.held >= self.rules.max_held_bytes;
        let Some(entry) = self.sessions.get_mut(&session) else {
            return Admission::Closed;
        };
        let admission = entry.server.admits(size);
        if admission != Admission::Accept {
            return admission;
        }
        // Whoever waits for this has something in the outbox, and is asked again when that is taken.
        if is_full && entry.server.outbox().messages > 0 {
            return Admission::Wait;
        }
        entry.server.send(size);
        self.touch(session);
        self.recount(session);
        self.shed();
        admission
    }

    /// So many bytes wait in the driver's hands for room in the outbox. They count as held until it says otherwise, or the session
    /// ends.
    pub fn waiting(&mut self, session: SessionId, bytes: u64) {
        if let Some(entry) = self.sessions.get_mut(&session) {
            // More than a driver can count would be no sum with the others.
            entry.waiting = bytes.min(LAST);
            self.recount(session);
            self.shed();
        }
    }

    /// Whether what was sent waits for the end of the turn, which was [asked for](Output::AwaitTurn).
    pub fn awaits_turn(&self, session: SessionId) -> bool {
        self.sessions
            .get(&session)
            .is_some_and(|entry| entry.turn == Turn::Busy)
    }

    /// The application has taken so many of the oldest messages.
    pub fn take(&mut self, session: SessionId, count: usize) {
        self.change(session, |server, now| server.take(count, now));
    }

    /// The application closes the session: it ends when the client has taken all that was sent, or when the patience for that is
    /// at its end.
    pub fn close(&mut self, session: SessionId, code: u16, reason: &str) {
        let timeout = self.rules.close_timeout;
        let reason = clip(reason, REASON_BYTES);
        self.change(session, |server, now| {
            server.close(of_application(code), reason, timeout, now);
        });
    }

    /// The application has failed, or wants no more of it: the session ends when the client has taken all that was sent, with any
    /// code that a close frame may have.
    pub fn fail_session(&mut self, session: SessionId, code: u16, reason: &str) {
        let timeout = self.rules.close_timeout;
        let reason = clip(reason, REASON_BYTES);
        self.change(session, |server, now| {
            server.close(of_server(code), reason, timeout, now);
        });
    }

    /// Ends it at once, without a word.
    pub fn terminate(&mut self, session: SessionId) {
        self.abandon(session, 1006, "terminated", Fate::Forget);
    }

    /// What was sent and is not taken.
    pub fn outbox(&self, session: SessionId) -> Load {
        self.sessions
            .get(&session)
            .map(|entry| entry.server.outbox())
            .unwrap_or_default()
    }

    /// What arrived and is not taken.
    pub fn inbox(&self, session: SessionId) -> Load {
        self.sessions
            .get(&session)
            .map(|entry| entry.server.inbox())
            .unwrap_or_default()
    }

    // The end of all

    /// Begins no more sessions, and ends those that there are: what was sent goes out first, within `timeout`. Clients that come back
    /// are let in, to hear the rest and the end: until [`is_over`](Self::is_over), or as long as the driver likes; then it
    /// [forgets](Self::forget) whatever is left.
    pub fn bye(&mut self, code: u16, reason: &str, timeout: core::time::Duration) {
        self.is_stopped = true;
        for session in self.all() {
            let reason = clip(reason, REASON_BYTES);
            self.change(session, |server, now| {
                server.close(of_server(code), reason, timeout, now);
            });
        }
    }

    /// Takes no more connections, and leaves the sessions: their clients come back, and find out then. Those that their
    /// applications have closed end, as they were to, but wait no longer for what was sent to be taken.
    pub fn detach(&mut self) {
        self.shut();
        for session in self.all() {
            let is_closing = self
                .sessions
                .get(&session)
                .is_some_and(|entry| entry.server.is_closing());
            if is_closing {
                self.change(session, Server::hurry);
            } else {
                self.abandon(session, 1001, GOING_AWAY, Fate::Forget);
            }
        }
    }

    /// Ends all sessions without a word, as if the process had died. What has ended before is still remembered. Where no session
    /// begins any more, nobody comes in any more, either.
    pub fn forget(&mut self) {
        if self.is_stopped {
            self.shut();
        }
        for session in self.all() {
            self.abandon(session, 1006, Server::LOST, Fate::Forget);
        }
    }

    /// Whether all sessions have ended, and whose session did so without a connection has come and heard of it.
    pub fn is_over(&self) -> bool {
        self.sessions.is_empty() && self.untold.is_empty()
    }

    /// Nobody comes in any more.
    fn shut(&mut self) {
        self.is_stopped = true;
        self.is_shut = true;
        self.untold.clear();
        for link in self.strangers() {
            self.refuse(link, Goodbye::new(1001, GOING_AWAY));
        }
    }

    fn all(&self) -> Vec<SessionId> {
        self.sessions.keys().copied().collect()
    }

    // Time

    /// A deadline has come.
    pub fn timer(&mut self) {
        self.ends.sweep(self.now);
        while let Some(timed) = self.timers.pop(self.now) {
            match timed {
                Timed::Connection(link) => self.no_hello(link),
                Timed::Session(session) => {
                    if let Some(entry) = self.sessions.get_mut(&session) {
                        entry.armed = None;
                        self.change(session, Server::timer);
                    }
                }
            }
        }
        self.shed();
    }

    /// Sets the timers of the sessions that something has happened to.
    pub(super) fn arm(&mut self) {
        for session in core::mem::take(&mut self.touched) {
            let Some(entry) = self.sessions.get_mut(&session) else {
                continue;
            };
            entry.is_touched = false;
            if entry.turn == Turn::Busy {
                // At the turn's end there may be nothing left to wait for.
                continue;
            }
            let link = entry.server.link().and_then(|link| self.connections.get(&link));
            let deadline = if link.is_some_and(|connection| connection.is_blocked) {
                entry.server.deadline_while_blocked()
            } else {
                entry.server.deadline()
            };
            let timed = Timed::Session(session);
            // One that is set for earlier stays: firing early is harmless.
            if let Some(deadline) = deadline
                && entry.armed.is_none_or(|armed| deadline < armed)
            {
                if let Some(armed) = entry.armed.replace(deadline) {
                    self.timers.clear(armed, timed);
                }
                self.timers.set(deadline, timed);
            }
        }
    }

    // What comes of it

    /// Changes a session and does what comes of it.
    pub(super) fn change(&mut self, session: SessionId, change: impl FnOnce(&mut Server, Time)) {
        if let Some(entry) = self.sessions.get_mut(&session) {
            change(&mut entry.server, self.now);
            self.settle(session);
        }
    }

    /// Ends it without a BYE.
    pub(super) fn abandon(&mut self, session: SessionId, code: u16, reason: &'static str, fate: Fate) {
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.fate = Some(fate);
        }
        self.change(session, |server, _| server.abandon(code, reason));
    }

    /// Whoever comes back with it is to hear how it ended.
    pub(super) fn remember(&mut self, session: SessionId) {
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.fate = Some(Fate::Remember);
        }
    }

    /// Something has happened to it: there may be something to send, and another deadline.
    pub(super) fn touch(&mut self, session: SessionId) {
        let Some(entry) = self.sessions.get_mut(&session) else {
            return;
        };
        if !core::mem::replace(&mut entry.is_touched, true) {
            self.touched.push(session);
        }
        if let Some(link) = entry.server.link() {
            self.make_due(link);
        }
    }

    /// Does what comes out of a session's state machine.
    pub(super) fn settle(&mut self, session: SessionId) {
        let mut hears = false;
        loop {
            let Some(entry) = self.sessions.get_mut(&session) else {
                return;
            };
            let Some(output) = entry.server.poll() else {
                break;
            };
            match output {
                session::Output::Deliver(count) => self.outputs.push_back(Output::Deliver { session, count }),
                session::Output::Discard(count) => self.outputs.push_back(Output::Discard(count)),
                session::Output::Release(count) => self.outputs.push_back(Output::Release { session, count }),
                session::Output::Drop { link, code, reason } => {
                    hears = true;
                    self.refuse(link, Goodbye::new(code, reason).sendable());
                }
                session::Output::Tell(session::Event::Detached) => self.outputs.push_back(Output::Detached(session)),
                session::Output::Tell(session::Event::Resumed) => self.outputs.push_back(Output::Resumed(session)),
                session::Output::Tell(session::Event::Ended { code, reason }) => {
                    self.bury(session, code, &reason, hears);
                    self.outputs.push_back(Output::Ended { session, code, reason });
                    return;
                }
            }
        }
        self.touch(session);
        self.recount(session);
    }

    /// `hears`: its client has a connection, which is closed for that.
    fn bury(&mut self, session: SessionId, code: u16, reason: &str, hears: bool) {
        let Some(entry) = self.sessions.remove(&session) else {
            return;
        };
        self.keys.remove(&entry.key);
        self.places.give_back(&entry.place);
        self.held -= entry.held_bytes;
        self.detached -= entry.detached_bytes;
        if let Some(armed) = entry.armed {
            self.timers.clear(armed, Timed::Session(session));
        }
        let fate = entry.fate.unwrap_or(if is_remembered(code) {
            Fate::Remember
        } else {
            Fate::Forget
        });
        let resume = self.rules.settings.resume;
        if fate == Fate::Remember && !resume.is_zero() {
            let identity = entry.peer.identity();
            self.ends
                .remember(entry.key, identity, code, reason.into(), self.now + resume);
            if self.is_stopped && !self.is_shut && !hears {
                self.untold.insert(entry.key);
            }
        }
    }

    fn recount(&mut self, session: SessionId) {
        let Some(entry) = self.sessions.get_mut(&session) else {
            return;
        };
        let (inbox, outbox) = (entry.server.inbox(), entry.server.outbox());
        let held = holders::cost(&[inbox, outbox]) + entry.waiting;
        let detached = if entry.server.link().is_none() { held } else { 0 };
        self.held = self.held - entry.held_bytes + held;
        self.detached = self.detached - entry.detached_bytes + detached;
        entry.held_bytes = held;
        entry.detached_bytes = detached;
    }

    /// Ends sessions without a connection until what is left is within the bound.
    pub(super) fn shed(&mut self) {
        while self.detached > self.rules.max_detached_bytes {
            let detached = self.sessions.iter().filter_map(|(&session, entry)| {
                let since = entry.server.detached_since()?;
                (entry.detached_bytes > 0).then_some(Detached {
                    session,
                    peer: &entry.peer,
                    bytes: entry.detached_bytes,
                    since,
                })
            });
            let Some(session) = holders::first_to_go(detached) else {
                return;
            };
            self.abandon(session, 1006, NO_ROOM, Fate::Forget);
        }
    }
}
