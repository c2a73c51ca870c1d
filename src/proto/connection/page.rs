//! What the page and the timers report.

use alloc::string::String;

use super::{Connection, Drain, ONLINE_SPREAD, PROMPT, Phase};
use crate::proto::backoff::Pace;
use crate::proto::error::Failure;
use crate::proto::event::{Close, Event, State};
use crate::proto::io::{Output, Signal};
use crate::proto::liveness::Check;
use crate::proto::time::Time;
use crate::proto::timer::Timer;

impl Connection {
    pub(super) fn timer(&mut self, now: Time) {
        self.armed = Time::NEVER;
        while let Some((timer, deadline)) = self.timers.expire(now) {
            match timer {
                Timer::Connect => {
                    self.outputs.push_back(Output::Abandon(self.generation));
                    if self.phase == Phase::Greeting {
                        self.unanswered(Failure::Timeout, now);
                    } else {
                        self.come_back(Failure::Timeout, Pace::Usual, now);
                    }
                }
                Timer::Retry => self.begin_attempt(now),
                Timer::Stable => self.forget_failures(),
                Timer::Close => self.close_timed_out(),
                Timer::Drain => {
                    if self.is_writable() {
                        self.drain = Drain::Looking;
                        self.outputs.push_back(Output::Measure);
                    }
                }
                Timer::Heartbeat => self.heartbeat(deadline, now),
                Timer::Linger => {
                    self.outputs.push_back(Output::Abandon(self.generation));
                    self.ended(Close::abnormal(), None, now);
                }
                // It has come up, and the next frame follows from that.
                Timer::Acknowledge => {}
            }
        }
    }

    fn close_timed_out(&mut self) {
        let mut close = Close::abnormal();
        match self.closing.clone() {
            Some((code, reason)) if self.session.is_some() => {
                // The server need not keep the session. What is not taken is handed back.
                self.bye(code, &reason);
                if self.has_said_all() {
                    (close.code, close.reason) = (code, reason);
                }
            }
            _ => self.abandon(),
        }
        self.finish(close, None);
    }

    pub(super) fn heartbeat(&mut self, deadline: Time, now: Time) {
        let Some(liveness) = &mut self.liveness else {
            return;
        };
        match liveness.check(deadline, now) {
            Check::Wait(until) => self.timers.set(Timer::Heartbeat, until),
            Check::Ask(until) => self.ask(until, now),
            Check::Dead if self.judges() => {}
            Check::Dead => self.dead(now),
        }
    }

    /// The other end has said something: the link lives.
    pub(super) fn heard(&mut self, now: Time) {
        if let Some(check) = self.liveness.as_mut().and_then(|liveness| liveness.heard(now)) {
            self.timers.set(Timer::Heartbeat, check);
        }
    }

    /// The link is dead.
    pub(super) fn dead(&mut self, now: Time) {
        self.outputs.push_back(Output::Abandon(self.generation));
        let close = Close::abnormal();
        self.last_close = Some(close.clone());
        if self.has_said_all() {
            self.finish(close, None);
            return;
        }
        self.forget_failures_if_stable(now);
        self.lost(close, Some(Failure::Silent), Pace::Usual, now);
    }

    pub(super) fn probe_again(&mut self, now: Time) {
        if let Some(liveness) = &mut self.liveness
            && let Check::Ask(until) = liveness.ask(now)
        {
            self.ask(until, now);
        }
    }

    fn ask(&mut self, until: Time, now: Time) {
        self.timers.set(Timer::Heartbeat, until);
        if !self.is_writable() {
            return;
        }
        if self.session.is_some() {
            self.ping(now);
        } else {
            self.outputs.push_back(Output::Heartbeat);
        }
    }

    pub(super) fn page(&mut self, signal: Signal, now: Time) {
        match signal {
            Signal::Online => {
                self.online = true;
                let delay = self.backoff.spread(ONLINE_SPREAD);
                self.hurry(now + delay, now);
            }
            Signal::Offline => {
                self.online = false;
                if self.phase == Phase::Waiting {
                    self.pause(State::Waiting);
                }
            }
            Signal::Visible => {
                self.hidden = false;
                self.wake(now);
            }
            Signal::Hidden => self.hidden = true,
            Signal::Left => self.page_left(true, now),
            Signal::Unloaded => self.page_left(false, now),
            Signal::Returned => {
                self.left = false;
                if self.online {
                    self.hurry(now, now);
                } else if self.phase == Phase::Waiting {
                    self.pause(State::Waiting);
                }
            }
            Signal::Woke => self.wake(now),
        }
    }

    /// Somebody looks at the page again: now is the time to have a connection, and to know whether it lives.
    pub(super) fn wake(&mut self, now: Time) {
        self.hurry(now + PROMPT, now);
        let trusts = self.session.as_ref().is_some_and(|session| session.trusts_silence);
        if self.phase == Phase::Open && !trusts {
            self.probe_again(now);
        }
    }

    /// An open socket would keep the page out of the browser's cache of pages; and when it is gone for good, an orderly
    /// end is the server's due: that of the session, too.
    fn page_left(&mut self, kept: bool, now: Time) {
        self.left = true;
        if !kept && self.session.is_some() && self.phase != Phase::Closed {
            self.bye(1000, "");
            let close = Close {
                code: 1000,
                reason: String::new(),
                was_clean: true,
            };
            self.finish(close, Some(Failure::PageHidden));
            return;
        }
        let previous = self.state();
        match self.phase {
            Phase::Idle | Phase::Closed => {}
            Phase::Waiting => self.pause(previous),
            Phase::Asking | Phase::Connecting | Phase::Greeting | Phase::Open => {
                self.forget_failures_if_stable(now);
                let was_open = previous == State::Open;
                if let Some(session) = &mut self.session
                    && was_open
                {
                    session.lost_at = now;
                }
                self.leave(1000, "");
                let close = Close {
                    code: 1000,
                    reason: String::new(),
                    was_clean: true,
                };
                if self.closing.is_some() || self.config.reconnect.is_none() {
                    self.finish(close, self.closing.is_none().then_some(Failure::PageHidden));
                    return;
                }
                if was_open {
                    self.last_close = Some(close.clone());
                }
                self.pause(previous);
                if was_open {
                    self.outputs
                        .push_back(Output::Tell(Event::Disconnected { close, retry_in: None }));
                }
            }
        }
    }
}
