//! The first frame of a connection, and what may not be it.

use std::time::Duration;

use tautline::server::{Message, Parting, Peer};
use tautline::session::frame::{Control, Hello, Welcome};
use tautline::session::{Batch, Kind, Part};
use tokio::time::Instant;

use crate::client::{Node, hello, hello_again};

#[tokio::test(start_paused = true)]
async fn a_new_session_has_a_token_and_the_numbers_of_the_options() {
    let mut node = Node::with(|builder| {
        builder
            .window(77)
            .max_message(1000)
            .resume(Duration::from_secs(30))
            .heartbeat(Duration::from_secs(7))
    });
    let (_client, welcome, session) = node.open().await;
    let token = welcome.token.clone();
    let expected = Welcome {
        resumed: false,
        token: token.clone(),
        taken: 0,
        limit: 77,
        resume_ms: 30_000,
        heartbeat_ms: 7000,
        max_message: 1000,
        protocol: String::new(),
    };
    assert_eq!(welcome, expected);
    assert!(token.len() >= 32);
    assert!(!token.contains(&session.id()) && !session.id().contains(&token));
    assert!(!session.is_restored() && session.is_attached());
    let (_, other, _) = node.open().await;
    assert_ne!(other.token, token);
}

#[tokio::test(start_paused = true)]
async fn the_first_subprotocol_of_the_clients_that_the_server_knows_is_the_sessions_for_its_life() {
    let mut node = Node::with(|builder| builder.protocols(["one", "two"]));
    let offers = |protocols: &[&str], attempt| Hello {
        protocols: protocols.iter().map(|&protocol| protocol.into()).collect(),
        ..hello(attempt)
    };
    let mut client = node.connect();
    client.hello(&offers(&["three", "two", "one"], 1));
    let welcome = client.welcome().await;
    assert_eq!(welcome.protocol, "two");
    let session = node.session().await;
    assert_eq!(session.protocol(), "two");
    let again = Hello {
        token: welcome.token,
        ..offers(&["one"], 2)
    };
    assert_eq!(node.resume(&again).await.1.protocol, "two");

    let mut other = node.connect();
    other.hello(&offers(&["three"], 1));
    assert_eq!(other.welcome().await.protocol, "");
}

#[tokio::test(start_paused = true)]
async fn without_a_hello_the_connection_is_closed_with_4408() {
    let node = Node::new();
    let begin = Instant::now();
    let mut client = node.connect();
    client.send(Message::Control);
    assert_eq!(client.close_code().await, 4408);
    assert_eq!(begin.elapsed().as_secs(), 5);
    assert_eq!(node.sessions.stats().sessions, 0);
}

#[tokio::test(start_paused = true)]
async fn whatever_else_comes_first_is_4400() {
    let node = Node::new();
    let batch = Batch::encode(
        1,
        [Part {
            kind: Kind::Text,
            bytes: b"x",
        }],
    );
    let mut cut = hello(1).encode();
    cut.pop();
    for first in [
        Message::Text("1\u{1e}x".into()),
        Message::Text(String::new()),
        Message::Binary(Vec::new()),
        Message::Binary(batch),
        Message::Binary(Control::Ping(1).encode()),
        Message::Binary(Control::Ack { taken: 0, limit: 0 }.encode()),
        Message::Binary(
            Welcome {
                max_message: 1,
                ..Welcome::default()
            }
            .encode(),
        ),
        Message::Binary(vec![9]),
        Message::Binary(cut),
    ] {
        let mut client = node.connect();
        client.send(first.clone());
        assert_eq!(client.close_code().await, 4400, "{first:?}");
    }
    assert_eq!(node.sessions.stats().sessions, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_forbidden_ends_the_session_with_4400_and_no_other() {
    let mut node = Node::with(|builder| builder.window(8));
    let (neighbour, _, neighbours) = node.open().await;
    let text = |text: &str| Message::Text(text.into());
    for (what, frame) in [
        ("a second HELLO", Message::Binary(hello(2).encode())),
        ("a gap", text("2\u{1e}x")),
        ("past the limit", text(&format!("1{}", "\u{1e}".repeat(9)))),
        (
            "never sent",
            Message::Binary(Control::Ack { taken: 1, limit: 9 }.encode()),
        ),
        ("no number", text("x\u{1e}x")),
        ("a leading zero", text("01\u{1e}x")),
        ("position 0", text("0\u{1e}x")),
        ("no separator", text("1")),
        ("an unknown type", Message::Binary(vec![7])),
        ("an overlong varint", Message::Binary(vec![4, 0x80, 0])),
        ("a truncated varint", Message::Binary(vec![4, 0x80])),
        ("bytes behind", Message::Binary(vec![4, 1, 1])),
        ("text that is none", Message::Binary(vec![0, 1, 2, 0xff])),
    ] {
        let (mut client, welcome, session) = node.open().await;
        client.send(frame);
        assert_eq!(client.close_code().await, 4400, "{what}");
        assert_eq!(session.closed().await.code, 4400, "{what}");
        assert!(session.recv().await.is_none());
        // It stays ended.
        let mut again = node.connect();
        again.hello(&hello_again(&welcome, 2, 0));
        assert_eq!(again.said_bye().await.0, 4400, "{what}");
    }
    neighbour.texts(1, &["here"]);
    assert!(neighbours.recv().await.is_some());
    assert_eq!(node.sessions.stats().sessions, 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_of_a_foreign_origin_is_closed_with_4401() {
    let node = Node::with(|builder| builder.allow_origin("https://Example.com/"));
    let from = |origin: Option<&str>| Peer {
        origin: origin.map(Into::into),
        ..Peer::default()
    };
    for origin in [Some("https://example.com"), None] {
        let mut client = node.connect_as(from(origin), 8);
        client.hello(&hello(1));
        client.welcome().await;
        assert!(node.sessions.allows(origin));
    }
    for origin in ["https://example.org", "http://example.com", "null", ""] {
        let mut client = node.connect_as(from(Some(origin)), 8);
        assert_eq!(client.close_code().await, 4401, "{origin}");
        assert!(!node.sessions.allows(Some(origin)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_its_hello_leaves_nothing() {
    let node = Node::new();
    assert_eq!(node.connect().drop_link().await, Parting::Lost);
    let client = node.connect();
    client.send(Message::Close(Some((4000, "no".into()))));
    let left = Parting::Left {
        code: 4000,
        reason: "no".into(),
    };
    assert_eq!(client.drop_link().await, left);
    assert_eq!(node.sessions.stats(), Default::default());
}
