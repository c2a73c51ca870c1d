//! Sessions that go on, and HELLOs that don't get what they ask for.

use std::time::Duration;

use tautline::server::{Event, Peer};
use tautline::session::frame::Hello;
use tokio::time::timeout;

use crate::client::{Frame, Node, hello, hello_again, soon, text, until};

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_comes_again_at_its_position() {
    let mut node = Node::new();
    let (mut client, welcome, session) = node.open().await;
    for word in ["one", "two", "three"] {
        session.send(text(word)).await.unwrap();
    }
    assert_eq!(client.collect(3).await.len(), 3);
    client.drop_link().await;
    session.send(text("four")).await.unwrap();
    let (mut client, welcome) = node.resume(&hello_again(&welcome, 2, 1)).await;
    assert!(welcome.resumed);
    assert_eq!(client.messages().await, (2, ["two", "three", "four"].map(text).into()));
    assert!(node.has_given_all(), "it is the same session");
    client.ack(4, 1028);
    session.flush().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_arrived_before_is_a_duplicate_and_what_was_taken_is_told() {
    let mut node = Node::new();
    let (client, welcome, session) = node.open().await;
    client.texts(1, &["one", "two"]);
    assert_eq!(session.recv().await, Some(Ok(text("one"))));
    until(|| session.inbox().messages == 1).await;
    client.drop_link().await;
    let (client, welcome) = node.resume(&hello_again(&welcome, 2, 0)).await;
    assert_eq!((welcome.resumed, welcome.taken), (true, 1));
    client.texts(2, &["two", "three"]);
    assert_eq!(session.recv().await, Some(Ok(text("two"))));
    assert_eq!(session.recv().await, Some(Ok(text("three"))));
}

#[tokio::test(start_paused = true)]
async fn a_newer_connection_supersedes_and_the_old_one_has_no_effect_any_more() {
    let mut node = Node::new();
    let (mut old, welcome, session) = node.open().await;
    let (new, welcome) = node.resume(&hello_again(&welcome, 5, 0)).await;
    assert_eq!(old.close_code().await, 4409);
    old.texts(1, &["late"]);
    old.bye(1000, "late");
    new.texts(1, &["in time"]);
    assert_eq!(session.recv().await, Some(Ok(text("in time"))));
    // Those that come late change nothing, whatever they claim.
    for attempt in [1, 4, 5] {
        let mut late = node.connect();
        late.hello(&hello_again(&welcome, attempt, 0));
        assert_eq!(late.close_code().await, 4409);
        let mut late = node.connect();
        late.hello(&hello_again(&welcome, attempt, 99));
        assert_eq!(late.close_code().await, 4409);
    }
    new.texts(2, &["still here"]);
    assert_eq!(session.recv().await, Some(Ok(text("still here"))));
    assert_eq!(node.sessions.stats().sessions, 1);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_token_gets_a_new_session_whose_limit_is_void() {
    let mut node = Node::new();
    let token = "0123456789abcdef0123456789abcdef".to_owned();
    let (mut client, welcome) = node
        .resume(&Hello {
            token: token.clone(),
            taken: 7,
            ..hello(3)
        })
        .await;
    assert!(!welcome.resumed && welcome.token != token && welcome.taken == 0);
    let session = node.session().await;
    session.send(text("waits")).await.unwrap();
    assert!(client.is_quiet(Duration::from_secs(5)).await);
    client.ack(0, 10);
    assert_eq!(client.messages().await, (1, vec![text("waits")]));
}

#[tokio::test(start_paused = true)]
async fn from_another_origin_or_principal_a_token_is_unknown_and_its_session_untouched() {
    let mut node = Node::new();
    let peer = |origin: &str, principal: Option<&str>| Peer {
        origin: Some(origin.into()),
        principal: principal.map(Into::into),
        address: None,
    };
    let owner = peer("https://a.example", Some("anna"));
    let mut client = node.connect_as(owner.clone(), 100);
    client.hello(&hello(1));
    let welcome = client.welcome().await;
    let session = node.session().await;
    assert_eq!(session.peer(), &owner);
    for thief in [
        peer("https://b.example", Some("anna")),
        peer("https://a.example", Some("bert")),
        peer("https://a.example", None),
        Peer::default(),
    ] {
        let mut other = node.connect_as(thief, 100);
        other.hello(&hello_again(&welcome, 99, 0));
        let theirs = other.welcome().await;
        assert!(!theirs.resumed && theirs.token != welcome.token);
    }
    client.texts(1, &["untouched"]);
    assert_eq!(session.recv().await, Some(Ok(text("untouched"))));

    // Its end is nobody else's business either.
    client.bye(1000, "");
    session.closed().await;
    let mut other = node.connect_as(Peer::default(), 100);
    other.hello(&hello_again(&welcome, 100, 0));
    assert!(!other.welcome().await.resumed);
    let mut own = node.connect_as(owner, 100);
    own.hello(&hello_again(&welcome, 100, 0));
    assert_eq!(own.said_bye().await, (1000, String::new()));
}

#[tokio::test(start_paused = true)]
async fn who_claims_more_than_was_sent_or_less_than_was_acknowledged_has_lost_the_session() {
    for taken in [3, 0] {
        let mut node = Node::new();
        let (mut client, welcome, session) = node.open().await;
        client.texts(1, &["arrived"]);
        session.send(text("one")).await.unwrap();
        session.send(text("two")).await.unwrap();
        assert_eq!(client.collect(2).await.len(), 2);
        client.ack(1, 1025);
        until(|| session.outbox().messages == 1 && session.inbox().messages == 1).await;
        let (_client, new) = node.resume(&hello_again(&welcome, 2, taken)).await;
        assert!(!new.resumed && new.token != welcome.token && new.taken == 0);
        let end = session.closed().await;
        assert_eq!((end.code, end.unacknowledged), (1006, vec![text("two")]));
        assert_eq!(session.recv().await, Some(Ok(text("arrived"))), "it did arrive");
        assert_eq!(session.recv().await, None);
        assert!(!node.session().await.is_restored());
        // Should that WELCOME be lost, the old token is no dead end.
        assert!(!node.resume(&hello_again(&welcome, 3, taken)).await.1.resumed);
    }
}

#[tokio::test(start_paused = true)]
async fn the_application_hears_of_connections_that_go_and_come() {
    let mut node = Node::new();
    let (client, welcome, session) = node.open().await;
    let mut events = session.events();
    client.drop_link().await;
    assert_eq!(soon(events.next()).await, Some(Event::Detached));
    assert!(!session.is_attached());
    let (client, _) = node.resume(&hello_again(&welcome, 2, 0)).await;
    assert_eq!(soon(events.next()).await, Some(Event::Resumed));
    client.bye(4000, "enough");
    let Some(Event::Ended(end)) = soon(events.next()).await else {
        panic!("not the end");
    };
    assert_eq!((end.code, &*end.reason), (4000, "enough"));
    assert_eq!(soon(events.next()).await, None);
    assert!(matches!(soon(session.events().next()).await, Some(Event::Ended(_))));
}

#[tokio::test(start_paused = true)]
async fn a_session_outlives_its_connection_for_the_resume_time_and_no_longer() {
    let mut node = Node::with(|builder| builder.resume(Duration::from_secs(60)));
    let (client, welcome, session) = node.open().await;
    client.drop_link().await;
    session.send(text("kept")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(59)).await;
    let (mut client, resumed) = node.resume(&hello_again(&welcome, 2, 0)).await;
    assert!(resumed.resumed);
    assert_eq!(client.collect(1).await, [text("kept")]);
    client.drop_link().await;
    assert!(timeout(Duration::from_secs(59), session.closed()).await.is_err());
    let end = soon(session.closed()).await;
    assert_eq!((end.code, end.unacknowledged), (1006, vec![text("kept")]));
    assert!(!node.resume(&hello_again(&welcome, 3, 0)).await.1.resumed);
}

#[tokio::test(start_paused = true)]
async fn hellos_of_one_token_at_the_same_time_come_to_one_session() {
    let mut node = Node::new();
    let (_old, welcome, session) = node.open().await;
    let mut clients = Vec::new();
    for attempt in 2..50 {
        let client = node.connect();
        client.hello(&hello_again(&welcome, attempt, 0));
        clients.push(client);
    }
    let mut last = clients.pop().expect("a client");
    assert!(last.welcome().await.resumed);
    for mut client in clients {
        while !matches!(client.frame().await, Frame::Close(4409, _)) {}
    }
    last.texts(1, &["here"]);
    assert_eq!(session.recv().await, Some(Ok(text("here"))));
    assert!(node.has_given_all());
    assert_eq!(node.sessions.stats().sessions, 1);
}
