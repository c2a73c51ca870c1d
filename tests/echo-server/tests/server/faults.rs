//! What a connection asks for in its query.

use std::{
    io,
    time::{Duration, Instant},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Client, End, raw_open, report, server, soon, text_frame, until};

#[tokio::test]
async fn refuse_answers_with_the_status() {
    let server = server(|_| {});
    for status in [200, 301, 401, 404, 429, 503, 599] {
        assert_eq!(
            Client::try_open(&server, &format!("/echo?refuse={status}"), &[])
                .await
                .err(),
            Some(status)
        );
    }
}

#[tokio::test]
async fn delay_comes_before_the_answer() {
    let server = server(|_| {});
    let begin = Instant::now();
    Client::open(&server, "/echo?delay=100").await.echo("at last").await;
    assert!(begin.elapsed() >= Duration::from_millis(100));
    let begin = Instant::now();
    assert_eq!(
        Client::try_open(&server, "/echo?delay=100&refuse=500", &[]).await.err(),
        Some(500)
    );
    assert!(begin.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn close_comes_after_so_many_messages_with_code_and_reason() {
    let server = server(|_| {});
    for after in [0, 1, 3] {
        let mut client = Client::open(&server, &format!("/echo?close=4000&after={after}&reason=w%C3%A4re+es")).await;
        for n in 0..after {
            client.echo(&n.to_string()).await;
        }
        assert_eq!(client.end().await, End::Close(4000, "wäre es".into()));
    }
    for code in [1000, 1001, 1008, 1011, 1012, 1013, 3000, 4999] {
        let mut client = Client::open(&server, &format!("/echo?close={code}")).await;
        assert_eq!(client.end().await, End::Close(code, String::new()));
    }
}

#[tokio::test]
async fn a_client_with_much_to_say_sees_the_close_all_the_same() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/echo?close=4000&after=1").await;
    for _ in 0..100 {
        client.send("one, and many more").await;
    }
    assert_eq!(client.text().await, "one, and many more");
    assert_eq!(client.end().await, End::Close(4000, String::new()));
}

#[tokio::test]
async fn reset_is_a_tcp_reset() {
    let server = server(|_| {});
    for after in [0, 2] {
        let mut client = Client::open(&server, &format!("/echo?reset=1&after={after}")).await;
        for n in 0..after {
            client.echo(&n.to_string()).await;
        }
        assert_eq!(client.end().await, End::Reset);
    }
    // Without a codec in between.
    let (mut tcp, _) = raw_open(&server, "/echo?reset=1&after=1").await;
    soon(tcp.write_all(&text_frame("now"))).await.unwrap();
    let mut bytes = Vec::new();
    let error = soon(tcp.read_to_end(&mut bytes)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(bytes, b"\x81\x03now");
}

#[tokio::test]
async fn drop_ends_the_stream_without_a_close_frame() {
    let server = server(|_| {});
    let (mut tcp, _) = raw_open(&server, "/echo?drop=1&after=1").await;
    // The second is never read as a message, and must not turn the end into a reset.
    soon(tcp.write_all(&[text_frame("one"), text_frame("two")].concat()))
        .await
        .unwrap();
    let mut bytes = Vec::new();
    soon(tcp.read_to_end(&mut bytes)).await.unwrap();
    assert_eq!(bytes, b"\x81\x03one");

    let mut client = Client::open(&server, "/echo?drop=1").await;
    assert_eq!(client.end().await, End::Eof);
}

#[tokio::test]
async fn silent_neither_reads_nor_writes_nor_ends() {
    let server = server(|_| {});
    let (mut tcp, _) = raw_open(&server, "/echo?silent=1&after=1&name=silent").await;
    soon(tcp.write_all(&text_frame("one"))).await.unwrap();
    let mut bytes = [0; 64];
    let count = soon(tcp.read(&mut bytes)).await.unwrap();
    assert_eq!(&bytes[..count], b"\x81\x03one");

    // A message, a ping and a close frame: nothing comes of them, and nothing is counted.
    soon(tcp.write_all(&text_frame("two"))).await.unwrap();
    soon(tcp.write_all(&[0x89, 0x80, 0, 0, 0, 0, 0x88, 0x80, 0, 0, 0, 0]))
        .await
        .unwrap();
    let read = tokio::time::timeout(Duration::from_millis(700), tcp.read(&mut bytes)).await;
    assert!(read.is_err(), "silence was broken: {read:?}");
    let known = report(&server, "silent").await;
    assert_eq!((known["messages"].as_u64(), known["open"].as_u64()), (Some(1), Some(1)));

    // It does not outlive its client.
    drop(tcp);
    until(async || report(&server, "silent").await["open"] == 0).await;
    assert_eq!(report(&server, "silent").await["lastClose"]["code"], 1006);
}

#[tokio::test]
async fn silent_stops_reading_so_that_the_client_can_not_send_for_ever() {
    let server = server(|_| {});
    let (mut tcp, _) = raw_open(&server, "/echo?silent=1").await;
    let chunk = vec![0; 1_048_576];
    let endless = async {
        loop {
            tokio::time::timeout(Duration::from_millis(500), tcp.write_all(&chunk)).await??;
        }
    };
    let end: io::Result<()> = soon(endless).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn greet_comes_with_the_answer_to_the_upgrade() {
    let server = server(|_| {});
    // One read takes the answer and the greeting: they left in one write.
    let (_, rest) = raw_open(&server, "/echo?greet=gr%C3%BC%C3%9F+dich").await;
    assert_eq!(rest, [b"\x81\x0b", "grüß dich".as_bytes()].concat());

    let mut client = Client::open(&server, "/echo?greet=hello&close=4000&after=1").await;
    assert_eq!(client.text().await, "hello");
    client.echo("then as usual").await;
    assert_eq!(client.end().await, End::Close(4000, String::new()));
}

#[tokio::test]
async fn a_greeting_may_be_long_or_empty() {
    let server = server(|_| {});
    for length in [0, 125, 126, 5000] {
        let text = "x".repeat(length);
        let mut client = Client::open(&server, &format!("/echo?greet={text}")).await;
        assert_eq!(client.text().await, text);
    }
}

#[tokio::test]
async fn flood_sends_so_many_messages_in_order() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/echo?flood=5000&size=100").await;
    for n in 1..=5000 {
        let text = client.text().await;
        assert_eq!(text.len(), 100);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            serde_json::json!({ "n": n })
        );
    }
    client.echo("and echoes after that").await;
}

#[tokio::test]
async fn greet_flood_and_close_come_in_this_order() {
    let server = server(|_| {});
    let mut client = Client::open(&server, "/echo?close=4000&flood=2&greet=hello").await;
    assert_eq!(client.text().await, "hello");
    assert_eq!(client.text().await, r#"{"n":1}"#);
    assert_eq!(client.text().await, r#"{"n":2}"#);
    assert_eq!(client.end().await, End::Close(4000, String::new()));
}

#[tokio::test]
async fn malformed_frames_go_out_as_they_are() {
    let server = server(|_| {});
    for (kind, frame) in [
        ("opcode", &b"\x83\x02hi"[..]),
        ("rsv", b"\xc1\x02hi"),
        ("utf8", b"\x81\x02\xff\xfe"),
        ("masked", b"\x81\x82\0\0\0\0hi"),
        ("control", b"\x09\x02hi"),
        ("continuation", b"\x80\x02hi"),
        ("oversize", b"\x81\x7f\x40\0\0\0\0\0\0\0hi"),
        ("truncated", b"\x81\x64hi"),
    ] {
        let (mut tcp, mut bytes) = raw_open(&server, &format!("/echo?malformed={kind}&after=1")).await;
        soon(tcp.write_all(&text_frame("one"))).await.unwrap();
        let expected = [b"\x81\x03one", frame].concat();
        while bytes.len() < expected.len() {
            assert_ne!(soon(tcp.read_buf(&mut bytes)).await.unwrap(), 0, "{kind}");
        }
        assert_eq!(bytes, expected, "{kind}");
        if kind == "truncated" {
            assert_eq!(soon(tcp.read_buf(&mut bytes)).await.unwrap(), 0);
        } else {
            // The connection lives on: what becomes of it is up to the client.
            soon(tcp.write_all(&text_frame("two"))).await.unwrap();
            while bytes.len() < expected.len() + 5 {
                assert_ne!(soon(tcp.read_buf(&mut bytes)).await.unwrap(), 0, "{kind}");
            }
            assert!(bytes.ends_with(b"\x81\x03two"), "{kind}");
        }
    }
}

#[tokio::test]
async fn a_client_finds_each_malformed_frame_broken() {
    let server = server(|_| {});
    for kind in ["opcode", "rsv", "utf8", "masked", "control", "continuation"] {
        let mut client = Client::open(&server, &format!("/echo?malformed={kind}")).await;
        let end = client.end().await;
        assert!(matches!(end, End::Broken(_)), "{kind}: {end:?}");
    }
}

#[tokio::test]
async fn times_spends_the_faults_on_the_first_attempts_of_a_name() {
    let server = server(|_| {});
    let path = "/echo?refuse=503&greet=hello&name=first&times=2";
    assert_eq!(Client::try_open(&server, path, &[]).await.err(), Some(503));
    assert_eq!(Client::try_open(&server, path, &[]).await.err(), Some(503));
    let mut client = Client::open(&server, path).await;
    // No greeting comes first.
    client.echo("treated well").await;
    // Another name counts for itself.
    assert_eq!(
        Client::try_open(&server, "/echo?refuse=503&name=second&times=1", &[])
            .await
            .err(),
        Some(503)
    );

    let path = "/echo?reset=1&after=1&name=third&times=1";
    let mut client = Client::open(&server, path).await;
    client.send("one").await;
    assert_eq!(client.end().await, End::Reset);
    let mut client = Client::open(&server, path).await;
    client.echo("one").await;
    client.echo("two").await;
}
