//! Delivery: through a bad network everything arrives once and in order, whichever server is at the other end.

use std::time::Duration;

use futures_util::join;
use tautline::codec::{Codec, DecodeError, EncodeError};
use tautline::{Payload, Socket};
use wasm_bindgen_test::wasm_bindgen_test;

use super::connecting::quick;
use super::durable::durable;
use super::server::{chaos_url, node_chaos_url, soon};

#[wasm_bindgen_test]
async fn twenty_thousand_messages_to_the_rust_server_and_back() {
    twenty_thousand_numbers(chaos_url("/echo")).await;
}

#[wasm_bindgen_test]
async fn twenty_thousand_messages_to_the_node_server_and_back() {
    twenty_thousand_numbers(node_chaos_url("/echo")).await;
}

#[wasm_bindgen_test]
async fn bytes_and_text_of_every_kind_come_back_from_the_rust_server() {
    every_kind(chaos_url("/echo")).await;
}

#[wasm_bindgen_test]
async fn bytes_and_text_of_every_kind_come_back_from_the_node_server() {
    every_kind(node_chaos_url("/echo")).await;
}

/// What is sent comes back once and in order.
async fn twenty_thousand_numbers(url: String) {
    const COUNT: u32 = 20_000;
    let socket = durable::<u32, u32>(url).connect().unwrap();
    let (mut sender, mut receiver) = socket.split();
    let send = async {
        for number in 0..COUNT {
            sender.send(number).await.unwrap();
        }
    };
    let receive = async {
        for first in (0..COUNT).step_by(500) {
            let echoes = soon("five hundred echoes", async {
                let mut echoes = Vec::new();
                for _ in 0..500 {
                    echoes.push(receiver.next().await.unwrap().unwrap());
                }
                echoes
            });
            assert!(echoes.await.into_iter().eq(first..first + 500));
        }
    };
    join!(send, receive);
    let stats = socket.stats();
    assert!(stats.reconnects > 0, "the network was not bad: {stats:?}");
    assert_eq!((stats.sent, stats.received), (COUNT.into(), COUNT.into()));
}

/// And as it was.
async fn every_kind(url: String) {
    let socket = Socket::<Payload>::builder(url)
        .codec(Raw)
        .durable()
        .reconnect(quick())
        .connect_timeout(Duration::from_secs(2))
        .heartbeat(Duration::from_millis(500), Duration::from_millis(500), || {
            Payload::Text(String::new())
        })
        .connect()
        .unwrap();
    let (mut sender, mut receiver) = socket.split();
    let sent = [
        Payload::Text(String::new()),
        Payload::Text("\u{feff}begins with a mark".into()),
        Payload::Text("in \u{1e} between".into()),
        Payload::Bytes(Vec::new()),
        Payload::Bytes(vec![0x1e, 0, 255]),
        Payload::Text("🪢".repeat(30_000)),
        Payload::Bytes(vec![7; 200_000]),
        Payload::Text("the last".into()),
    ];
    for payload in &sent {
        sender.send(payload.clone()).await.unwrap();
    }
    for payload in sent {
        assert_eq!(soon("an echo", receiver.next()).await, Some(Ok(payload)));
    }
}

/// Messages that are payloads already.
struct Raw;

impl Codec<Payload> for Raw {
    fn encode(&self, message: Payload) -> Result<Payload, EncodeError> {
        Ok(message)
    }

    fn decode(&self, payload: Payload) -> Result<Payload, DecodeError> {
        Ok(payload)
    }
}
