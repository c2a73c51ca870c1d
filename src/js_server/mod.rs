//! The server's half in wasm: one [`Hub`] in each instance, for the npm package's `server/hub.js`, which drives it. Nothing
//! here calls JavaScript, and what crosses are numbers: bytes and lists stand in this memory, at addresses that are asked for.
//! Messages stay in JavaScript.
//!
//! A trap takes the hub with it. Every call from then on says so: [`handle`] with NaN, [`poll`] with 2^32 − 1, and what would
//! answer with an address does with 0.

mod table;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::hub::{Entrance, Hub, Origins, Output, Peer, Quotas, Rules, TOKEN_BYTES};
use crate::proto::{Admission, Load, Time};
use crate::session::{Fault, Kind, Settings};

/// Numbers of an output, or of an answer.
const NUMBERS: usize = 6;
/// Of a message in a frame: where it begins, how long it is, and 1 where it is bytes.
const PLACE: usize = 3;
/// Stands between words that cross together.
const SEPARATOR: &str = "\n";

/// The hub, and what crosses.
#[derive(Debug)]
struct Engine {
    hub: Hub,
    /// Of the output that is being carried out, or of the answer; [`poll`] and [`handle`] say what they are.
    numbers: Box<[f64; NUMBERS]>,
    /// What JavaScript writes before a call: a frame, or words.
    given: Vec<u8>,
    /// Sizes of messages that it writes before a call.
    sizes: Vec<u32>,
    /// Bytes of the output.
    bytes: Vec<u8>,
    /// Places of the messages of a frame.
    places: Vec<u32>,
    /// Who connects next.
    peer: Peer,
}

/// Makes this instance's hub, which numbers connections and sessions from the one after `last_number` on. Durations are in
/// milliseconds, sizes in bytes, Infinity is no limit. The allowed origins and the known subprotocols follow with
/// [`ALLOW`](handle) and [`KNOW`](handle); without the latter the application is asked for the subprotocol.
#[expect(
    clippy::too_many_arguments,
    reason = "options.js has them in this order, and a list would have to be read from memory"
)]
#[wasm_bindgen]
pub fn create(
    resume: f64,
    heartbeat: f64,
    probe: f64,
    handshake_timeout: f64,
    close_timeout: f64,
    window: f64,
    max_message: f64,
    outbox_messages: f64,
    outbox_bytes: f64,
    max_sessions: f64,
    max_per_address: f64,
    max_per_principal: f64,
    max_held_bytes: f64,
    max_detached_bytes: f64,
    last_number: f64,
) {
    let rules = Rules {
        settings: Settings {
            window: window as u64,
            max_message: max_message as u64,
            resume: duration(resume),
            heartbeat: duration(heartbeat),
            probe: duration(probe),
            outbox_messages: outbox_messages as usize,
            outbox_bytes: outbox_bytes as usize,
        },
        handshake_timeout: duration(handshake_timeout),
        close_timeout: duration(close_timeout),
        protocols: None,
        origins: Origins::default(),
        quotas: Quotas {
            sessions: max_sessions as usize,
            per_address: max_per_address as usize,
            per_principal: max_per_principal as usize,
        },
        max_detached_bytes: max_detached_bytes as u64,
        max_held_bytes: max_held_bytes as u64,
    };
    let mut hub = Hub::new(rules);
    hub.count_from(last_number as u64);
    table::put(Box::new(Engine {
        hub,
        numbers: Box::default(),
        given: Vec::new(),
        sizes: Vec::new(),
        bytes: Vec::new(),
        places: Vec::new(),
        peer: Peer::default(),
    }));
}

/// Where so many bytes of the next input go.
#[wasm_bindgen]
pub fn bytes_in(length: usize) -> usize {
    table::with(|engine| {
        // What is there may be of any input: only as much as this one says is read.
        if engine.given.len() < length {
            engine.given.resize(length, 0);
        }
        engine.given.as_ptr() as usize
    })
    .unwrap_or_default()
}

/// Where so many sizes of the next input go, as 32-bit numbers.
#[wasm_bindgen]
pub fn sizes_in(count: usize) -> usize {
    table::with(|engine| {
        if engine.sizes.len() < count {
            engine.sizes.resize(count, 0);
        }
        engine.sizes.as_ptr() as usize
    })
    .unwrap_or_default()
}

/// Where the numbers of outputs and answers stand, as 64-bit floats.
#[wasm_bindgen]
pub fn numbers() -> usize {
    table::with(|engine| engine.numbers.as_ptr() as usize).unwrap_or_default()
}

/// Takes in what happened at `now` (milliseconds), by its number in `server/numbers.js`. `who` is a connection's or session's
/// number, the rest is for those that have it.
#[wasm_bindgen]
pub fn handle(input: u8, now: f64, who: f64, first: f64, second: f64) -> f64 {
    table::with(|engine| engine.handle(input, now, who as u64, first, second)).unwrap_or(f64::NAN)
}

/// The next thing to do, by its number in `server/numbers.js`; 0 where there is none. Then stand among the [`numbers`]:
/// first whom it concerns, then what the output has, and last where its bytes are and how many.
#[wasm_bindgen]
pub fn poll() -> u32 {
    table::with(Engine::poll).unwrap_or(u32::MAX)
}

impl Engine {
    fn handle(&mut self, input: u8, now: f64, who: u64, first: f64, second: f64) -> f64 {
        self.hub.tell_time(time(now));
        let hub = &mut self.hub;
        let count = first as usize;
        match input {
            // The application allows this origin; and knows this subprotocol, or none beside those.
            0 => hub.allow(words(&self.given, count)),
            1 => hub.know(words(&self.given, count)),
            // Somebody connects, of whom that much is known before: the number of the connection.
            2 => return hub.connect(core::mem::take(&mut self.peer), entrance(first)) as f64,
            28 => self.peer.origin = Some(words(&self.given, count).into()),
            29 => self.peer.principal = Some(words(&self.given, count).into()),
            30 => self.peer.address = address(words(&self.given, count)),
            // The first frame arrived, behind the random bytes.
            3 => {
                if let Some((random, frame)) = self
                    .given
                    .get(..count)
                    .and_then(<[u8]>::split_first_chunk::<TOKEN_BYTES>)
                {
                    hub.hello(who, frame, *random);
                }
            }
            // A binary frame arrived. How many messages it has, the position of the first among the numbers, and where the places
            // of all stand; then those are to be told as below.
            4 => return self.frame(who, count),
            // The messages of the frame before, or of a text frame, with their number; the position of the first.
            5 => {
                let sizes: Vec<usize> = self
                    .places
                    .chunks_exact(PLACE)
                    .filter_map(|place| place.get(1))
                    .map(|&size| size as usize)
                    .collect();
                hub.batch(who, second as u64, &sizes);
            }
            6 => {
                let sizes: Vec<usize> = self.sizes.iter().take(count).map(|&size| size as usize).collect();
                hub.batch(who, second as u64, &sizes);
            }
            7 => hub.fail(who, Fault::Malformed),
            8 => hub.alive(who),
            9 => hub.blocked(who),
            10 => hub.unblocked(who),
            // A connection ended, with a code and the length of the reason; or what carries it refuses what arrived.
            11 => hub.closed(who, second as u16, words(&self.given, count)),
            12 => hub.broken(who, second as u16, words(&self.given, count)),
            13 => hub.choose(who, words(&self.given, count)),
            // The application sends: what is answered is 0 where the message was accepted, 1 where it has to wait, 3 where it is too
            // big, 4 where the session has ended; and 5 where it was accepted and leaves when the turn ends.
            14 => {
                return match hub.send(who, count) {
                    Admission::Accept if hub.awaits_turn(who) => 5.0,
                    admission => f64::from(admission as u8),
                };
            }
            15 => hub.take(who, count),
            16 => hub.close(who, second as u16, words(&self.given, count)),
            17 => hub.fail_session(who, second as u16, words(&self.given, count)),
            18 => hub.terminate(who),
            19 => hub.turn_ended(),
            20 => hub.timer(),
            // The end of all, with a code and a timeout.
            21 => hub.bye(who as u16, words(&self.given, count), duration(second)),
            22 => hub.detach(),
            23 => hub.forget(),
            // So many bytes wait for room in a session's outbox.
            31 => hub.waiting(who, first as u64),
            // Questions. When something is due: milliseconds.
            24 => {
                return hub
                    .deadline()
                    .map_or(f64::INFINITY, |at| at.as_micros() as f64 / 1000.0);
            }
            25 => return f64::from(u8::from(hub.allows(words(&self.given, count)))),
            26 => {
                let (outbox, inbox) = (hub.outbox(who), hub.inbox(who));
                self.answer_loads(outbox, inbox);
            }
            32 => return f64::from(u8::from(hub.is_over())),
            27 => {
                let stats = hub.stats();
                let figures = [
                    stats.sessions as u64,
                    stats.attached as u64,
                    stats.connections as u64,
                    stats.held_bytes,
                    stats.detached_bytes,
                    0,
                ];
                *self.numbers = figures.map(|figure| figure as f64);
            }
            _ => {}
        }
        0.0
    }

    fn answer_loads(&mut self, outbox: Load, inbox: Load) {
        let figures = [outbox.messages, outbox.bytes, inbox.messages, inbox.bytes, 0, 0];
        *self.numbers = figures.map(|figure| figure as f64);
    }

    fn frame(&mut self, link: u64, length: usize) -> f64 {
        self.places.clear();
        let frame = self.given.get(..length).unwrap_or_default();
        let Some(batch) = self.hub.frame(link, frame) else {
            return 0.0;
        };
        let start = frame.as_ptr() as usize;
        let most = self.hub.most_messages();
        // Empty ones take up a byte in the frame, and much more here.
        if batch.parts().nth(most).is_some() {
            self.hub.fail(link, Fault::PastLimit);
            return 0.0;
        }
        for part in batch.parts() {
            let place = part.bytes.as_ptr() as usize - start;
            let is_bytes = u32::from(part.kind == Kind::Bytes);
            self.places.extend([place as u32, part.bytes.len() as u32, is_bytes]);
        }
        self.numbers[0] = batch.first as f64;
        self.numbers[1] = self.places.as_ptr() as usize as f64;
        (self.places.len() / PLACE) as f64
    }

    fn poll(&mut self) -> u32 {
        let Some(output) = self.hub.poll() else {
            return 0;
        };
        self.bytes.clear();
        let (kind, who, [first, second, third]) = match output {
            Output::Choose { link, protocols } => {
                self.bytes = protocols.join(SEPARATOR).into_bytes();
                (1, link, [0.0; 3])
            }
            Output::Begin {
                session,
                link,
                name,
                protocol,
            } => {
                self.bytes = [name, protocol].join(SEPARATOR).into_bytes();
                (2, session, [link as f64, 0.0, 0.0])
            }
            Output::Frame { link, bytes } => {
                self.bytes = bytes;
                (3, link, [0.0; 3])
            }
            Output::Messages { link, session, chunk } => {
                let numbers = [chunk.offset as f64, chunk.count as f64, chunk.first as f64];
                self.numbers[4] = session as f64;
                self.numbers[0] = link as f64;
                self.numbers[1..4].copy_from_slice(&numbers);
                return 4;
            }
            Output::Deliver { session, count } => (5, session, [count as f64, 0.0, 0.0]),
            Output::Discard(count) => (6, 0, [count as f64, 0.0, 0.0]),
            Output::Release { session, count } => (7, session, [count as f64, 0.0, 0.0]),
            Output::Close { link, code, reason } => {
                self.bytes.extend_from_slice(reason.as_bytes());
                (8, link, [f64::from(code), 0.0, 0.0])
            }
            Output::Detached(session) => (9, session, [0.0; 3]),
            Output::Resumed(session) => (10, session, [0.0; 3]),
            Output::Ended { session, code, reason } => {
                self.bytes = reason.into_bytes();
                (11, session, [f64::from(code), 0.0, 0.0])
            }
            Output::AwaitTurn => (12, 0, [0.0; 3]),
        };
        *self.numbers = [
            who as f64,
            first,
            second,
            third,
            self.bytes.as_ptr() as usize as f64,
            self.bytes.len() as f64,
        ];
        kind
    }
}

/// The words that were given, which JavaScript made.
fn words(given: &[u8], length: usize) -> &str {
    str::from_utf8(given.get(..length).unwrap_or_default()).unwrap_or_default()
}

/// An address may name the interface that it belongs to.
fn address(words: &str) -> Option<IpAddr> {
    words.split('%').next()?.parse().ok()
}

fn entrance(number: f64) -> Entrance {
    match number as u8 {
        0 => Entrance::Listed,
        1 => Entrance::Allowed,
        2 => Entrance::Foreign,
        _ => Entrance::Unauthenticated,
    }
}

fn time(millis: f64) -> Time {
    Time::from_micros((millis * 1000.0) as u64)
}

/// Milliseconds of JavaScript's as a duration; what is no length of time is none.
fn duration(millis: f64) -> Duration {
    Duration::from_micros((millis * 1000.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_engine_is_lost_nothing_is_taken_for_an_answer() {
        let no_limit = f64::INFINITY;
        create(
            1e3, 1e3, 1e3, 1e3, 1e3, 9.0, 9.0, 9.0, 9.0, no_limit, no_limit, no_limit, no_limit, no_limit, 0.0,
        );
        assert_eq!((handle(14, 0.0, 1.0, 1.0, 0.0), poll()), (4.0, 0));
        // As after a trap, the engine is not in the table while it acts.
        let lost = table::with(|_| {
            assert!(handle(14, 0.0, 1.0, 1.0, 0.0).is_nan());
            (poll(), bytes_in(1), sizes_in(1), numbers())
        });
        assert_eq!(lost, Some((u32::MAX, 0, 0, 0)));
        assert_ne!(numbers(), 0);
    }
}
