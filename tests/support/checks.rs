//! What must always be true of the machine, whatever happens to it: checked at each output and each time it rests.

use std::time::Duration;

use tautline::proto::{
    Admission, Close, Event, Failure, Generation, InboxOverflow, Input, Load, OutboxOverflow, Output, Signal, State,
    Time,
};

use super::{Message, Rig, ms, secs};

/// What the rig knows of the past, from the outside alone.
#[derive(Debug, Default)]
pub(super) struct Facts {
    // What was told
    state: State,
    /// What the last change of state requires the next event to be.
    owed: Option<Owed>,
    pub(super) retry_at: Option<Time>,
    pub(super) cause: Option<Failure>,
    pub(super) end: Option<(Close, Option<Failure>)>,
    opens: u32,

    // What happened
    started: bool,
    offline: bool,
    left: bool,
    /// The attempt at the time of the caller's close.
    closed_during: Option<u32>,
    close_by: Option<Time>,
    aborted: bool,
    pub(super) answered: Option<Generation>,
    unmade: Option<Generation>,
    begun_at: Time,
    opened_at: Option<Time>,
    last_end: Option<(u16, Option<bool>)>,
    /// The server asked for patience until then, at the least.
    hold: Option<Time>,
    attempts_in_row: u32,
    /// The page came back since the last stable connection.
    returned: bool,
    denials: u32,
    pub(super) received: u64,
    overflowed: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Owed {
    Open,
    Disconnected(Option<Duration>),
    Closed(Option<Failure>),
}

impl Facts {
    pub(super) fn new() -> Self {
        Self::default()
    }
}

fn fits(load: Load, size: usize, messages: usize, bytes: usize) -> bool {
    load.messages < messages && load.bytes + size <= bytes
}

fn load<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Load {
    let mut load = Load::default();
    for message in messages {
        load.messages += 1;
        load.bytes += message.size;
    }
    load
}

impl Rig {
    // What happens

    pub(super) fn note_input(&mut self, input: &Input) {
        match *input {
            Input::Connect => self.facts.started = true,
            Input::Close { timeout, .. } if self.facts.closed_during.is_none() && self.facts.end.is_none() => {
                self.facts.closed_during = Some(self.machine.generation().number());
                self.facts.close_by = Some(self.now + timeout);
            }
            Input::Abort => self.facts.aborted = true,
            Input::OpenFailed(generation) => self.facts.unmade = Some(generation),
            Input::Timer => self.note_stable(),
            Input::Page(Signal::Online) => self.facts.offline = false,
            Input::Page(Signal::Offline) => self.facts.offline = true,
            Input::Page(Signal::Left) => self.facts.left = true,
            Input::Page(Signal::Returned) => {
                self.facts.left = false;
                self.facts.returned = true;
            }
            _ => {}
        }
    }

    /// The socket ends by itself.
    pub(super) fn note_end(&mut self, code: u16, retry: Option<bool>) {
        self.note_gone();
        self.facts.last_end = Some((code, retry));
        if matches!(code, 3000 | 4401) && retry.is_none() {
            self.facts.denials += 1;
        }
        let Some(reconnect) = &self.config.reconnect else {
            return;
        };
        self.facts.hold = match code {
            1012 => Some(self.now + reconnect.max_delay / 6),
            1013 | 4429 => Some(self.now + reconnect.max_delay / 2),
            _ => None,
        };
    }

    /// The past is forgiven once a connection was stable.
    pub(super) fn note_stable(&mut self) {
        if let (Some(opened_at), Some(reconnect)) = (self.facts.opened_at, &self.config.reconnect)
            && self.now >= opened_at + reconnect.stable_after
        {
            self.facts.attempts_in_row = 0;
            self.facts.denials = 0;
            self.facts.returned = false;
        }
    }

    pub(super) fn note_gone(&mut self) {
        self.note_stable();
        self.facts.opened_at = None;
    }

    // At each output

    pub(super) fn check_output(&mut self, output: &Output) {
        if self.facts.end.is_some() {
            assert!(
                matches!(output, Output::Discard { count: 1 } | Output::SetTimer(None)),
                "{output:?} after the end"
            );
        }
        assert!(
            self.facts.owed.is_none() || matches!(output, Output::Tell(_)),
            "{:?} is told at once, not {output:?}",
            self.facts.owed
        );
        match output {
            Output::AskUrl(generation) => {
                assert!(self.config.ask_url);
                self.check_attempt(*generation);
            }
            Output::Open(generation) => {
                assert!(self.socket.is_none(), "never two live sockets");
                if self.config.ask_url {
                    assert_eq!(self.facts.answered, Some(*generation), "the URL is known");
                } else {
                    self.check_attempt(*generation);
                }
            }
            Output::Transmit { first, count } => self.check_transmission(*first, *count),
            Output::Release { count } => self.check_release(*count),
            Output::Batch(_) | Output::Frame(_) | Output::AwaitTurn => {
                panic!("a plain socket has no {output:?}")
            }
            Output::Deliver { .. } => {
                let arrival = self.arrivals.front().expect("something arrived");
                assert!(arrival.live, "from a live socket");
                let bounds = self.config.inbox;
                assert!(
                    fits(load(&self.inbox), arrival.message.size, bounds.messages, bounds.bytes),
                    "the inbox is bounded"
                );
            }
            Output::Discard { .. } => {
                let arrival = self.arrivals.front().expect("something arrived");
                self.facts.overflowed |= arrival.live;
            }
            Output::Drop { count } => {
                assert_eq!(self.config.inbox.overflow, InboxOverflow::DropOldest);
                assert!(*count > 0 && *count as usize <= self.inbox.len());
            }
            Output::Heartbeat => {
                assert!(self.config.heartbeat.is_some());
                assert!(self.is_writable(), "a heartbeat needs a socket that takes messages");
            }
            Output::Measure => assert!(self.is_writable()),
            Output::Close { code, reason } => {
                let socket = self.socket.as_ref().expect("a socket to close");
                assert!(
                    socket.open && socket.closed_with.is_none(),
                    "closed once, and only when open"
                );
                assert!(
                    *code == 1000 || (3000..5000).contains(code),
                    "{code} is not a page's to send"
                );
                assert!(reason.len() <= 123);
            }
            Output::Abandon(generation) => {
                let live = self.socket.as_ref().map(|socket| socket.generation);
                assert!(
                    live == Some(*generation)
                        || self.asking == Some(*generation)
                        || self.facts.unmade == Some(*generation),
                    "{generation:?} is not alive"
                );
            }
            Output::SetTimer(deadline) => assert_ne!(self.timer, *deadline, "set to what it is"),
            Output::Tell(event) => self.check_event(event),
        }
    }

    fn check_attempt(&mut self, generation: Generation) {
        assert!(self.asking.is_none() && self.socket.is_none(), "one attempt at a time");
        let facts = &mut self.facts;
        let number = generation.number();
        assert_eq!(
            number,
            self.generations.len() as u32,
            "each attempt has the next number"
        );
        assert_eq!(facts.state, State::Connecting, "told before it begins");
        assert!(!facts.offline, "no attempt while offline");
        assert!(!facts.left, "no attempt while the page is put aside");
        assert!(
            facts.hold.take().is_none_or(|hold| hold <= self.now),
            "the server's wish for patience is honoured"
        );
        if let Some(during) = facts.closed_during {
            assert!(
                number <= during || !self.outbox.is_empty(),
                "after close, only what is queued is a reason to connect"
            );
        }
        match &self.config.reconnect {
            None => assert_eq!(number, 1, "no second attempt without a policy"),
            Some(reconnect) => assert!(
                facts.returned
                    || reconnect
                        .max_attempts
                        .is_none_or(|most| facts.attempts_in_row < most.max(1)),
                "no attempt more than the policy allows"
            ),
        }
        facts.attempts_in_row += 1;
        facts.begun_at = self.now;
    }

    fn check_transmission(&self, first: u64, count: u64) {
        assert!(self.is_writable(), "transmits only to a socket that takes messages");
        assert!(count > 0 && count as usize <= self.outbox.len(), "only what is queued");
        assert_eq!(self.outbox.front().map(|message| message.number), Some(first));
        assert!(
            self.wire.last().is_none_or(|&last| last < first),
            "at most once, and in order"
        );
    }

    fn check_release(&self, count: u64) {
        let count = count as usize;
        assert!(count > 0 && count <= self.outbox.len());
        let last = self.wire.last().copied().unwrap_or(0);
        let transmitted = self
            .outbox
            .iter()
            .take(count)
            .filter(|message| message.number <= last)
            .count();
        assert!(
            transmitted == count || self.config.outbox.overflow == OutboxOverflow::DropOldest,
            "nothing is dropped that the policy keeps"
        );
    }

    fn check_event(&mut self, event: &Event) {
        match (event, self.facts.owed.take()) {
            (
                &Event::StateChange {
                    state,
                    previous,
                    retry_in,
                    cause,
                },
                None,
            ) => self.check_change(state, previous, retry_in, cause),
            (Event::Open { resumed: false }, Some(Owed::Open)) => {
                self.facts.opens += 1;
                self.facts.opened_at = Some(self.now);
            }
            (Event::Disconnected { retry_in, .. }, Some(Owed::Disconnected(told))) => assert_eq!(*retry_in, told),
            (Event::Closed { close, failure }, Some(Owed::Closed(told))) => {
                assert_eq!(*failure, told);
                self.check_cause_of_end(*failure);
                self.facts.end = Some((close.clone(), *failure));
            }
            (event, owed) => panic!("{event:?} where {owed:?} was owed"),
        }
    }

    fn check_change(&mut self, state: State, previous: State, retry_in: Option<Duration>, cause: Option<Failure>) {
        let facts = &mut self.facts;
        assert_eq!(previous, facts.state, "no state is skipped");
        let retry_at = retry_in.map(|span| self.now + span);
        match (previous, state) {
            (State::Connecting, State::Connecting) => assert_eq!(facts.attempts_in_row, 0, "only the first time"),
            (State::Waiting, State::Connecting) => {
                assert!(
                    facts.retry_at.is_some_and(|at| at <= self.now),
                    "not before the time told"
                );
            }
            (State::Waiting, State::Waiting) => {
                assert_ne!((facts.retry_at, facts.cause), (retry_at, cause), "nothing changed");
            }
            (State::Connecting, State::Open) => facts.owed = Some(Owed::Open),
            (State::Open, State::Waiting) => facts.owed = Some(Owed::Disconnected(retry_in)),
            (State::Connecting, State::Waiting) => assert!(cause.is_some(), "a failed attempt has a cause"),
            (State::Connecting | State::Open | State::Waiting, State::Closed) => {
                facts.owed = Some(Owed::Closed(cause));
            }
            _ => panic!("{previous:?} to {state:?}"),
        }
        match state {
            State::Waiting => {
                if let Some(reconnect) = &self.config.reconnect
                    && let Some(span) = retry_in
                {
                    assert!(span <= reconnect.max_delay.max(secs(2)), "the delay has a cap");
                }
                let paused = matches!(cause, Some(Failure::Offline | Failure::PageHidden));
                assert!(retry_in.is_some() || paused, "a wait without an end has a reason");
            }
            State::Connecting | State::Open => assert_eq!((retry_in, cause), (None, None)),
            State::Closed => assert_eq!(retry_in, None),
        }
        facts.state = state;
        facts.retry_at = retry_at;
        facts.cause = cause;
    }

    /// Whether it may end for good, for this reason.
    fn check_cause_of_end(&self, failure: Option<Failure>) {
        let facts = &self.facts;
        let never_retries = self.config.reconnect.is_none();
        let used_up = self
            .config
            .reconnect
            .and_then(|reconnect| reconnect.max_attempts)
            .is_some_and(|most| facts.attempts_in_row >= most);
        let (code, retry) = facts.last_end.unwrap_or((0, None));
        let legitimate = match failure {
            None => facts.closed_during.is_some(),
            Some(Failure::Aborted) => facts.aborted,
            Some(Failure::Overflow) => facts.overflowed,
            Some(Failure::Url) if self.config.ask_url => never_retries,
            Some(Failure::Url) => facts.unmade.is_some(),
            Some(Failure::Closed) => never_retries || retry == Some(false),
            Some(Failure::Attempts) => used_up,
            Some(Failure::Refused | Failure::Timeout | Failure::PageHidden) => never_retries,
            Some(Failure::Silent) => self.config.heartbeat.is_some() && (never_retries || used_up),
            Some(Failure::TooBig) => code == 1009 && retry.is_none(),
            Some(Failure::Protocol) => matches!(code, 1002 | 1007) && retry.is_none(),
            Some(Failure::Unauthorized) => facts.denials >= 2,
            Some(_) => false,
        };
        assert!(legitimate, "no reason to end with {failure:?}: {facts:?}");
    }

    // At rest

    pub(super) fn check_rest(&self) {
        let facts = &self.facts;
        let state = self.machine.state();
        assert_eq!(facts.state, state, "the application was told");
        assert_eq!(facts.owed, None);
        let closed = state == State::Closed;
        assert_eq!(facts.end.is_some(), closed);
        if facts.overflowed {
            assert!(
                matches!(facts.end, Some((_, Some(Failure::Overflow)))),
                "a message is lost in silence"
            );
        }
        self.check_queues(closed);
        let stats = self.machine.stats();
        assert_eq!(stats.state, state);
        assert_eq!(stats.attempts as usize, self.generations.len() - 1);
        assert_eq!(stats.reconnects, facts.opens.saturating_sub(1));
        assert_eq!(stats.sent, self.wire.len() as u64);
        assert_eq!(stats.received, facts.received);
        match state {
            State::Connecting if facts.started => {
                assert!(self.asking.is_some() != self.socket.as_ref().is_some_and(|socket| !socket.open));
                self.check_timer(facts.begun_at + self.config.connect_timeout.0);
            }
            State::Connecting => assert!(self.asking.is_none() && self.socket.is_none()),
            State::Open => assert!(self.asking.is_none() && self.socket.as_ref().is_some_and(|socket| socket.open)),
            State::Waiting => {
                assert!(self.asking.is_none() && self.socket.is_none(), "nothing is under way");
                match facts.retry_at {
                    Some(at) => self.check_timer(at),
                    None => assert!(facts.offline || facts.left, "it waits for nothing"),
                }
            }
            State::Closed => {
                assert!(self.asking.is_none() && self.socket.is_none(), "nothing is left behind");
                assert_eq!(self.timer, None, "no timer is left behind");
            }
        }
        if let Some(close_by) = facts.close_by
            && !closed
        {
            self.check_timer(close_by);
        }
    }

    fn check_timer(&self, latest: Time) {
        assert!(
            self.timer.is_some_and(|deadline| deadline <= latest),
            "the timer is at {:?}, needed at {latest:?}",
            self.timer
        );
    }

    fn check_queues(&self, closed: bool) {
        let (stats, config) = (self.machine.stats(), &self.config);
        let outbox = load(&self.outbox);
        assert!(outbox.messages <= config.outbox.messages && outbox.bytes <= config.outbox.bytes);
        assert_eq!(stats.outbox, if closed { Load::default() } else { outbox });
        let inbox = load(&self.inbox);
        assert!(inbox.messages <= config.inbox.messages && inbox.bytes <= config.inbox.bytes);
        assert_eq!(stats.inbox, inbox);
        if !closed && self.is_writable() && !self.outbox.is_empty() && !self.held {
            // It holds back by itself for a full socket only, and looks again soon.
            self.check_timer(self.now + ms(5));
        }
    }

    // After a signal, or before a message

    pub(super) fn check_promptness(&self, signal: Signal) {
        let most = match signal {
            Signal::Visible | Signal::Woke => ms(100),
            Signal::Online => secs(2),
            Signal::Returned => Duration::ZERO,
            _ => return,
        };
        let facts = &self.facts;
        if facts.state == State::Waiting && !facts.offline && !facts.left && facts.hold.is_none() {
            assert!(
                facts.retry_at.is_some_and(|at| at <= self.now + most),
                "not within {most:?}"
            );
        }
    }

    pub(super) fn check_admission(&self, size: usize, admission: Admission) {
        let bounds = self.config.outbox;
        let ended = self.facts.closed_during.is_some() || self.machine.state() == State::Closed;
        let fits = fits(self.machine.stats().outbox, size, bounds.messages, bounds.bytes);
        let expected = match bounds.overflow {
            _ if ended => Admission::Closed,
            _ if size > bounds.bytes => Admission::TooBig,
            OutboxOverflow::DropOldest => Admission::Accept,
            _ if fits => Admission::Accept,
            OutboxOverflow::Wait => Admission::Wait,
            OutboxOverflow::Reject => Admission::Reject,
        };
        assert_eq!(admission, expected);
    }
}
