//! What is taken is given back.

use js_sys::WebAssembly::Memory;
use tautline::codec::Text;
use tautline::{Event, Reconnect, Socket};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;

use super::server::{soon, url};

fn pages() -> u32 {
    let memory: Memory = wasm_bindgen::memory().unchecked_into();
    memory.buffer().unchecked_into::<js_sys::ArrayBuffer>().byte_length() / 65_536
}

/// Sees the socket through that many connections, a message on each.
async fn connections(count: u32) {
    let socket = Socket::<String>::builder(url("/echo?close=4000&after=1"))
        .codec(Text)
        .reconnect(Reconnect {
            min_delay: std::time::Duration::ZERO,
            max_delay: std::time::Duration::ZERO,
            ..Reconnect::default()
        })
        .connect()
        .unwrap();
    let (mut sender, mut receiver) = socket.split();
    let mut events = socket.events();
    for _ in 0..count {
        soon("open", async {
            while !matches!(events.next().await.unwrap(), Event::Open { .. }) {}
        })
        .await;
        sender.send("once".into()).await.unwrap();
        assert_eq!(soon("an echo", receiver.next()).await, Some(Ok("once".into())));
    }
    assert!(socket.stats().reconnects >= count - 1);
}

#[wasm_bindgen_test]
async fn three_hundred_reconnects_take_no_memory() {
    connections(30).await;
    let before = pages();
    connections(300).await;
    assert_eq!(pages(), before);
}

#[wasm_bindgen_test]
async fn three_hundred_sockets_take_no_memory() {
    async fn sockets(count: u32) {
        for _ in 0..count {
            let socket = Socket::<String>::builder(url("/echo")).connect().unwrap();
            soon("opened", socket.opened()).await.unwrap();
            soon("close", socket.close(1000, "")).await.unwrap();
        }
    }
    sockets(30).await;
    let before = pages();
    sockets(300).await;
    assert_eq!(pages(), before);
}
