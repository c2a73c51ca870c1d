//! What sessions hold is what they count: a message that waits does not keep the frame that it came in. Alone in its binary, as
//! every allocation of the process counts.
#![cfg(all(feature = "server", not(target_arch = "wasm32")))]

#[allow(dead_code, reason = "each test binary uses some of it")]
#[path = "server/client.rs"]
mod client;

use std::alloc::System;

use client::{Node, TestSession, soon, text, until};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn growth(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated.saturating_sub(change.bytes_deallocated)
}

async fn receive(session: &TestSession, count: usize) {
    let mut received = 0;
    while received < count {
        received += soon(session.recv_many(count - received)).await.len();
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_stays_that_is_not_counted() {
    let mut node = Node::new();

    // Whatever is sent again, with one more each time.
    let (client, _, session) = node.open().await;
    let large = "x".repeat(500_000);
    let mut texts = vec![&*large];
    client.texts(1, &texts);
    until(|| session.inbox().messages == texts.len()).await;
    let region = Region::new(ALLOCATOR);
    for _ in 0..100 {
        texts.push("y");
        client.texts(1, &texts);
        until(|| session.inbox().messages == texts.len()).await;
    }
    assert!(
        growth(&region) < 20_000,
        "{} bytes for 100 of one byte",
        growth(&region)
    );

    // Frames that are mostly of empty messages that arrived before: by their number, though not by their bytes.
    let (client, _, session) = node.open().await;
    let mut next = 1;
    for _ in 0..20 {
        client.texts(next, &[""; 100]);
        next += 100;
        receive(&session, 100).await;
    }
    let large = "x".repeat(2100);
    let mut texts = vec![""; 2000];
    texts.push(&large);
    let region = Region::new(ALLOCATOR);
    for count in 1..=20 {
        client.texts(next - 2000, &texts);
        next += 1;
        until(|| session.inbox().messages == count).await;
    }
    assert!(growth(&region) < 100_000, "{} bytes for 20 of 2,100", growth(&region));

    // The last of a frame, in a session whose connection went before the others were taken, or after.
    for is_before in [true, false] {
        let (client, _, session) = node.open().await;
        let region = Region::new(ALLOCATOR);
        client.texts(
            1,
            &["a message of sixty bytes or thereabouts, which is not so many"; 1000],
        );
        until(|| session.inbox().messages == 1000).await;
        if is_before {
            client.drop_link().await;
            receive(&session, 999).await;
        } else {
            receive(&session, 999).await;
            client.drop_link().await;
        }
        until(|| !session.is_attached()).await;
        assert_eq!(session.inbox().messages, 1);
        assert!(growth(&region) < 20_000, "{} bytes for one of 60", growth(&region));
    }

    // What was sent, once it is acknowledged.
    let (mut client, _, session) = node.open().await;
    let region = Region::new(ALLOCATOR);
    let sent = "x".repeat(350);
    let mut acked = 0;
    for (count, most) in [(20, 4_000), (1000, 60_000)] {
        for _ in 0..count {
            session.send(text(&sent)).await.expect("room");
        }
        client.collect(count).await;
        acked += count as u64;
        client.ack(acked, acked + 1024);
        soon(session.flush()).await.expect("all of it is taken");
        assert!(growth(&region) < most, "{} bytes after {count}", growth(&region));
    }
}
