//! Durable sockets: everything arrives once and in order, whatever the network does.

use std::time::Duration;

use futures_util::join;
use tautline::codec::Text;
use tautline::{Builder, Event, OnSessionLost, Payload, SendError, Socket, State};
use wasm_bindgen_test::wasm_bindgen_test;

use super::connecting::quick;
use super::server::{chaos_url, fault, forget_sessions, name, seen, soon, turn, until_seen, url};

/// A durable socket that notices a dead link soon.
fn durable<In: 'static, Out: 'static + Default>(url: String) -> Builder<In, Out> {
    Socket::<In, Out>::builder(url)
        .durable()
        .reconnect(quick())
        .connect_timeout(Duration::from_secs(2))
        // A session has PINGs of its own: the message is for plain sockets.
        .heartbeat(Duration::from_millis(500), Duration::from_millis(500), Out::default)
}

#[wasm_bindgen_test]
async fn twenty_thousand_messages_through_a_bad_network() {
    const COUNT: u32 = 20_000;
    let socket = durable::<u32, u32>(chaos_url("/echo")).connect().unwrap();
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

#[wasm_bindgen_test]
async fn bytes_and_text_of_every_kind_come_back_as_they_were() {
    let socket = Socket::<Payload>::builder(chaos_url("/echo"))
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

impl tautline::codec::Codec<Payload> for Raw {
    fn encode(&self, message: Payload) -> Result<Payload, tautline::codec::EncodeError> {
        Ok(message)
    }

    fn decode(&self, payload: Payload) -> Result<Payload, tautline::codec::DecodeError> {
        Ok(payload)
    }
}
