//! Ends: close codes in and out, dropped handles, bounds that are passed.

use std::time::Duration;

use js_sys::Date;
use tautline::codec::Text;
use tautline::{CloseError, Failure, Inbox, InboxOverflow, Payload, Reconnect, SendError, Socket, State};
use wasm_bindgen_test::wasm_bindgen_test;

use super::server::{name, soon, until_seen, url};

#[wasm_bindgen_test]
async fn close_codes_go_out() {
    for (code, reason) in [(1000, ""), (3000, "why"), (4999, "ünï¢ødé")] {
        let name = name();
        let socket = Socket::<String>::builder(url(&format!("/echo?name={name}")))
            .connect()
            .unwrap();
        soon("opened", socket.opened()).await.unwrap();
        let closed = soon("close", socket.close(code, reason)).await.unwrap();
        assert_eq!((closed.code, closed.was_clean, closed.failure), (code, true, None));
        assert_eq!(soon("closed", socket.closed()).await, closed);
        let seen = until_seen(&name, |seen| seen.close.is_some()).await;
        let close = seen.close.unwrap();
        assert_eq!((close.code, close.reason.as_str()), (Some(code), reason));
    }
}

#[wasm_bindgen_test]
async fn close_codes_come_in() {
    // Final by policy of the application, and by what they say.
    for (code, failure) in [
        (4000, Failure::Closed),
        (1000, Failure::Closed),
        (1002, Failure::Protocol),
        (1009, Failure::TooBig),
    ] {
        let builder = Socket::<String>::builder(url(&format!("/echo?close={code}&reason=bye&after=0")));
        let builder = if failure == Failure::Closed {
            builder.retry(|_| false)
        } else {
            builder
        };
        let socket = builder.connect().unwrap();
        let (_, mut receiver) = socket.split();
        assert_eq!(soon("the end", receiver.next()).await, None);
        let closed = soon("closed", socket.closed()).await;
        assert_eq!(
            (closed.code, closed.reason.as_str(), closed.was_clean),
            (code, "bye", true)
        );
        assert_eq!(closed.failure, Some(failure));
    }
}

#[wasm_bindgen_test]
async fn what_a_browser_would_throw_for_is_an_error() {
    let socket = Socket::<String>::builder(url("/echo")).codec(Text).connect().unwrap();
    let (mut sender, mut receiver) = socket.split();
    soon("opened", socket.opened()).await.unwrap();
    for code in [0, 999, 1001, 1005, 1006, 2999, 5000] {
        assert_eq!(sender.close(code, "").await, Err(CloseError::Code(code)));
    }
    // 62 characters, 124 bytes.
    assert_eq!(
        sender.close(1000, "é".repeat(62)).await,
        Err(CloseError::Reason { bytes: 124 })
    );
    // And it is still open.
    sender.send("still here".into()).await.unwrap();
    assert_eq!(soon("an echo", receiver.next()).await, Some(Ok("still here".into())));
    let longest = "é".repeat(61) + "e";
    assert_eq!(
        soon("close", sender.close(1000, longest.clone())).await.unwrap().reason,
        longest
    );
}

#[wasm_bindgen_test]
async fn close_sends_what_is_queued_first() {
    let name = name();
    let socket = Socket::<u32>::builder(url(&format!("/echo?name={name}")))
        .connect()
        .unwrap();
    let (mut sender, _receiver) = socket.split();
    for number in 0..100 {
        sender.send(number).await.unwrap();
    }
    // Not even connected yet.
    assert_eq!(socket.state(), State::Connecting);
    let closed = soon("close", sender.close(1000, "")).await.unwrap();
    assert!(closed.was_clean && closed.unacknowledged.is_empty());
    until_seen(&name, |seen| seen.messages == 100 && seen.open == 0).await;
    assert_eq!(sender.send(1).await, Err(SendError::Closed));
}

#[wasm_bindgen_test]
async fn dropping_every_handle_closes() {
    let name = name();
    let socket = Socket::<String>::builder(url(&format!("/echo?name={name}")))
        .codec(Text)
        .connect()
        .unwrap();
    soon("opened", socket.opened()).await.unwrap();
    let (mut sender, receiver) = socket.split();
    let events = socket.events();
    drop(socket);
    drop(receiver);
    sender.send("one handle is enough".into()).await.unwrap();
    until_seen(&name, |seen| seen.messages == 1).await;
    sender.send("on the way out".into()).await.unwrap();
    drop(sender);
    let seen = until_seen(&name, |seen| seen.open == 0 && seen.close.is_some()).await;
    assert_eq!(seen.messages, 2);
    assert_eq!(seen.close.unwrap().code, Some(1000));
    drop(events);
}

#[wasm_bindgen_test]
async fn dropping_an_unopened_socket_leaves_nothing() {
    let name = name();
    for _ in 0..20 {
        drop(
            Socket::<String>::builder(url(&format!("/echo?name={name}")))
                .connect()
                .unwrap(),
        );
    }
    // Behind them all on the same server.
    let socket = Socket::<String>::builder(url(&format!("/echo?name={name}")))
        .connect()
        .unwrap();
    soon("opened", socket.opened()).await.unwrap();
    until_seen(&name, |seen| seen.open == 1).await;
}

#[wasm_bindgen_test]
async fn more_than_the_inbox_holds_ends_with_words() {
    let socket = Socket::<String>::builder(url("/echo?flood=100&size=10"))
        .codec(Text)
        .inbox(Inbox {
            messages: 50,
            ..Inbox::default()
        })
        .connect()
        .unwrap();
    let closed = soon("the end", socket.closed()).await;
    assert_eq!(closed.failure, Some(Failure::Overflow));
    assert!(closed.to_string().contains("inbox"), "{closed}");
    // What was there is still given.
    let (_, mut receiver) = socket.split();
    let mut count = 0;
    while let Some(message) = receiver.next().await {
        message.unwrap();
        count += 1;
    }
    assert_eq!(count, 50);
}

#[wasm_bindgen_test]
async fn an_inbox_may_drop_the_oldest() {
    let socket = Socket::<String>::builder(url("/echo?flood=100&size=10"))
        .codec(Text)
        .inbox(Inbox {
            messages: 50,
            overflow: InboxOverflow::DropOldest,
            ..Inbox::default()
        })
        .connect()
        .unwrap();
    soon("all have come", async {
        while socket.stats().received < 100 {
            super::server::turn().await;
        }
    })
    .await;
    assert_eq!(socket.stats().inbox.messages, 50);
    assert_eq!(socket.state(), State::Open);
}

#[wasm_bindgen_test]
async fn a_dropped_receiver_takes_what_comes() {
    let socket = Socket::<String>::builder(url("/echo?flood=200&size=10"))
        .codec(Text)
        .inbox(Inbox {
            messages: 20,
            ..Inbox::default()
        })
        .connect()
        .unwrap();
    drop(socket.split());
    soon("all have come", async {
        while socket.stats().received < 200 {
            super::server::turn().await;
        }
    })
    .await;
    assert_eq!(socket.state(), State::Open);
    assert_eq!(socket.stats().inbox.messages, 0);
}

#[wasm_bindgen_test]
async fn a_close_without_a_link_waits_only_for_what_is_queued() {
    let unreachable = || {
        Socket::<String>::builder("ws://127.0.0.1:20809/")
            .codec(Text)
            .reconnect(Reconnect {
                max_delay: Duration::from_millis(250),
                ..Reconnect::default()
            })
            .connect()
            .unwrap()
    };
    let socket = unreachable();
    let begun = Date::now();
    let closed = soon("close", socket.close(4001, "enough")).await.unwrap();
    assert_eq!((closed.code, closed.reason.as_str()), (4001, "enough"));
    assert!(Date::now() - begun < 2_000.0, "nothing was queued");

    let socket = unreachable();
    socket.sender().try_send("too late".into()).unwrap();
    let begun = Date::now();
    let closed = soon("close", socket.close(1000, "")).await.unwrap();
    assert_eq!(closed.unacknowledged, [Payload::Text("too late".into())]);
    assert!(Date::now() - begun > 4_000.0, "it tried for five seconds");
}
