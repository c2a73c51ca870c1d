//! Drives the machine of `proto/` the way a page does, with a clock that only the test moves.
//!
//! A [`Rig`] is the reactor, the face, the browser and the server in one: it keeps the queues of messages (numbered from
//! 1, without payloads), carries every output out, and `checks.rs` holds each of them against what must always be true.
//! A scenario calls the methods that say what happens; a test of properties calls them at random.

#![allow(dead_code, reason = "each test binary uses some of it")]

mod checks;
pub(crate) mod random;

use std::collections::VecDeque;
use std::time::Duration;

use tautline::proto::{Admission, Close, Config, Connection, Event, Generation, Input, Output, Signal, State, Time};

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The default policies with a jitter that is easy to bound: 1 s, 2 s, 4 s … 30 s.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    if let Some(reconnect) = &mut config.reconnect {
        reconnect.min_delay = secs(1);
    }
    config
}

pub(crate) fn close(code: u16) -> Close {
    Close {
        code,
        reason: String::new(),
        was_clean: code != 1006,
    }
}

/// A message without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) number: u64,
    pub(crate) size: usize,
}

#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) message: Message,
    /// It came from a socket that was open and not yet given up.
    live: bool,
}

/// The browser's socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) generation: Generation,
    pub(crate) open: bool,
    /// It closes by itself, and nobody was told yet.
    pub(crate) closing: bool,
    /// What the machine closed it with.
    pub(crate) closed_with: Option<(u16, String)>,
    pub(crate) buffered: usize,
    /// Heartbeats that wait for the server's answer.
    pub(crate) heartbeats: u32,
}

/// What user code does while it is told something.
#[derive(Clone, Copy, Debug)]
pub(crate) enum UserCall {
    Send(usize),
    Take(usize),
    Close(Duration),
    Abort,
}

pub(crate) struct Rig {
    pub(crate) machine: Connection,
    pub(crate) config: Config,
    pub(crate) now: Time,
    /// Every output since [`outputs`](Self::outputs) was last called, where they are wanted.
    outputs: Vec<Output>,
    events: Vec<Event>,
    keeps_outputs: bool,

    // The face
    pub(crate) outbox: VecDeque<Message>,
    pub(crate) inbox: VecDeque<Message>,
    pub(crate) accepted: u64,
    /// Numbers of the messages that had to make room.
    pub(crate) dropped: Vec<u64>,
    pub(crate) on_tell: Option<UserCall>,

    // The browser
    pub(crate) socket: Option<Socket>,
    pub(crate) asking: Option<Generation>,
    pub(crate) timer: Option<Time>,
    pub(crate) arrivals: VecDeque<Arrival>,
    /// The browser refuses to make a socket.
    pub(crate) unmakeable: bool,
    /// The driver collects messages for the socket.
    held: bool,
    generations: Vec<Generation>,

    // The server
    /// Messages in the order in which they were handed on.
    pub(crate) wire: Vec<u64>,
    arrived: u64,

    facts: checks::Facts,
}

impl Rig {
    /// A machine that has not begun.
    pub(crate) fn idle(config: Config, seed: u64) -> Self {
        Self {
            machine: Connection::new(config.clone(), seed),
            facts: checks::Facts::new(),
            config,
            now: Time::from_millis(1_000_000),
            outputs: Vec::new(),
            events: Vec::new(),
            keeps_outputs: true,
            outbox: VecDeque::new(),
            inbox: VecDeque::new(),
            accepted: 0,
            dropped: Vec::new(),
            on_tell: None,
            socket: None,
            asking: None,
            timer: None,
            arrivals: VecDeque::new(),
            unmakeable: false,
            held: false,
            generations: vec![Generation::default()],
            wire: Vec::new(),
            arrived: 0,
        }
    }

    /// A machine with its first attempt under way.
    pub(crate) fn connecting(config: Config, seed: u64) -> Self {
        let mut rig = Self::idle(config, seed);
        rig.handle(Input::Connect);
        rig
    }

    /// A machine whose first attempt succeeded at once.
    pub(crate) fn open(config: Config, seed: u64) -> Self {
        let mut rig = Self::connecting(config, seed);
        rig.opens();
        rig.forget();
        rig
    }

    /// A machine whose first attempt was refused.
    pub(crate) fn waiting(config: Config, seed: u64) -> Self {
        let mut rig = Self::connecting(config, seed);
        rig.refuses();
        rig
    }

    /// Keeps no record of outputs and events: for long runs.
    pub(crate) fn keep_nothing(&mut self) {
        self.keeps_outputs = false;
    }

    // What was done

    /// The outputs since the last call.
    pub(crate) fn outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// The events since the last call.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(crate) fn forget(&mut self) {
        self.outputs.clear();
        self.events.clear();
    }

    pub(crate) fn state(&self) -> State {
        self.machine.state()
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.machine.stats().attempts
    }

    /// How long until the next attempt, as last told.
    pub(crate) fn retry_in(&self) -> Option<Duration> {
        self.facts.retry_at.map(|at| at.since(self.now))
    }

    /// Why it last changed its state.
    pub(crate) fn cause(&self) -> Option<tautline::proto::Failure> {
        self.facts.cause
    }

    /// How the socket ended for good, if it did.
    pub(crate) fn end(&self) -> Option<&(Close, Option<tautline::proto::Failure>)> {
        self.facts.end.as_ref()
    }

    /// A generation that was given out before the present one, or the present one.
    pub(crate) fn past_generation(&self, choice: usize) -> Generation {
        self.generations[choice % self.generations.len()]
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.socket
            .as_ref()
            .is_some_and(|socket| socket.open && !socket.closing && socket.closed_with.is_none())
    }

    // Commands

    /// Sends a message, if it is admitted.
    pub(crate) fn send(&mut self, size: usize) -> Admission {
        let admission = self.feed_send(size);
        self.run();
        admission
    }

    pub(crate) fn holds(&mut self) {
        self.held = true;
        self.run();
    }

    pub(crate) fn goes_on(&mut self) {
        self.held = false;
        self.run();
    }

    pub(crate) fn take(&mut self, count: usize) {
        self.feed_take(count);
        self.run();
    }

    pub(crate) fn close(&mut self, code: u16, timeout: Duration) {
        self.feed(Input::Close {
            code,
            reason: "bye".into(),
            timeout,
        });
        self.run();
    }

    pub(crate) fn abort(&mut self) {
        self.handle(Input::Abort);
    }

    fn feed_send(&mut self, size: usize) -> Admission {
        let admission = self.machine.admits(size);
        self.check_admission(size, admission);
        if admission == Admission::Accept {
            self.accepted += 1;
            self.outbox.push_back(Message {
                number: self.accepted,
                size,
            });
            self.feed(Input::Send { size });
        }
        admission
    }

    fn feed_take(&mut self, count: usize) {
        let count = count.min(self.inbox.len());
        self.inbox.drain(..count);
        self.feed(Input::Taken { count: count as u64 });
    }

    fn call(&mut self, call: UserCall) {
        match call {
            UserCall::Send(size) => {
                self.feed_send(size);
            }
            UserCall::Take(count) => self.feed_take(count),
            UserCall::Close(timeout) => self.feed(Input::Close {
                code: 1000,
                reason: String::new(),
                timeout,
            }),
            UserCall::Abort => self.feed(Input::Abort),
        }
    }

    // What the browser and the server do

    pub(crate) fn url_ready(&mut self) {
        let generation = self.asking.take().expect("a URL was asked for");
        self.facts.answered = Some(generation);
        self.handle(Input::UrlReady(generation));
    }

    pub(crate) fn url_failed(&mut self) {
        let generation = self.asking.take().expect("a URL was asked for");
        self.handle(Input::UrlFailed(generation));
    }

    /// The socket opens.
    pub(crate) fn opens(&mut self) {
        let socket = self.socket.as_mut().expect("a socket");
        assert!(!socket.open, "opens once");
        socket.open = true;
        let generation = socket.generation;
        self.handle(Input::Opened(generation));
    }

    /// The attempt fails as a browser reports it.
    pub(crate) fn refuses(&mut self) {
        let generation = self.socket.as_ref().expect("a socket").generation;
        self.handle(Input::Error(generation));
        self.ends(1006);
    }

    /// The socket reports an error, and so far no end.
    pub(crate) fn fails(&mut self) {
        let generation = self.socket.as_ref().expect("a socket").generation;
        self.handle(Input::Error(generation));
    }

    /// The socket ends.
    pub(crate) fn ends(&mut self, code: u16) {
        self.ends_with(code, None);
    }

    /// The socket ends, and the application's own policy has its say.
    pub(crate) fn ends_with(&mut self, code: u16, retry: Option<bool>) {
        let socket = self.socket.take().expect("a socket");
        self.note_end(code, retry);
        self.handle(Input::Closed {
            generation: socket.generation,
            close: close(code),
            retry,
        });
    }

    /// The socket begins to close by itself. The browser tells nobody; it is noticed when there is something to send.
    pub(crate) fn begins_to_close(&mut self) {
        let socket = self.socket.as_mut().expect("a socket");
        socket.closing = true;
        let generation = socket.generation;
        self.handle(Input::Closing(generation));
    }

    /// A message arrives.
    pub(crate) fn arrives(&mut self, size: usize) {
        let generation = self.socket.as_ref().expect("a socket").generation;
        self.arrives_from(generation, size);
    }

    pub(crate) fn arrives_from(&mut self, generation: Generation, size: usize) {
        let live = self
            .socket
            .as_ref()
            .is_some_and(|socket| socket.open && socket.generation == generation);
        self.arrived += 1;
        let message = Message {
            number: self.arrived,
            size,
        };
        self.arrivals.push_back(Arrival { message, live });
        self.facts.received += u64::from(live);
        self.handle(Input::Message(generation, size));
        assert!(self.arrivals.is_empty(), "an arrival is delivered or discarded at once");
    }

    /// The browser hands what it holds on to the network.
    pub(crate) fn drains(&mut self, bytes: usize) {
        if let Some(socket) = &mut self.socket {
            socket.buffered = socket.buffered.saturating_sub(bytes);
        }
    }

    pub(crate) fn page(&mut self, signal: Signal) {
        self.handle(Input::Page(signal));
        self.check_promptness(signal);
    }

    // Time

    /// Time passes, and the timer fires exactly when it should.
    pub(crate) fn passes(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(deadline) = self.timer.filter(|&deadline| deadline <= end) {
            self.now = self.now.max(deadline);
            self.fires();
        }
        self.now = end;
    }

    /// Time passes, and no timer fires until the end of it.
    pub(crate) fn sleeps(&mut self, span: Duration) {
        self.now = self.now + span;
        if self.timer.is_some_and(|deadline| deadline <= self.now) {
            self.fires();
        }
    }

    /// The timer fires now, be it early.
    pub(crate) fn fires(&mut self) {
        self.timer = None;
        self.handle(Input::Timer);
    }

    /// Time passes until the retry timer has fired.
    pub(crate) fn passes_until_attempt(&mut self) {
        let before = self.attempts();
        for _ in 0..100 {
            if self.attempts() > before {
                return;
            }
            let deadline = self.timer.expect("a timer while it waits");
            self.passes(deadline.since(self.now));
        }
        panic!("no attempt");
    }

    // The loop

    /// Takes an input in and carries out what follows.
    pub(crate) fn handle(&mut self, input: Input) {
        self.feed(input);
        self.run();
    }

    /// An input that must have no effect at all; an arrival is only thrown away.
    pub(crate) fn ignores(&mut self, input: &Input) {
        let (stats, timer) = (self.machine.stats(), self.timer);
        if let Input::Message(_, size) = *input {
            let message = Message { number: 0, size };
            self.arrivals.push_back(Arrival { message, live: false });
        }
        self.machine.handle(input.clone(), self.now);
        while let Some(output) = self.machine.poll() {
            assert_eq!(output, Output::Discard { count: 1 }, "{input:?} is stale");
            self.arrivals.pop_front().expect("one arrival, discarded once");
        }
        assert!(self.arrivals.is_empty(), "{input:?} is discarded");
        assert_eq!((self.machine.stats(), self.timer), (stats, timer), "{input:?} is stale");
    }

    fn feed(&mut self, input: Input) {
        self.note_input(&input);
        match input {
            // As a driver in a hurry, every other time.
            Input::Message(generation, size) if self.arrived.is_multiple_of(2) => {
                if self.machine.message(generation, size, self.now) {
                    assert_eq!(
                        self.machine.poll_unless_held(self.held),
                        None,
                        "there is nothing else to do"
                    );
                    let delivery = Output::Deliver { count: 1 };
                    if self.keeps_outputs {
                        self.outputs.push(delivery.clone());
                    }
                    self.perform(delivery);
                }
            }
            input => self.machine.handle(input, self.now),
        }
    }

    fn run(&mut self) {
        for _ in 0..10_000 {
            self.notice_closing();
            let sends = self.machine.is_sending();
            let Some(output) = self.machine.poll_unless_held(self.held) else {
                self.check_rest();
                return;
            };
            let hands_on = matches!(output, Output::Transmit { .. } | Output::Batch(_));
            assert!(sends || !hands_on, "a driver looks at the socket before");
            if self.keeps_outputs {
                self.outputs.push(output.clone());
            }
            self.perform(output);
        }
        panic!("the machine never comes to rest");
    }

    fn notice_closing(&mut self) {
        if !(self.machine.is_writable() && self.machine.has_outbox()) {
            return;
        }
        if let Some(socket) = &self.socket
            && socket.closing
        {
            self.feed(Input::Closing(socket.generation));
        }
    }

    fn perform(&mut self, output: Output) {
        self.check_output(&output);
        match output {
            Output::AskUrl(generation) => {
                self.generations.push(generation);
                self.asking = Some(generation);
            }
            Output::Open(generation) => {
                if self.facts.answered.take().is_none() {
                    self.generations.push(generation);
                }
                if self.unmakeable {
                    self.feed(Input::OpenFailed(generation));
                } else {
                    self.socket = Some(Socket {
                        generation,
                        open: false,
                        closing: false,
                        closed_with: None,
                        buffered: 0,
                        heartbeats: 0,
                    });
                }
            }
            Output::Transmit { count, .. } => {
                let socket = self.socket.as_mut().expect("checked");
                for message in self.outbox.iter().take(count as usize) {
                    socket.buffered += message.size;
                    self.wire.push(message.number);
                }
            }
            Output::Release { count } => {
                for message in self.outbox.drain(..count as usize) {
                    if self.wire.last().is_none_or(|&last| message.number > last) {
                        self.dropped.push(message.number);
                    }
                }
            }
            Output::Batch(_) | Output::Frame(_) | Output::AwaitTurn => {}
            Output::Deliver { .. } => {
                let arrival = self.arrivals.pop_front().expect("checked");
                self.inbox.push_back(arrival.message);
            }
            Output::Discard { .. } => {
                self.arrivals.pop_front();
            }
            Output::Drop { count } => {
                self.inbox.drain(..count as usize);
            }
            Output::Heartbeat => self.socket.as_mut().expect("checked").heartbeats += 1,
            Output::Measure => {
                let bytes = self.socket.as_ref().expect("checked").buffered;
                self.feed(Input::Buffered(bytes));
            }
            Output::Close { code, reason } => {
                self.socket.as_mut().expect("checked").closed_with = Some((code, reason));
            }
            Output::Abandon(_) => {
                self.note_gone();
                self.socket = None;
                self.asking = None;
            }
            Output::SetTimer(deadline) => self.timer = deadline,
            Output::Tell(event) => {
                if self.keeps_outputs {
                    self.events.push(event);
                }
                if let Some(call) = self.on_tell.take() {
                    self.call(call);
                }
            }
        }
    }
}
