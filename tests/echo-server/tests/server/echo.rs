//! Every message comes back as it was sent.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::{
    Bytes, Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::client::{Client, End, server, soon, until};

#[tokio::test]
async fn texts_and_bytes_keep_kind_content_and_order() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/echo").await;
    let messages = [
        Message::text(""),
        Message::binary(Bytes::new()),
        Message::text("plain"),
        Message::text("ünïcödé 日本語 🪢 \u{0} \u{feff} \u{1e}"),
        Message::binary((0..=255).collect::<Vec<u8>>()),
        Message::text("x".repeat(126)),
        Message::text("x".repeat(65_536)),
    ];
    for message in &messages {
        client.send(message.clone()).await;
    }
    for message in messages {
        assert_eq!(client.message().await, message);
    }
}

#[tokio::test]
async fn a_message_of_one_mebibyte_comes_back() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/echo").await;
    let bytes: Vec<u8> = (0..1_048_576_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    client.send(bytes.clone()).await;
    assert_eq!(client.message().await, Message::binary(bytes));
}

#[tokio::test]
async fn fragments_come_back_as_one_message() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/echo").await;
    // Split within a character, with a ping in between.
    let [first, second] = ["ta\u{fc}".as_bytes().split_at(3).0, &"\u{fc}t".as_bytes()[1..]];
    let first = Frame::message(first.to_vec(), OpCode::Data(Data::Text), false);
    let second = Frame::message(second.to_vec(), OpCode::Data(Data::Continue), true);
    client.send(Message::Frame(first)).await;
    client.send(Message::Ping(Bytes::new())).await;
    client.send(Message::Frame(second)).await;
    assert_eq!(client.text().await, "ta\u{fc}t");
}

#[tokio::test]
async fn a_ping_is_answered() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/echo").await;
    client.send(Message::Ping(Bytes::from_static(b"are you there"))).await;
    assert_eq!(
        soon(client.socket.next()).await.unwrap().unwrap(),
        Message::Pong(Bytes::from_static(b"are you there"))
    );
}

#[tokio::test]
async fn many_messages_at_once_keep_their_order() {
    let server = server(|_| {});
    let (mut sink, mut stream) = Client::open(&server, "/echo").await.socket.split();
    let sending = tokio::spawn(async move {
        for n in 0..20_000 {
            sink.feed(Message::text(n.to_string())).await.unwrap();
        }
        sink.flush().await.unwrap();
        sink
    });
    for n in 0..20_000 {
        assert_eq!(
            soon(stream.next()).await.unwrap().unwrap(),
            Message::text(n.to_string())
        );
    }
    drop(soon(sending).await.unwrap());
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_buffered_for() {
    let server = server(|_| {});
    let (mut sink, mut stream) = Client::open(&server, "/echo").await.socket.split();
    // Far beyond what the buffers of both kernels hold.
    const COUNT: usize = 64;
    let sent = Arc::new(AtomicUsize::new(0));
    let sending = tokio::spawn({
        let sent = sent.clone();
        async move {
            for _ in 0..COUNT {
                sink.send(Message::binary(vec![7; 1_048_576])).await.unwrap();
                sent.fetch_add(1, Ordering::Relaxed);
            }
            sink
        }
    });
    // The server can't get rid of its echoes, so it stops reading, and the client can't write any more.
    let mut seen = usize::MAX;
    until(async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        std::mem::replace(&mut seen, sent.load(Ordering::Relaxed)) == seen
    })
    .await;
    assert!(seen < COUNT, "the server took everything");
    // As soon as the client reads, it goes on.
    for _ in 0..COUNT {
        assert_eq!(soon(stream.next()).await.unwrap().unwrap().len(), 1_048_576);
    }
    drop(soon(sending).await.unwrap());
}

#[tokio::test]
async fn a_close_is_answered_with_its_code() {
    let server = server(|_| {});
    for (code, reason) in [(1000, "done"), (3000, ""), (4999, "ünïcödé")] {
        let mut client = Client::open(&server, "/echo").await;
        client.send("before").await;
        client.close(code, reason).await;
        assert_eq!(client.end().await, End::Close(code, reason.into()));
    }
    let mut client = Client::open(&server, "/echo").await;
    soon(client.socket.close(None)).await.unwrap();
    assert_eq!(client.end().await, End::Close(1005, String::new()));
}

#[tokio::test]
async fn what_was_sent_before_a_close_is_echoed_before_the_answer() {
    let server = server(|_| {});
    let (mut sink, mut stream) = Client::open(&server, "/echo").await.socket.split();
    for n in 0..100 {
        sink.feed(Message::text(n.to_string())).await.unwrap();
    }
    sink.send(Message::Close(None)).await.unwrap();
    for n in 0..100 {
        assert_eq!(
            soon(stream.next()).await.unwrap().unwrap(),
            Message::text(n.to_string())
        );
    }
    assert_eq!(soon(stream.next()).await.unwrap().unwrap(), Message::Close(None));
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_told_so() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/echo").await;
    let text = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    client.send(Message::Frame(text)).await;
    assert_eq!(
        client.end().await,
        End::Close(1007, "a text message is not UTF-8".into())
    );

    let mut client = Client::open(&server, "/echo").await;
    let nothing_to_continue = Frame::message(vec![], OpCode::Data(Data::Continue), true);
    client.send(Message::Frame(nothing_to_continue)).await;
    assert!(matches!(client.end().await, End::Close(1002, _)));
}
