//! How sessions end: by either side, and by the server's shutdown.

use std::time::Duration;

use tautline::Payload;
use tautline::server::{MemoryStore, Message, Parting, SendError, Shutdown};
use tautline::session::frame::Control;
use tokio::time::Instant;

use crate::client::{Frame, Node, hello, hello_again, soon, text, until};

#[tokio::test(start_paused = true)]
async fn after_the_clients_bye_the_rest_is_given_and_what_it_has_not_taken_comes_back() {
    let mut node = Node::new();
    let (mut client, welcome, session) = node.open().await;
    session.send(text("one")).await.unwrap();
    session.send(text("two")).await.unwrap();
    client.collect(2).await;
    client.ack(1, 1025);
    client.texts(1, &["first", "last"]);
    client.bye(4001, "done");
    assert_eq!(client.closed().await, (1000, String::new()));
    assert_eq!(session.recv().await, Some(Ok(text("first"))));
    assert_eq!(session.recv().await, Some(Ok(text("last"))));
    assert_eq!(session.recv().await, None);
    let end = session.closed().await;
    assert_eq!(
        (end.code, &*end.reason, end.unacknowledged),
        (4001, "done", vec![text("two")])
    );
    assert_eq!(session.send(text("late")).await, Err(SendError::Closed));
    assert_eq!(session.flush().await, Err(SendError::Closed));
    let mut again = node.connect();
    again.hello(&hello_again(&welcome, 2, 2));
    assert_eq!(again.said_bye().await, (4001, "done".into()));
}

#[tokio::test(start_paused = true)]
async fn an_end_is_remembered_for_the_resume_time() {
    let mut node = Node::with(|builder| builder.resume(Duration::from_secs(60)));
    let (mut client, welcome, session) = node.open().await;
    client.bye(1000, &"ä".repeat(100_000));
    client.closed().await;
    assert_eq!(session.closed().await.reason.len(), 122);
    tokio::time::sleep(Duration::from_secs(59)).await;
    let mut again = node.connect();
    again.hello(&hello_again(&welcome, 2, 0));
    assert_eq!(again.said_bye().await.0, 1000);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!node.resume(&hello_again(&welcome, 3, 0)).await.1.resumed);
}

#[tokio::test(start_paused = true)]
async fn close_waits_until_all_is_taken_and_tells_what_was_taken_before_its_bye() {
    let mut node = Node::new();
    let (mut client, _, session) = node.open().await;
    client.texts(1, &["taken"]);
    assert_eq!(session.recv().await, Some(Ok(text("taken"))));
    session.send(text("last")).await.unwrap();
    let closing = tokio::spawn(async move { session.close(4000, "good bye").await });
    assert_eq!(client.collect(1).await, [text("last")]);
    client.ack(1, 1025);
    assert_eq!(
        client.frame().await,
        Frame::Control(Control::Ack { taken: 1, limit: 1025 })
    );
    assert_eq!(client.said_bye().await, (4000, "good bye".into()));
    let end = soon(closing).await.unwrap();
    assert_eq!((end.code, end.unacknowledged), (4000, vec![]));
}

#[tokio::test(start_paused = true)]
async fn close_does_not_wait_for_ever_for_a_client_that_does_not_take() {
    let mut node = Node::with(|builder| builder.close_timeout(Duration::from_secs(3)));
    let (mut client, _, session) = node.open().await;
    session.send(text("not taken")).await.unwrap();
    let begin = Instant::now();
    let closing = tokio::spawn(async move { session.close(1000, "").await });
    assert_eq!(client.said_bye().await.0, 1000);
    assert_eq!(begin.elapsed().as_secs(), 3);
    assert_eq!(soon(closing).await.unwrap().unacknowledged, [text("not taken")]);
}

#[tokio::test(start_paused = true)]
async fn nor_for_one_that_does_not_read() {
    let mut node = Node::new();
    let client = node.connect_as(Default::default(), 0);
    client.hello(&hello(1));
    let session = node.session().await;
    for _ in 0..10 {
        session.send(Payload::Bytes(vec![0; 100_000])).await.unwrap();
    }
    let begin = Instant::now();
    let end = soon(session.close(1000, "")).await;
    assert_eq!(end.code, 1000);
    assert!(!end.unacknowledged.is_empty());
    assert!(begin.elapsed() <= Duration::from_secs(7), "{:?}", begin.elapsed());
    until(|| node.sessions.stats().sessions == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_is_closed() {
    let mut node = Node::new();
    let (mut client, _, session) = node.open().await;
    session.send(text("last")).await.unwrap();
    let sender = session.sender();
    drop(session);
    assert_eq!(client.collect(1).await, [text("last")]);
    assert_eq!(sender.send(text("late")).await, Err(SendError::Closed));
    client.ack(1, 1025);
    assert_eq!(client.said_bye().await.0, 1000);
    until(|| node.sessions.stats().sessions == 0).await;
}

#[tokio::test(start_paused = true)]
async fn an_application_that_fails_closes_with_1011() {
    let mut node = Node::new();
    let (mut client, _, session) = node.open().await;
    let failing = tokio::spawn(async move {
        let _session = session;
        panic!("as a test wants it");
    });
    assert!(failing.await.is_err());
    assert_eq!(client.said_bye().await.0, 1011);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_closed_without_a_connection_says_so_when_its_client_comes() {
    let mut node = Node::new();
    let (client, welcome, session) = node.open().await;
    client.drop_link().await;
    assert_eq!(soon(session.close(4003, "over")).await.code, 4003);
    let mut client = node.connect();
    client.hello(&hello_again(&welcome, 2, 0));
    assert_eq!(client.said_bye().await, (4003, "over".into()));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_big_is_4413() {
    let mut node = Node::with(|builder| builder.max_message(100));
    let (mut client, _, session) = node.open().await;
    client.texts(1, &[&"x".repeat(100)]);
    assert!(session.recv().await.is_some());
    client.texts(2, &[&"x".repeat(101)]);
    assert_eq!(client.close_code().await, 4413);
    assert_eq!(session.closed().await.code, 4413);
}

#[tokio::test(start_paused = true)]
async fn a_close_after_which_no_client_comes_back_ends_the_session() {
    for (code, ends) in [(1000, false), (1001, false), (4000, false), (4409, false)]
        .into_iter()
        .chain([1002, 1007, 1009, 4400, 4413].map(|code| (code, true)))
    {
        let mut node = Node::new();
        let (mut client, welcome, session) = node.open().await;
        session.send(text("not taken")).await.unwrap();
        client.collect(1).await;
        client.send(Message::Close(Some((code, "why".into()))));
        let left = Parting::Left {
            code,
            reason: "why".into(),
        };
        assert_eq!(client.drop_link().await, left);
        let mut again = node.connect();
        again.hello(&hello_again(&welcome, 2, 0));
        if ends {
            let end = session.closed().await;
            assert_eq!(
                (end.code, &*end.reason, end.unacknowledged),
                (code, "why", vec![text("not taken")])
            );
            assert_eq!(again.said_bye().await, (code.into(), "why".into()));
        } else {
            assert!(again.welcome().await.resumed, "{code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_websocket_library_refuses_ends_the_session_with_its_code() {
    let mut node = Node::new();
    let (mut client, welcome, session) = node.open().await;
    client.send(Message::Broken(1009, "too large".into()));
    assert_eq!(client.closed().await, (1009, "too large".into()));
    assert_eq!(session.closed().await.code, 1009);
    let mut again = node.connect();
    again.hello(&hello_again(&welcome, 2, 0));
    assert_eq!(again.said_bye().await.0, 1009);
    let mut first = node.connect();
    first.send(Message::Broken(1007, "no text".into()));
    assert_eq!(first.closed().await, (1007, "no text".into()));
}

#[tokio::test(start_paused = true)]
async fn shutdown_with_bye_sends_what_is_queued_and_ends_every_session() {
    let mut node = Node::new();
    let (mut client, _, session) = node.open().await;
    let (detached, welcome, other) = node.open().await;
    detached.drop_link().await;
    let mut mute = node.connect();
    session.send(text("last")).await.unwrap();
    let bye = Shutdown::Bye {
        code: 1001,
        reason: "maintenance".into(),
    };
    let sessions = node.sessions.clone();
    let stopping = tokio::spawn(async move { sessions.shutdown(bye, Duration::from_secs(10)).await });
    assert_eq!(client.collect(1).await, [text("last")]);
    client.ack(1, 1025);
    assert_eq!(client.said_bye().await, (1001, "maintenance".into()));
    drop(client);
    soon(stopping).await.unwrap();
    assert_eq!((session.closed().await.code, other.closed().await.code), (1001, 1001));
    assert_eq!(node.sessions.stats(), Default::default());
    assert_eq!(
        mute.close_code().await,
        1001,
        "nor does one before its HELLO hold it up"
    );
    // It is really closed.
    for hello in [hello(1), hello_again(&welcome, 2, 0)] {
        let mut client = node.connect();
        client.hello(&hello);
        assert_eq!(client.close_code().await, 1001);
    }
}

#[tokio::test(start_paused = true)]
async fn forget_is_as_if_the_process_had_died() {
    let mut node = Node::new();
    let (mut client, welcome, session) = node.open().await;
    session.send(text("one")).await.unwrap();
    client.collect(1).await;
    node.sessions.forget();
    assert_eq!(client.close_code().await, 1001);
    let end = session.closed().await;
    assert_eq!((end.code, end.unacknowledged), (1006, vec![text("one")]));
    assert!(!node.resume(&hello_again(&welcome, 2, 1)).await.1.resumed);
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_future_is_dropped_leaves_the_session_without_one() {
    let mut node = Node::new();
    let (client, welcome, session) = node.open().await;
    client.abort().await;
    until(|| !session.is_attached()).await;
    assert!(node.resume(&hello_again(&welcome, 2, 0)).await.1.resumed);
}

#[tokio::test(start_paused = true)]
async fn an_application_may_close_with_any_code_of_its_own_and_no_other() {
    for (code, told) in [
        (4409, 4409),
        (4429, 4429),
        (3000, 3000),
        (1006, 1000),
        (1001, 1000),
        (5000, 1000),
        (0, 1000),
    ] {
        let mut node = Node::new();
        let (mut client, welcome, session) = node.open().await;
        assert_eq!(session.close(code, "why").await.code, told);
        assert_eq!(client.said_bye().await, (told.into(), "why".into()));
        let mut again = node.connect();
        again.hello(&hello_again(&welcome, 2, 0));
        assert_eq!(again.said_bye().await, (told.into(), "why".into()), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_with_detach_ends_what_was_closed_before() {
    for is_there in [true, false] {
        let store = MemoryStore::new();
        let mut node = Node::with(|builder| builder.store(store.clone()).close_timeout(Duration::from_secs(60)));
        let (client, welcome, session) = node.open().await;
        session.send(text("not taken")).await.unwrap();
        let mut client = Some(client);
        if !is_there {
            client.take().expect("a client").drop_link().await;
        }
        let closing = tokio::spawn(async move { session.close(4000, "over").await });
        tokio::time::sleep(Duration::from_millis(10)).await;
        let sessions = node.sessions.clone();
        let stopping = tokio::spawn(async move { sessions.shutdown(Shutdown::Detach, Duration::from_secs(5)).await });
        if let Some(mut client) = client {
            assert_eq!(client.said_bye().await, (4000, "over".into()));
        }
        soon(stopping).await.unwrap();
        let end = soon(closing).await.unwrap();
        assert_eq!((end.code, end.unacknowledged), (4000, vec![text("not taken")]));
        let next = Node::with(|builder| builder.store(store.clone()));
        let mut again = next.connect();
        again.hello(&hello_again(&welcome, 2, 0));
        assert_eq!(again.said_bye().await, (4000, "over".into()));
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_with_detach_hands_back_what_nobody_keeps() {
    for is_there in [true, false] {
        let mut node = Node::new();
        let (mut client, _, session) = node.open().await;
        client.texts(1, &["taken", "not taken"]);
        assert_eq!(session.recv().await, Some(Ok(text("taken"))));
        for word in ["came", "did not come"] {
            session.send(text(word)).await.unwrap();
        }
        client.collect(1).await;
        if !is_there {
            client.drop_link().await;
        }
        soon(node.sessions.shutdown(Shutdown::Detach, Duration::from_secs(5))).await;
        let end = soon(session.closed()).await;
        assert_eq!(
            (end.code, end.unacknowledged),
            (1001, vec![text("came"), text("did not come")])
        );
        assert_eq!(session.recv().await, None, "what was not taken is the client's again");
    }
}
