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

#[derive(Debug, Default)]
pub(super) struct Timers {
    deadlines: [Option<Time>; Timer::ALL.len()],
}

impl Timers {
    /// What lies at the end of all time never comes.
    pub(super) fn set(&mut self, timer: Timer, deadline: Time) {
        self.put(timer, Some(deadline).filter(|at| at.as_micros() < u64::MAX));
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        self.put(timer, None);
    }

    pub(super) fn clear_all(&mut self) {
        self.deadlines = Default::default();
    }

    /// Takes out one timer that is due, with the deadline it had.
    pub(super) fn expire(&mut self, now: Time) -> Option<(Timer, Time)> {
        let (timer, deadline) = Timer::ALL
            .into_iter()
            .filter_map(|timer| Some((timer, self.get(timer)?)))
            .filter(|&(_, deadline)| deadline <= now)
            .min_by_key(|&(_, deadline)| deadline)?;
        self.clear(timer);
        Some((timer, deadline))
    }

    pub(super) fn get(&self, timer: Timer) -> Option<Time> {
        self.deadlines.get(timer as usize).copied().flatten()
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Time> {
        self.deadlines.iter().flatten().min().copied()
    }

    fn put(&mut self, timer: Timer, deadline: Option<Time>) {
        if let Some(slot) = self.deadlines.get_mut(timer as usize) {
            *slot = deadline;
        }
    }
}
