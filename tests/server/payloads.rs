//! Messages of every kind and size, in any order, over connections that go: each arrives as it was sent, as text wherever it can.
//! A failure names its seed: `TAUTLINE_SEED=… cargo test --features server --test server payloads`.

use std::ops::Range;

use tautline::Payload;
use tautline::server::{MemoryStore, Message};
use tautline::session::frame::{Batch, Kind, Part, encode_text};
use tautline::session::span;

use crate::client::{Client, Frame, Node, hello, hello_again, text, until};
use crate::random::Random;

const SEEDS: Range<u64> = 0..40;
const SEPARATOR: char = '\u{1e}';

async fn each_seed(run: impl AsyncFn(Random)) {
    let given = std::env::var("TAUTLINE_SEED").ok();
    let seeds = given.map_or(SEEDS, |seed| {
        let seed = seed.parse().expect("a number");
        seed..seed + 1
    });
    for seed in seeds {
        println!("TAUTLINE_SEED={seed}");
        run(Random::new(seed)).await;
    }
}

/// Sessions that are kept in a store of their own, or in one that others may have, too.
fn with_a_store(random: &mut Random) -> Node {
    if random.one_in(2) {
        Node::with(|builder| builder.window(1 << 20))
    } else {
        Node::with(|builder| builder.window(1 << 20).store(MemoryStore::new()))
    }
}

/// Some messages: short texts alone, or everything.
fn messages(random: &mut Random) -> Vec<Payload> {
    let is_mixed = random.one_in(2);
    let count = random.below(if is_mixed { 40 } else { 400 }) + 1;
    let message = |number: u64| {
        let kind = if is_mixed { random.below(8) } else { 7 };
        let size = random.below(match kind {
            // About as long as a text may be that is kept with others.
            0 | 1 => 3000,
            _ => 80,
        }) as usize;
        match kind {
            0 => text(&"long ".repeat(size / 5)),
            1 | 2 => Payload::Bytes(vec![number as u8; size]),
            3 => text(&format!("{number}{SEPARATOR}{size}")),
            4 => text(""),
            5 => text(&"ü🦀".repeat(size / 6)),
            _ => text(&format!("{number:>size$}")),
        }
    };
    (0..count).map(message).collect()
}

fn can_be_text(payloads: &[Payload]) -> bool {
    payloads
        .iter()
        .all(|payload| matches!(payload, Payload::Text(text) if !text.contains(SEPARATOR)))
}

/// The position behind some messages, the first of which is at a position.
fn behind(first: u64, payloads: &[Payload]) -> u64 {
    first + payloads.iter().map(|payload| span(payload.len())).sum::<u64>()
}

fn part(payload: &Payload) -> Part<'_> {
    match payload {
        Payload::Text(text) => Part {
            kind: Kind::Text,
            bytes: text.as_bytes(),
        },
        Payload::Bytes(bytes) => Part {
            kind: Kind::Bytes,
            bytes,
        },
    }
}

fn frame(first: u64, payloads: &[Payload]) -> Message {
    let texts = payloads.iter().map(|payload| match payload {
        Payload::Text(text) => text.as_str(),
        Payload::Bytes(_) => "",
    });
    match can_be_text(payloads).then(|| encode_text(first, texts)).flatten() {
        Some(text) => Message::Text(text),
        None => Message::Binary(Batch::encode(first, payloads.iter().map(part))),
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_server_sends_arrives_as_it_was_sent() {
    each_seed(async |mut random| {
        let mut node = with_a_store(&mut random);
        let mut client = node.connect();
        let mut attempt = 1;
        client.hello(&tautline::session::Hello {
            limit: 1 << 40,
            ..hello(attempt)
        });
        let welcome = client.welcome().await;
        let session = node.session().await;
        // All that was sent; how many of them arrived on this connection, and were acknowledged.
        let (mut sent, mut arrived, mut acked) = (Vec::new(), 0, 0);
        for _ in 0..40 {
            if random.one_in(2) {
                let more = messages(&mut random);
                sent.extend(more.clone());
                session.send_many(more).await.expect("room in the outbox");
            }
            while arrived < sent.len() && !random.one_in(4) {
                let (first, payloads, is_text) = arrivals(&mut client).await;
                let expected = &sent[arrived..arrived + payloads.len()];
                assert_eq!((first, &*payloads), (behind(1, &sent[..arrived]), expected));
                assert_eq!(is_text, can_be_text(expected));
                arrived += payloads.len();
            }
            if random.one_in(2) {
                acked += random.below((arrived - acked) as u64 + 1) as usize;
                client.ack(behind(0, &sent[..acked]), 1 << 40);
            }
            if random.one_in(8) {
                client.drop_link().await;
                attempt += 1;
                let again = hello_again(&welcome, attempt, behind(0, &sent[..acked]));
                client = node
                    .resume(&tautline::session::Hello {
                        limit: 1 << 40,
                        ..again
                    })
                    .await
                    .0;
                arrived = acked;
            }
        }
        client.bye(1000, "");
        let end = session.closed().await;
        assert_eq!(end.unacknowledged, &sent[acked..]);
    })
    .await;
}

/// The messages of the next frame that has some.
async fn arrivals(client: &mut Client) -> (u64, Vec<Payload>, bool) {
    loop {
        if let Frame::Messages(first, payloads, is_text) = client.frame().await {
            return (first, payloads, is_text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_client_sends_is_received_as_it_was_sent() {
    each_seed(async |mut random| {
        let mut node = with_a_store(&mut random);
        let (mut client, welcome, session) = node.open().await;
        let mut attempt = 1;
        let (mut sent, mut received) = (Vec::new(), 0);
        for _ in 0..40 {
            // Some of what went out before goes with it, as after a reconnect.
            let first = sent.len() - random.below(sent.len().min(50) as u64 + 1) as usize;
            sent.extend(messages(&mut random));
            client.send(frame(behind(1, &sent[..first]), &sent[first..]));
            while received < sent.len() && !random.one_in(8) {
                let most = random.below(60) as usize;
                let some = match most {
                    0 => Vec::from_iter(session.recv().await),
                    most => session.recv_many(most).await,
                };
                assert!((1..=most.max(1)).contains(&some.len()), "{} of {most}", some.len());
                for message in some {
                    assert_eq!(message.as_ref(), Ok(&sent[received]), "message {received}");
                    received += 1;
                }
            }
            if random.one_in(8) {
                client.drop_link().await;
                attempt += 1;
                let resumed;
                (client, resumed) = node.resume(&hello_again(&welcome, attempt, 0)).await;
                assert_eq!(resumed.taken, behind(0, &sent[..received]));
                // What had not arrived has gone with the connection, and the client does not know which.
                if received < sent.len() {
                    client.send(frame(resumed.taken + 1, &sent[received..]));
                }
            }
        }
        let rest = sent.len() - received;
        until(|| session.inbox().messages == rest).await;
        client.bye(1000, "");
        for payload in &sent[received..] {
            assert_eq!(session.recv().await.as_ref(), Some(&Ok(payload.clone())));
        }
        assert_eq!(session.recv().await, None);
    })
    .await;
}
