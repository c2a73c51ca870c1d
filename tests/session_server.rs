//! The server's half of a session, with messages and connections: scenarios. `session_server_ends.rs` has what ends.
#![cfg(not(target_arch = "wasm32"))]

#[allow(dead_code, reason = "each test binary uses some of it")]
mod session_support {
    pub(crate) mod half;
}

use std::time::Duration;

use session_support::half::*;
use tautline::proto::Admission;
use tautline::session::{Bye, Control, Event, Fault, Frame, Hello, Output, Record, Refusal, Server, Settings};

#[test]
fn a_new_session_is_welcomed_with_what_it_grants() {
    let (server, welcome) = begun();
    assert_eq!((welcome.resumed, welcome.taken, welcome.limit), (false, 0, 8));
    assert_eq!(
        (welcome.resume_ms, welcome.heartbeat_ms, welcome.max_message),
        (60_000, 10_000, 1000)
    );
    assert_eq!((welcome.protocol.as_str(), server.protocol()), ("chat", "chat"));
    assert!(!server.is_used());
}

#[test]
fn a_hello_with_an_unknown_token_gives_no_limit() {
    let mut server = Server::new(settings(), &hello("lost", 4), String::new(), LINK, at(0)).0;
    sends(&mut server, 2);
    assert_eq!(frames(&mut server, LINK, at(0)), [], "its limit was another session's");
    server.control(LINK, ack(0, 1), at(1));
    assert_eq!(
        chunk(&frames(&mut server, LINK, at(1))).map(|chunk| chunk.count),
        Some(1)
    );
}

#[test]
fn what_arrives_is_delivered_once() {
    let mut server = server();
    server.batch(LINK, 1, &[1, 2], at(1));
    assert_eq!(outputs(&mut server), [Output::Deliver(2)]);
    server.batch(LINK, 1, &[1, 2, 3], at(2));
    assert_eq!(outputs(&mut server), [Output::Discard(2), Output::Deliver(1)]);
    assert!(server.is_used());
}

#[test]
fn an_owed_acknowledgement_goes_out_before_a_pong() {
    let mut server = server();
    server.batch(LINK, 1, &[1], at(1));
    server.take(1, at(1));
    assert_eq!(frames(&mut server, LINK, at(1)), [], "it waits a little for more");
    server.control(LINK, Control::Ping(5), at(2));
    let expected = [ack(1, 9), Control::Pong(5)].map(Frame::Control);
    assert_eq!(frames(&mut server, LINK, at(2)), expected);
}

#[test]
fn an_acknowledgement_is_due_25_ms_after_something_was_taken() {
    let mut server = server();
    server.batch(LINK, 1, &[1], at(0));
    server.take(1, at(0));
    assert_eq!(server.deadline(), Some(at(25)));
    assert_eq!(frames(&mut server, LINK, at(25)), [Frame::Control(ack(1, 9))]);
}

#[test]
fn an_acknowledgement_that_is_half_due_leaves_beside_a_frame() {
    for (taken_at, leaves) in [(8, false), (7, true)] {
        let mut server = server();
        server.batch(LINK, 1, &[1], at(taken_at));
        server.take(1, at(taken_at));
        sends(&mut server, 1);
        let frames = frames(&mut server, LINK, at(20));
        assert!(matches!(frames[0], Frame::Chunk(_)), "{frames:?}");
        assert_eq!(frames[1..].contains(&Frame::Control(ack(1, 9))), leaves, "{frames:?}");
    }
}

#[test]
fn much_that_was_taken_is_acknowledged_at_once() {
    let settings = Settings {
        window: 1000,
        ..settings()
    };
    let mut server = Server::new(settings, &hello("", 10), String::new(), LINK, at(0)).0;
    server.batch(LINK, 1, &[1; 300], at(1));
    server.take(255, at(1));
    assert_eq!(frames(&mut server, LINK, at(1)), []);
    server.take(1, at(1));
    assert!(server.deadline() <= Some(at(1)));
    assert_eq!(frames(&mut server, LINK, at(1)), [Frame::Control(ack(256, 1256))]);
}

#[test]
fn of_several_pings_the_latest_is_answered() {
    let mut server = server();
    for nonce in 1..4 {
        server.control(LINK, Control::Ping(nonce), at(1));
    }
    assert_eq!(frames(&mut server, LINK, at(1)), [Frame::Control(Control::Pong(3))]);
}

#[test]
fn faults_close_the_connection_and_end_the_session() {
    type Step = fn(&mut Server);
    let cases: [(Step, Fault); 5] = [
        (|server| server.batch(LINK, 2, &[1], at(1)), Fault::Gap),
        (|server| server.batch(LINK, 1, &[1; 9], at(1)), Fault::PastLimit),
        (|server| server.batch(LINK, 1, &[1001], at(1)), Fault::TooBig),
        (
            |server| server.control(LINK, ack(1, 9), at(1)),
            Fault::BadAcknowledgement,
        ),
        (|server| server.fail(LINK, Fault::Malformed), Fault::Malformed),
    ];
    for (step, fault) in cases {
        let mut server = server();
        step(&mut server);
        let (code, reason) = (fault.code(), fault.reason());
        let told = outputs(&mut server);
        let link = LINK;
        assert!(
            told.ends_with(&[Output::Drop { link, code, reason }, ended(code, reason)]),
            "{told:?}"
        );
        assert!(server.is_ended());
        assert_eq!(server.admits(1), Admission::Closed);
        assert_eq!(server.deadline(), None);
        server.batch(LINK, 1, &[1], at(2));
        assert_eq!(outputs(&mut server), [Output::Discard(1)], "nothing counts any more");
    }
    assert_eq!(Fault::TooBig.code(), 4413);
    assert_eq!(Fault::Gap.code(), 4400);
}

#[test]
fn the_application_can_not_send_more_than_the_bounds() {
    let few = Settings {
        outbox_messages: 2,
        outbox_bytes: 50,
        ..settings()
    };
    let mut server = Server::new(few, &hello("", 1), String::new(), LINK, at(0)).0;
    assert_eq!(server.admits(101), Admission::TooBig, "for the client");
    assert_eq!(server.admits(51), Admission::TooBig, "for the outbox");
    server.send(45);
    assert_eq!(server.admits(6), Admission::Wait);
    assert_eq!(server.admits(5), Admission::Accept);
    server.send(5);
    assert_eq!(server.admits(0), Admission::Wait);
    frames(&mut server, LINK, at(0));
    server.control(LINK, ack(1, 20), at(1));
    assert_eq!(outputs(&mut server), [Output::Release(1)]);
    assert_eq!(server.admits(45), Admission::Accept);
}

// Connections

#[test]
fn a_client_that_comes_back_goes_on_where_it_was() {
    let mut server = server();
    sends(&mut server, 3);
    assert_eq!(frames(&mut server, LINK, at(0)).len(), 1);
    server.batch(LINK, 1, &[1, 1], at(1));
    server.take(1, at(1));
    server.detach(LINK, at(2));
    let told = outputs(&mut server);
    assert_eq!(told.last(), Some(&Output::Tell(Event::Detached)));
    assert_eq!(server.link(), None);

    let back = Hello {
        taken: 2,
        ..hello("t", 2)
    };
    let welcome = server.resume(&back, 8, at(5)).expect("it goes on");
    assert_eq!(
        (welcome.resumed, welcome.token.as_str(), welcome.taken, welcome.limit),
        (true, "t", 1, 9)
    );
    assert_eq!(outputs(&mut server), [Output::Release(2), Output::Tell(Event::Resumed)]);
    let again = frames(&mut server, 8, at(5));
    let again = chunk(&again).expect("what is not taken");
    assert_eq!((again.first, again.count, again.fresh), (3, 1, 0));
    server.batch(8, 2, &[1, 1], at(6));
    assert_eq!(
        outputs(&mut server),
        [Output::Discard(1), Output::Deliver(1)],
        "held is there before, too"
    );
}

#[test]
fn a_newer_connection_takes_the_place_of_the_old_one() {
    let mut server = server();
    server.resume(&hello("t", 2), 8, at(1)).expect("a higher attempt");
    let told = outputs(&mut server);
    assert!(
        matches!(
            told[0],
            Output::Drop {
                link: LINK,
                code: 4409,
                ..
            }
        ),
        "{told:?}"
    );
    // What the old one says late.
    server.batch(LINK, 1, &[1], at(2));
    server.control(LINK, Control::Bye(Bye::default()), at(2));
    server.control(LINK, ack(9, 9), at(2));
    server.fail(LINK, Fault::Malformed);
    server.detach(LINK, at(2));
    assert_eq!(outputs(&mut server), [Output::Discard(1)]);
    assert_eq!(server.link(), Some(8));
    assert_eq!(server.next_frame(LINK, at(3)), None);
}

#[test]
fn a_late_hello_changes_nothing() {
    let mut server = server();
    server.resume(&hello("t", 5), 8, at(1)).expect("a higher attempt");
    outputs(&mut server);
    let before = server.record();
    for attempt in [1, 4, 5] {
        assert_eq!(server.resume(&hello("t", attempt), 9, at(2)), Err(Refusal::Late));
    }
    assert_eq!((server.link(), server.record()), (Some(8), before));
    assert_eq!(outputs(&mut server), []);
}

#[test]
fn a_client_that_claims_what_can_not_be_loses_the_session() {
    let mut server = server();
    let liar = Hello {
        taken: 1,
        ..hello("t", 2)
    };
    assert_eq!(server.resume(&liar, 8, at(1)), Err(Refusal::Lost));
    assert!(server.is_ended());
    assert_eq!(
        server.resume(&hello("t", 3), 9, at(1)),
        Err(Refusal::Lost),
        "there is nothing left"
    );
    let told = outputs(&mut server);
    assert!(
        matches!(
            told[0],
            Output::Drop {
                link: LINK,
                code: 4409,
                ..
            }
        ),
        "{told:?}"
    );
    assert_eq!(told.last(), Some(&ended(1006, "session lost")));
}

#[test]
fn a_session_without_a_connection_ends_in_time() {
    let mut server = server();
    server.detach(LINK, at(0));
    assert_eq!(server.deadline(), Some(at(60_000)));
    server.timer(at(59_999));
    assert!(!server.is_ended());
    server.timer(at(60_000));
    assert!(server.is_ended());
}

#[test]
fn a_late_timer_gives_its_client_another_chance() {
    let mut server = server();
    server.detach(LINK, at(0));
    for now in [100_000, 200_000] {
        server.timer(at(now));
        assert!(!server.is_ended(), "this process stood still");
        assert_eq!(server.deadline(), Some(at(now + 5_000)));
    }
    // A little late is not late.
    server.timer(at(206_000));
    assert!(server.is_ended());
    // Never longer than the session would have been kept.
    let short = Settings {
        resume: Duration::from_millis(300),
        ..settings()
    };
    let mut server = Server::new(short, &hello("", 1), String::new(), LINK, at(0)).0;
    server.detach(LINK, at(0));
    server.timer(at(9_000));
    assert_eq!(server.deadline(), Some(at(9_300)));
}

#[test]
fn a_store_has_all_that_another_process_needs() {
    let mut server = server();
    sends(&mut server, 3);
    frames(&mut server, LINK, at(0));
    server.control(LINK, ack(1, 25), at(1));
    server.batch(LINK, 1, &[1, 1], at(1));
    server.take(1, at(1));
    server.next_frame(LINK, at(30)).expect("an acknowledgement");
    let record = server.record();
    let expected = Record {
        attempt: 1,
        taken: 1,
        granted: 9,
        acknowledged: 1,
        sent_to: 3,
        limit: 25,
    };
    assert_eq!(record, expected);

    let mut other = Server::restore(settings(), &record, [10, 10], "chat".into(), at(100));
    let back = Hello {
        taken: 2,
        ..hello("t", 2)
    };
    let welcome = other.resume(&back, 1, at(200)).expect("it goes on");
    assert_eq!(
        (welcome.taken, welcome.limit, welcome.protocol.as_str()),
        (1, 9, "chat")
    );
    let again = frames(&mut other, 1, at(200));
    assert_eq!(chunk(&again).map(|chunk| (chunk.first, chunk.count)), Some((3, 1)));
    other.batch(1, 2, &[1], at(201));
    assert!(
        outputs(&mut other).contains(&Output::Deliver(1)),
        "what the other process held comes again"
    );
    server.superseded();
    assert!(server.is_ended());
}
