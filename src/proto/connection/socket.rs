//! What the socket reports: open, a message, the end.

use alloc::string::String;

use super::{Connection, Drain, LINGER, OVERFLOW_CODE, Phase};
use crate::proto::backoff::Pace;
use crate::proto::error::Failure;
use crate::proto::event::{Close, Event};
use crate::proto::io::{Generation, Output};
use crate::proto::liveness::Liveness;
use crate::proto::policy::{self, Heartbeat, InboxOverflow, Verdict};
use crate::proto::time::Time;
use crate::proto::timer::Timer;

impl Connection {
    pub(super) fn open_failed(&mut self, generation: Generation, now: Time) {
        if !self.is(generation, Phase::Connecting) {
            return;
        }
        if self.config.ask_url {
            // The next answer may be a better one.
            self.come_back(Failure::Url, Pace::Usual, now);
        } else {
            self.finish(Close::abnormal(), Some(Failure::Url));
        }
    }

    pub(super) fn opened(&mut self, generation: Generation, now: Time) {
        if !self.is(generation, Phase::Connecting) {
            return;
        }
        // Nothing more comes of an error before it.
        self.timers.clear(Timer::Linger);
        if self.session.is_some() {
            self.greet(now);
        } else {
            self.established(self.config.heartbeat, false, now);
        }
    }

    /// The connection is up, and the application may hear of it.
    pub(super) fn established(&mut self, heartbeat: Option<Heartbeat>, resumed: bool, now: Time) {
        let previous = self.state();
        self.phase = Phase::Open;
        self.since = now;
        self.parting = false;
        self.writable = true;
        self.opens = self.opens.saturating_add(1);
        self.buffered = 0;
        self.drained = 0;
        self.drain = Drain::Flowing;
        self.hold = Time::default();
        self.timers.clear(Timer::Connect);
        if let Some(reconnect) = &self.config.reconnect {
            self.timers.set(Timer::Stable, now + reconnect.stable_after);
        }
        if let Some(policy) = heartbeat {
            let liveness = Liveness::new(policy, now);
            self.timers.set(Timer::Heartbeat, liveness.first_check());
            self.liveness = Some(liveness);
        }
        self.tell_state(previous, None, None);
        self.outputs.push_back(Output::Tell(Event::Open { resumed }));
    }

    /// What [`Input::Message`](crate::proto::Input::Message) says, for drivers in a hurry. True where the driver is to deliver
    /// the message by itself, and nothing else follows from it; otherwise [`poll`](Self::poll) says what is to be done.
    #[must_use = "nothing else says that the message is to be delivered"]
    pub fn message(&mut self, generation: Generation, size: usize, now: Time) -> bool {
        if generation != self.generation || self.phase != Phase::Open {
            self.outputs.push_back(Output::Discard { count: 1 });
            return false;
        }
        self.received += 1;
        self.heard(now);
        let bounds = self.config.inbox;
        if !self.inbox.has_room(size, bounds.messages, bounds.bytes) {
            if bounds.overflow == InboxOverflow::Close || size > bounds.bytes {
                self.outputs.push_back(Output::Discard { count: 1 });
                self.leave(OVERFLOW_CODE, "inbox full");
                let close = Close {
                    code: OVERFLOW_CODE,
                    reason: String::from("inbox full"),
                    was_clean: false,
                };
                self.finish(close, Some(Failure::Overflow));
                return false;
            }
            let count = self.inbox.make_room(size, bounds.messages, bounds.bytes);
            self.outputs.push_back(Output::Drop { count });
        }
        self.inbox.push(size);
        let is_all = self.outputs.is_empty() && self.liveness.is_none();
        if !is_all {
            self.outputs.push_back(Output::Deliver { count: 1 });
        }
        is_all
    }

    /// The socket reported an error, which says nothing; its end, which says a little, is to follow.
    pub(super) fn failed(&mut self, generation: Generation, now: Time) {
        let phases = matches!(self.phase, Phase::Connecting | Phase::Greeting | Phase::Open);
        if generation == self.generation && phases {
            self.timers.set(Timer::Linger, now + LINGER);
        }
    }

    pub(super) fn socket_closing(&mut self, generation: Generation, now: Time) {
        if self.is(generation, Phase::Open) && self.writable {
            self.writable = false;
            if !self.parting {
                self.timers.set(Timer::Linger, now + LINGER);
            }
        }
    }

    /// The socket of the present generation has ended, by itself or because of us.
    pub(super) fn ended(&mut self, close: Close, retry: Option<bool>, now: Time) {
        let was_open = match self.phase {
            Phase::Connecting | Phase::Greeting => false,
            Phase::Open => true,
            _ => return,
        };
        self.last_close = Some(close.clone());
        if was_open && self.has_said_all() {
            let close = match (&self.session, self.closing.take()) {
                // The BYE has said so.
                (Some(_), Some((code, reason))) => Close { code, reason, ..close },
                _ => close,
            };
            self.finish(close, None);
            return;
        }
        self.forget_failures_if_stable(now);
        let durable = self.session.is_some();
        if let Some(session) = &mut self.session
            && matches!(close.code, 3000 | 4401)
        {
            session.refused = true;
        }
        let verdict = match (retry, policy::verdict(close.code, durable)) {
            // The session has ended with it, whatever the policy says.
            (_, verdict @ Verdict::Final(_)) if durable && close.code >= 4000 => verdict,
            (Some(false), _) => Verdict::Final(Failure::Closed),
            (Some(true), Verdict::Final(_)) => Verdict::Retry(Pace::Usual),
            // A session asks once for each WELCOME, whatever the policy says.
            (Some(true), Verdict::Reauthorize) if !durable => Verdict::Retry(Pace::Usual),
            (_, Verdict::Reauthorize) if self.reauthorized => Verdict::Final(Failure::Unauthorized),
            (_, verdict) => verdict,
        };
        match verdict {
            Verdict::Final(failure) => self.finish(close, Some(failure)),
            Verdict::Reauthorize => {
                self.reauthorized = true;
                self.retry_or_finish(close, was_open, Pace::Usual, now);
            }
            // A server that closes in good order in place of a WELCOME, and does not say why, does not know what it is asked.
            Verdict::Retry(Pace::Usual)
                if self.phase == Phase::Greeting && close.was_clean && !matches!(close.code, 1001 | 4408) =>
            {
                self.unanswered(Failure::Refused, now);
            }
            Verdict::Retry(pace) => self.retry_or_finish(close, was_open, pace, now),
        }
    }

    pub(super) fn retry_or_finish(&mut self, close: Close, was_open: bool, pace: Pace, now: Time) {
        if was_open {
            self.lost(close, None, pace, now);
        } else {
            self.come_back(Failure::Refused, pace, now);
        }
    }
}
