//! Bounds: sessions, addresses, principals, bytes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tautline::Payload;
use tautline::server::{MemoryStore, Peer, SendError};

use crate::client::{Client, Node, TestSession, hello, hello_again, soon, text, until};

async fn used(node: &mut Node) -> (Client, tautline::session::Welcome, TestSession) {
    let (client, welcome, session) = node.open().await;
    client.texts(1, &["used"]);
    assert!(session.recv().await.is_some());
    (client, welcome, session)
}

async fn is_refused(node: &Node, peer: Peer) -> bool {
    let mut client = node.connect_as(peer, 100);
    client.hello(&hello(1));
    matches!(client.frame().await, crate::client::Frame::Close(4429, _))
}

#[tokio::test(start_paused = true)]
async fn full_of_sessions_new_ones_are_4429_and_the_others_go_on() {
    let mut node = Node::with(|builder| builder.max_sessions(2));
    let (one, _, first) = used(&mut node).await;
    let (two, welcome, second) = used(&mut node).await;
    two.drop_link().await;
    assert!(is_refused(&node, Peer::default()).await);
    one.texts(2, &["on"]);
    assert_eq!(first.recv().await, Some(Ok(text("on"))));
    assert!(
        node.resume(&hello_again(&welcome, 2, 0)).await.1.resumed,
        "those that are there may come back"
    );
    drop(second);
    until(|| node.sessions.stats().sessions == 1).await;
    node.open().await;
}

#[tokio::test(start_paused = true)]
async fn those_that_were_never_used_make_room_the_oldest_first() {
    let mut node = Node::with(|builder| builder.max_sessions(3));
    let (one, _, first) = used(&mut node).await;
    let (mut two, _, second) = node.open().await;
    let (_three, welcome, third) = node.open().await;
    let (_four, ..) = node.open().await;
    assert_eq!(two.close_code().await, 4429);
    assert_eq!(second.closed().await.code, 4429);
    one.texts(2, &["on"]);
    assert_eq!(first.recv().await, Some(Ok(text("on"))));
    assert!(node.resume(&hello_again(&welcome, 2, 0)).await.1.resumed);
    drop(third);
}

#[tokio::test(start_paused = true)]
async fn one_whose_client_came_back_makes_no_room() {
    let mut node = Node::with(|builder| builder.max_sessions(1));
    let (client, welcome, _session) = node.open().await;
    client.drop_link().await;
    let _client = node.resume(&hello_again(&welcome, 2, 0)).await;
    assert!(is_refused(&node, Peer::default()).await);
}

#[tokio::test(start_paused = true)]
async fn one_that_its_client_has_lost_gives_its_place_to_the_new_one() {
    let store = crate::slow::Slow::seeded(1);
    let mut node = Node::with(|builder| builder.store(store).max_sessions(1));
    let (_client, welcome, _session) = used(&mut node).await;
    let (_client, new) = node.resume(&hello_again(&welcome, 2, 99)).await;
    assert!(!new.resumed);
    assert_eq!(node.sessions.stats().sessions, 1);
}

#[tokio::test(start_paused = true)]
async fn a_handle_to_send_with_keeps_nothing_of_a_session_that_is_over() {
    let kept = Arc::new(());
    let witness = Arc::downgrade(&kept);
    // What allows origins is the sessions', and each session has a part in them.
    let mut node = Node::with(move |builder| builder.allow_origins_with(move |_| Arc::strong_count(&kept) > 0));
    let (client, _, session) = node.open().await;
    let sender = session.sender();
    client.bye(1000, "");
    session.closed().await;
    client.drop_link().await;
    drop((session, node));
    assert_eq!(sender.try_send(text("late")), Err(SendError::Closed));
    assert!(witness.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_address_and_a_principal_have_their_quotas() {
    let mut node = Node::with(|builder| builder.max_sessions_per_address(2).max_sessions_per_principal(1));
    let peer = |address: &str, principal: Option<&str>| Peer {
        origin: None,
        principal: principal.map(Into::into),
        address: Some(address.parse::<IpAddr>().unwrap()),
    };
    let mut kept = Vec::new();
    for (address, principal, fits) in [
        ("192.0.2.1", Some("anna"), true),
        ("192.0.2.2", Some("anna"), false),
        ("192.0.2.1", None, true),
        ("192.0.2.1", None, false),
        ("::ffff:192.0.2.1", None, false),
        ("192.0.2.2", None, true),
        ("2001:db8::1", None, true),
        ("2001:db8::ffff:1", None, true),
        ("2001:db8::2:0:0:1", None, false),
        ("2001:db8:0:1::1", None, true),
    ] {
        let mut client = node.connect_as(peer(address, principal), 100);
        client.hello(&hello(1));
        if fits {
            client.welcome().await;
            kept.push((client, node.session().await));
        } else {
            assert_eq!(client.close_code().await, 4429, "{address}");
        }
    }
    // What ends gives its place back.
    let (client, session) = kept.remove(0);
    client.bye(1000, "");
    session.closed().await;
    assert!(!is_refused(&node, peer("192.0.2.1", Some("anna"))).await);
}

#[tokio::test(start_paused = true)]
async fn past_what_sessions_without_a_connection_may_hold_the_last_one_of_the_greediest_goes() {
    let mut node = Node::with(|builder| builder.max_detached_bytes(1_000_000));
    let mut sessions = Vec::new();
    for (address, size) in [
        ("192.0.2.1", 400_000),
        ("192.0.2.2", 200_000),
        ("192.0.2.2", 150_000),
        ("192.0.2.2", 150_000),
    ] {
        let peer = Peer {
            address: Some(address.parse::<IpAddr>().unwrap()),
            ..Peer::default()
        };
        let mut client = node.connect_as(peer, 100);
        client.hello(&hello(1));
        let welcome = client.welcome().await;
        let session = node.session().await;
        session.send(Payload::Bytes(vec![0; size])).await.unwrap();
        client.drop_link().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        sessions.push((welcome, session));
    }
    assert_eq!(node.sessions.stats().detached_bytes, 900_000 + 4 * 32);
    // Whoever pushes past the bound is not the one to go, nor the fullest.
    sessions[0].1.send(Payload::Bytes(vec![0; 100_000])).await.unwrap();
    let end = soon(sessions[3].1.closed()).await;
    assert_eq!((end.code, end.unacknowledged.len()), (1006, 1));
    assert_eq!(node.sessions.stats().detached_bytes, 850_000 + 4 * 32);
    for (_, session) in &sessions[..3] {
        assert!(session.try_send(text("on")).is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn past_what_all_sessions_may_hold_each_gets_on_one_message_at_a_time() {
    let mut node = Node::with(|builder| builder.max_held_bytes(1000));
    let (mut client, _, one) = node.open().await;
    let (_other, _, two) = node.open().await;
    let large = || Payload::Bytes(vec![0; 2000]);
    for session in [&one, &two] {
        session.try_send(large()).unwrap();
        assert_eq!(session.try_send(text("x")), Err(SendError::Full));
    }
    let sender = one.sender();
    let sending = tokio::spawn(async move { sender.send(text("next")).await });
    assert_eq!(client.collect(1).await, [large()]);
    client.ack(1, 1025);
    soon(sending).await.unwrap().unwrap();
    assert_eq!(client.collect(1).await, [text("next")]);
    assert_eq!(two.try_send(text("x")), Err(SendError::Full));
}

#[tokio::test(start_paused = true)]
async fn what_is_over_takes_up_no_memory() {
    let store = MemoryStore::new();
    let kept = store.clone();
    let mut node = Node::with(|builder| builder.store(store).resume(Duration::from_secs(60)));
    for _ in 0..50 {
        let (client, _, session) = node.open().await;
        session.send(Payload::Bytes(vec![0; 10_000])).await.unwrap();
        client.texts(1, &["x"; 100]);
        until(|| session.inbox().messages == 100).await;
        client.drop_link().await;
        drop(session);
    }
    until(|| node.sessions.stats().sessions == 0).await;
    assert_eq!(node.sessions.stats(), Default::default());
    assert!(kept.is_empty());
    // Nobody's session.
    let client = node.connect();
    client.hello(&hello(1));
    let session = node.session().await;
    client.drop_link().await;
    assert_eq!((node.sessions.stats().sessions, kept.len()), (1, 1));
    assert_eq!(session.closed().await.code, 1006);
    assert_eq!((node.sessions.stats(), kept.len()), (Default::default(), 0));
}
