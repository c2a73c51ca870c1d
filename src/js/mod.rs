//! The JavaScript face's half in wasm: the machine of [`proto`](crate::proto) for the npm package's `reactor.js`, which
//! drives it in the browser's callbacks as `browser/` does for Rust. Nothing here calls JavaScript; what crosses are
//! numbers, the words of an end, and binary frames of a session. Text stays in JavaScript, and so do all payloads.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::proto::{
    Admission, Close, Config, ConnectTimeout, Connection, Durable, Event, Failure, Generation, Heartbeat, Inbox,
    InboxOverflow, Input, OnSessionLost, Outbox, OutboxOverflow, Output, Reconnect, Signal, State, Time,
};
use crate::session::Kind;

/// One socket's machine, and the output that is being carried out.
#[wasm_bindgen]
pub struct Engine {
    machine: Connection,
    numbers: [f64; 3],
    reason: String,
    failure: Option<Failure>,
    /// The control frame that is to be sent.
    frame: Vec<u8>,
    /// Sizes of the messages of the frame that is being read, and for bytes where each begins, where it ends and its kind.
    sizes: Vec<usize>,
    layout: Vec<u32>,
}

#[wasm_bindgen]
impl Engine {
    /// `random` is below 1. Then the options as numbers: delays in milliseconds, bounds, switches, choices as their place in
    /// the list of the documentation. Infinity is no limit. One by one: numbers cross for nothing, a list has to be copied.
    #[expect(clippy::too_many_arguments, reason = "see above; options.js has them in this order")]
    #[wasm_bindgen(constructor)]
    pub fn new(
        random: f64,
        reconnects: bool,
        min_delay: f64,
        max_delay: f64,
        factor: f64,
        max_attempts: f64,
        stable_after: f64,
        connect_timeout: f64,
        heartbeat_interval: f64,
        heartbeat_timeout: f64,
        outbox_messages: f64,
        outbox_bytes: f64,
        outbox_overflow: u8,
        inbox_messages: f64,
        inbox_bytes: f64,
        inbox_overflow: u8,
        asks_url: bool,
        durable: u8,
        trusts_silence: bool,
    ) -> Self {
        let mut config = Config::new();
        config.reconnect = reconnects.then(|| Reconnect {
            min_delay: duration(min_delay),
            max_delay: duration(max_delay),
            factor,
            max_attempts: Some(max_attempts)
                .filter(|most| most.is_finite())
                .map(|most| most as u32),
            stable_after: duration(stable_after),
        });
        config.connect_timeout = ConnectTimeout(duration(connect_timeout));
        config.heartbeat = (heartbeat_interval > 0.0).then(|| Heartbeat {
            interval: duration(heartbeat_interval),
            timeout: duration(heartbeat_timeout),
        });
        config.outbox = Outbox {
            messages: outbox_messages as usize,
            bytes: outbox_bytes as usize,
            overflow: match outbox_overflow {
                0 => OutboxOverflow::Wait,
                1 => OutboxOverflow::Reject,
                _ => OutboxOverflow::DropOldest,
            },
        };
        config.inbox = Inbox {
            messages: inbox_messages as usize,
            bytes: inbox_bytes as usize,
            overflow: match inbox_overflow {
                0 => InboxOverflow::Close,
                _ => InboxOverflow::DropOldest,
            },
        };
        config.ask_url = asks_url;
        config.durable = (durable > 0).then(|| Durable {
            trusts_silence,
            on_session_lost: match durable {
                1 => OnSessionLost::Return,
                2 => OnSessionLost::Resend,
                _ => OnSessionLost::End,
            },
            ..Durable::default()
        });
        Self {
            machine: Connection::new(config, random.to_bits()),
            numbers: [0.0; 3],
            reason: String::new(),
            failure: None,
            frame: Vec::new(),
            sizes: Vec::new(),
            layout: Vec::new(),
        }
    }

    /// Takes in what happened at `now` (milliseconds), by its number in `reactor.js`. `generation` and `number` are for those
    /// that have them.
    pub fn handle(&mut self, input: u8, now: f64, generation: u32, number: f64) {
        let generation = Generation::from_number(generation);
        let input = match input {
            0 => Input::Connect,
            1 => Input::Taken { count: number as u64 },
            2 => Input::Abort,
            3 => Input::UrlReady(generation),
            4 => Input::UrlFailed(generation),
            5 => Input::OpenFailed(generation),
            6 => Input::Opened(generation),
            7 => Input::Message(generation, number as usize),
            8 => Input::Error(generation),
            9 => Input::Closing(generation),
            10 => Input::Buffered(number as usize),
            11 => Input::Timer,
            12 => Input::Page(Signal::Online),
            13 => Input::Page(Signal::Offline),
            14 => Input::Page(Signal::Visible),
            15 => Input::Page(Signal::Hidden),
            16 => Input::Page(Signal::Left),
            17 => Input::Page(Signal::Returned),
            18 => Input::Page(Signal::Woke),
            19 => Input::Page(Signal::Unloaded),
            20 => Input::WrongProtocol(generation),
            21 => Input::Malformed(generation),
            22 => Input::TurnEnded,
            _ => return,
        };
        self.machine.handle(input, time(now));
    }

    /// The next of the application's subprotocols that a session offers. Before anything else.
    pub fn offer(&mut self, protocol: String) {
        self.machine.offer(protocol);
    }

    /// A message of this many bytes of UTF-8 is part of the text frame that is being read.
    pub fn part(&mut self, size: f64) {
        self.sizes.push(size as usize);
    }

    /// A binary frame of a session arrived. How many messages it brings, which are to be taken out of it by
    /// [`layout`](Self::layout) and then fed, from the position that [`number`](Self::number) 0 says; 0: it was something
    /// else, and is fed.
    pub fn frame(&mut self, now: f64, generation: u32, frame: &[u8]) -> usize {
        let generation = Generation::from_number(generation);
        let Some(batch) = self.machine.frame(generation, frame, time(now)) else {
            return 0;
        };
        self.layout.clear();
        for (part, rest) in batch.places() {
            let end = frame.len() - rest;
            self.sizes.push(part.bytes.len());
            self.layout.push((end - part.bytes.len()) as u32);
            self.layout.push(end as u32);
            self.layout.push(u32::from(part.kind == Kind::Bytes));
        }
        self.numbers[0] = batch.first as f64;
        self.sizes.len()
    }

    /// The frame that is being read begins at position `first`, and has no more messages than were told.
    pub fn batch(&mut self, now: f64, generation: u32, first: f64) {
        let generation = Generation::from_number(generation);
        self.machine.batch(generation, first as u64, &self.sizes, time(now));
        self.sizes.clear();
    }

    /// Of the messages of a binary frame: three numbers for each, where it begins, where it ends, and whether it is bytes.
    pub fn layout(&self, index: usize) -> u32 {
        self.layout.get(index).copied().unwrap_or_default()
    }

    /// The control frame that is to be sent.
    pub fn bytes(&mut self) -> Vec<u8> {
        mem::take(&mut self.frame)
    }

    /// A message of this size was put at the end of the outbox: 0 where it was accepted; otherwise it is to be taken off
    /// again: 1 it has to wait, 2 there is no room, 3 it is too big, 4 the socket is closing or closed.
    pub fn send(&mut self, now: f64, size: f64) -> u8 {
        let size = size as usize;
        match self.machine.admits(size) {
            Admission::Accept => {
                self.machine.handle(Input::Send { size }, time(now));
                0
            }
            Admission::Wait => 1,
            Admission::Reject => 2,
            Admission::TooBig => 3,
            Admission::Closed => 4,
        }
    }

    /// The application closes for good, with what is queued sent before; `timeout` in milliseconds.
    pub fn close(&mut self, now: f64, code: u16, reason: String, timeout: f64) {
        let timeout = duration(timeout);
        self.machine.handle(Input::Close { code, reason, timeout }, time(now));
    }

    /// The socket of this generation has ended. `retry` is what the application's own policy says, where it has an opinion.
    pub fn closed(
        &mut self,
        now: f64,
        generation: u32,
        code: u16,
        reason: String,
        was_clean: bool,
        retry: Option<bool>,
    ) {
        let input = Input::Closed {
            generation: Generation::from_number(generation),
            close: Close {
                code,
                reason,
                was_clean,
            },
            retry,
        };
        self.machine.handle(input, time(now));
    }

    /// Whether something is about to be sent, so that the socket had better be looked at.
    #[wasm_bindgen(js_name = isSending)]
    pub fn is_sending(&self) -> bool {
        self.machine.is_writable() && self.machine.has_outbox()
    }

    /// The next thing to do, by its number in `reactor.js`; 0 where there is none. What belongs to it is to be asked for.
    pub fn poll(&mut self) -> u8 {
        let Some(output) = self.machine.poll() else {
            return 0;
        };
        let (kind, first) = match output {
            Output::AskUrl(generation) => (1, f64::from(generation.number())),
            Output::Open(generation) => (2, f64::from(generation.number())),
            Output::Transmit { count, .. } => (3, count as f64),
            Output::Release { count } => (4, count as f64),
            Output::Deliver { count } => (5, count as f64),
            Output::Discard { count } => (6, count as f64),
            Output::Drop { count } => (7, count as f64),
            Output::Heartbeat => (8, 0.0),
            Output::Measure => (9, 0.0),
            Output::Close { code, reason } => {
                self.reason = reason;
                (10, f64::from(code))
            }
            Output::Abandon(generation) => (11, f64::from(generation.number())),
            Output::SetTimer(deadline) => (12, deadline.map_or(f64::INFINITY, |at| at.as_micros() as f64 / 1000.0)),
            Output::Batch(chunk) => {
                self.numbers = [0.0, chunk.offset as f64, chunk.first as f64];
                (18, chunk.count as f64)
            }
            Output::Frame(frame) => {
                self.frame = frame;
                (19, 0.0)
            }
            Output::AwaitTurn => (20, 0.0),
            Output::Tell(Event::Open { resumed }) => (13, f64::from(u8::from(resumed))),
            Output::Tell(Event::SessionLost { unknown, returned }) => {
                self.numbers[1] = f64::from(u8::from(returned));
                (21, unknown as f64)
            }
            Output::Tell(Event::StateChange {
                state,
                previous,
                retry_in,
                cause,
            }) => {
                self.numbers = [0.0, f64::from(previous as u8), millis(retry_in)];
                self.failure = cause;
                // The beginning is not told: nobody can have seen another state.
                let begins = state == State::Connecting && previous == State::Connecting;
                (if begins { 17 } else { 14 }, f64::from(state as u8))
            }
            Output::Tell(Event::Disconnected { close, retry_in }) => {
                self.numbers[2] = millis(retry_in);
                (15, self.end(close))
            }
            Output::Tell(Event::Closed { close, failure }) => {
                self.failure = failure;
                (16, self.end(close))
            }
        };
        self.numbers[0] = first;
        kind
    }

    /// A number of the output: 0 its count, generation, deadline (milliseconds), code or state; 1 the state before, or
    /// whether an end was clean; 2 the time until the next attempt, in milliseconds, NaN where there is none.
    pub fn number(&self, index: usize) -> f64 {
        self.numbers.get(index).copied().unwrap_or_default()
    }

    /// Words of the output: 0 the reason of an end, 1 the code and 2 the message of what failed, if anything did. And 3 the
    /// application's subprotocol in a session.
    pub fn words(&self, index: u8) -> String {
        match (index, self.failure) {
            (0, _) => self.reason.clone(),
            (3, _) => self.machine.session_protocol().unwrap_or_default().to_string(),
            (1, Some(failure)) => failure.code().to_string(),
            (_, Some(failure)) => failure.message().to_string(),
            _ => String::new(),
        }
    }

    /// One of: attempts, reconnects, sent, received, messages and bytes in the outbox, messages and bytes in the inbox,
    /// messages unacknowledged, round trip in milliseconds (NaN where it is not known).
    pub fn figure(&self, index: u8) -> f64 {
        let machine = &self.machine;
        match index {
            0 => f64::from(machine.generation().number()),
            1 => f64::from(machine.reconnects()),
            2 => machine.sent() as f64,
            3 => machine.received() as f64,
            4 => machine.outbox().messages as f64,
            5 => machine.outbox().bytes as f64,
            6 => machine.inbox().messages as f64,
            7 => machine.inbox().bytes as f64,
            8 => machine.unacknowledged() as f64,
            _ => millis(machine.rtt()),
        }
    }

    fn end(&mut self, close: Close) -> f64 {
        self.reason = close.reason;
        self.numbers[1] = f64::from(u8::from(close.was_clean));
        f64::from(close.code)
    }
}

fn time(millis: f64) -> Time {
    Time::from_micros((millis * 1000.0) as u64)
}

/// Milliseconds of JavaScript's as a duration; what is no length of time is none.
#[inline(never)]
fn duration(millis: f64) -> Duration {
    Duration::from_micros((millis * 1000.0) as u64)
}

fn millis(span: Option<Duration>) -> f64 {
    span.map_or(f64::NAN, |span| span.as_secs_f64() * 1000.0)
}
