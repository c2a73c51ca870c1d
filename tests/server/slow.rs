//! Stores that take their time: whatever happens while one is being asked.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tautline::Payload;
use tautline::server::{
    Claim, Claimed, Commit, Key, MemoryStore, Shutdown, Store, StoreError, Stored, Tombstone, Verdict,
};
use tautline::session::frame::{Bye, Control};
use tokio::time::timeout;

use crate::client::{Frame, Node, TestSession, hello_again, soon, text, until};

/// A store whose steps take a while before they are done, and a while before that is known.
#[derive(Clone, Default)]
pub(crate) struct Slow {
    store: MemoryStore,
    /// While set, steps wait before they are done; and after.
    before: Arc<AtomicBool>,
    after: Arc<AtomicBool>,
    /// How many steps wait.
    waiting: Arc<AtomicUsize>,
    /// Where not 0: how often each step gives way, by chance.
    seed: Arc<AtomicU64>,
}

impl Slow {
    pub(crate) fn seeded(seed: u64) -> Self {
        let slow = Self::default();
        slow.seed.store(seed, Ordering::Relaxed);
        slow
    }

    fn hold(&self, before: bool, after: bool) {
        self.before.store(before, Ordering::Relaxed);
        self.after.store(after, Ordering::Relaxed);
    }

    async fn is_waiting(&self) {
        until(|| self.waiting.load(Ordering::Relaxed) > 0).await;
    }

    async fn is_done(&self) {
        until(|| self.waiting.load(Ordering::Relaxed) == 0).await;
    }

    async fn pass(&self, gate: &AtomicBool) {
        if self.seed.load(Ordering::Relaxed) != 0 {
            give_way(chance(&self.seed, 8)).await;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        while gate.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    async fn step<T>(&self, step: impl Future<Output = T>) -> T {
        self.pass(&self.before).await;
        let result = step.await;
        self.pass(&self.after).await;
        result
    }
}

impl Store for Slow {
    async fn create(&self, key: Key, session: Stored, lifetime: Duration) -> Result<(), StoreError> {
        self.step(Store::create(&self.store, key, session, lifetime)).await
    }

    async fn claim(&self, key: Key, claim: Claim) -> Result<Claimed, StoreError> {
        self.step(Store::claim(&self.store, key, claim)).await
    }

    async fn commit(&self, key: Key, commit: Commit) -> Result<Verdict, StoreError> {
        self.step(Store::commit(&self.store, key, commit)).await
    }

    async fn end(&self, key: Key, attempt: u64, tombstone: Option<Tombstone>) -> Result<Verdict, StoreError> {
        self.step(Store::end(&self.store, key, attempt, tombstone)).await
    }
}

/// A number below `bound`, by chance (xorshift).
fn chance(seed: &AtomicU64, bound: u64) -> u64 {
    let mut number = seed.load(Ordering::Relaxed);
    number ^= number << 13;
    number ^= number >> 7;
    number ^= number << 17;
    seed.store(number, Ordering::Relaxed);
    (number >> 33) % bound
}

async fn give_way(times: u64) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

/// Two servers on one slow store.
fn two(store: &Slow) -> (Node, Node) {
    let node = || Node::with(|builder| builder.store(store.clone()).heartbeat(Duration::ZERO));
    (node(), node())
}

/// A message that the store knows to be taken, and that nobody was given: whoever asked for it has lost interest.
async fn give_up_taking(store: &Slow, session: &TestSession) {
    store.hold(false, true);
    let given = timeout(Duration::from_millis(100), session.recv()).await;
    assert!(given.is_err(), "the store has not answered");
    store.hold(false, false);
    store.is_done().await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_was_given_is_not_acknowledged() {
    let store = Slow::default();
    let (mut node, _) = two(&store);
    let (mut client, _, session) = node.open().await;
    client.texts(1, &["one"]);
    until(|| session.inbox().messages == 1).await;
    give_up_taking(&store, &session).await;
    assert!(client.is_quiet(Duration::from_secs(5)).await);
    drop(session);
    let bye = Bye {
        code: 1000,
        reason: String::new(),
    };
    assert_eq!(
        client.frame().await,
        Frame::Control(Control::Bye(bye)),
        "and no ACK before"
    );
}

#[tokio::test(start_paused = true)]
async fn what_nobody_was_given_is_given_to_whoever_asks_next() {
    let store = Slow::default();
    let (mut node, _) = two(&store);
    let (mut client, welcome, session) = node.open().await;
    client.texts(1, &["one", "two"]);
    until(|| session.inbox().messages == 2).await;
    give_up_taking(&store, &session).await;
    client.drop_link().await;
    let (next, resumed) = node.resume(&hello_again(&welcome, 2, 0)).await;
    assert_eq!(resumed.taken, 0);
    next.texts(1, &["one", "two"]);
    assert_eq!(session.recv().await, Some(Ok(text("one"))));
    assert_eq!(session.recv().await, Some(Ok(text("two"))));
    client = next;
    assert_eq!(client.acked().await, (2, 1026));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_was_given_comes_again_where_the_session_goes_on() {
    let store = Slow::default();
    let (mut a, mut b) = two(&store);
    let (client, welcome, session) = a.open().await;
    client.texts(1, &["one"]);
    until(|| session.inbox().messages == 1).await;
    give_up_taking(&store, &session).await;
    drop(client);
    soon(a.sessions.shutdown(Shutdown::Detach, Duration::from_secs(5))).await;
    assert_eq!(session.recv().await, None);
    let (client, resumed) = b.resume(&hello_again(&welcome, 2, 0)).await;
    assert_eq!((resumed.resumed, resumed.taken), (true, 0));
    client.texts(1, &["one"]);
    assert_eq!(soon(b.session().await.recv()).await, Some(Ok(text("one"))));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_does_not_wait_for_the_store_leaves_each_message_to_one_of_the_two() {
    for (before, after) in [(true, false), (false, true)] {
        let store = Slow::default();
        let (mut a, b) = two(&store);
        let (client, welcome, session) = a.open().await;
        client.texts(1, &["one"]);
        until(|| session.inbox().messages == 1).await;
        let session = Arc::new(session);
        store.hold(before, after);
        let taker = session.clone();
        let taking = tokio::spawn(async move { taker.recv().await });
        store.is_waiting().await;
        drop(client);
        soon(a.sessions.shutdown(Shutdown::Detach, Duration::ZERO)).await;
        assert_eq!(soon(session.closed()).await.code, 1001);
        store.hold(false, false);
        assert_eq!(soon(taking).await.unwrap(), Some(Ok(text("one"))), "{before}");
        let (_client, resumed) = b.resume(&hello_again(&welcome, 2, 0)).await;
        assert_eq!((resumed.resumed, resumed.taken), (true, 1), "{before}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_store_is_being_given_at_a_shutdown_is_not_handed_back_too() {
    let store = Slow::default();
    let (mut a, b) = two(&store);
    let (client, welcome, session) = a.open().await;
    store.hold(true, false);
    session.send(text("entrusted")).await.unwrap();
    store.is_waiting().await;
    session.send(text("kept")).await.unwrap();
    drop(client);
    soon(a.sessions.shutdown(Shutdown::Detach, Duration::ZERO)).await;
    assert_eq!(soon(session.closed()).await.unacknowledged, [text("kept")]);
    store.hold(false, false);
    store.is_done().await;
    let (mut client, _) = b.resume(&hello_again(&welcome, 2, 0)).await;
    assert_eq!(client.messages().await, (1, vec![text("entrusted")]));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_while_its_client_comes_back_has_ended_for_both() {
    let store = Slow::default();
    let (mut node, _) = two(&store);
    let (mut client, welcome, session) = node.open().await;
    session.send(text("not taken")).await.unwrap();
    client.collect(1).await;
    store.hold(false, true);
    let mut again = node.connect();
    again.hello(&hello_again(&welcome, 2, 0));
    store.is_waiting().await;
    client.bye(4000, "over");
    until(|| !session.is_attached()).await;
    store.hold(false, false);
    assert_eq!(again.said_bye().await, (4000, "over".into()));
    let end = soon(session.closed()).await;
    assert_eq!((end.code, end.unacknowledged), (4000, vec![text("not taken")]));
    assert!(store.store.is_empty());
}

#[tokio::test(start_paused = true)]
async fn behind_a_store_that_hangs_nobody_waits_for_ever() {
    let store = Slow::default();
    let (mut node, _) = two(&store);
    let (_client, welcome, session) = node.open().await;
    store.hold(true, false);
    let mut waiting = Vec::new();
    for attempt in 2..50 {
        let client = node.connect();
        client.hello(&hello_again(&welcome, attempt, 0));
        waiting.push(client);
    }
    for client in &mut waiting {
        assert_eq!(client.close_code().await, 4429);
    }
    // Only the first of them ever asked; the others don't any more.
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(store.waiting.load(Ordering::Relaxed), 1);
    store.hold(false, false);
    store.is_done().await;
    let (_client, resumed) = node.resume(&hello_again(&welcome, 50, 0)).await;
    assert!(resumed.resumed);
    drop(session);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_loses_its_connection_is_kept_for_longer_than_its_client_may_stay_away() {
    let store = Slow::default();
    let resume = Duration::from_secs(60);
    let mut a = Node::with(|builder| builder.store(store.clone()).heartbeat(Duration::ZERO).resume(resume));
    let (client, welcome, session) = a.open().await;
    // The store hears of it every 30 s.
    tokio::time::sleep(Duration::from_secs(29)).await;
    client.drop_link().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The node dies; what it would ask from now on is not done.
    let kept = store.store.clone();
    store.hold(true, true);
    tokio::time::sleep(Duration::from_secs(70)).await;
    let b = Node::with(|builder| builder.store(kept));
    assert!(b.resume(&hello_again(&welcome, 2, 0)).await.1.resumed);
    store.hold(false, false);
    drop((session, a));
}

/// Takes all there is, and now and then loses interest in the middle.
async fn take(session: Arc<TestSession>, seed: Arc<AtomicU64>, into: Arc<Mutex<Vec<Payload>>>) {
    // Not for ever: the clock stands still while anybody has something to do.
    for _ in 0..20 {
        let patience = chance(&seed, 12);
        tokio::select! {
            biased;
            message = session.recv() => match message {
                Some(message) => into.lock().unwrap().push(message.unwrap()),
                None => return,
            },
            () = give_way(patience) => {}
        }
        give_way(chance(&seed, 3)).await;
    }
    while let Some(message) = session.recv().await {
        into.lock().unwrap().push(message.unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn wherever_a_session_goes_on_and_whenever_every_message_is_given_once() {
    const SENT: [&str; 6] = ["1", "2", "3", "4", "5", "6"];
    for seed in 1..=400 {
        let store = Slow::seeded(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let seed_of_test = store.seed.clone();
        let (mut a, mut b) = two(&store);
        let (client, welcome, at_a) = a.open().await;
        let at_a = Arc::new(at_a);
        let (given_at_a, given_at_b) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let taking = tokio::spawn(take(at_a.clone(), seed_of_test.clone(), given_at_a.clone()));
        client.texts(1, &SENT);
        for word in SENT {
            at_a.send(text(word)).await.unwrap();
            give_way(chance(&seed_of_test, 4)).await;
        }
        give_way(chance(&seed_of_test, 60)).await;
        let hello = hello_again(&welcome, 2, 0);
        let goes_to_b = seed % 4 != 3;
        let (mut client, resumed) = match seed % 4 {
            0 => {
                drop(client);
                soon(a.sessions.shutdown(Shutdown::Detach, Duration::from_secs(5))).await;
                b.resume(&hello).await
            }
            1 => {
                drop(client);
                soon(a.sessions.shutdown(Shutdown::Detach, Duration::ZERO)).await;
                // What the store was being asked meanwhile.
                soon(taking).await.unwrap();
                give_way(100).await;
                b.resume(&hello).await
            }
            2 => b.resume(&hello).await,
            _ => a.resume(&hello).await,
        };
        assert!(resumed.resumed, "seed {seed}");
        let rest = usize::try_from(resumed.taken).unwrap();
        if rest < SENT.len() {
            client.texts(resumed.taken + 1, &SENT[rest..]);
        }
        if goes_to_b {
            let at_b = Arc::new(b.session().await);
            tokio::spawn(take(at_b, seed_of_test.clone(), given_at_b.clone()));
        }
        let all = || {
            [&given_at_a, &given_at_b]
                .map(|given| given.lock().unwrap().clone())
                .concat()
        };
        until(|| all().len() >= SENT.len()).await;
        assert_eq!(all(), SENT.map(text), "seed {seed}");

        let handed_back = if goes_to_b {
            soon(at_a.closed()).await.unacknowledged
        } else {
            Vec::new()
        };
        let mut sent = client.collect(SENT.len() - handed_back.len()).await;
        sent.extend(handed_back);
        assert_eq!(sent, SENT.map(text), "seed {seed}");
    }
}
