//! Several servers, one store; and stores that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tautline::server::{
    Claim, Claimed, Commit, Key, MemoryStore, Peer, Shutdown, Store, StoreError, Stored, Tombstone, Verdict,
};
use tokio::time::timeout;

use crate::client::{Frame, Node, hello, hello_again, soon, text, until};

/// Two servers on one store.
fn two() -> (Node, Node) {
    let store = MemoryStore::new();
    // Clients that are there all the time without a word.
    let node = || Node::with(|builder| builder.store(store.clone()).heartbeat(Duration::ZERO));
    (node(), node())
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_on_at_another_node_and_nothing_is_lost_or_repeated() {
    let (mut a, mut b) = two();
    let (mut old, welcome, at_a) = a.open().await;
    old.texts(1, &["one", "two"]);
    assert_eq!(at_a.recv().await, Some(Ok(text("one"))));
    at_a.send(text("first")).await.unwrap();
    at_a.send(text("second")).await.unwrap();
    assert_eq!(old.collect(2).await.len(), 2);
    old.ack(1, 1025);
    until(|| at_a.outbox().messages == 1 && at_a.inbox().messages == 1).await;

    // The old connection is half open: node A does not know that its client has gone.
    let (mut new, resumed) = b.resume(&hello_again(&welcome, 2, 1)).await;
    assert_eq!(
        (resumed.resumed, resumed.taken, &resumed.token),
        (true, 1, &welcome.token)
    );
    let at_b = b.session().await;
    assert!(at_b.is_restored());
    assert_eq!(at_b.id(), at_a.id());
    assert_eq!(new.messages().await, (2, vec![text("second")]));
    new.texts(2, &["two", "three"]);
    assert_eq!(at_b.recv().await, Some(Ok(text("two"))));

    // What A held it does not give any more.
    assert_eq!(soon(at_a.recv()).await, None);
    let end = at_a.closed().await;
    assert_eq!((end.code, end.unacknowledged), (4409, vec![]));
    assert_eq!(old.close_code().await, 4409);
    assert_eq!(a.sessions.stats().sessions, 0);

    at_b.send(text("third")).await.unwrap();
    assert_eq!(new.messages().await, (3, vec![text("third")]));
    assert_eq!(at_b.recv().await, Some(Ok(text("three"))));
    new.ack(3, 1027);
    at_b.flush().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_store_notes_one_after_the_other_is_taken_so() {
    let (mut a, mut b) = two();
    let (client, welcome, at_a) = a.open().await;
    client.texts(1, &["one", "two"]);
    until(|| at_a.inbox().messages == 2).await;
    assert_eq!(at_a.recv_many(2).await, [Ok(text("one"))]);
    // The other one is not given anywhere but where the session is.
    let (new, resumed) = b.resume(&hello_again(&welcome, 2, 0)).await;
    assert_eq!(resumed.taken, 1);
    new.texts(2, &["two"]);
    assert_eq!(b.session().await.recv_many(2).await, [Ok(text("two"))]);
}

#[tokio::test(start_paused = true)]
async fn what_the_old_node_could_not_store_comes_back_to_its_application() {
    let (mut a, mut b) = two();
    let (_old, welcome, at_a) = a.open().await;
    let (mut new, _) = b.resume(&hello_again(&welcome, 2, 0)).await;
    at_a.send(text("too late")).await.unwrap();
    let end = soon(at_a.closed()).await;
    assert_eq!((end.code, end.unacknowledged), (4409, vec![text("too late")]));
    let at_b = b.session().await;
    at_b.send(text("in time")).await.unwrap();
    assert_eq!(new.messages().await, (1, vec![text("in time")]));
}

#[tokio::test(start_paused = true)]
async fn an_idle_node_finds_out_by_itself() {
    let (mut a, b) = two();
    let (mut old, welcome, at_a) = a.open().await;
    let _new = b.resume(&hello_again(&welcome, 2, 0)).await;
    assert_eq!(soon(at_a.closed()).await.code, 4409);
    assert_eq!(old.close_code().await, 4409);
}

#[tokio::test(start_paused = true)]
async fn a_session_may_come_back_to_a_node_that_does_not_know_yet_that_it_was_elsewhere() {
    let (mut a, mut b) = two();
    let (_first, welcome, at_a) = a.open().await;
    let (mut second, _) = b.resume(&hello_again(&welcome, 2, 0)).await;
    let at_b = b.session().await;
    second.texts(1, &["at b"]);
    assert_eq!(at_b.recv().await, Some(Ok(text("at b"))));
    at_b.send(text("from b")).await.unwrap();
    assert_eq!(second.collect(1).await, [text("from b")]);
    second.drop_link().await;
    let (mut third, resumed) = a.resume(&hello_again(&welcome, 3, 0)).await;
    assert_eq!((resumed.resumed, resumed.taken), (true, 1));
    assert_eq!(third.messages().await, (1, vec![text("from b")]));
    assert_eq!(soon(at_a.closed()).await.code, 4409);
    let again_at_a = a.session().await;
    third.texts(2, &["at a"]);
    assert_eq!(again_at_a.recv().await, Some(Ok(text("at a"))));
    assert_eq!(a.sessions.stats().sessions, 1);
    // B's time of waiting for its client ends, and ends nothing.
    assert_eq!(soon(at_b.closed()).await.code, 4409);
    third.texts(3, &["still"]);
    assert_eq!(again_at_a.recv().await, Some(Ok(text("still"))));
}

#[tokio::test(start_paused = true)]
async fn a_late_hello_has_no_effect_on_any_node() {
    let (mut a, mut b) = two();
    let (_old, welcome, _at_a) = a.open().await;
    let (new, _) = b.resume(&hello_again(&welcome, 5, 0)).await;
    let at_b = b.session().await;
    for node in [&a, &b] {
        let mut late = node.connect();
        late.hello(&hello_again(&welcome, 4, 0));
        assert_eq!(late.close_code().await, 4409);
    }
    new.texts(1, &["on"]);
    assert_eq!(at_b.recv().await, Some(Ok(text("on"))));
}

#[tokio::test(start_paused = true)]
async fn nobody_else_gets_a_session_from_any_node() {
    let (mut a, b) = two();
    let (client, welcome, session) = a.open().await;
    let thief = Peer {
        principal: Some("bert".into()),
        ..Peer::default()
    };
    let mut other = b.connect_as(thief, 100);
    other.hello(&hello_again(&welcome, 99, 0));
    assert!(!other.welcome().await.resumed);
    client.texts(1, &["untouched"]);
    assert_eq!(session.recv().await, Some(Ok(text("untouched"))));
}

#[tokio::test(start_paused = true)]
async fn an_end_is_known_on_every_node() {
    let (mut a, b) = two();
    let (mut client, welcome, session) = a.open().await;
    client.bye(4000, "enough");
    client.closed().await;
    session.closed().await;
    let mut again = b.connect();
    again.hello(&hello_again(&welcome, 2, 0));
    assert_eq!(again.said_bye().await, (4000, "enough".into()));
}

#[tokio::test(start_paused = true)]
async fn shutdown_with_detach_leaves_everything_to_whoever_has_the_store_next() {
    let (mut a, mut b) = two();
    let (mut client, welcome, session) = a.open().await;
    client.texts(1, &["taken", "not taken"]);
    assert_eq!(session.recv().await, Some(Ok(text("taken"))));
    session.send(text("sent")).await.unwrap();
    client.collect(1).await;
    let (gone, other, without) = a.open().await;
    gone.drop_link().await;
    for word in ["waits", "waits, too"] {
        without.send(text(word)).await.unwrap();
    }
    let sessions = a.sessions.clone();
    let stopping = tokio::spawn(async move { sessions.shutdown(Shutdown::Detach, Duration::from_secs(5)).await });
    assert_eq!(client.close_code().await, 1001);
    drop(client);
    soon(stopping).await.unwrap();
    for session in [session, without] {
        let end = session.closed().await;
        assert_eq!((end.code, end.unacknowledged), (1001, vec![]));
        assert_eq!(session.recv().await, None, "what was not taken comes again");
    }

    let (mut client, resumed) = b.resume(&hello_again(&welcome, 2, 0)).await;
    assert_eq!((resumed.resumed, resumed.taken), (true, 1));
    assert_eq!(client.messages().await, (1, vec![text("sent")]));
    client.texts(2, &["not taken"]);
    assert_eq!(b.session().await.recv().await, Some(Ok(text("not taken"))));
    let (mut client, _) = b.resume(&hello_again(&other, 2, 0)).await;
    assert_eq!(client.messages().await, (1, vec![text("waits"), text("waits, too")]));
}

#[tokio::test(start_paused = true)]
async fn a_session_of_a_node_that_died_is_kept_for_the_resume_time_and_then_forgotten() {
    let store = MemoryStore::new();
    let resume = Duration::from_secs(60);
    let mut a = Node::with(|builder| builder.store(store.clone()).resume(resume));
    let (client, welcome, session) = a.open().await;
    // Much later: the node keeps the session alive in the store while it lives.
    for n in 1..=20 {
        tokio::time::sleep(Duration::from_secs(20)).await;
        client.control(&tautline::session::Control::Pong(n));
    }
    let dead = std::mem::ManuallyDrop::new((client, session, a));
    let b = Node::with(|builder| builder.store(store.clone()).resume(resume));
    assert!(b.resume(&hello_again(&welcome, 2, 0)).await.1.resumed);
    drop(std::mem::ManuallyDrop::into_inner(dead));
}

/// A store that fails while it is told to.
#[derive(Clone, Default)]
struct Fragile {
    store: MemoryStore,
    is_down: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
}

impl Fragile {
    async fn ask(&self) -> Result<(), StoreError> {
        while self.hangs.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if self.is_down.load(Ordering::Relaxed) {
            return Err(StoreError::new("down, as a test wants it"));
        }
        Ok(())
    }

    fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }
}

impl Store for Fragile {
    async fn create(&self, key: Key, session: Stored, lifetime: Duration) -> Result<(), StoreError> {
        self.ask().await?;
        Store::create(&self.store, key, session, lifetime).await
    }

    async fn claim(&self, key: Key, claim: Claim) -> Result<Claimed, StoreError> {
        self.ask().await?;
        Store::claim(&self.store, key, claim).await
    }

    async fn commit(&self, key: Key, commit: Commit) -> Result<Verdict, StoreError> {
        self.ask().await?;
        Store::commit(&self.store, key, commit).await
    }

    async fn end(&self, key: Key, attempt: u64, tombstone: Option<Tombstone>) -> Result<Verdict, StoreError> {
        self.ask().await?;
        Store::end(&self.store, key, attempt, tombstone).await
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_store_fails_clients_are_told_4429_and_nothing_is_lost() {
    let store = Fragile::default();
    let mut node = Node::with(|builder| builder.store(store.clone()));
    let (mut client, welcome, session) = node.open().await;
    client.texts(1, &["one", "two"]);
    assert_eq!(session.recv().await, Some(Ok(text("one"))));
    assert_eq!(client.acked().await.0, 1);

    store.set_down(true);
    session.send(text("not without the store")).await.unwrap();
    let frame = client.frame().await;
    assert!(
        matches!(frame, Frame::Close(4429, _)),
        "nothing leaves that is not stored: {frame:?}"
    );
    assert!(
        timeout(Duration::from_secs(10), session.recv()).await.is_err(),
        "nor is anything taken without it"
    );
    for hello in [hello_again(&welcome, 2, 0), hello(1)] {
        let mut client = node.connect();
        client.hello(&hello);
        assert_eq!(client.close_code().await, 4429, "and no session is called lost");
    }

    store.set_down(false);
    let (mut client, resumed) = node.resume(&hello_again(&welcome, 3, 0)).await;
    assert_eq!((resumed.resumed, resumed.taken), (true, 1));
    assert_eq!(client.messages().await, (1, vec![text("not without the store")]));
    client.texts(2, &["two"]);
    assert_eq!(session.recv().await, Some(Ok(text("two"))));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_no_different() {
    let store = Fragile::default();
    let mut node = Node::with(|builder| builder.store(store.clone()));
    let (mut client, welcome, session) = node.open().await;
    client.texts(1, &["one"]);
    until(|| session.inbox().messages == 1).await;
    store.hangs.store(true, Ordering::Relaxed);
    session.send(text("waits")).await.unwrap();
    assert_eq!(client.close_code().await, 4429);
    // Given up in the middle; what was begun is done all the same.
    assert!(timeout(Duration::from_secs(1), session.recv()).await.is_err());
    let mut other = node.connect();
    other.hello(&hello_again(&welcome, 2, 0));
    assert_eq!(other.close_code().await, 4429);
    store.hangs.store(false, Ordering::Relaxed);
    let (mut client, resumed) = node.resume(&hello_again(&welcome, 3, 0)).await;
    assert!(resumed.resumed);
    assert_eq!(client.messages().await, (1, vec![text("waits")]));
    assert_eq!(soon(session.recv()).await, Some(Ok(text("one"))));
}

#[tokio::test(start_paused = true)]
async fn a_bye_is_not_said_before_the_store_knows() {
    let store = Fragile::default();
    let mut node = Node::with(|builder| builder.store(store.clone()));
    let (mut client, welcome, session) = node.open().await;
    store.set_down(true);
    let closing = tokio::spawn(async move { session.close(4000, "over").await });
    assert_eq!(client.close_code().await, 4429);
    assert!(!closing.is_finished());
    store.set_down(false);
    assert_eq!(soon(closing).await.unwrap().code, 4000);
    let mut client = node.connect();
    client.hello(&hello_again(&welcome, 2, 0));
    assert_eq!(client.said_bye().await, (4000, "over".into()));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_the_store_has_forgotten_is_lost_and_everything_comes_back() {
    let store = MemoryStore::new();
    let mut node = Node::with(|builder| builder.store(store.clone()));
    let (mut client, welcome, session) = node.open().await;
    session.send(text("one")).await.unwrap();
    client.collect(1).await;
    store.clear();
    session.send(text("two")).await.unwrap();
    assert_eq!(client.close_code().await, 1001);
    let end = session.closed().await;
    assert_eq!((end.code, end.unacknowledged), (1006, vec![text("one"), text("two")]));
    assert!(!node.resume(&hello_again(&welcome, 2, 1)).await.1.resumed);
}
