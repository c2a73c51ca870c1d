//! Connections: who is there, what arrives, and when something is sent.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Hub;
use super::goodbye::{FOREIGN, GOING_AWAY, Goodbye, SILENT, bye, clipped, is_fatal};
use super::key::TOKEN_BYTES;
use super::output::{Entrance, Output, SessionId};
use super::peer::Peer;
use super::sessions::Turn;
use super::timers::Timed;
use crate::proto::Time;
use crate::session::frame::{Control, FromClient, Hello};
use crate::session::server::LATE;
use crate::session::{Fault, Frame, Link};

/// A connection on which `tautline.v1` was agreed.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) stage: Stage,
    /// It takes nothing now.
    pub(super) is_blocked: bool,
    /// It stands in the line of those that may have something to send.
    is_due: bool,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// Its HELLO is awaited until then; `again`: once more, as this process stood still.
    Silent {
        until: Time,
        again: bool,
    },
    /// The application is asked for the subprotocol.
    Choosing {
        hello: Box<Hello>,
        random: [u8; TOKEN_BYTES],
    },
    Carrying(SessionId),
}

impl Hub {
    /// Somebody has connected. The connection's number.
    pub fn connect(&mut self, peer: Peer, entrance: Entrance) -> Link {
        let link = self.next_number();
        let is_listed = || peer.origin.as_ref().is_none_or(|origin| self.allows(origin));
        let refused = match entrance {
            _ if self.is_shut => Some((1001, GOING_AWAY)),
            Entrance::Unauthenticated => Some((4401, "not authorised")),
            Entrance::Foreign => Some((4401, FOREIGN)),
            Entrance::Listed if !is_listed() => Some((4401, FOREIGN)),
            Entrance::Listed | Entrance::Allowed => None,
        };
        let until = self.now + self.rules.handshake_timeout;
        let connection = Connection {
            peer,
            stage: Stage::Silent { until, again: false },
            is_blocked: false,
            is_due: false,
        };
        self.connections.insert(link, connection);
        match refused {
            Some((code, reason)) => self.refuse(link, Goodbye::new(code, reason)),
            None => self.timers.set(until, Timed::Connection(link)),
        }
        link
    }

    /// Whether the connection's first frame is awaited: it goes to [`hello`](Self::hello).
    pub fn awaits_hello(&self, link: Link) -> bool {
        matches!(
            self.connections.get(&link),
            Some(Connection {
                stage: Stage::Silent { .. },
                ..
            })
        )
    }

    /// A binary frame arrived. What it has of messages, as a place in the frame and a kind each, is to be told by
    /// [`batch`](Self::batch).
    pub fn frame<'a>(&mut self, link: Link, frame: &'a [u8]) -> Option<crate::session::Batch<'a>> {
        match FromClient::decode(frame) {
            Ok(FromClient::Batch(batch)) => return Some(batch),
            Ok(FromClient::Control(control)) => self.control(link, clipped(control)),
            Ok(FromClient::Hello(_)) => self.fail(link, Fault::Unexpected),
            Err(fault) => self.fail(link, fault.into()),
        }
        None
    }

    /// No frame that keeps the rules has more messages.
    pub fn most_messages(&self) -> usize {
        usize::try_from(self.rules.settings.window).unwrap_or(usize::MAX)
    }

    /// Messages of these sizes arrived, one after the other from position `first` on, and wait in the driver's hands. Whatever
    /// becomes of them, [`Output::Deliver`] and [`Output::Discard`] account for all.
    pub fn batch(&mut self, link: Link, first: u64, sizes: &[usize]) {
        match self.carried(link) {
            Some(session) => self.change(session, |server, now| server.batch(link, first, sizes, now)),
            None => {
                self.outputs.push_back(Output::Discard(sizes.len()));
                self.fail(link, Fault::Unexpected);
            }
        }
    }

    /// What arrived breaks a rule: the session ends, or what there is of one.
    pub fn fail(&mut self, link: Link, fault: Fault) {
        match self.carried(link) {
            Some(session) => self.change(session, |server, _| server.fail(link, fault)),
            None => self.refuse(link, Goodbye::new(fault.code(), fault.reason())),
        }
    }

    /// Something arrived that is no frame: the client lives.
    pub fn alive(&mut self, link: Link) {
        if let Some(session) = self.carried(link) {
            self.change(session, |server, now| server.alive(link, now));
        }
    }

    /// The connection takes nothing, for now.
    pub fn blocked(&mut self, link: Link) {
        if let Some(connection) = self.connections.get_mut(&link) {
            connection.is_blocked = true;
        }
    }

    /// It takes something again: the other end has read.
    pub fn unblocked(&mut self, link: Link) {
        let Some(connection) = self.connections.get_mut(&link) else {
            return;
        };
        connection.is_blocked = false;
        if let Some(session) = self.carried(link) {
            self.change(session, |server, now| server.progressed(link, now));
        }
    }

    /// The connection has ended, with this code and reason; 1006 where it was lost.
    pub fn closed(&mut self, link: Link, code: u16, reason: &str) {
        if is_fatal(code) {
            self.broken(link, code, reason);
        } else if let Some(session) = self.remove(link) {
            self.change(session, |server, now| server.detach(link, now));
            self.shed();
        }
    }

    /// What carries the connection refuses to read what arrived, and closes it with this code. The same bytes would come again: the
    /// session is over, as after its client's BYE.
    pub fn broken(&mut self, link: Link, code: u16, reason: &str) {
        if self.carried(link).is_some() {
            self.control(link, Control::Bye(bye(code, reason)));
        } else {
            self.refuse(link, Goodbye::new(code, "").sendable());
        }
    }

    fn control(&mut self, link: Link, control: Control) {
        match self.carried(link) {
            Some(session) => {
                if matches!(control, Control::Bye(_)) {
                    self.remember(session);
                }
                self.change(session, |server, now| server.control(link, control, now));
            }
            None => self.fail(link, Fault::Unexpected),
        }
    }

    /// The session that a connection carries: one that is there.
    pub(super) fn carried(&self, link: Link) -> Option<SessionId> {
        match self.connections.get(&link)?.stage {
            Stage::Carrying(session) => self.sessions.contains_key(&session).then_some(session),
            _ => None,
        }
    }

    /// A connection's end without a session, or before one.
    pub(super) fn refuse(&mut self, link: Link, goodbye: Goodbye) {
        if self.connections.contains_key(&link) {
            self.remove(link);
            let Goodbye { code, reason } = goodbye;
            self.outputs.push_back(Output::Close { link, code, reason });
        }
    }

    /// Takes a connection out; the session that it carried.
    pub(super) fn remove(&mut self, link: Link) -> Option<SessionId> {
        match self.connections.remove(&link)?.stage {
            Stage::Silent { until, .. } => {
                self.timers.clear(until, Timed::Connection(link));
                None
            }
            Stage::Choosing { .. } => None,
            Stage::Carrying(session) => Some(session),
        }
    }

    pub(super) fn no_hello(&mut self, link: Link) {
        let Some(connection) = self.connections.get_mut(&link) else {
            return;
        };
        let Stage::Silent { until, again } = &mut connection.stage else {
            return;
        };
        if self.now.since(*until) > LATE && !*again {
            // What the client said may wait to be read.
            (*until, *again) = (self.now + self.rules.handshake_timeout, true);
            self.timers.set(*until, Timed::Connection(link));
            return;
        }
        self.refuse(link, Goodbye::new(4408, SILENT));
    }

    // What leaves

    /// There may be something to send on it.
    pub(super) fn make_due(&mut self, link: Link) {
        if let Some(connection) = self.connections.get_mut(&link)
            && !connection.is_due
        {
            connection.is_due = true;
            self.due.push_back(link);
        }
    }

    /// Puts the next frame out that is to leave, or notes that there is none on a connection. False where there is no such
    /// connection left.
    pub(super) fn send_next(&mut self) -> bool {
        let Some(&link) = self.due.front() else {
            return false;
        };
        if !self.send_on(link) {
            self.due.pop_front();
            if let Some(connection) = self.connections.get_mut(&link) {
                connection.is_due = false;
            }
        }
        true
    }

    /// Whether a frame leaves on it.
    fn send_on(&mut self, link: Link) -> bool {
        let Some(connection) = self.connections.get(&link) else {
            return false;
        };
        let Stage::Carrying(session) = connection.stage else {
            return false;
        };
        if connection.is_blocked {
            return false;
        }
        let Some(entry) = self.sessions.get_mut(&session) else {
            return false;
        };
        if entry.turn == Turn::Quiet && entry.server.inbox().messages > 0 {
            // The application has more to take, and more to say when it has.
            self.await_turn(session);
            return false;
        }
        if entry.turn == Turn::Busy {
            return false;
        }
        let frame = entry.server.next_frame(link, self.now);
        match frame {
            None => {
                entry.turn = Turn::Quiet;
                return false;
            }
            Some(Frame::Control(control)) => {
                let bytes = control.encode();
                self.outputs.push_back(Output::Frame { link, bytes });
            }
            Some(Frame::Chunk(chunk)) => {
                let is_first = entry.turn == Turn::Quiet;
                self.outputs.push_back(Output::Messages { link, session, chunk });
                if is_first {
                    // The rest waits for the turn's end.
                    self.await_turn(session);
                }
            }
        }
        // With a BYE the session is over.
        self.settle(session);
        true
    }

    /// What the session sends from now on leaves when the turn of the event loop ends.
    fn await_turn(&mut self, session: SessionId) {
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.turn = Turn::Busy;
            self.busy.push(session);
        }
        if !core::mem::replace(&mut self.awaits_turn, true) {
            self.outputs.push_back(Output::AwaitTurn);
        }
    }

    /// The turn that was [awaited](Output::AwaitTurn) has ended.
    pub fn turn_ended(&mut self) {
        self.awaits_turn = false;
        for session in core::mem::take(&mut self.busy) {
            if let Some(entry) = self.sessions.get_mut(&session) {
                entry.turn = Turn::Ended;
                self.touch(session);
            }
        }
    }

    /// All connections that have no session.
    pub(super) fn strangers(&self) -> Vec<Link> {
        let is_stranger = |connection: &Connection| !matches!(connection.stage, Stage::Carrying(_));
        let strangers = self
            .connections
            .iter()
            .filter(|(_, connection)| is_stranger(connection));
        strangers.map(|(&link, _)| link).collect()
    }
}
