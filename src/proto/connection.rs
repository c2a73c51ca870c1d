//! The machine itself. `mod.rs` says how to drive it.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::time::Duration;

use super::backoff::{Backoff, Pace};
use super::error::Failure;
use super::event::{Close, Event, State, Stats};
use super::io::{Admission, Generation, Input, Output, Signal};
use super::liveness::{Check, Liveness};
use super::policy::{self, Config, InboxOverflow, OutboxOverflow, Verdict};
use super::queue::Queue;
use super::time::Time;
use super::timer::{Timer, Timers};

/// The socket gets no more while it holds this many bytes: what it holds is lost with the link, and a page can't take it
/// back. Enough to keep a fast link busy from one look to the next.
const BUFFER_HIGH: usize = 1 << 20;
/// How often to look whether a full socket has drained. A browser has no event for it.
const DRAIN_POLL: Duration = Duration::from_millis(5);
/// How long a socket that closes by itself may take before it counts as gone: some browsers wait a minute for the other
/// side's last word.
const LINGER: Duration = Duration::from_secs(2);
/// How soon to try when somebody looks at the page again, or it woke up.
const PROMPT: Duration = Duration::from_millis(50);
/// The longest delay after going online: a thousand pages hear of it at the same moment.
const ONLINE_SPREAD: Duration = Duration::from_secs(2);
/// What the server is told when the inbox is full: a page may send 1000 and 3000 to 4999 only.
const OVERFLOW_CODE: u16 = 4429;

/// A connection that comes back by itself. See the [module](self::super) for how to drive it.
#[derive(Debug)]
pub struct Connection {
    config: Config,
    phase: Phase,
    generation: Generation,
    outputs: VecDeque<Output>,
    timers: Timers,
    /// The instant the driver's timer is set to.
    armed: Option<Time>,
    backoff: Backoff,
    /// Attempts since the last stable connection.
    attempts_in_row: u32,
    /// Fresh credentials were asked for since the last stable connection.
    reauthorized: bool,
    /// The server asked for patience: no attempt before this, whoever looks at the page.
    hold: Option<Time>,
    online: bool,
    /// The page was left, and perhaps kept.
    left: bool,
    /// The caller's close, with code and reason.
    closing: Option<(u16, String)>,
    liveness: Option<Liveness>,
    outbox: Queue,
    /// Messages ever accepted.
    accepted: u64,
    inbox: Queue,
    /// An upper bound of what the socket holds, in bytes.
    buffered: usize,
    drain: Drain,
    opens: u32,
    sent: u64,
    received: u64,
    last_close: Option<Close>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not begun.
    Idle,
    /// A URL was asked for.
    Asking,
    /// A socket is connecting.
    Connecting,
    Open {
        since: Time,
        /// The socket takes messages.
        writable: bool,
        /// The closing handshake has begun from this side.
        closing: bool,
    },
    Waiting {
        cause: Option<Failure>,
    },
    Closed,
}

/// How the machine stands to the socket's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    /// There is room, as far as is known.
    Flowing,
    /// Asked how full it is.
    Measuring,
    /// Full; waits to look again.
    Full,
}

impl Connection {
    /// A machine that has not begun. `seed` drives the jitter of its delays; take it from a real source of randomness.
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            config,
            phase: Phase::Idle,
            generation: Generation::default(),
            outputs: VecDeque::new(),
            timers: Timers::default(),
            armed: None,
            backoff: Backoff::new(seed),
            attempts_in_row: 0,
            reauthorized: false,
            hold: None,
            online: true,
            left: false,
            closing: None,
            liveness: None,
            outbox: Queue::default(),
            accepted: 0,
            inbox: Queue::default(),
            buffered: 0,
            drain: Drain::Flowing,
            opens: 0,
            sent: 0,
            received: 0,
            last_close: None,
        }
    }

    /// Takes in what happened at `now`. Then [`poll`](Self::poll).
    pub fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::Connect => self.connect(now),
            Input::Send { size } => self.send(size),
            Input::Taken { count } => self.taken(count),
            Input::Close {
                code,
                reason,
                timeout,
            } => self.close(code, reason, timeout, now),
            Input::Abort => self.abort(),
            Input::UrlReady(generation) => {
                if self.is(generation, Phase::Asking) {
                    self.phase = Phase::Connecting;
                    self.outputs.push_back(Output::Open(generation));
                }
            }
            Input::UrlFailed(generation) => {
                if self.is(generation, Phase::Asking) {
                    self.come_back(Failure::Url, Pace::Usual, now);
                }
            }
            Input::OpenFailed(generation) => self.open_failed(generation, now),
            Input::Opened(generation) => self.opened(generation, now),
            Input::Message(generation, size) => self.message(generation, size, now),
            // Its end follows, and says as much.
            Input::Error(_) => {}
            Input::Closing(generation) => self.socket_closing(generation, now),
            Input::Closed {
                generation,
                close,
                retry,
            } => {
                if generation == self.generation {
                    self.ended(close, retry, now);
                }
            }
            Input::Buffered(bytes) => self.measured(bytes, now),
            Input::Timer => self.timer(now),
            Input::Page(signal) => self.page(signal, now),
        }
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        if let Some(output) = self.transmission().or_else(|| self.farewell()) {
            return Some(output);
        }
        let next = self.timers.next();
        (next != self.armed).then(|| {
            self.armed = next;
            Output::SetTimer(next)
        })
    }

    /// Whether a message of `size` bytes may be sent now.
    pub fn admits(&self, size: usize) -> Admission {
        let bounds = &self.config.outbox;
        if self.closing.is_some() || self.phase == Phase::Closed {
            Admission::Closed
        } else if size > bounds.bytes {
            Admission::TooBig
        } else if bounds.overflow == OutboxOverflow::DropOldest
            || self.outbox.has_room(size, bounds.messages, bounds.bytes)
        {
            Admission::Accept
        } else if bounds.overflow == OutboxOverflow::Wait {
            Admission::Wait
        } else {
            Admission::Reject
        }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Idle | Phase::Asking | Phase::Connecting => State::Connecting,
            Phase::Open { .. } => State::Open,
            Phase::Waiting { .. } => State::Waiting,
            Phase::Closed => State::Closed,
        }
    }

    /// The attempt under way, or the latest.
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether messages may be on their way into the socket, so that its readiness matters.
    pub fn is_writable(&self) -> bool {
        matches!(self.phase, Phase::Open { writable: true, .. })
    }

    /// Messages sent and not yet handed on or dropped.
    pub fn has_outbox(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Figures from the start to now.
    pub fn stats(&self) -> Stats {
        Stats {
            state: self.state(),
            attempts: self.generation.number(),
            reconnects: self.opens.saturating_sub(1),
            sent: self.sent,
            received: self.received,
            outbox: self.outbox.load(),
            inbox: self.inbox.load(),
            last_close: self.last_close.clone(),
        }
    }

    // Commands

    fn connect(&mut self, now: Time) {
        if self.phase != Phase::Idle {
            return;
        }
        if self.online && !self.left {
            self.begin_attempt(now);
        } else {
            self.pause(State::Connecting);
        }
    }

    fn send(&mut self, size: usize) {
        if self.closing.is_some() || self.phase == Phase::Closed {
            return;
        }
        let bounds = &self.config.outbox;
        let dropped = self.outbox.make_room(size, bounds.messages, bounds.bytes);
        if dropped > 0 {
            self.outputs.push_back(Output::Release { count: dropped });
        }
        self.outbox.push(size);
        self.accepted += 1;
    }

    fn taken(&mut self, count: u64) {
        for _ in 0..count {
            if self.inbox.pop().is_none() {
                break;
            }
        }
    }

    fn close(&mut self, code: u16, reason: String, timeout: Duration, now: Time) {
        if self.closing.is_some() || self.phase == Phase::Closed {
            return;
        }
        if !matches!(self.phase, Phase::Open { .. }) && self.outbox.is_empty() {
            // Nothing is open and nothing is owed.
            self.abandon();
            self.finish(
                Close {
                    code,
                    reason,
                    was_clean: true,
                },
                None,
            );
            return;
        }
        self.closing = Some((code, reason));
        self.timers.set(Timer::Close, now + timeout);
        self.hurry(now, now);
    }

    fn abort(&mut self) {
        if self.phase == Phase::Closed {
            return;
        }
        self.leave(1000, "");
        self.finish(Close::abnormal(), Some(Failure::Aborted));
    }

    // The socket

    fn open_failed(&mut self, generation: Generation, now: Time) {
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

    fn opened(&mut self, generation: Generation, now: Time) {
        if !self.is(generation, Phase::Connecting) {
            return;
        }
        let previous = self.state();
        self.phase = Phase::Open {
            since: now,
            writable: true,
            closing: false,
        };
        self.opens = self.opens.saturating_add(1);
        self.buffered = 0;
        self.drain = Drain::Flowing;
        self.hold = None;
        self.timers.clear(Timer::Connect);
        if let Some(reconnect) = &self.config.reconnect {
            self.timers.set(Timer::Stable, now + reconnect.stable_after);
        }
        if let Some(policy) = self.config.heartbeat {
            let liveness = Liveness::new(policy, now);
            self.timers.set(Timer::Heartbeat, liveness.first_check());
            self.liveness = Some(liveness);
        }
        self.tell_state(previous, None, None);
        self.outputs.push_back(Output::Tell(Event::Open));
    }

    fn message(&mut self, generation: Generation, size: usize, now: Time) {
        if generation != self.generation || !matches!(self.phase, Phase::Open { .. }) {
            self.outputs.push_back(Output::Discard);
            return;
        }
        self.received += 1;
        if let Some(liveness) = &mut self.liveness {
            liveness.heard(now);
        }
        let bounds = self.config.inbox;
        if !self.inbox.has_room(size, bounds.messages, bounds.bytes) {
            if bounds.overflow == InboxOverflow::Close || size > bounds.bytes {
                self.outputs.push_back(Output::Discard);
                self.leave(OVERFLOW_CODE, "inbox full");
                let close = Close {
                    code: OVERFLOW_CODE,
                    reason: String::from("inbox full"),
                    was_clean: false,
                };
                self.finish(close, Some(Failure::Overflow));
                return;
            }
            let count = self.inbox.make_room(size, bounds.messages, bounds.bytes);
            self.outputs.push_back(Output::Drop { count });
        }
        self.inbox.push(size);
        self.outputs.push_back(Output::Deliver);
    }

    fn socket_closing(&mut self, generation: Generation, now: Time) {
        if generation != self.generation {
            return;
        }
        if let Phase::Open {
            writable, closing, ..
        } = &mut self.phase
            && *writable
        {
            *writable = false;
            if !*closing {
                self.timers.set(Timer::Linger, now + LINGER);
            }
        }
    }

    /// The socket of the present generation has ended, by itself or because of us.
    fn ended(&mut self, close: Close, retry: Option<bool>, now: Time) {
        let was_open = match self.phase {
            Phase::Connecting => false,
            Phase::Open { .. } => true,
            _ => return,
        };
        self.last_close = Some(close.clone());
        if was_open && self.closing.is_some() && self.outbox.is_empty() {
            self.finish(close, None);
            return;
        }
        self.forget_failures_if_stable(now);
        let verdict = match (retry, policy::verdict(close.code)) {
            (Some(false), _) => Verdict::Final(Failure::Closed),
            (Some(true), Verdict::Final(_) | Verdict::Reauthorize) => Verdict::Retry(Pace::Usual),
            (_, Verdict::Reauthorize) if self.reauthorized => Verdict::Final(Failure::Unauthorized),
            (_, verdict) => verdict,
        };
        match verdict {
            Verdict::Final(failure) => self.finish(close, Some(failure)),
            Verdict::Reauthorize => {
                self.reauthorized = true;
                self.retry_or_finish(close, was_open, Pace::Usual, now);
            }
            Verdict::Retry(pace) => self.retry_or_finish(close, was_open, pace, now),
        }
    }

    fn retry_or_finish(&mut self, close: Close, was_open: bool, pace: Pace, now: Time) {
        if was_open {
            self.lost(close, None, pace, now);
        } else {
            self.come_back(Failure::Refused, pace, now);
        }
    }

    fn measured(&mut self, bytes: usize, now: Time) {
        self.buffered = bytes;
        if bytes < BUFFER_HIGH {
            self.drain = Drain::Flowing;
        } else {
            self.drain = Drain::Full;
            self.timers.set(Timer::Drain, now + DRAIN_POLL);
        }
    }

    // Time and the page

    fn timer(&mut self, now: Time) {
        self.armed = None;
        while let Some((timer, deadline)) = self.timers.expire(now) {
            match timer {
                Timer::Connect => {
                    self.outputs.push_back(Output::Abandon(self.generation));
                    self.come_back(Failure::Timeout, Pace::Usual, now);
                }
                Timer::Retry => self.begin_attempt(now),
                Timer::Stable => self.forget_failures(),
                Timer::Close => {
                    self.abandon();
                    self.finish(Close::abnormal(), None);
                }
                Timer::Drain => self.drain = Drain::Flowing,
                Timer::Heartbeat => self.heartbeat(deadline, now),
                Timer::Linger => {
                    self.outputs.push_back(Output::Abandon(self.generation));
                    self.ended(Close::abnormal(), None, now);
                }
            }
        }
    }

    fn heartbeat(&mut self, deadline: Time, now: Time) {
        let Some(liveness) = &mut self.liveness else {
            return;
        };
        match liveness.check(deadline, now) {
            Check::Wait(until) => self.timers.set(Timer::Heartbeat, until),
            Check::Ask(until) => self.ask(until),
            Check::Dead => {
                self.outputs.push_back(Output::Abandon(self.generation));
                let close = Close::abnormal();
                self.last_close = Some(close.clone());
                self.forget_failures_if_stable(now);
                self.lost(close, Some(Failure::Silent), Pace::Usual, now);
            }
        }
    }

    fn ask(&mut self, until: Time) {
        if self.is_writable() {
            self.outputs.push_back(Output::Heartbeat);
        }
        self.timers.set(Timer::Heartbeat, until);
    }

    fn page(&mut self, signal: Signal, now: Time) {
        match signal {
            Signal::Online => {
                self.online = true;
                let delay = self.backoff.spread(ONLINE_SPREAD);
                self.hurry(now + delay, now);
            }
            Signal::Offline => {
                self.online = false;
                if matches!(self.phase, Phase::Waiting { .. }) {
                    self.pause(State::Waiting);
                }
            }
            Signal::Visible => self.wake(now),
            Signal::Hidden => {}
            Signal::Left => self.page_left(),
            Signal::Returned => {
                self.left = false;
                self.hurry(now, now);
            }
            Signal::Woke => self.wake(now),
        }
    }

    /// Somebody looks at the page again: now is the time to have a connection, and to know whether it lives.
    fn wake(&mut self, now: Time) {
        self.hurry(now + PROMPT, now);
        if matches!(self.phase, Phase::Open { .. })
            && let Some(liveness) = &mut self.liveness
            && let Check::Ask(until) = liveness.ask(now)
        {
            self.ask(until);
        }
    }

    /// An open socket would keep the page out of the browser's cache of pages; and when it is gone for good, an orderly
    /// end is the server's due.
    fn page_left(&mut self) {
        self.left = true;
        let previous = self.state();
        match self.phase {
            Phase::Idle | Phase::Closed => {}
            Phase::Waiting { .. } => self.pause(previous),
            Phase::Asking | Phase::Connecting | Phase::Open { .. } => {
                let was_open = previous == State::Open;
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
                    self.outputs.push_back(Output::Tell(Event::Disconnected {
                        close,
                        retry_in: None,
                    }));
                }
            }
        }
    }

    // Coming back

    fn begin_attempt(&mut self, now: Time) {
        let previous = self.state();
        self.generation.0 = self.generation.0.saturating_add(1);
        self.attempts_in_row = self.attempts_in_row.saturating_add(1);
        self.phase = if self.config.ask_url {
            Phase::Asking
        } else {
            Phase::Connecting
        };
        self.timers.clear(Timer::Retry);
        self.timers
            .set(Timer::Connect, now + self.config.connect_timeout.0);
        self.tell_state(previous, None, None);
        self.outputs.push_back(if self.config.ask_url {
            Output::AskUrl(self.generation)
        } else {
            Output::Open(self.generation)
        });
    }

    /// An open connection is gone.
    fn lost(&mut self, close: Close, cause: Option<Failure>, pace: Pace, now: Time) {
        match self.schedule(cause, pace, now) {
            Ok(retry_in) => self
                .outputs
                .push_back(Output::Tell(Event::Disconnected { close, retry_in })),
            Err(failure) => self.finish(close, Some(cause.unwrap_or(failure))),
        }
    }

    /// An attempt failed.
    fn come_back(&mut self, failure: Failure, pace: Pace, now: Time) {
        if let Err(end) = self.schedule(Some(failure), pace, now) {
            let cause = if end == Failure::Attempts {
                end
            } else {
                failure
            };
            let close = match failure {
                Failure::Refused => self.last_close.clone().unwrap_or_else(Close::abnormal),
                _ => Close::abnormal(),
            };
            self.finish(close, Some(cause));
        }
    }

    /// Waits for the next attempt, or says why there is none.
    fn schedule(
        &mut self,
        cause: Option<Failure>,
        pace: Pace,
        now: Time,
    ) -> Result<Option<Duration>, Failure> {
        let Some(reconnect) = &self.config.reconnect else {
            return Err(Failure::Closed);
        };
        if reconnect
            .max_attempts
            .is_some_and(|most| self.attempts_in_row >= most)
        {
            return Err(Failure::Attempts);
        }
        let previous = self.state();
        let delay = self.backoff.delay(reconnect, pace);
        self.leave_connection();
        self.hold = (pace != Pace::Usual).then(|| now + delay);
        if !self.online {
            self.pause(previous);
            return Ok(None);
        }
        self.phase = Phase::Waiting { cause };
        self.timers.set(Timer::Retry, now + delay);
        self.tell_state(previous, Some(delay), cause);
        Ok(Some(delay))
    }

    /// Waits for the page or the network, without a time.
    fn pause(&mut self, previous: State) {
        let cause = if self.left {
            Failure::PageHidden
        } else {
            Failure::Offline
        };
        self.leave_connection();
        self.phase = Phase::Waiting { cause: Some(cause) };
        self.timers.clear(Timer::Retry);
        self.tell_state(previous, None, Some(cause));
    }

    /// Has the next attempt at `at`, or where the server asked for patience, then; never later than it was to be.
    fn hurry(&mut self, at: Time, now: Time) {
        let Phase::Waiting { cause } = self.phase else {
            return;
        };
        if !self.online || self.left {
            return;
        }
        let at = self.hold.map_or(at, |hold| hold.max(at));
        if self.timers.get(Timer::Retry).is_none_or(|due| at < due) {
            self.timers.set(Timer::Retry, at);
            self.tell_state(State::Waiting, Some(at.since(now)), cause);
        }
    }

    fn forget_failures_if_stable(&mut self, now: Time) {
        if let (Phase::Open { since, .. }, Some(reconnect)) = (self.phase, &self.config.reconnect)
            && now.since(since) >= reconnect.stable_after
        {
            self.forget_failures();
        }
    }

    fn forget_failures(&mut self) {
        self.backoff.reset();
        self.attempts_in_row = 0;
        self.reauthorized = false;
    }

    // Ends

    /// Closes the socket in an orderly way, without waiting for the other side.
    fn leave(&mut self, code: u16, reason: &str) {
        if let Phase::Open { closing: false, .. } = self.phase {
            self.outputs.push_back(Output::Close {
                code,
                reason: String::from(reason),
            });
        }
        self.abandon();
    }

    fn abandon(&mut self) {
        if matches!(
            self.phase,
            Phase::Asking | Phase::Connecting | Phase::Open { .. }
        ) {
            self.outputs.push_back(Output::Abandon(self.generation));
        }
    }

    /// What belongs to a connection goes with it.
    fn leave_connection(&mut self) {
        for timer in [
            Timer::Connect,
            Timer::Stable,
            Timer::Drain,
            Timer::Heartbeat,
            Timer::Linger,
        ] {
            self.timers.clear(timer);
        }
        self.liveness = None;
    }

    fn finish(&mut self, close: Close, failure: Option<Failure>) {
        let previous = self.state();
        self.phase = Phase::Closed;
        self.timers.clear_all();
        self.liveness = None;
        self.closing = None;
        self.outbox = Queue::default();
        self.last_close = Some(close.clone());
        self.tell_state(previous, None, failure);
        self.outputs
            .push_back(Output::Tell(Event::Closed { close, failure }));
    }

    // Outputs that follow from the state

    fn transmission(&mut self) -> Option<Output> {
        let Phase::Open {
            writable: true,
            closing: false,
            ..
        } = self.phase
        else {
            return None;
        };
        if self.outbox.is_empty() || self.drain != Drain::Flowing {
            return None;
        }
        if self.buffered >= BUFFER_HIGH {
            self.drain = Drain::Measuring;
            return Some(Output::Measure);
        }
        let first = self.accepted - self.outbox.load().messages as u64 + 1;
        let mut count = 0;
        while self.buffered < BUFFER_HIGH
            && let Some(size) = self.outbox.pop()
        {
            self.buffered = self.buffered.saturating_add(size);
            count += 1;
        }
        self.sent += count;
        self.outputs.push_back(Output::Release { count });
        Some(Output::Transmit { first, count })
    }

    /// The closing handshake, once everything is handed on.
    fn farewell(&mut self) -> Option<Output> {
        let (code, reason) = self.closing.as_ref()?;
        if let Phase::Open {
            writable: true,
            closing,
            ..
        } = &mut self.phase
            && !*closing
            && self.outbox.is_empty()
        {
            *closing = true;
            return Some(Output::Close {
                code: *code,
                reason: reason.clone(),
            });
        }
        None
    }

    fn is(&self, generation: Generation, phase: Phase) -> bool {
        generation == self.generation && self.phase == phase
    }

    fn tell_state(&mut self, previous: State, retry_in: Option<Duration>, cause: Option<Failure>) {
        self.outputs.push_back(Output::Tell(Event::StateChange {
            state: self.state(),
            previous,
            retry_in,
            cause,
        }));
    }
}
