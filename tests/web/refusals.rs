//! What can't work, and what is said about it.

use std::time::Duration;

use tautline::codec::{DecodeError, Text};
use tautline::{ConnectError, Failure, Outbox, Reconnect, Socket, SplitError};
use wasm_bindgen_test::wasm_bindgen_test;

use super::server::{soon, url};

#[wasm_bindgen_test]
fn invalid_urls() {
    for invalid in [
        "ws://",
        "ftp://example.com",
        "ws://example.com/#part",
        "ws://[1",
        "javascript:1",
    ] {
        let error = Socket::<String>::builder(invalid).connect().expect_err(invalid);
        assert!(
            matches!(&error, ConnectError::Url { url, .. } if url == invalid),
            "{error:?}"
        );
        assert!(error.to_string().contains(invalid), "{error}");
    }
}

#[wasm_bindgen_test]
fn invalid_subprotocols() {
    for protocols in [&["a b"][..], &[""], &["chat", "chat"], &["a,b"], &["ü"]] {
        let error = Socket::<String>::builder(url("/echo"))
            .protocols(protocols.iter().copied())
            .connect()
            .unwrap_err();
        assert!(matches!(error, ConnectError::Protocol { .. }), "{error:?}");
    }
}

#[wasm_bindgen_test]
fn options_that_make_no_sense() {
    let builder = || Socket::<String>::builder(url("/echo"));
    let reconnect = |change: fn(&mut Reconnect)| {
        let mut reconnect = Reconnect::default();
        change(&mut reconnect);
        reconnect
    };
    let outbox = Outbox {
        messages: 0,
        ..Outbox::default()
    };
    for (result, option) in [
        (builder().outbox(outbox).connect(), "outbox"),
        (builder().connect_timeout(Duration::ZERO).connect(), "connect_timeout"),
        (
            builder().reconnect(reconnect(|it| it.factor = 0.5)).connect(),
            "reconnect",
        ),
        (
            builder().reconnect(reconnect(|it| it.max_attempts = Some(0))).connect(),
            "reconnect",
        ),
        (
            builder()
                .heartbeat(Duration::ZERO, Duration::ZERO, String::new)
                .connect(),
            "heartbeat",
        ),
    ] {
        match result.unwrap_err() {
            ConnectError::Option { option: named, .. } => assert_eq!(named, option),
            other => panic!("{other:?}"),
        }
    }
}

#[wasm_bindgen_test]
async fn a_refused_upgrade() {
    let socket = Socket::<String>::builder(url("/echo?refuse=403"))
        .reconnect(None)
        .connect()
        .unwrap();
    let closed = soon("the end", socket.opened()).await.unwrap_err();
    assert_eq!(closed.failure, Some(Failure::Refused));
    assert_eq!((closed.code, closed.was_clean), (1006, false));
    // A browser hides the status, and the words say so.
    assert!(closed.to_string().contains("browser"), "{closed}");
}

#[wasm_bindgen_test]
async fn a_port_where_nobody_listens() {
    // The second is one that browsers do not even try.
    for port in [20_809, 9] {
        let socket = Socket::<String>::builder(format!("ws://127.0.0.1:{port}/"))
            .reconnect(None)
            .connect()
            .unwrap();
        let closed = soon("the end", socket.closed()).await;
        assert_eq!(closed.failure, Some(Failure::Refused), "port {port}");
    }
}

#[wasm_bindgen_test]
async fn what_the_browser_finds_malformed_ends_the_connection() {
    for kind in ["opcode", "utf8"] {
        let socket = Socket::<String>::builder(url(&format!("/echo?malformed={kind}&after=0")))
            .codec(Text)
            .reconnect(None)
            .connect()
            .unwrap();
        let closed = soon("the end", socket.closed()).await;
        assert!(!closed.was_clean, "{kind}: {closed:?}");
    }
}

#[wasm_bindgen_test]
async fn a_second_split() {
    let socket = Socket::<String>::builder(url("/echo")).codec(Text).connect().unwrap();
    let (_sender, mut receiver) = socket.split();
    assert_eq!(socket.try_split().err(), Some(SplitError));
    let (mut sender, mut second) = socket.split();
    assert_eq!(second.next().await, Some(Err(DecodeError::AlreadySplit)));
    assert_eq!(second.next().await, None);
    drop(second);
    sender.send("to the first".into()).await.unwrap();
    assert_eq!(soon("an echo", receiver.next()).await, Some(Ok("to the first".into())));
}
