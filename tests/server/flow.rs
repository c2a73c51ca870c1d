//! Backpressure both ways, frames, acknowledgements, and signs of life.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, Stream};
use tautline::Payload;
use tautline::server::{Message, Peer, SendError};
use tautline::session::frame::Control;
use tautline::session::span;
use tokio::time::{Instant, timeout};

use crate::client::{Frame, Node, TestSession, hello, hello_again, soon, text, until};

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_the_connection_had_its_turn_leaves_in_one_frame() {
    let mut node = Node::new();
    let (mut client, _, session) = node.open().await;
    for word in ["one", "", "three"] {
        session.send(text(word)).await.unwrap();
    }
    let expected = Frame::Messages(1, ["one", "", "three"].map(text).into(), true);
    assert_eq!(client.frame().await, expected);

    // What can't travel as text doesn't.
    for odd in [text("a\u{1e}b"), Payload::Bytes(vec![1, 2])] {
        session.send(text("even")).await.unwrap();
        session.send(odd.clone()).await.unwrap();
        let Frame::Messages(_, payloads, false) = client.frame().await else {
            panic!("not a BATCH");
        };
        assert_eq!(payloads, [text("even"), odd]);
    }
    client.bytes(1, &[0xff]);
    assert_eq!(session.recv().await, Some(Ok(Payload::Bytes(vec![0xff]))));
}

#[tokio::test(start_paused = true)]
async fn many_are_taken_at_once_and_told_so_all_together() {
    let mut node = Node::new();
    let (mut client, _, session) = node.open().await;
    client.texts(1, &["one", "two", "three", "four"]);
    until(|| session.inbox().messages == 4).await;
    let expected = ["one", "two", "three"].map(|word| Ok(text(word)));
    assert_eq!(session.recv_many(3).await, expected);
    assert_eq!(session.inbox().messages, 1);
    assert_eq!(client.acked().await.0, 3);
    // One comes whatever is asked for, and none is waited for beside it.
    assert_eq!(session.recv_many(0).await, [Ok(text("four"))]);
    client.texts(5, &["five"]);
    assert_eq!(soon(session.recv_many(10)).await, [Ok(text("five"))]);
    client.bye(1000, "");
    assert_eq!(soon(session.recv_many(10)).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_task_receives_at_once_has_no_gap_of_another_task() {
    const FRAMES: u64 = 50;
    const IN_A_FRAME: u64 = 200;
    let mut node = Node::new();
    let (mut client, _, session) = node.open().await;
    let session = Arc::new(session);
    let receive = |session: Arc<TestSession>| async move {
        let mut count = 0;
        loop {
            let messages = session.recv_many(3).await;
            if messages.is_empty() {
                return count;
            }
            let number = |message: &Result<Payload, _>| match message {
                Ok(Payload::Text(text)) => text.parse::<u64>().unwrap(),
                other => panic!("{other:?}"),
            };
            let numbers: Vec<u64> = messages.iter().map(number).collect();
            assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
            count += numbers.len() as u64;
        }
    };
    let tasks = [(); 2].map(|()| tokio::spawn(receive(session.clone())));
    for frame in 0..FRAMES {
        let first = frame * IN_A_FRAME + 1;
        let texts: Vec<String> = (first..first + IN_A_FRAME).map(|n| n.to_string()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        client.texts(first, &texts);
        // The server allows more only as it is taken.
        while client.acked().await.0 < first + IN_A_FRAME - 1 {}
    }
    client.bye(1000, "");
    let mut count = 0;
    for task in tasks {
        count += soon(task).await.unwrap();
    }
    assert_eq!(count, FRAMES * IN_A_FRAME);
}

#[tokio::test(start_paused = true)]
async fn many_are_sent_as_there_is_room_and_those_before_one_that_is_not_accepted() {
    let mut node = Node::with(|builder| builder.outbox(10, 1000));
    let (mut client, _, session) = node.open().await;
    let words: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let expected: Vec<Payload> = words.iter().map(|word| text(word)).collect();
    let sending = tokio::spawn({
        let messages = expected.clone();
        async move {
            session.send_many(messages).await.unwrap();
            session
        }
    });
    let mut arrived = Vec::new();
    while arrived.len() < 50 {
        arrived.extend(client.messages().await.1);
        assert!(arrived.len() <= 50);
        let taken = arrived.len() as u64;
        client.ack(taken, taken + 1024);
    }
    assert_eq!(arrived, expected);
    let session = soon(sending).await.unwrap();
    let messages = [text("small"), text(&"x".repeat(1001)), text("behind")];
    let refused = session.send_many(messages).await;
    assert_eq!(refused, Err(SendError::TooBig { size: 1001 }));
    assert_eq!(client.messages().await.1, [text("small")]);
}

#[tokio::test(start_paused = true)]
async fn what_answers_many_shares_frames() {
    let mut node = Node::new();
    let (mut client, _, session) = node.open().await;
    client.texts(1, &["x"; 200]);
    until(|| session.inbox().messages == 200).await;
    tokio::spawn(async move {
        loop {
            for message in session.recv_many(200).await {
                session.send(message.unwrap()).await.unwrap();
                // The connection has its turn after each of them.
                tokio::task::yield_now().await;
            }
        }
    });
    let (mut frames, mut count) = (0, 0);
    while count < 200 {
        count += client.messages().await.1.len();
        frames += 1;
    }
    assert!(frames <= 3, "{frames} frames");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_stops_the_sender_and_gets_larger_frames() {
    let mut node = Node::with(|builder| builder.outbox(500, 1 << 20).heartbeat(Duration::ZERO));
    let mut client = node.connect_as(Peer::default(), 0);
    client.hello(&hello(1));
    let session = node.session().await;
    let sender = session.sender();
    let sending = tokio::spawn(async move {
        for n in 0..2000 {
            sender.send(text(&format!("{n:0100}"))).await.unwrap();
        }
    });
    until(|| session.outbox().messages == 500).await;
    assert!(!sending.is_finished());
    assert_eq!(session.try_send(text("no room")), Err(SendError::Full));
    client.welcome().await;
    let (mut next, mut frames) = (0, 0);
    while next < 2000 {
        let (first, payloads) = client.messages().await;
        assert_eq!(first, next + 1);
        for payload in payloads {
            assert_eq!(payload, text(&format!("{next:0100}")));
            next += 1;
        }
        frames += 1;
        client.ack(next, next + 1024);
    }
    assert!(frames < 100, "{frames} frames");
    soon(sending).await.unwrap();
    session.flush().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn frames_have_64_kib_and_a_larger_message_goes_alone() {
    let mut node = Node::new();
    let (mut client, _, session) = node.open().await;
    session.send(Payload::Bytes(vec![1; 200_000])).await.unwrap();
    for _ in 0..100 {
        session.send(Payload::Bytes(vec![2; 1000])).await.unwrap();
    }
    assert_eq!(client.messages().await.1.len(), 1);
    let (first, payloads) = client.messages().await;
    assert_eq!(first, 1 + span(200_000));
    assert!((60..=65).contains(&payloads.len()), "{}", payloads.len());
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_past_the_clients_limit() {
    let mut node = Node::new();
    let mut client = node.connect();
    client.hello(&tautline::session::Hello { limit: 2, ..hello(1) });
    client.welcome().await;
    let session = node.session().await;
    for n in 0..5 {
        session.send(text(&n.to_string())).await.unwrap();
    }
    assert_eq!(client.messages().await, (1, vec![text("0"), text("1")]));
    assert!(client.is_quiet(Duration::from_secs(10)).await);
    client.ack(1, 3);
    assert_eq!(client.messages().await, (3, vec![text("2")]));
    client.ack(3, 100);
    assert_eq!(client.messages().await, (4, vec![text("3"), text("4")]));
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_receive_stops_its_client() {
    let mut node = Node::with(|builder| builder.window(10));
    let (mut client, welcome, session) = node.open().await;
    assert_eq!(welcome.limit, 10);
    client.texts(1, &["x"; 10]);
    until(|| session.inbox().messages == 10).await;
    assert!(client.is_quiet(Duration::from_secs(10)).await, "no room is told");
    session.recv().await;
    // It stood at its limit, and hears of room at once.
    let begin = Instant::now();
    assert_eq!(client.acked().await, (1, 11));
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_is_acknowledged_within_200_ms() {
    let mut node = Node::new();
    let (mut client, _, session) = node.open().await;
    client.texts(1, &["x"]);
    assert!(client.is_quiet(Duration::from_secs(5)).await, "arrived is not taken");
    session.recv().await;
    let begin = Instant::now();
    assert_eq!(client.acked().await.0, 1);
    assert!(begin.elapsed() <= Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn flush_waits_until_the_client_has_taken_all_that_was_sent_before() {
    let mut node = Node::new();
    let (mut client, _, session) = node.open().await;
    session.flush().await.unwrap();
    session.send(text("one")).await.unwrap();
    session.send(text("two")).await.unwrap();
    client.collect(2).await;
    client.ack(1, 1025);
    {
        let mut flush = std::pin::pin!(session.flush());
        assert!(timeout(Duration::from_secs(1), flush.as_mut()).await.is_err());
        session.send(text("later")).await.unwrap();
        client.ack(2, 1026);
        soon(flush).await.unwrap();
    }
    assert_eq!(session.outbox().messages, 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_can_take_is_refused_and_the_others_go_on() {
    let mut node = Node::with(|builder| builder.outbox(100, 10_000));
    let mut client = node.connect();
    client.hello(&tautline::session::Hello {
        max_message: 5000,
        ..hello(1)
    });
    client.welcome().await;
    let session = node.session().await;
    let size = 5001;
    assert_eq!(
        session.send(Payload::Bytes(vec![0; size])).await,
        Err(SendError::TooBig { size })
    );
    session.send(Payload::Bytes(vec![0; 5000])).await.unwrap();
    assert_eq!(client.collect(1).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_receive_that_is_dropped_loses_nothing() {
    let mut node = Node::new();
    let (client, _, session) = node.open().await;
    for n in 1..=200 {
        assert!(timeout(Duration::ZERO, session.recv()).await.is_err());
        client.texts(n, &[&n.to_string()]);
        let mut given = None;
        while given.is_none() {
            given = timeout(Duration::ZERO, session.recv()).await.ok().flatten();
            tokio::task::yield_now().await;
        }
        assert_eq!(given, Some(Ok(text(&n.to_string()))));
    }
}

#[tokio::test(start_paused = true)]
async fn something_is_said_at_every_heartbeat_and_pings_are_answered() {
    let mut node = Node::with(|builder| builder.heartbeat(Duration::from_secs(10)));
    let (mut client, _, _session) = node.open().await;
    let begin = Instant::now();
    for beat in 1..=5 {
        let Frame::Control(Control::Ping(nonce)) = client.frame().await else {
            panic!("not a PING");
        };
        assert_eq!(begin.elapsed().as_secs(), 10 * beat);
        client.control(&Control::Pong(nonce));
    }
    client.control(&Control::Ping(7));
    assert_eq!(client.frame().await, Frame::Control(Control::Pong(7)));
    client.control(&Control::Pong(99));
    client.control(&Control::Ping(8));
    assert_eq!(client.frame().await, Frame::Control(Control::Pong(8)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_and_does_not_read_gets_the_latest_answers() {
    let mut node = Node::new();
    let mut client = node.connect_as(Peer::default(), 0);
    client.hello(&hello(1));
    let _session = node.session().await;
    for nonce in 1..=10_000 {
        client.control(&Control::Ping(nonce));
    }
    // The server has read them all.
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.welcome().await;
    let mut pongs = 0;
    while client.frame().await != Frame::Control(Control::Pong(10_000)) {
        pongs += 1;
    }
    assert!(pongs <= 2, "{pongs} more");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_closed_after_two_heartbeats_and_the_probe_and_can_come_back() {
    // That the system takes more PINGs meanwhile is no sign of life.
    for (heartbeat, probe) in [(10, 3), (1, 5)] {
        let (heartbeat, probe) = (Duration::from_secs(heartbeat), Duration::from_secs(probe));
        let mut node = Node::with(|builder| builder.heartbeat(heartbeat).probe(probe));
        let (mut client, welcome, session) = node.open().await;
        let begin = Instant::now();
        assert_eq!(client.close_code().await, 1001);
        assert_eq!(begin.elapsed().as_secs(), (2 * heartbeat + probe).as_secs());
        assert!(!session.is_attached());
        assert!(node.resume(&hello_again(&welcome, 2, 0)).await.1.resumed);
    }
}

#[tokio::test(start_paused = true)]
async fn so_is_one_that_does_not_read_but_not_one_that_reads_slowly() {
    let mut node = Node::with(|builder| builder.heartbeat(Duration::from_secs(10)).probe(Duration::from_secs(3)));
    let mut open = async || {
        let mut client = node.connect_as(Peer::default(), 0);
        client.hello(&tautline::session::Hello {
            limit: 100_000,
            ..hello(1)
        });
        client.welcome().await;
        let session = node.session().await;
        for _ in 0..100 {
            session.send(Payload::Bytes(vec![0; 100_000])).await.unwrap();
        }
        (client, session)
    };
    let (_client, session) = open().await;
    let begin = Instant::now();
    until(|| !session.is_attached()).await;
    assert_eq!(begin.elapsed().as_secs(), 23);

    let (mut client, session) = open().await;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        client.frame().await;
    }
    assert!(session.is_attached());
}

#[tokio::test(start_paused = true)]
async fn what_an_application_answers_in_one_turn_leaves_in_few_frames() {
    let mut node = Node::with(|builder| builder.window(5000));
    let mut client = node.connect();
    client.hello(&tautline::session::Hello {
        limit: 5000,
        ..hello(1)
    });
    client.welcome().await;
    let session = node.session().await;
    tokio::spawn(async move {
        while let Some(Ok(payload)) = session.recv().await {
            session.send(payload).await.unwrap();
            // The connection would have its turn here.
            tokio::task::yield_now().await;
        }
    });
    client.texts(1, &["x"; 4000]);
    let (mut count, mut frames) = (0, 0);
    while count < 4000 {
        count += client.messages().await.1.len();
        frames += 1;
    }
    // An ACK that is due takes along what is there.
    assert!(frames <= 20, "{frames} frames");
}

#[tokio::test(start_paused = true)]
async fn part_of_a_message_is_a_sign_of_life() {
    let mut node = Node::new();
    let (client, _, session) = node.open().await;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(20)).await;
        client.send(Message::Control);
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(session.is_attached());
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(!session.is_attached(), "and silence is none");
}

/// A connection whose client never pauses: one HELLO, and PINGs without end.
struct Torrent {
    sent: usize,
    /// What the server has written, and how much of that it has flushed.
    written: usize,
    flushed: usize,
}

impl Stream for Torrent {
    type Item = Result<Message, ()>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.sent += 1;
        Poll::Ready(match self.sent {
            1 => Some(Ok(Message::Binary(hello(1).encode()))),
            2..10_000 => Some(Ok(Message::Binary(Control::Ping(1).encode()))),
            _ => None,
        })
    }
}

impl Sink<Message> for Torrent {
    type Error = ();

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, _: Message) -> Result<(), ()> {
        self.written += 1;
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        self.flushed = self.written;
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        self.poll_flush(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_to_leave_does_not_wait_for_a_pause_of_what_arrives() {
    let node = Node::new();
    let mut torrent = Torrent {
        sent: 0,
        written: 0,
        flushed: 0,
    };
    soon(node.sessions.serve(&mut torrent, Peer::default(), async |_| {})).await;
    assert!(torrent.written > 1000);
    assert!(
        torrent.written - torrent.flushed < 100,
        "{} of {}",
        torrent.flushed,
        torrent.written
    );
}
