//! `max_message`, `max_connections`, and the two timeouts.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{
    Bytes, Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use crate::client::{Client, End, http, raw_open, server, soon, until};

fn too_big(max: usize) -> End {
    End::Close(1009, format!("messages may have at most {max} bytes"))
}

#[tokio::test]
async fn a_message_of_exactly_max_message_passes_and_one_byte_more_closes_with_1009() {
    let server = server(|config| config.max_message = 1000);
    let mut client = Client::open(&server, "/echo").await;
    client.echo(&"x".repeat(1000)).await;
    client.send("x".repeat(1001)).await;
    assert_eq!(client.end().await, too_big(1000));
}

#[tokio::test]
async fn bytes_count_not_characters() {
    let server = server(|config| config.max_message = 1000);
    let mut client = Client::open(&server, "/echo").await;
    client.echo(&"ä".repeat(500)).await;
    client.send("ä".repeat(501)).await;
    assert_eq!(client.end().await, too_big(1000));
}

#[tokio::test]
async fn the_limit_is_for_the_message_however_it_is_cut() {
    let server = server(|config| config.max_message = 1000);
    let mut client = Client::open(&server, "/echo").await;
    let half = |code, fin| Message::Frame(Frame::message(vec![b'x'; 600], OpCode::Data(code), fin));
    client.send(half(Data::Text, false)).await;
    client.send(half(Data::Continue, true)).await;
    assert_eq!(client.end().await, too_big(1000));
}

#[tokio::test]
async fn a_client_in_the_middle_of_sending_much_more_still_sees_1009() {
    let server = server(|_| {});
    for size in [1_048_577, 2_000_000, 30_000_000] {
        let (mut sink, mut stream) = Client::open(&server, "/echo").await.socket.split();
        // The rest of the message is still under way when the server answers its first bytes. And more follows.
        let sending = tokio::spawn(async move {
            let _ = sink.send(Message::binary(vec![0; size])).await;
            let _ = sink.send(Message::text("more")).await;
        });
        let close = soon(stream.next()).await.unwrap().expect("a close frame, no reset");
        let Message::Close(Some(frame)) = close else {
            panic!("not a close: {close:?}")
        };
        assert_eq!(u16::from(frame.code), 1009);
        soon(sending).await.unwrap();
    }
}

#[tokio::test]
async fn connections_beyond_max_connections_are_refused_until_one_ends() {
    let server = server(|config| config.max_connections = 2);
    let mut first = Client::open(&server, "/echo").await;
    let mut second = Client::open(&server, "/echo").await;
    assert_eq!(Client::try_open(&server, "/echo", &[]).await.err(), Some(503));
    first.echo("the others live on").await;
    second.echo("the others live on").await;
    assert_eq!(http(server.addr(), "GET /health", &[]).await.json()["connections"], 2);

    first.close(1000, "").await;
    first.end().await;
    // The place was given back before the client saw the end.
    Client::open(&server, "/echo").await.echo("in").await;
}

#[tokio::test]
async fn a_connection_that_is_refused_takes_no_place() {
    let server = server(|config| config.max_connections = 1);
    for _ in 0..3 {
        assert_eq!(
            Client::try_open(&server, "/echo?refuse=500", &[]).await.err(),
            Some(500)
        );
    }
    let _client = Client::open(&server, "/echo").await;
}

#[tokio::test]
async fn a_client_that_leaves_while_it_is_delayed_takes_no_place() {
    let server = server(|config| config.max_connections = 1);
    let mut tcp = soon(TcpStream::connect(server.addr())).await.unwrap();
    let request = "GET /echo?delay=600000 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    soon(tcp.write_all(request.as_bytes())).await.unwrap();
    let open = async || http(server.addr(), "GET /health", &[]).await.json()["connections"] == 1;
    until(open).await;
    drop(tcp);
    until(async || !open().await).await;
}

#[tokio::test]
async fn headers_that_do_not_arrive_in_time_end_the_connection() {
    let server = server(|config| config.handshake_timeout = Duration::from_millis(50));
    for start in ["", "GET /echo HTTP/1.1\r\nHost: x\r\nUpgr"] {
        let mut tcp = soon(TcpStream::connect(server.addr())).await.unwrap();
        let begin = Instant::now();
        soon(tcp.write_all(start.as_bytes())).await.unwrap();
        let mut answer = Vec::new();
        let _ = soon(tcp.read_to_end(&mut answer)).await;
        assert!(!answer.starts_with(b"HTTP/1.1 101"));
        assert!(begin.elapsed() >= Duration::from_millis(45));
    }
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_closed() {
    let server = server(|config| config.idle_timeout = Some(Duration::from_millis(100)));
    let begin = Instant::now();
    let mut client = Client::open(&server, "/echo").await;
    assert_eq!(
        client.end().await,
        End::Close(1001, "nothing received for 100 ms".into())
    );
    assert!(begin.elapsed() >= Duration::from_millis(95));
}

#[tokio::test]
async fn a_ping_is_something() {
    let server = server(|config| config.idle_timeout = Some(Duration::from_millis(1500)));
    let mut client = Client::open(&server, "/echo").await;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(2000) {
        client.send(Message::Ping(Bytes::new())).await;
        assert!(matches!(soon(client.socket.next()).await, Some(Ok(Message::Pong(_)))));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.echo("still open").await;
}

#[tokio::test]
async fn a_message_that_arrives_slowly_is_something() {
    let server = server(|config| config.idle_timeout = Some(Duration::from_millis(1500)));
    let (mut tcp, _) = raw_open(&server, "/echo").await;
    let begin = Instant::now();
    soon(tcp.write_all(&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0]))
        .await
        .unwrap();
    while begin.elapsed() < Duration::from_millis(2000) {
        soon(tcp.write_all(b"x")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut bytes = [0; 16];
    assert!(
        tcp.try_read(&mut bytes)
            .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    );
    // Then it stops, and is closed: 0x88, its length, 1001.
    let count = soon(tcp.read(&mut bytes)).await.unwrap();
    assert!(count > 4 && bytes[0] == 0x88 && bytes[2..4] == 1001_u16.to_be_bytes());
}
