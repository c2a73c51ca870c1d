//! The table of what the machine waits for: one deadline for each kind. The driver arms a single timer, for the earliest.

use super::time::Time;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Timer {
    /// The attempt under way has taken too long.
    Connect,
    /// The next attempt is due.
    Retry,
    /// The connection has lasted long enough to forget the failures before it.
    Stable,
    /// `close` has waited long enough.
    Close,
    /// Look again at how much the browser still holds.
    Drain,
    /// Nothing was heard for a while, or a heartbeat stayed unanswered.
    Heartbeat,
    /// The socket is closing by itself and takes too long over it.
    Linger,
    /// The server is to hear what the application has taken.
    Acknowledge,
}

impl Timer {
    const ALL: [Self; 8] = [
        Self::Connect,
        Self::Retry,
        Self::Stable,
        Self::Close,
        Self::Drain,
        Self::Heartbeat,
        Self::Linger,
        Self::Acknowledge,
    ];
}

/// What is not set comes at [`Time::NEVER`].
#[derive(Debug)]
pub(super) struct Timers {
    deadlines: [Time; Timer::ALL.len()],
}

impl Timers {
    pub(super) const fn new() -> Self {
        Self {
            deadlines: [Time::NEVER; Timer::ALL.len()],
        }
    }

    pub(super) fn set(&mut self, timer: Timer, deadline: Time) {
        if let Some(slot) = self.deadlines.get_mut(timer as usize) {
            *slot = deadline;
        }
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        self.set(timer, Time::NEVER);
    }

    pub(super) fn clear_all(&mut self) {
        *self = Self::new();
    }

    /// Takes out one timer that is due, with the deadline it had.
    pub(super) fn expire(&mut self, now: Time) -> Option<(Timer, Time)> {
        let timer = Timer::ALL.into_iter().min_by_key(|&timer| self.get(timer))?;
        let deadline = self.get(timer);
        if deadline > now {
            return None;
        }
        self.clear(timer);
        Some((timer, deadline))
    }

    pub(super) fn get(&self, timer: Timer) -> Time {
        self.deadlines.get(timer as usize).copied().unwrap_or(Time::NEVER)
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Time {
        self.deadlines.iter().min().copied().unwrap_or(Time::NEVER)
    }
}
