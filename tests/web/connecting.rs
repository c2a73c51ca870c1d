//! Connecting: states, events, subprotocols, URL providers.

use std::cell::RefCell;
use std::rc::Rc;

use tautline::codec::Text;
use tautline::{Event, Failure, Reconnect, Socket, State};
use wasm_bindgen_test::wasm_bindgen_test;

use super::server::{fault, name, soon, url};

#[wasm_bindgen_test]
async fn connects() {
    let socket = Socket::<String>::builder(url("/echo")).connect().unwrap();
    assert_eq!(socket.state(), State::Connecting);
    soon("opened", socket.opened()).await.unwrap();
    assert_eq!(socket.state(), State::Open);
    let stats = socket.stats();
    assert_eq!((stats.attempts, stats.reconnects), (1, 0));
    assert_eq!(socket.protocol(), "");
    // Known from before.
    soon("opened, asked again", socket.opened()).await.unwrap();
}

#[wasm_bindgen_test]
async fn tells_what_happens() {
    let name = name();
    let socket = Socket::<String>::builder(url(&format!("/echo?name={name}")))
        .codec(Text)
        .connect()
        .unwrap();
    let mut events = socket.events();
    assert_eq!(soon("connecting", events.next()).await, Some(Event::Connecting));
    assert_eq!(soon("open", events.next()).await, Some(Event::Open { resumed: false }));
    fault(&name, "close=4000&reason=test").await;
    match soon("disconnected", events.next()).await {
        Some(Event::Disconnected {
            code: 4000,
            reason,
            was_clean: true,
            retry_in: Some(_),
        }) => assert_eq!(reason, "test"),
        other => panic!("{other:?}"),
    }
    assert_eq!(soon("connecting", events.next()).await, Some(Event::Connecting));
    assert_eq!(soon("open", events.next()).await, Some(Event::Open { resumed: false }));
    soon("close", socket.close(1000, "done")).await.unwrap();
    assert_eq!(soon("closed", events.next()).await, Some(Event::Closed));
    assert_eq!(soon("the end", events.next()).await, None);
    assert_eq!(socket.state(), State::Closed);
}

#[wasm_bindgen_test]
async fn speaks_a_subprotocol() {
    let socket = Socket::<String>::builder(url("/echo?protocol=chat"))
        .protocols(["superchat", "chat"])
        .connect()
        .unwrap();
    soon("opened", socket.opened()).await.unwrap();
    assert_eq!(socket.protocol(), "chat");
}

#[wasm_bindgen_test]
async fn asks_for_the_url_before_every_attempt() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let log = asked.clone();
    let socket = Socket::<String>::builder("")
        .codec(Text)
        .reconnect(quick())
        .url_with(move |attempt| {
            log.borrow_mut().push(attempt.number);
            async move {
                match attempt.number {
                    1 => Err("no token yet"),
                    2 => Ok(String::from("this is:no url")),
                    3 => Ok(url("/echo?close=4000&after=0")),
                    _ => Ok(url("/echo")),
                }
            }
        })
        .connect()
        .unwrap();
    let (mut sender, mut receiver) = socket.split();
    sender.send("through".into()).await.unwrap();
    // The third closes at once; what was handed to it may be lost, so send until one comes back.
    soon("the fourth attempt", async {
        while socket.stats().attempts < 4 || socket.state() != State::Open {
            super::server::turn().await;
        }
    })
    .await;
    sender.send("again".into()).await.unwrap();
    soon("the echo", async {
        while receiver.next().await.unwrap().unwrap() != "again" {}
    })
    .await;
    assert_eq!(*asked.borrow(), [1, 2, 3, 4]);
}

#[wasm_bindgen_test]
async fn gives_up_when_told_so() {
    let socket = Socket::<String>::builder(url("/echo?refuse=401"))
        .reconnect(Reconnect {
            max_attempts: Some(3),
            ..quick()
        })
        .connect()
        .unwrap();
    let closed = soon("the end", socket.opened()).await.unwrap_err();
    assert_eq!(closed.failure, Some(Failure::Attempts));
    assert_eq!(socket.stats().attempts, 3);
}

#[wasm_bindgen_test]
async fn a_server_that_does_not_answer_is_left() {
    let socket = Socket::<String>::builder(url("/echo?delay=60000"))
        .connect_timeout(std::time::Duration::from_millis(100))
        .reconnect(None)
        .connect()
        .unwrap();
    let closed = soon("the end", socket.closed()).await;
    assert_eq!(closed.failure, Some(Failure::Timeout));
}

pub(super) fn quick() -> Reconnect {
    Reconnect {
        min_delay: std::time::Duration::from_millis(1),
        max_delay: std::time::Duration::from_millis(20),
        ..Reconnect::default()
    }
}
