//! Messages there and back, in every form.

use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tautline::codec::{Bytes, Codec, DecodeError, JsJson, Text};
use tautline::{Outbox, OutboxOverflow, Payload, SendError, Socket};
use wasm_bindgen_test::wasm_bindgen_test;

use super::server::{name, soon, until_seen, url};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Message {
    Hello { name: String, age: u8 },
    Numbers(Box<Numbers>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Numbers {
    large: u32,
    small: i64,
    half: f64,
    none: Option<bool>,
    list: Vec<u8>,
}

fn messages() -> Vec<Message> {
    vec![
        Message::Hello {
            name: "Zoë 🪢 \u{1e} \"'\\ \n\0".into(),
            age: 42,
        },
        Message::Numbers(Box::new(Numbers {
            large: u32::MAX,
            small: -(1 << 53) + 1,
            half: 0.5,
            none: None,
            list: vec![0, 255],
        })),
    ]
}

/// Sends each, and expects each back, in order.
async fn round_trip<M, C>(codec: C, messages: Vec<M>)
where
    M: PartialEq + std::fmt::Debug + Clone + 'static,
    C: Codec<M>,
{
    let socket = Socket::<M>::builder(url("/echo")).codec(codec).connect().unwrap();
    let (mut sender, mut receiver) = socket.split();
    for message in &messages {
        sender.send(message.clone()).await.unwrap();
    }
    for message in messages {
        let echo = soon("an echo", receiver.next()).await.unwrap().unwrap();
        assert!(echo == message, "{:.200}", format!("{echo:?} is not {message:?}"));
    }
}

#[wasm_bindgen_test]
async fn typed_json() {
    round_trip(tautline::codec::Json, messages()).await;
}

#[wasm_bindgen_test]
async fn typed_json_by_the_page() {
    round_trip(JsJson, messages()).await;
}

#[wasm_bindgen_test]
async fn text() {
    let texts = ["plain", "", "ünï¢ødé 🪢 漢字 \u{feff}", "\u{feff}first", "a\0b"];
    round_trip(Text, texts.map(String::from).to_vec()).await;
}

/// The browser's own encoder reads these, in one go where they are ASCII.
#[wasm_bindgen_test]
async fn long_text() {
    let ascii = "0123456789".repeat(1000);
    let texts = [
        format!("{ascii}🪢é漢 and on"),
        ascii,
        "漢".repeat(255),
        "漢".repeat(256),
        "🪢".repeat(500),
        "é".repeat(10_000),
    ];
    round_trip(Text, texts.to_vec()).await;
}

#[wasm_bindgen_test]
async fn a_text_that_waits_takes_up_no_more_than_it_is_long() {
    for text in ["漢".repeat(10_000), format!("{}é", "x".repeat(10_000))] {
        let socket = Socket::<String>::builder(url("/echo")).codec(Text).connect().unwrap();
        let (mut sender, mut receiver) = socket.split();
        sender.send(text.clone()).await.unwrap();
        let echo = soon("an echo", receiver.next()).await.unwrap().unwrap();
        assert_eq!(echo, text);
        assert_eq!(echo.capacity(), echo.len());
    }
}

#[wasm_bindgen_test]
async fn bytes() {
    round_trip(Bytes, vec![vec![], vec![0], (0..=255).collect(), vec![0xff; 70_000]]).await;
}

#[wasm_bindgen_test]
async fn a_mebibyte() {
    round_trip(Text, vec!["x".repeat(1 << 20), "y".into()]).await;
    round_trip(Bytes, vec![vec![7; 1 << 20], vec![]]).await;
}

#[wasm_bindgen_test]
async fn what_goes_out_and_what_comes_in_may_differ() {
    let socket = Socket::<serde_json::Value, Message>::builder(url("/echo"))
        .connect()
        .unwrap();
    let (mut sender, mut receiver) = socket.split();
    for message in messages() {
        sender.send(message).await.unwrap();
    }
    let echo = soon("an echo", receiver.next()).await.unwrap().unwrap();
    assert_eq!(echo["type"], "hello");
    assert_eq!(echo["age"], 42);
}

#[wasm_bindgen_test]
async fn one_bad_message_is_not_the_end() {
    for in_page in [false, true] {
        let builder = Socket::<u32>::builder(url("/echo?greet=%7Bnot%20json"));
        let socket = if in_page {
            builder.codec(JsJson).connect()
        } else {
            builder.connect()
        }
        .unwrap();
        let (mut sender, mut receiver) = socket.split();
        let error = soon("the greeting", receiver.next()).await.unwrap().unwrap_err();
        assert!(
            matches!(&error, DecodeError::Malformed { cause, .. } if !cause.is_empty()),
            "{error:?}"
        );
        assert_eq!(error.payload(), Some(&Payload::Text("{not json".into())));
        sender.send(7).await.unwrap();
        assert_eq!(soon("an echo", receiver.next()).await, Some(Ok(7)));
    }
}

#[wasm_bindgen_test]
async fn a_message_waits_for_somebody_to_listen() {
    let name = name();
    let socket = Socket::<String>::builder(url(&format!("/echo?greet=welcome&name={name}")))
        .codec(Text)
        .connect()
        .unwrap();
    soon("opened", socket.opened()).await.unwrap();
    socket.sender().send("first".into()).await.unwrap();
    soon("both are there", async {
        while socket.stats().inbox.messages < 2 {
            super::server::turn().await;
        }
    })
    .await;
    let (_sender, mut receiver) = socket.split();
    assert_eq!(soon("the greeting", receiver.next()).await, Some(Ok("welcome".into())));
    assert_eq!(soon("the echo", receiver.next()).await, Some(Ok("first".into())));
    assert_eq!(socket.stats().inbox.messages, 0);
}

#[wasm_bindgen_test]
async fn two_hundred_in_order_as_sink_and_stream() {
    let socket = Socket::<u32>::builder(url("/echo"))
        .outbox(Outbox {
            messages: 4,
            ..Outbox::default()
        })
        .connect()
        .unwrap();
    let (sender, receiver) = socket.split();
    let mut numbers = futures_util::stream::iter(0..200).map(Ok);
    let mut sink = sender.clone();
    let (sent, echoes) = soon(
        "all of them",
        futures_util::future::join(
            sink.send_all(&mut numbers),
            receiver.take(200).map(Result::unwrap).collect::<Vec<_>>(),
        ),
    )
    .await;
    sent.unwrap();
    assert_eq!(echoes, (0..200).collect::<Vec<_>>());
    // That clone alone ends.
    SinkExt::close(&mut sink).await.unwrap();
    assert_eq!(sink.try_send(1), Err(SendError::Closed));
    assert_eq!(sender.try_send(1), Ok(()));
}

#[wasm_bindgen_test]
async fn a_full_outbox_holds_back_or_refuses() {
    // Nobody listens at this address, so the outbox stays as it is.
    let closed_port = "ws://127.0.0.1:9/";
    let bounds = |overflow| Outbox {
        messages: 2,
        bytes: 100,
        overflow,
    };
    let builder = |overflow| {
        Socket::<String>::builder(closed_port)
            .codec(Text)
            .outbox(bounds(overflow))
    };

    let socket = builder(OutboxOverflow::Wait).connect().unwrap();
    let mut sender = socket.sender();
    sender.try_send("a".into()).unwrap();
    sender.try_send("b".into()).unwrap();
    assert_eq!(sender.try_send("c".into()), Err(SendError::Full));
    assert_eq!(sender.try_send("d".repeat(101)), Err(SendError::TooBig { size: 101 }));
    // A send that is given up was not accepted.
    assert!(futures_util::poll!(std::pin::pin!(sender.send("e".into()))).is_pending());
    let closed = soon("close", socket.close(1000, ""));
    assert_eq!(socket.sender().try_send("f".into()), Err(SendError::Closed));
    let closed = closed.await.unwrap();
    assert_eq!(
        closed.unacknowledged,
        [Payload::Text("a".into()), Payload::Text("b".into())]
    );

    let socket = builder(OutboxOverflow::Reject).connect().unwrap();
    let mut sender = socket.sender();
    sender.send("a".into()).await.unwrap();
    sender.send("b".into()).await.unwrap();
    assert_eq!(sender.send("c".into()).await, Err(SendError::Full));

    let socket = builder(OutboxOverflow::DropOldest).connect().unwrap();
    let mut sender = socket.sender();
    for text in ["a", "b", "c"] {
        sender.send(text.into()).await.unwrap();
    }
    assert_eq!(socket.stats().outbox.messages, 2);
}

#[wasm_bindgen_test]
async fn flush_hands_everything_on() {
    let name = name();
    let socket = Socket::<u32>::builder(url(&format!("/echo?name={name}")))
        .connect()
        .unwrap();
    let mut sender = socket.sender();
    for number in 0..10 {
        sender.send(number).await.unwrap();
    }
    soon("flush", sender.flush()).await.unwrap();
    assert_eq!(socket.stats().outbox.messages, 0);
    assert_eq!(socket.stats().sent, 10);
    until_seen(&name, |seen| seen.messages == 10).await;
}
