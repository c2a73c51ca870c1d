//! Cuts, and what is there after them.

use std::time::Duration;

use tautline::codec::Text;
use tautline::{Event, Socket, State};
use wasm_bindgen_test::wasm_bindgen_test;

use super::connecting::quick;
use super::server::{fault, name, soon, until_seen, url};

#[wasm_bindgen_test]
async fn a_reset_in_the_middle_of_a_stream() {
    let name = name();
    let socket = Socket::<u32>::builder(url(&format!("/echo?name={name}&reset=1&after=50&times=1")))
        .reconnect(quick())
        .connect()
        .unwrap();
    let (mut sender, mut receiver) = socket.split();
    for number in 0..100 {
        sender.send(number).await.unwrap();
    }
    soon("the second connection", async {
        while socket.stats().reconnects < 1 || socket.state() != State::Open {
            super::server::turn().await;
        }
    })
    .await;
    sender.send(1_000).await.unwrap();
    let mut echoes = Vec::new();
    soon("the last echo", async {
        while echoes.last() != Some(&1_000) {
            echoes.push(receiver.next().await.unwrap().unwrap());
        }
    })
    .await;
    // At most once, and in order. What the browser held when the link died is gone: that is what plain means.
    assert!(echoes.is_sorted_by(|a, b| a < b), "{echoes:?}");
}

#[wasm_bindgen_test]
async fn what_was_accepted_while_down_arrives() {
    let name = name();
    let socket = Socket::<u32>::builder(url(&format!("/echo?name={name}")))
        .reconnect(quick())
        .connect()
        .unwrap();
    let (mut sender, mut receiver) = socket.split();
    let mut events = socket.events();
    soon("opened", socket.opened()).await.unwrap();
    // It stays away until everything is queued.
    fault(&name, "refuse=503&for=60000").await;
    fault(&name, "reset=1").await;
    soon("disconnected", async {
        while !matches!(events.next().await.unwrap(), Event::Disconnected { code: 1006, .. }) {}
    })
    .await;
    for number in 0..50 {
        sender.send(number).await.unwrap();
    }
    assert_eq!(socket.stats().outbox.messages, 50);
    fault(&name, "refuse=503&for=0").await;
    for number in 0..50 {
        assert_eq!(soon("an echo", receiver.next()).await, Some(Ok(number)));
    }
    assert_eq!(socket.stats().outbox.messages, 0);
}

#[wasm_bindgen_test]
async fn a_silent_link_is_noticed() {
    let name = name();
    let socket = Socket::<String>::builder(url(&format!("/echo?name={name}")))
        .codec(Text)
        .reconnect(quick())
        .heartbeat(Duration::from_millis(100), Duration::from_secs(2), || "ping".into())
        .connect()
        .unwrap();
    let mut events = socket.events();
    soon("opened", socket.opened()).await.unwrap();
    // It answers heartbeats for a while.
    until_seen(&name, |seen| seen.messages >= 3).await;
    assert_eq!(socket.stats().reconnects, 0);
    fault(&name, "silent=1").await;
    soon("disconnected", async {
        while !matches!(events.next().await.unwrap(), Event::Disconnected { code: 1006, .. }) {}
    })
    .await;
    soon("open again", async {
        while socket.state() != State::Open {
            super::server::turn().await;
        }
    })
    .await;
}
