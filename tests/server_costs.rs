//! What a message costs a server, counted: one allocation, for the payload itself. The test's client is in the same process and
//! has one more, for its copy. Alone in its binary, as every allocation of the process counts.
#![cfg(all(feature = "server", not(target_arch = "wasm32")))]

#[allow(dead_code, reason = "each test binary uses some of it")]
#[path = "server/client.rs"]
mod client;

use std::alloc::System;

use client::{Node, TestSession};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// In a frame.
const MESSAGES: usize = 100;
const FRAMES: u64 = 50;

async fn echo(session: TestSession) {
    while let Some(Ok(message)) = session.recv().await {
        if session.send(message).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn an_echoed_message_is_one_allocation_here_and_one_of_the_clients() {
    let mut node = Node::new();
    let (mut client, _, session) = node.open().await;
    tokio::spawn(echo(session));
    let texts = ["a message, not too long"; MESSAGES];
    let mut allocations = 0;
    for frame in 0..FRAMES {
        let taken = frame * MESSAGES as u64;
        // The first few make the queues as large as they will be.
        let region = Region::new(ALLOCATOR);
        client.texts(taken + 1, &texts);
        let mut arrived = 0;
        while arrived < MESSAGES {
            arrived += client.messages().await.1.len();
        }
        client.ack(taken + MESSAGES as u64, taken + 1024);
        if frame >= FRAMES / 2 {
            allocations += region.change().allocations;
        }
    }
    let messages = MESSAGES * FRAMES as usize / 2;
    // Frames have some of their own.
    let each = allocations as f64 / messages as f64;
    assert!((2.0..2.3).contains(&each), "{each} allocations for each message");
}
