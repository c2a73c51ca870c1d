//! The server's half of a session: scenarios. `session_halves.rs` has the two directions and the client's.
#![cfg(not(target_arch = "wasm32"))]

use std::time::Duration;

use tautline::proto::{Admission, Time};
use tautline::session::{
    Bye, Chunk, Control, Event, Fault, Frame, Hello, Link, Output, Record, Refusal, Server, Settings, Welcome,
};

const LINK: Link = 7;

fn at(millis: u64) -> Time {
    Time::from_millis(1_000_000 + millis)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn settings() -> Settings {
    Settings {
        window: 8,
        max_message: 1000,
        resume: ms(60_000),
        heartbeat: ms(10_000),
        probe: ms(2_000),
        ..Settings::default()
    }
}

fn hello(token: &str, attempt: u64) -> Hello {
    Hello {
        token: token.into(),
        limit: 20,
        attempt,
        max_message: 100,
        ..Hello::default()
    }
}

fn begun() -> (Server, Welcome) {
    Server::new(settings(), &hello("", 1), "chat".into(), LINK, at(0))
}

fn server() -> Server {
    begun().0
}

fn outputs(server: &mut Server) -> Vec<Output> {
    std::iter::from_fn(|| server.poll()).collect()
}

fn frames(server: &mut Server, link: Link, now: Time) -> Vec<Frame> {
    std::iter::from_fn(|| server.next_frame(link, now)).collect()
}

fn ack(taken: u64, limit: u64) -> Control {
    Control::Ack { taken, limit }
}

fn sends(server: &mut Server, count: usize) {
    for _ in 0..count {
        assert_eq!(server.admits(10), Admission::Accept);
        server.send(10);
    }
}

fn chunk(frames: &[Frame]) -> Option<&Chunk> {
    frames.iter().find_map(|frame| match frame {
        Frame::Chunk(chunk) => Some(chunk),
        Frame::Control(_) => None,
    })
}

fn ended(code: u16, reason: &str) -> Output {
    Output::Tell(Event::Ended {
        code,
        reason: reason.into(),
    })
}

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
        (|server| server.fail(LINK, Fault::Malformed, at(1)), Fault::Malformed),
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
    server.fail(LINK, Fault::Malformed, at(2));
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

// Liveness

#[test]
fn a_quiet_server_pings_and_a_talking_one_does_not() {
    let mut server = server();
    assert_eq!(server.deadline(), Some(at(10_000)));
    sends(&mut server, 1);
    frames(&mut server, LINK, at(4_000));
    server.timer(at(10_000));
    assert_eq!(frames(&mut server, LINK, at(10_000)), []);
    server.timer(at(14_000));
    assert!(matches!(
        frames(&mut server, LINK, at(14_000))[..],
        [Frame::Control(Control::Ping(_))]
    ));
}

/// Lets the server's own timers run until this instant; nobody answers.
fn silence(server: &mut Server, until: Time) {
    while let Some(deadline) = server.deadline().filter(|&deadline| deadline <= until) {
        server.timer(deadline);
        frames(server, LINK, deadline);
    }
}

#[test]
fn a_client_that_is_silent_for_two_heartbeats_and_a_probe_is_detached() {
    let mut server = server();
    silence(&mut server, at(21_999));
    assert_eq!(server.link(), Some(LINK));
    silence(&mut server, at(22_000));
    assert_eq!(server.link(), None);
    let told = outputs(&mut server);
    assert!(
        matches!(
            told[..],
            [Output::Drop { link: LINK, .. }, Output::Tell(Event::Detached)]
        ),
        "{told:?}"
    );
    assert!(!server.is_ended(), "the session waits");
}

#[test]
fn any_frame_is_a_sign_of_life() {
    let mut server = server();
    silence(&mut server, at(21_000));
    server.control(LINK, Control::Pong(1), at(21_000));
    silence(&mut server, at(42_000));
    assert_eq!(server.link(), Some(LINK));
}

#[test]
fn a_late_timer_is_no_evidence() {
    let mut server = server();
    silence(&mut server, at(20_000));
    server.timer(at(90_000));
    assert_eq!(server.link(), Some(LINK), "this process stood still");
    assert!(matches!(
        frames(&mut server, LINK, at(90_000))[..],
        [Frame::Control(Control::Ping(_))]
    ));
    silence(&mut server, at(91_999));
    assert_eq!(server.link(), Some(LINK));
    silence(&mut server, at(92_000));
    assert_eq!(server.link(), None);
}

#[test]
fn a_full_connection_that_takes_something_lives() {
    let mut server = server();
    silence(&mut server, at(21_500));
    server.progressed(LINK, at(21_500));
    silence(&mut server, at(23_000));
    assert_eq!(server.link(), Some(LINK));
    silence(&mut server, at(23_500));
    assert_eq!(server.link(), None);
}

#[test]
fn without_a_heartbeat_silence_means_nothing() {
    let quiet = Settings {
        heartbeat: Duration::ZERO,
        ..settings()
    };
    let mut server = Server::new(quiet, &hello("", 1), String::new(), LINK, at(0)).0;
    assert_eq!(server.deadline(), None);
    server.timer(at(900_000));
    assert_eq!(frames(&mut server, LINK, at(900_000)), []);
    assert_eq!(server.link(), Some(LINK));
}

#[test]
fn while_a_connection_takes_nothing_only_silence_is_due() {
    let mut server = server();
    server.batch(LINK, 1, &[1; 8], at(0));
    server.take(8, at(0));
    assert_eq!(server.deadline(), Some(Time::default()), "an acknowledgement, at once");
    assert_eq!(server.deadline_while_blocked(), Some(at(20_000)));
}

// Ends

#[test]
fn a_close_waits_until_all_is_taken_and_says_goodbye() {
    let mut server = server();
    sends(&mut server, 2);
    server.close(4000, "enough", ms(5_000), at(0));
    assert_eq!(server.admits(1), Admission::Closed);
    assert!(chunk(&frames(&mut server, LINK, at(0))).is_some());
    server.control(LINK, ack(1, 20), at(1));
    assert_eq!(frames(&mut server, LINK, at(1)), []);
    server.control(LINK, ack(2, 20), at(2));
    let bye = Control::Bye(Bye {
        code: 4000,
        reason: "enough".into(),
    });
    assert_eq!(frames(&mut server, LINK, at(2)), [Frame::Control(bye)]);
    let drop = Output::Drop {
        link: LINK,
        code: 1000,
        reason: "",
    };
    let told = outputs(&mut server);
    assert!(told.ends_with(&[drop, ended(4000, "enough")]), "{told:?}");
}

#[test]
fn a_close_does_not_wait_for_ever() {
    let mut server = server();
    sends(&mut server, 2);
    server.close(4000, "enough", ms(5_000), at(0));
    frames(&mut server, LINK, at(0));
    assert_eq!(server.deadline(), Some(at(5_000)));
    server.timer(at(5_000));
    assert!(matches!(
        frames(&mut server, LINK, at(5_000))[..],
        [Frame::Control(Control::Bye(_))]
    ));
    assert!(server.is_ended());
    assert_eq!(server.outbox().messages, 2, "and nobody knows about these");
}

#[test]
fn what_was_taken_is_told_before_the_bye() {
    let mut server = server();
    server.batch(LINK, 1, &[1], at(0));
    server.take(1, at(0));
    server.close(1000, "", ms(5_000), at(1));
    let said = frames(&mut server, LINK, at(1));
    assert!(
        matches!(
            said[..],
            [
                Frame::Control(Control::Ack { taken: 1, .. }),
                Frame::Control(Control::Bye(_))
            ]
        ),
        "{said:?}"
    );
}

#[test]
fn a_close_without_a_connection_ends_at_once_where_nothing_is_queued() {
    let mut idle = server();
    idle.detach(LINK, at(0));
    idle.close(1000, "", ms(5_000), at(1));
    assert!(idle.is_ended());

    let mut busy = server();
    sends(&mut busy, 1);
    busy.detach(LINK, at(0));
    busy.close(1000, "", ms(5_000), at(1));
    assert!(!busy.is_ended());
    assert_eq!(busy.deadline(), Some(at(5_001)));
    busy.timer(at(5_001));
    assert!(busy.is_ended());
}

#[test]
fn a_close_ends_on_a_connection_that_takes_nothing() {
    let mut server = server();
    server.close(1000, "", ms(500), at(0));
    let due = server.deadline_while_blocked().expect("it does not wait for ever");
    assert!(due <= at(2_000));
    server.timer(due);
    assert!(server.is_ended());
}

#[test]
fn a_clients_bye_ends_the_session_and_what_arrived_before_is_still_given() {
    let mut server = server();
    sends(&mut server, 1);
    server.batch(LINK, 1, &[1, 1], at(1));
    let reason = "done";
    let bye = Bye {
        code: 1000,
        reason: reason.into(),
    };
    server.control(LINK, Control::Bye(bye), at(2));
    let told = outputs(&mut server);
    assert_eq!(told.first(), Some(&Output::Deliver(2)));
    assert_eq!(told.last(), Some(&ended(1000, reason)));
    assert_eq!(server.inbox().messages, 2);
    server.take(2, at(3));
    assert_eq!(server.inbox().messages, 0);
    assert_eq!(server.outbox().messages, 1, "not taken, as far as anybody knows");
    assert_eq!(frames(&mut server, LINK, at(3)), []);
}
