//! When what is due, for connections and sessions.

use alloc::collections::BTreeSet;

use super::output::SessionId;
use crate::proto::Time;
use crate::session::Link;

/// Whose time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timed {
    Connection(Link),
    Session(SessionId),
}

/// Deadlines, the earliest first. Each of them is its owner's, who knows it.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Time, Timed)>);

impl Timers {
    pub(super) fn set(&mut self, at: Time, timed: Timed) {
        self.0.insert((at, timed));
    }

    pub(super) fn clear(&mut self, at: Time, timed: Timed) {
        self.0.remove(&(at, timed));
    }

    /// The next one whose time has come.
    pub(super) fn pop(&mut self, now: Time) -> Option<Timed> {
        let &(at, timed) = self.0.first().filter(|(at, _)| *at <= now)?;
        self.clear(at, timed);
        Some(timed)
    }

    pub(super) fn first(&self) -> Option<Time> {
        self.0.first().map(|&(at, _)| at)
    }
}
