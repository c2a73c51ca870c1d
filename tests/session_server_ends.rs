//! The server's half of a session: how it notices a dead connection, and how it ends. Scenarios.
#![cfg(not(target_arch = "wasm32"))]

#[allow(dead_code, reason = "each test binary uses some of it")]
mod session_support {
    pub(crate) mod half;
}

use std::time::Duration;

use session_support::half::*;
use tautline::proto::{Admission, Time};
use tautline::session::{Bye, Control, Event, Frame, Output, Server, Settings};

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
