//! `/echo` where the client offers `tautline.v1`. What a session is, is tested with `tautline::server`; here is what the echo
//! server makes of it.

use std::time::Duration;

use serde_json::json;
use tautline::session::{
    Batch, Kind, PROTOCOL, Part,
    frame::{self, Bye, Control, FromServer, Hello, Welcome},
};
use tautline_echo::Server;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Client, End, http, order, report, server, soon, until};

const OFFER: (&str, &str) = ("sec-websocket-protocol", PROTOCOL);

fn hello(token: &str, attempt: u64, taken: u64) -> Hello {
    Hello {
        token: token.into(),
        taken,
        limit: taken + 1024,
        attempt,
        max_message: 1 << 20,
        protocols: vec!["superchat".into(), "chat".into()],
    }
}

async fn connect(server: &Server, path: &str) -> Client {
    let client = Client::try_open(server, path, &[OFFER])
        .await
        .expect("the upgrade succeeds");
    assert_eq!(client.protocol.as_deref(), Some(PROTOCOL));
    client
}

/// A connection that carries a session.
async fn open(server: &Server, path: &str, hello: &Hello) -> (Client, Welcome) {
    let mut client = connect(server, path).await;
    client.send(hello.encode()).await;
    let Message::Binary(bytes) = client.message().await else {
        panic!("not a frame of bytes");
    };
    match FromServer::decode(&bytes) {
        Ok(FromServer::Welcome(welcome)) => (client, welcome),
        other => panic!("not a WELCOME: {other:?}"),
    }
}

async fn control(client: &mut Client, control: Control) {
    client.send(control.encode()).await;
}

async fn texts(client: &mut Client, first: u64, texts: &[&str]) {
    let frame = frame::encode_text(first, texts.iter().copied()).expect("text that can travel so");
    client.send(frame).await;
}

/// The next messages of the session, as text, and the position of the first.
async fn messages(client: &mut Client) -> (u64, Vec<String>) {
    loop {
        if let Message::Text(frame) = client.message().await {
            let (first, messages) = frame::decode_text(&frame).expect("a frame");
            return (first, messages.map(String::from).collect());
        }
    }
}

async fn collect(client: &mut Client, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(messages(client).await.1);
    }
    all
}

async fn health(server: &Server, field: &str) -> u64 {
    http(server.addr(), "GET /health", &[]).await.json()[field]
        .as_u64()
        .expect("a number")
}

#[tokio::test]
async fn text_comes_back_as_text_and_bytes_as_bytes() {
    let server = server(|_| {});
    let (mut client, welcome) = open(&server, "/echo", &hello("", 1, 0)).await;
    assert_eq!(
        (welcome.resumed, welcome.limit, welcome.resume_ms, welcome.heartbeat_ms),
        (false, 1024, 120_000, 15_000)
    );
    texts(&mut client, 1, &["one", ""]).await;
    assert_eq!(collect(&mut client, 2).await, ["one", ""]);
    let odd = Part {
        kind: Kind::Bytes,
        bytes: &[0xff],
    };
    client.send(Batch::encode(3, [odd])).await;
    loop {
        if let Message::Binary(bytes) = client.message().await
            && let Ok(FromServer::Batch(batch)) = FromServer::decode(&bytes)
        {
            assert_eq!((batch.first, batch.parts().collect::<Vec<_>>()), (3, vec![odd]));
            break;
        }
    }
}

#[tokio::test]
async fn durable_is_what_offers_tautline_v1_alone() {
    let server = server(|config| config.protocols = vec!["chat".into()]);
    let offers = [("sec-websocket-protocol", "tautline.v1, chat")];
    let mut client = Client::try_open(&server, "/echo", &offers).await.unwrap();
    assert_eq!(client.protocol.as_deref(), Some("chat"));
    client.echo("plain").await;
    let (_client, welcome) = open(&server, "/echo", &hello("", 1, 0)).await;
    assert_eq!(welcome.protocol, "chat");
}

#[tokio::test]
async fn the_flags_are_the_sessions_numbers() {
    let server = server(|config| {
        config.resume = Duration::from_millis(5000);
        config.heartbeat = Duration::from_millis(300);
        config.window = 7;
        config.max_message = 100;
        config.max_sessions = 1;
        config.handshake_timeout = Duration::from_millis(100);
    });
    let (mut client, welcome) = open(&server, "/echo", &hello("", 1, 0)).await;
    let numbers = (
        welcome.resume_ms,
        welcome.heartbeat_ms,
        welcome.limit,
        welcome.max_message,
    );
    assert_eq!(numbers, (5000, 300, 7, 100));
    texts(&mut client, 1, &["used"]).await;
    assert_eq!(collect(&mut client, 1).await, ["used"]);
    let mut other = connect(&server, "/echo").await;
    other.send(hello("", 1, 0).encode()).await;
    assert_eq!(other.end().await, End::Close(4429, "too many sessions".into()));
    let mut mute = connect(&server, "/echo").await;
    assert_eq!(mute.end().await, End::Close(4408, "no HELLO in time".into()));
    texts(&mut client, 2, &[&"x".repeat(101)]).await;
    assert_eq!(client.end().await, End::Close(4413, "message too big".into()));
}

#[tokio::test]
async fn a_session_survives_every_fault_and_what_had_arrived_did() {
    let server = server(|_| {});
    for (query, end) in [
        ("close=4000&reason=x", End::Close(4000, "x".into())),
        ("reset=1", End::Reset),
        ("drop=1", End::Eof),
    ] {
        let (mut client, welcome) = open(&server, &format!("/echo?{query}&after=2"), &hello("", 1, 0)).await;
        texts(&mut client, 1, &["one"]).await;
        assert_eq!(collect(&mut client, 1).await, ["one"], "{query}");
        texts(&mut client, 2, &["two"]).await;
        assert_eq!(client.end().await, end, "{query}");
        let (mut client, resumed) = open(&server, "/echo", &hello(&welcome.token, 2, 1)).await;
        assert!(resumed.resumed, "{query}");
        assert_eq!(messages(&mut client).await, (2, vec!["two".into()]), "{query}");
    }
}

#[tokio::test]
async fn a_fault_without_after_comes_before_the_hello_and_times_counts_attempts() {
    let server = server(|_| {});
    let path = "/echo?name=a&reset=1&times=2";
    for _ in 0..2 {
        assert_eq!(connect(&server, path).await.end().await, End::Reset);
    }
    let (mut client, _) = open(&server, path, &hello("", 3, 0)).await;
    texts(&mut client, 1, &["through"]).await;
    assert_eq!(collect(&mut client, 1).await, ["through"]);
    assert_eq!(report(&server, "a").await["messages"], 1);
}

#[tokio::test]
async fn a_silent_connection_says_nothing_and_its_session_goes_on_elsewhere() {
    let server = server(|_| {});
    let (mut client, welcome) = open(&server, "/echo?silent=1&after=1", &hello("", 1, 0)).await;
    texts(&mut client, 1, &["one"]).await;
    until(async || health(&server, "attached").await == 0).await;
    let (mut other, _) = open(&server, "/echo", &hello(&welcome.token, 2, 0)).await;
    assert_eq!(collect(&mut other, 1).await, ["one"]);
    assert!(
        tokio::time::timeout(Duration::from_millis(100), client.message())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_broken_frame_of_the_servers_is_a_cut_like_any_other() {
    let server = server(|_| {});
    let (mut client, welcome) = open(&server, "/echo?malformed=rsv&after=1", &hello("", 1, 0)).await;
    texts(&mut client, 1, &["one"]).await;
    assert!(matches!(client.end().await, End::Broken(_)));
    let (mut client, resumed) = open(&server, "/echo", &hello(&welcome.token, 2, 0)).await;
    assert!(resumed.resumed);
    assert_eq!(collect(&mut client, 1).await, ["one"]);
}

#[tokio::test]
async fn what_the_websocket_itself_forbids_closes_with_its_code_and_ends_the_session() {
    let server = server(|config| config.max_message = 1000);
    let masked = |first: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).expect("a short frame");
        [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
    };
    for (what, bytes, code) in [
        ("a text that is no UTF-8", masked(0x81, &[0xff, 0xfe]), 1007),
        ("a reserved opcode", masked(0x83, b"hi"), 1002),
        ("a bit of an extension", masked(0xc1, b"hi"), 1002),
    ] {
        let (mut client, welcome) = open(&server, "/echo", &hello("", 1, 0)).await;
        client.send_raw(&bytes).await;
        let end = client.end().await;
        assert!(
            matches!(end, End::Close(closed, _) if closed == code),
            "{what}: {end:?}"
        );
        assert_eq!(bye(&server, &welcome.token).await, u64::from(code), "{what}");
    }
    let (mut client, welcome) = open(&server, "/echo", &hello("", 1, 0)).await;
    client.send(Message::binary(vec![0; 200_000])).await;
    assert!(matches!(client.end().await, End::Close(1009, _)));
    assert_eq!(bye(&server, &welcome.token).await, 1009);
}

/// The code of the BYE that answers whoever comes back.
async fn bye(server: &Server, token: &str) -> u64 {
    let mut client = connect(server, "/echo").await;
    client.send(hello(token, 99, 0).encode()).await;
    let Message::Binary(bytes) = client.message().await else {
        panic!("not a frame of bytes");
    };
    match FromServer::decode(&bytes) {
        Ok(FromServer::Control(Control::Bye(bye))) => bye.code,
        other => panic!("not a BYE: {other:?}"),
    }
}

#[tokio::test]
async fn an_echo_that_the_client_does_not_take_ends_the_session_and_says_why() {
    let server = server(|_| {});
    let small = Hello {
        max_message: 10,
        ..hello("", 1, 0)
    };
    let (mut client, welcome) = open(&server, "/echo", &small).await;
    texts(&mut client, 1, &["eleven bytes"]).await;
    assert_eq!(client.end().await, End::Close(1000, String::new()));
    assert_eq!(bye(&server, &welcome.token).await, 4413);
}

#[tokio::test]
async fn a_large_message_over_a_slow_link_is_not_silence() {
    let server = server(|config| config.heartbeat = Duration::from_millis(50));
    let (mut client, _) = open(&server, "/echo", &hello("", 1, 0)).await;
    let frame = frame::encode_text(1, [&*"x".repeat(1000)]).expect("text that can travel so");
    let length = u16::try_from(frame.len()).expect("not too long").to_be_bytes();
    let bytes = [&[0x81, 0x80 | 126, length[0], length[1], 0, 0, 0, 0], frame.as_bytes()].concat();
    let (slow, rest) = bytes.split_at(140);
    // Longer than twice the heartbeat, and the 5 s for an answer.
    for byte in slow.chunks(1) {
        client.send_raw(byte).await;
        tokio::time::sleep(Duration::from_millis(45)).await;
    }
    client.send_raw(rest).await;
    assert_eq!(collect(&mut client, 1).await[0].len(), 1000);
}

#[tokio::test]
async fn orders_reach_durable_connections() {
    let server = server(|_| {});
    let (mut client, welcome) = open(&server, "/echo?name=a", &hello("", 1, 0)).await;
    assert_eq!(order(&server, "a?send=pushed").await, 1);
    assert_eq!(messages(&mut client).await, (1, vec!["pushed".into()]));
    assert_eq!(order(&server, "a?close=4000").await, 1);
    assert_eq!(client.end().await, End::Close(4000, String::new()));
    assert!(open(&server, "/echo", &hello(&welcome.token, 2, 0)).await.1.resumed);
}

#[tokio::test]
async fn take_takes_slowly() {
    let server = server(|config| config.window = 4);
    let (mut client, _) = open(&server, "/echo?take=600000", &hello("", 1, 0)).await;
    texts(&mut client, 1, &["x"; 4]).await;
    until(async || health(&server, "heldBytes").await == 4 * 33).await;
    // Past the limit, which nothing that was taken has raised.
    texts(&mut client, 5, &["x"]).await;
    assert!(matches!(client.end().await, End::Close(4400, _)));
}

#[tokio::test]
async fn push_sends_no_more_than_may_be_sent_and_no_less() {
    let server = server(|_| {});
    let begin = Hello {
        limit: 10,
        ..hello("", 1, 0)
    };
    let (mut client, _) = open(&server, "/echo?push=50&size=20", &begin).await;
    let first = collect(&mut client, 10).await;
    assert_eq!((first.len(), &*first[9]), (10, r#"{"n":10}            "#));
    control(&mut client, Control::Ack { taken: 10, limit: 50 }).await;
    assert_eq!(collect(&mut client, 40).await.len(), 40);
}

#[tokio::test]
async fn push_and_sink_answer_in_sessions() {
    let server = server(|_| {});
    let (mut client, _) = open(&server, "/push?messages=300&bytes=20", &hello("", 1, 0)).await;
    texts(&mut client, 1, &["go"]).await;
    let pushed = collect(&mut client, 300).await;
    assert_eq!((pushed.len(), &*pushed[299]), (300, r#"{"n":300}           "#));
    let (mut client, _) = open(&server, "/sink?messages=300", &hello("", 1, 0)).await;
    texts(&mut client, 1, &["x"; 299]).await;
    texts(&mut client, 300, &["x"]).await;
    assert_eq!(collect(&mut client, 1).await, [r#"{"taken":300}"#]);
}

#[tokio::test]
async fn another_principal_has_no_part_in_a_session() {
    let server = server(|_| {});
    let (_client, welcome) = open(&server, "/echo?principal=anna", &hello("", 1, 0)).await;
    for path in ["/echo", "/echo?principal=bert"] {
        assert!(
            !open(&server, path, &hello(&welcome.token, 9, 0)).await.1.resumed,
            "{path}"
        );
    }
    assert!(
        open(&server, "/echo?principal=anna", &hello(&welcome.token, 2, 0))
            .await
            .1
            .resumed
    );
}

#[tokio::test]
async fn what_is_for_the_other_kind_of_connection_is_named() {
    let server = server(|_| {});
    for path in ["/echo?take=1", "/echo?push=1", "/echo?principal=a"] {
        assert_eq!(Client::try_open(&server, path, &[]).await.err(), Some(400), "{path}");
    }
    for path in ["/echo?flood=1", "/echo?protocol=chat", "/echo?size=1"] {
        assert_eq!(
            Client::try_open(&server, path, &[OFFER]).await.err(),
            Some(400),
            "{path}"
        );
    }
}

#[tokio::test]
async fn health_counts_sessions_and_forgotten_ones_are_lost() {
    let server = server(|_| {});
    let (mut one, welcome) = open(&server, "/echo", &hello("", 1, 0)).await;
    let (mut two, ended) = open(&server, "/echo", &hello("", 1, 0)).await;
    assert_eq!(
        (health(&server, "sessions").await, health(&server, "attached").await),
        (2, 2)
    );
    let bye = Bye {
        code: 4000,
        reason: "over".into(),
    };
    control(&mut two, Control::Bye(bye)).await;
    assert_eq!(two.end().await, End::Close(1000, String::new()));
    until(async || health(&server, "sessions").await == 1).await;

    let reply = http(server.addr(), "POST /sessions/forget", &[]).await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "forgotten": 1 })));
    assert!(matches!(one.end().await, End::Close(1001, _)));
    until(async || health(&server, "sessions").await == 0).await;
    assert_eq!(health(&server, "heldBytes").await, 0);
    for token in [welcome.token, ended.token] {
        assert!(!open(&server, "/echo", &hello(&token, 2, 0)).await.1.resumed);
    }
}

#[tokio::test]
async fn stop_closes_durable_connections_with_1001() {
    let server = server(|_| {});
    let (mut client, _) = open(&server, "/echo", &hello("", 1, 0)).await;
    let stopped = tokio::spawn(server.stop());
    assert_eq!(client.end().await, End::Close(1001, "the server is going away".into()));
    soon(stopped).await.unwrap();
}
