//! The JavaScript face's half in wasm: the machine of [`proto`](crate::proto) for the npm package's `reactor.js`, which
//! drives it in the browser's callbacks as `browser/` does for Rust. Nothing here calls JavaScript, and what crosses are
//! numbers and nothing else, so that no code has to carry them; where they are many, they are written to this memory and read from
//! there. Messages stay in JavaScript.

mod table;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::proto::{
    Admission, Close, Config, ConnectTimeout, Connection, Durable, Event, Failure, Generation, Heartbeat, Inbox,
    InboxOverflow, Input, OnSessionLost, Outbox, OutboxOverflow, Output, Reconnect, Signal, State, Time,
};
use crate::session::frame;

/// One socket's machine, and what crosses in more than one call.
#[derive(Debug)]
struct Engine {
    machine: Connection,
    /// Of the output that is being carried out; [`number`] says what they are.
    numbers: [f64; 4],
    /// And its bytes.
    bytes: Vec<u8>,
    /// The numbers of the next input, 32 bits each.
    given: Vec<usize>,
}

/// An engine, and the number that it goes by from now on. `random` is below 1. Then the options: delays in milliseconds,
/// bounds, switches, choices as their place in the list of the documentation. Infinity is no limit.
#[expect(
    clippy::too_many_arguments,
    reason = "a list would have to be copied; options.js has them in this order"
)]
#[wasm_bindgen]
pub fn create(
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
) -> u32 {
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
    table::add(Box::new(Engine {
        machine: Connection::new(config, random.to_bits()),
        numbers: [0.0; 4],
        bytes: Vec::new(),
        given: Vec::new(),
    }))
}

/// The engine is not needed any more.
#[wasm_bindgen]
pub fn free(engine: u32) {
    drop(table::take(engine));
}

/// Takes in what happened at `now` (milliseconds), by its number in `reactor.js`. The rest is for those that have it; NaN
/// says that there is none. What it answers is 0 but for three.
#[wasm_bindgen]
pub fn handle(engine: u32, input: u8, now: f64, generation: u32, number: f64, second: f64, third: f64) -> u32 {
    let generation = Generation::from_number(generation);
    table::with(engine, |engine| {
        engine.handle(input, time(now), generation, number, second, third)
    })
    .unwrap_or_default()
}

/// The next thing to do, by its number in `reactor.js`; 0 where there is none. Where it `holds`, messages of a plain WebSocket
/// that are about to be sent wait for the end of the turn.
#[wasm_bindgen]
pub fn poll(engine: u32, holds: bool) -> u32 {
    table::with(engine, |engine| engine.poll(holds))
        .flatten()
        .unwrap_or_default()
}

/// Of the output: 0 its count, generation, deadline (milliseconds), code or state; 1 the state before, or whether an end was
/// clean; 2 the time until the next attempt, in milliseconds, NaN where there is none; 3 what failed, by its place in
/// `failures.js`.
///
/// At any time: 4 whether something may be about to be sent, so that the socket had better be looked at; 5 how many messages may
/// be taken before that has to be told; 6 attempts, 7 reconnects, 8 sent, 9 received, 10 messages and 11 bytes in the outbox,
/// 12 messages and 13 bytes in the inbox, 14 messages unacknowledged, 15 round trip in milliseconds, NaN where it is not
/// known.
///
/// 16 where the bytes of the output are, and 17 how many.
#[wasm_bindgen]
pub fn number(engine: u32, index: usize) -> f64 {
    table::with(engine, |engine| engine.number(index)).unwrap_or(f64::NAN)
}

impl Engine {
    fn handle(&mut self, input: u8, now: Time, generation: Generation, number: f64, second: f64, third: f64) -> u32 {
        let machine = &mut self.machine;
        let size = number as usize;
        let input = match input {
            0 => Input::Connect,
            1 => Input::Taken { count: number as u64 },
            2 => Input::Abort,
            3 => Input::UrlReady(generation),
            4 => Input::UrlFailed(generation),
            5 => Input::OpenFailed(generation),
            6 => Input::Opened(generation),
            // 1: it is to be delivered, and that is all.
            7 => return u32::from(machine.message(generation, size, now)),
            8 => Input::Error(generation),
            9 => Input::Closing(generation),
            10 => Input::Buffered(size),
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
            // A message was put at the end of the outbox. It stays where the answer is 0; otherwise 1 it has to wait, 2 there is
            // no room, 3 it is too big, 4 the socket is closing or closed.
            23 => match machine.admits(size) {
                Admission::Accept => Input::Send { size },
                refused => return refused as u32,
            },
            // The application closes for good, with what is queued sent before.
            24 => Input::Close {
                code: number as u16,
                reason: text(&self.given),
                timeout: duration(second),
            },
            25 => Input::Closed {
                generation,
                close: Close {
                    code: number as u16,
                    reason: text(&self.given),
                    was_clean: second > 0.0,
                },
                retry: (!third.is_nan()).then_some(third > 0.0),
            },
            // The next of the application's subprotocols that a session offers. Before anything else.
            26 => {
                machine.offer(text(&self.given));
                return 0;
            }
            // A frame of a session arrived that brings no messages.
            27 => {
                machine.control_frame(generation, &bytes(&self.given), now);
                return 0;
            }
            // One that does; the position of the first. The sizes of all in UTF-8 were given.
            28 => {
                machine.batch(generation, number as u64, &self.given, now);
                return 0;
            }
            // Where so many numbers of the next input are to be written, of 32 bits each, before anything else.
            29 => {
                self.given.clear();
                // `resize` would be more code to load.
                while self.given.len() < size {
                    self.given.push(0);
                }
                return self.given.as_mut_ptr() as usize as u32;
            }
            _ => return 0,
        };
        machine.handle(input, now);
        0
    }

    fn poll(&mut self, holds: bool) -> Option<u32> {
        let output = self.machine.poll_unless_held(holds)?;
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
                self.bytes = reason.into_bytes();
                (10, f64::from(code))
            }
            Output::Abandon(generation) => (11, f64::from(generation.number())),
            Output::SetTimer(deadline) => (12, deadline.map_or(f64::INFINITY, |at| at.as_micros() as f64 / 1000.0)),
            Output::Batch(chunk) => {
                self.numbers = [0.0, chunk.offset as f64, chunk.first as f64, 0.0];
                (18, chunk.count as f64)
            }
            Output::Frame(frame) => {
                self.bytes = frame;
                (19, 0.0)
            }
            Output::AwaitTurn => (20, 0.0),
            Output::Tell(Event::Open { resumed }) => {
                self.bytes = self.machine.session_protocol().unwrap_or_default().into();
                (13, f64::from(u8::from(resumed)))
            }
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
                self.numbers = [0.0, f64::from(previous as u8), millis(retry_in), place(cause)];
                // The beginning is not told: nobody can have seen another state.
                let begins = state == State::Connecting && previous == State::Connecting;
                (if begins { 17 } else { 14 }, f64::from(state as u8))
            }
            Output::Tell(Event::Disconnected { close, retry_in }) => {
                self.numbers[2] = millis(retry_in);
                (15, self.end(close))
            }
            Output::Tell(Event::Closed { close, failure }) => {
                self.numbers[3] = place(failure);
                (16, self.end(close))
            }
        };
        self.numbers[0] = first;
        Some(kind)
    }

    fn end(&mut self, close: Close) -> f64 {
        self.bytes = close.reason.into_bytes();
        self.numbers[1] = f64::from(u8::from(close.was_clean));
        f64::from(close.code)
    }

    fn number(&self, index: usize) -> f64 {
        let machine = &self.machine;
        match index {
            0..4 => self.numbers[index],
            4 => f64::from(u8::from(machine.is_writable() && machine.has_outbox())),
            5 => machine.patience() as f64,
            6 => f64::from(machine.generation().number()),
            7 => f64::from(machine.reconnects()),
            8 => machine.sent() as f64,
            9 => machine.received() as f64,
            10 => machine.outbox().messages as f64,
            11 => machine.outbox().bytes as f64,
            12 => machine.inbox().messages as f64,
            13 => machine.inbox().bytes as f64,
            14 => machine.unacknowledged() as f64,
            15 => millis(machine.rtt()),
            16 => self.bytes.as_ptr() as usize as f64,
            _ => self.bytes.len() as f64,
        }
    }
}

/// The words that were given, which JavaScript made.
fn text(given: &[usize]) -> String {
    frame::text(&bytes(given)).unwrap_or_default()
}

/// The bytes that were given.
#[inline(never)]
fn bytes(given: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::new();
    // `collect` would be more code to load, too.
    for &byte in given {
        bytes.push(byte as u8);
    }
    bytes
}

/// In `failures.js`; 0: nothing.
fn place(failure: Option<Failure>) -> f64 {
    failure.map_or(0.0, |failure| f64::from(1 + failure as u8))
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
