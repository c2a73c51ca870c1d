//! What a frame declares allocates nothing: reading one takes memory in proportion to its own bytes, whatever it says.
//! Alone in its binary, as every allocation of the process counts.
#![cfg(not(target_arch = "wasm32"))]

#[allow(dead_code, reason = "each test binary uses some of it")]
mod session_support {
    pub(crate) mod frames;
    #[path = "../support/random.rs"]
    pub(crate) mod random;
}

use std::alloc::System;
use std::hint::black_box;

use session_support::frames::{Frame, any, damage};
use session_support::random::Random;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tautline::session::frame::decode_text;
use tautline::session::{FromClient, FromServer};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// An empty subprotocol is one byte, and a `String` in a list that doubles as it grows.
const PER_BYTE: usize = 96;

fn assert_modest(frame: &Frame) {
    let region = Region::new(ALLOCATOR);
    match frame {
        Frame::Text(text) => drop(black_box(decode_text(text).map(|(_, messages)| messages.count()))),
        Frame::Binary(bytes) => {
            drop(black_box(FromClient::decode(bytes)));
            drop(black_box(FromServer::decode(bytes)));
        }
    }
    let change = region.change();
    let most = PER_BYTE * (frame.bytes().len() + 1);
    assert!(change.bytes_allocated <= most, "{change:?} for {frame:x?}");
}

#[test]
fn a_frame_takes_no_more_memory_than_its_bytes_are_worth() {
    // 2^52 bytes and more of a token, a reason, a message; so many subprotocols.
    let much = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    for head in [
        &[1][..],
        &[2, 0],
        &[6, 1],
        &[0, 1],
        &[1, 0, 0, 0, 1, 1],
        &[2, 0, 0, 0, 0, 0, 0, 1],
    ] {
        let mut frame = head.to_vec();
        frame.extend(much);
        frame.extend(b"abc");
        assert_modest(&Frame::Binary(frame));
    }
    // All the subprotocols that there may be, and none of their names.
    assert_modest(&Frame::Binary(vec![1, 0, 0, 0, 1, 1, 32]));
    let mut frame = vec![1, 0, 0, 0, 1, 1, 32];
    frame.extend([0; 31]);
    assert_modest(&Frame::Binary(frame));
    for seed in 0..20_000 {
        let mut random = Random::new(seed);
        let frame = any(&mut random);
        assert_modest(&frame);
        let bytes = damage(&mut random, frame.bytes());
        assert_modest(&frame.with_bytes(bytes));
    }
}
