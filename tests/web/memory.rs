//! What is taken is given back: memory, closures, listeners.

use js_sys::WebAssembly::Memory;
use js_sys::{ArrayBuffer, eval};
use tautline::codec::Text;
use tautline::{Builder, Event, Reconnect, Socket};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;

use super::server::{soon, url};

const PAGE: usize = 65_536;

fn pages() -> usize {
    let memory: Memory = wasm_bindgen::memory().unchecked_into();
    memory.buffer().unchecked_into::<ArrayBuffer>().byte_length() as usize / PAGE
}

/// Takes up what is free, but for half a page, so that no leak hides there. Free it by dropping it.
fn fill() -> Vec<Vec<u8>> {
    let before = pages();
    // Room for the list itself first.
    let mut filling = Vec::with_capacity(200_000);
    while pages() <= before {
        assert!(
            filling.len() < filling.capacity(),
            "more is free than this test expects"
        );
        filling.push(vec![0; 64]);
    }
    // A block takes up 16 bytes more than it holds.
    for _ in 0..PAGE / 2 / 80 {
        filling.push(vec![0; 64]);
    }
    filling
}

/// A socket whose server closes each connection after one message. It comes back at once.
fn closed_again_and_again() -> Builder<String, String, Text> {
    Socket::<String>::builder(url("/echo?close=4000&after=1"))
        .codec(Text)
        .reconnect(Reconnect {
            min_delay: std::time::Duration::ZERO,
            max_delay: std::time::Duration::ZERO,
            ..Reconnect::default()
        })
}

/// Sees the socket through that many connections, a message on each.
async fn connections(socket: Socket<String>, count: u32) {
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
    soon("close", socket.close(1000, "")).await.unwrap();
}

async fn reconnects_take_no_memory(connect: impl Fn() -> Socket<String>) {
    connections(connect(), 30).await;
    let filling = fill();
    let before = pages();
    connections(connect(), 300).await;
    assert_eq!(pages(), before);
    drop(filling);
}

/// That many sockets, one after the other.
async fn sockets(count: u32) {
    for _ in 0..count {
        let socket = Socket::<String>::builder(url("/echo")).connect().unwrap();
        soon("opened", socket.opened()).await.unwrap();
        soon("close", socket.close(1000, "")).await.unwrap();
    }
}

#[wasm_bindgen_test]
async fn three_hundred_reconnects_take_no_memory() {
    reconnects_take_no_memory(|| closed_again_and_again().connect().unwrap()).await;
}

#[wasm_bindgen_test]
async fn three_hundred_reconnects_of_a_session_take_no_memory() {
    reconnects_take_no_memory(|| closed_again_and_again().durable().connect().unwrap()).await;
}

#[wasm_bindgen_test]
async fn three_hundred_sockets_take_no_memory() {
    sockets(30).await;
    let filling = fill();
    let before = pages();
    sockets(300).await;
    assert_eq!(pages(), before);
    drop(filling);
}

#[wasm_bindgen_test]
async fn listeners_go_with_their_socket() {
    // Of those that are added from now on, how many there are.
    let count = || eval("globalThis.listening.size").unwrap().as_f64().unwrap();
    eval(
        "globalThis.listening = new Set();
         globalThis.untouched = { ...Object.getOwnPropertyDescriptors(EventTarget.prototype) };
         globalThis.numbers = new Map();
         const number = (thing) => numbers.get(thing) ?? numbers.set(thing, numbers.size).get(thing);
         for (const [name, note] of [['addEventListener', 'add'], ['removeEventListener', 'delete']]) {
             const { value } = untouched[name];
             EventTarget.prototype[name] = function (type, listener, ...rest) {
                 if (/^(on|off)line$|^page|^visib|^resume$/.test(type)) {
                     listening[note]([type, number(this), number(listener)].join());
                 }
                 return value.call(this, type, listener, ...rest);
             };
         }",
    )
    .unwrap();
    // Visibility and resuming are a document's.
    let one_socket = eval("typeof document === 'undefined' ? 4 : 6")
        .unwrap()
        .as_f64()
        .unwrap();
    let socket = Socket::<String>::builder(url("/echo")).connect().unwrap();
    soon("opened", socket.opened()).await.unwrap();
    assert_eq!(count(), one_socket);
    soon("close", socket.close(1000, "")).await.unwrap();
    assert_eq!(count(), 0.0);
    let dropped = Socket::<String>::builder(url("/echo")).connect().unwrap();
    soon("opened", dropped.opened()).await.unwrap();
    assert_eq!(count(), one_socket);
    drop(dropped);
    soon("the end of the dropped one", async {
        while count() > 0.0 {
            super::server::turn().await;
        }
    })
    .await;
    eval("Object.defineProperties(EventTarget.prototype, untouched); delete globalThis.listening; delete globalThis.numbers;").unwrap();
}
