//! Durable sockets: what they promise beside delivery, and what is told when it can't be kept.

use std::time::Duration;

use tautline::codec::Text;
use tautline::{Builder, Event, OnSessionLost, Payload, SendError, Socket, State};
use wasm_bindgen_test::wasm_bindgen_test;

use super::connecting::quick;
use super::server::{fault, forget_sessions, name, seen, soon, turn, until_seen, url};

/// A durable socket that notices a dead link soon.
pub(super) fn durable<In: 'static, Out: 'static + Default>(url: String) -> Builder<In, Out> {
    Socket::<In, Out>::builder(url)
        .durable()
        .reconnect(quick())
        .connect_timeout(Duration::from_secs(2))
        // A session has PINGs of its own: the message is for plain sockets.
        .heartbeat(Duration::from_millis(500), Duration::from_millis(500), Out::default)
}

#[wasm_bindgen_test]
async fn a_flushed_message_is_taken() {
    let name = name();
    let socket = durable::<u32, u32>(url(&format!("/echo?name={name}")))
        .connect()
        .unwrap();
    let (mut sender, _receiver) = socket.split();
    for number in 0..100 {
        sender.send(number).await.unwrap();
    }
    soon("flushed", sender.flush()).await.unwrap();
    assert_eq!(socket.stats().outbox.messages, 0);
    assert_eq!(seen(&name).await.messages, 100);
    assert!(socket.stats().rtt.is_some());
}

#[wasm_bindgen_test]
async fn a_session_goes_on_after_a_cut() {
    let name = name();
    let socket = durable::<u32, u32>(url(&format!("/echo?name={name}")))
        .connect()
        .unwrap();
    let mut events = socket.events();
    let (mut sender, mut receiver) = socket.split();
    assert_eq!(soon("open", events.next()).await, Some(Event::Connecting));
    assert_eq!(soon("open", events.next()).await, Some(Event::Open { resumed: false }));
    fault(&name, "refuse=503&for=60000").await;
    fault(&name, "reset=1").await;
    soon("disconnected", async {
        while !matches!(events.next().await.unwrap(), Event::Disconnected { code: 1006, .. }) {}
    })
    .await;
    for number in 0..50 {
        sender.send(number).await.unwrap();
    }
    fault(&name, "refuse=503&for=0").await;
    for number in 0..50 {
        assert_eq!(soon("an echo", receiver.next()).await, Some(Ok(number)));
    }
    soon("resumed", async {
        while events.next().await.unwrap() != (Event::Open { resumed: true }) {}
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_link_that_goes_silent_is_noticed_and_nothing_is_lost() {
    let name = name();
    let socket = durable::<u32, u32>(url(&format!("/echo?name={name}")))
        .connect()
        .unwrap();
    let (mut sender, mut receiver) = socket.split();
    soon("opened", socket.opened()).await.unwrap();
    fault(&name, "silent=1").await;
    for number in 0..10 {
        sender.send(number).await.unwrap();
    }
    for number in 0..10 {
        assert_eq!(soon("an echo", receiver.next()).await, Some(Ok(number)));
    }
    assert_eq!(socket.stats().reconnects, 1);
}

/// A socket with messages of unknown outcome, whose session the server has lost.
async fn lose_the_session(choice: OnSessionLost) -> Socket<String> {
    let name = name();
    let socket = durable::<String, String>(url(&format!("/echo?name={name}")))
        .codec(Text)
        .on_session_lost(choice)
        .connect()
        .unwrap();
    let mut sender = socket.sender();
    soon("opened", socket.opened()).await.unwrap();
    fault(&name, "silent=1").await;
    for word in ["one", "two", "three"] {
        sender.send(word.into()).await.unwrap();
    }
    soon("handed to the browser", async {
        while socket.stats().unacknowledged < 3 {
            turn().await;
        }
    })
    .await;
    forget_sessions().await;
    fault(&name, "reset=1").await;
    socket
}

#[wasm_bindgen_test]
async fn a_lost_session_gives_back_what_may_be_lost() {
    let socket = lose_the_session(OnSessionLost::Return).await;
    let mut events = socket.events();
    let (mut sender, mut receiver) = socket.split();
    assert_eq!(soon("flushed", sender.flush()).await, Err(SendError::SessionLost));
    let lost = soon("the session is lost", async {
        loop {
            if let Event::SessionLost { unacknowledged, resent } = events.next().await.unwrap() {
                return (unacknowledged, resent);
            }
        }
    });
    let words = ["one", "two", "three"].map(|word| Payload::Text(word.into()));
    assert_eq!(lost.await, (words.to_vec(), 0));
    assert_eq!(events.next().await, Some(Event::Open { resumed: false }));
    sender.send("four".into()).await.unwrap();
    assert_eq!(soon("an echo", receiver.next()).await, Some(Ok("four".into())));
}

#[wasm_bindgen_test]
async fn a_lost_session_sends_again_where_that_was_asked_for() {
    let socket = lose_the_session(OnSessionLost::Resend).await;
    let mut events = socket.events();
    let (mut sender, mut receiver) = socket.split();
    for word in ["one", "two", "three"] {
        assert_eq!(soon("an echo", receiver.next()).await, Some(Ok(word.into())));
    }
    soon("flushed", sender.flush()).await.unwrap();
    soon("told", async {
        loop {
            if let Event::SessionLost { unacknowledged, resent } = events.next().await.unwrap() {
                assert_eq!((unacknowledged, resent), (Vec::new(), 3));
                return;
            }
        }
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_close_waits_until_everything_is_taken() {
    let name = name();
    let socket = durable::<u32, u32>(url(&format!("/echo?name={name}")))
        .connect()
        .unwrap();
    let (mut sender, _receiver) = socket.split();
    for number in 0..200 {
        sender.send(number).await.unwrap();
    }
    let closed = soon("closed", sender.close(4000, "done")).await.unwrap();
    assert_eq!((closed.code, &*closed.reason, closed.failure), (4000, "done", None));
    assert_eq!(closed.unacknowledged, []);
    assert_eq!(socket.state(), State::Closed);
    until_seen(&name, |seen| seen.messages == 200 && seen.open == 0).await;
}
