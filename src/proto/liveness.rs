//! Tells a dead link from a quiet one, by a message that the server answers.

use core::time::Duration;

use super::policy::Heartbeat;
use super::time::Time;

/// A timer that fires later than this past its deadline says that the page slept, and nothing about the link.
const LATE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Liveness {
    policy: Heartbeat,
    last_heard: Time,
    /// When the heartbeat that waits for an answer went out.
    asked: Option<Time>,
}

/// What a heartbeat timer that fired comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// Something was heard meanwhile: look again then.
    Wait(Time),
    /// Send the heartbeat message, and look again then.
    Ask(Time),
    /// The link is dead.
    Dead,
}

impl Liveness {
    pub(super) const fn new(policy: Heartbeat, now: Time) -> Self {
        Self {
            policy,
            last_heard: now,
            asked: None,
        }
    }

    /// Something arrived. When to look next, where it answers a heartbeat: the timer is set for its timeout.
    pub(super) fn heard(&mut self, now: Time) -> Option<Time> {
        self.last_heard = now;
        self.asked.take().map(|_| now + self.policy.interval)
    }

    /// When to look for the first time.
    pub(super) fn first_check(&self) -> Time {
        self.last_heard + self.policy.interval
    }

    /// The timer set for `deadline` fired at `now`.
    pub(super) fn check(&mut self, deadline: Time, now: Time) -> Check {
        let late = now.since(deadline) > LATE;
        match self.asked {
            Some(asked) if now >= asked + self.policy.timeout && !late => Check::Dead,
            Some(asked) if now < asked + self.policy.timeout => Check::Wait(asked + self.policy.timeout),
            None if now < self.last_heard + self.policy.interval => Check::Wait(self.last_heard + self.policy.interval),
            _ => self.ask(now),
        }
    }

    /// Asks now, whatever the timers say: the page woke up, or became visible again.
    pub(super) fn ask(&mut self, now: Time) -> Check {
        self.asked = Some(now);
        Check::Ask(now + self.policy.timeout)
    }
}
