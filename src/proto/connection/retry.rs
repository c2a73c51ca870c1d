//! Attempts, the waits between them, and the end of them all.

use alloc::string::String;
use core::time::Duration;

use super::{Connection, Phase};
use crate::proto::backoff::Pace;
use crate::proto::error::Failure;
use crate::proto::event::{Close, Event, State};
use crate::proto::io::Output;
use crate::proto::queue::Queue;
use crate::proto::time::Time;
use crate::proto::timer::Timer;
use crate::session::Outgoing;

impl Connection {
    pub(super) fn begin_attempt(&mut self, now: Time) {
        let previous = self.state();
        self.generation.0 = self.generation.0.saturating_add(1);
        self.attempts_in_row = self.attempts_in_row.saturating_add(1);
        self.phase = if self.config.ask_url {
            Phase::Asking
        } else {
            Phase::Connecting
        };
        self.timers.clear(Timer::Retry);
        self.timers.set(Timer::Connect, now + self.config.connect_timeout.0);
        self.tell_state(previous, None, None);
        self.outputs.push_back(if self.config.ask_url {
            Output::AskUrl(self.generation)
        } else {
            Output::Open(self.generation)
        });
    }

    /// An open connection is gone.
    pub(super) fn lost(&mut self, close: Close, cause: Option<Failure>, pace: Pace, now: Time) {
        match self.schedule(cause, pace, now) {
            Ok(retry_in) => self
                .outputs
                .push_back(Output::Tell(Event::Disconnected { close, retry_in })),
            Err(failure) => self.finish(close, Some(cause.unwrap_or(failure))),
        }
    }

    /// An attempt failed.
    pub(super) fn come_back(&mut self, failure: Failure, pace: Pace, now: Time) {
        if let Err(end) = self.schedule(Some(failure), pace, now) {
            let cause = if end == Failure::Attempts { end } else { failure };
            let close = match failure {
                Failure::Refused => self.last_close.clone().unwrap_or_else(Close::abnormal),
                _ => Close::abnormal(),
            };
            self.finish(close, Some(cause));
        }
    }

    /// Waits for the next attempt, or says why there is none.
    pub(super) fn schedule(
        &mut self,
        cause: Option<Failure>,
        pace: Pace,
        now: Time,
    ) -> Result<Option<Duration>, Failure> {
        let Some(reconnect) = &self.config.reconnect else {
            return Err(Failure::Closed);
        };
        if reconnect.max_attempts.is_some_and(|most| self.attempts_in_row >= most) {
            return Err(Failure::Attempts);
        }
        let previous = self.state();
        let mut policy = *reconnect;
        if let Some(session) = &mut self.session {
            if previous == State::Open {
                session.lost_at = now;
            }
            policy.max_delay = policy.max_delay.min(session.longest_delay(now));
        }
        let delay = self.backoff.delay(&policy, pace);
        self.leave_connection();
        let at = now + delay;
        self.hold = if pace == Pace::Usual { Time::default() } else { at };
        if !self.online {
            self.pause(previous);
            return Ok(None);
        }
        self.phase = Phase::Waiting;
        self.cause = cause;
        self.timers.set(Timer::Retry, at);
        self.tell_state(previous, Some(delay), cause);
        Ok(Some(delay))
    }

    /// Waits for the page or the network, without a time.
    pub(super) fn pause(&mut self, previous: State) {
        let cause = if self.left {
            Failure::PageHidden
        } else {
            Failure::Offline
        };
        let cause = Some(cause);
        if self.phase == Phase::Waiting && self.cause == cause && self.timers.get(Timer::Retry) == Time::NEVER {
            return;
        }
        self.leave_connection();
        self.phase = Phase::Waiting;
        self.cause = cause;
        self.timers.clear(Timer::Retry);
        self.tell_state(previous, None, cause);
    }

    /// Has the next attempt at `at`, or where the server asked for patience, then; never later than it was to be.
    pub(super) fn hurry(&mut self, at: Time, now: Time) {
        if self.phase != Phase::Waiting || !self.online || self.left {
            return;
        }
        let at = self.hold.max(at);
        if at < self.timers.get(Timer::Retry) {
            self.timers.set(Timer::Retry, at);
            // What kept it from trying is over; what failed before is still why it waits.
            let cause = self
                .cause
                .filter(|cause| !matches!(cause, Failure::Offline | Failure::PageHidden));
            self.tell_state(State::Waiting, Some(at.since(now)), cause);
        }
    }

    pub(super) fn forget_failures_if_stable(&mut self, now: Time) {
        if let Some(reconnect) = &self.config.reconnect
            && self.phase == Phase::Open
            && now >= self.since + reconnect.stable_after
        {
            self.forget_failures();
        }
    }

    pub(super) fn forget_failures(&mut self) {
        self.backoff.reset();
        self.attempts_in_row = 0;
        self.reauthorized = false;
    }

    // Ends

    /// Closes the socket in an orderly way, without waiting for the other side.
    pub(super) fn leave(&mut self, code: u16, reason: &str) {
        if self.phase == Phase::Greeting || self.is_conversing() {
            self.outputs.push_back(Output::Close {
                code,
                reason: String::from(reason),
            });
        }
        self.abandon();
    }

    pub(super) fn abandon(&mut self) {
        if matches!(
            self.phase,
            Phase::Asking | Phase::Connecting | Phase::Greeting | Phase::Open
        ) {
            self.outputs.push_back(Output::Abandon(self.generation));
        }
    }

    /// What belongs to a connection goes with it.
    pub(super) fn leave_connection(&mut self) {
        for timer in [
            Timer::Connect,
            Timer::Stable,
            Timer::Drain,
            Timer::Heartbeat,
            Timer::Linger,
            Timer::Acknowledge,
        ] {
            self.timers.clear(timer);
        }
        self.liveness = None;
    }

    pub(super) fn finish(&mut self, close: Close, failure: Option<Failure>) {
        let previous = self.state();
        self.phase = Phase::Closed;
        self.timers.clear_all();
        self.liveness = None;
        self.closing = None;
        self.outbox = Queue::default();
        if let Some(session) = &mut self.session {
            session.client.outgoing = Outgoing::default();
        }
        self.last_close = Some(close.clone());
        self.tell_state(previous, None, failure);
        self.outputs.push_back(Output::Tell(Event::Closed { close, failure }));
    }
}
