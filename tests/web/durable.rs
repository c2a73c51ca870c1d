//! Durable sockets: what they promise beside delivery, and what is told when it can't be kept.

use std::time::Duration;

use tautline::codec::{Codec, DecodeError, EncodeError, Json, Text};
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

/// Payloads as they are; of those that come, also how they were handed over.
struct Raw;

impl Codec<String, Payload> for Raw {
    fn encode(&self, payload: Payload) -> Result<Payload, EncodeError> {
        Ok(payload)
    }

    fn decode(&self, payload: Payload) -> Result<String, DecodeError> {
        Ok(format!("a copy: {payload:?}"))
    }

    fn decode_text(&self, text: &str) -> Result<String, DecodeError> {
        Ok(format!("text: {text}"))
    }

    fn decode_bytes(&self, bytes: &[u8]) -> Result<String, DecodeError> {
        Ok(format!("bytes: {bytes:?}"))
    }
}

#[wasm_bindgen_test]
async fn messages_are_decoded_where_they_lie_in_their_frame() {
    let texts = ["one", "", "ä€😀", "four"];
    let mixed = [
        Payload::Text("with what \u{1e} separates texts".into()),
        Payload::Bytes([0, 1, 255].into()),
        Payload::Text(String::new()),
        Payload::Bytes(Vec::new()),
        Payload::Text("ä€😀".into()),
    ];
    let due = [
        "text: one",
        "text: ",
        "text: ä€😀",
        "text: four",
        "text: with what \u{1e} separates texts",
        "bytes: [0, 1, 255]",
        "text: ",
        "bytes: []",
        "text: ä€😀",
    ];
    let socket = Socket::<String, Payload>::builder(url("/echo"))
        .durable()
        .codec(Raw)
        .connect();
    let (mut sender, mut receiver) = socket.unwrap().split();
    // What is sent in one turn comes back in one frame; of texts alone it is another kind.
    for text in texts {
        sender.send(Payload::Text(text.into())).await.unwrap();
    }
    for due in &due[..texts.len()] {
        assert_eq!(soon("a text", receiver.next()).await.unwrap().unwrap(), *due);
    }
    for payload in mixed {
        sender.send(payload).await.unwrap();
    }
    for due in &due[texts.len()..] {
        assert_eq!(soon("a message", receiver.next()).await.unwrap().unwrap(), *due);
    }
}

/// Anything goes out; JSON is to come.
struct Loose;

impl Codec<u32, Payload> for Loose {
    fn encode(&self, payload: Payload) -> Result<Payload, EncodeError> {
        Ok(payload)
    }

    fn decode(&self, payload: Payload) -> Result<u32, DecodeError> {
        Codec::<u32>::decode(&Json, payload)
    }

    fn decode_text(&self, text: &str) -> Result<u32, DecodeError> {
        Codec::<u32>::decode_text(&Json, text)
    }

    fn decode_bytes(&self, bytes: &[u8]) -> Result<u32, DecodeError> {
        Codec::<u32>::decode_bytes(&Json, bytes)
    }
}

#[wasm_bindgen_test]
async fn of_a_frame_only_the_message_that_cannot_be_decoded_is_handed_back() {
    let socket = Socket::<u32, Payload>::builder(url("/echo"))
        .durable()
        .codec(Loose)
        .connect();
    let (mut sender, mut receiver) = socket.unwrap().split();
    let wrong = [Payload::Text("two".into()), Payload::Bytes(b"four".to_vec())];
    for payload in [
        Payload::Text("1".into()),
        wrong[0].clone(),
        Payload::Bytes(b"3".to_vec()),
        wrong[1].clone(),
        Payload::Text("5".into()),
    ] {
        sender.send(payload).await.unwrap();
    }
    let mut taken = Vec::new();
    let mut handed_back = Vec::new();
    while taken.len() + handed_back.len() < 5 {
        match soon("a message", receiver.next()).await.unwrap() {
            Ok(number) => taken.push(number),
            Err(error) => handed_back.extend(error.payload().cloned()),
        }
    }
    assert_eq!(taken, [1, 3, 5]);
    assert_eq!(handed_back, wrong);
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
