//! The caller's close and abort, in every state, with and without something left to send.
#![cfg(not(target_arch = "wasm32"))]

mod support;

use std::time::Duration;

use support::{Rig, close, config, ms, secs};
use tautline::proto::{Admission, Close, Config, Event, Failure, Input, Output, Signal, State};

const CODE: u16 = 4001;

fn said(was_clean: bool) -> Close {
    Close {
        code: CODE,
        reason: "bye".into(),
        was_clean,
    }
}

fn farewell() -> Output {
    Output::Close {
        code: CODE,
        reason: "bye".into(),
    }
}

fn asking() -> Config {
    let mut config = config();
    config.ask_url = true;
    config
}

/// One machine in each state in which nothing is open.
fn not_open() -> Vec<Rig> {
    let mut offline = Rig::waiting(config(), 1);
    offline.page(Signal::Offline);
    let mut left = Rig::open(config(), 1);
    left.page(Signal::Left);
    vec![
        Rig::idle(config(), 1),
        Rig::connecting(asking(), 1),
        Rig::connecting(config(), 1),
        Rig::waiting(config(), 1),
        offline,
        left,
    ]
}

#[test]
fn with_nothing_open_and_nothing_queued_it_ends_at_once() {
    for mut rig in not_open() {
        let under_way = rig.asking.or(rig.socket.as_ref().map(|socket| socket.generation));
        let previous = rig.state();
        rig.forget();
        rig.close(CODE, secs(5));
        let outputs = rig.outputs();
        assert_eq!(
            under_way.map(Output::Abandon),
            outputs.first().filter(|_| under_way.is_some()).cloned()
        );
        assert_eq!(
            rig.events(),
            [
                Event::StateChange {
                    state: State::Closed,
                    previous,
                    retry_in: None,
                    cause: None,
                },
                Event::Closed {
                    close: said(true),
                    failure: None,
                },
            ]
        );
        // For good.
        let attempts = rig.attempts();
        for signal in [Signal::Online, Signal::Returned, Signal::Visible, Signal::Woke] {
            rig.page(signal);
            rig.passes(secs(100));
        }
        rig.handle(Input::Connect);
        assert_eq!(rig.attempts(), attempts);
    }
}

#[test]
fn an_open_socket_says_goodbye_and_waits_for_the_answer() {
    let mut rig = Rig::open(config(), 1);
    rig.close(CODE, secs(5));
    assert_eq!(rig.outputs()[0], farewell());
    assert_eq!(rig.state(), State::Open);
    // What is still under way from the other side arrives.
    rig.arrives(1);
    rig.passes(secs(3));
    rig.ends(CODE);
    assert_eq!(rig.inbox.len(), 1);
    assert_eq!(rig.end(), Some(&(close(CODE), None)));
}

#[test]
fn an_answer_that_never_comes_is_not_waited_for() {
    let mut rig = Rig::open(config(), 1);
    let generation = rig.machine.generation();
    rig.close(CODE, secs(5));
    rig.passes(ms(4_999));
    assert_eq!(rig.state(), State::Open);
    rig.forget();
    rig.passes(ms(1));
    assert_eq!(rig.outputs()[0], Output::Abandon(generation));
    assert_eq!(rig.end(), Some(&(close(1006), None)));
}

#[test]
fn with_a_timeout_of_nothing_it_says_goodbye_all_the_same() {
    let mut rig = Rig::open(config(), 1);
    rig.close(CODE, Duration::ZERO);
    assert_eq!(rig.outputs()[0], farewell());
    rig.passes(ms(0));
    assert_eq!(rig.end(), Some(&(close(1006), None)));
}

#[test]
fn what_is_queued_goes_out_before_the_goodbye() {
    let mut rig = Rig::open(config(), 1);
    for _ in 0..3 {
        rig.send(4 << 20);
    }
    rig.close(CODE, secs(5));
    assert_eq!(rig.wire, [1]);
    assert!(!rig.outputs().contains(&farewell()));
    for _ in 0..2 {
        rig.drains(4 << 20);
        rig.passes(ms(5));
    }
    let outputs = rig.outputs();
    let goodbye = outputs
        .iter()
        .position(|output| *output == farewell())
        .expect("a goodbye");
    let last = outputs
        .iter()
        .rposition(|output| matches!(output, Output::Transmit { .. }));
    assert_eq!(rig.wire, [1, 2, 3]);
    assert!(last < Some(goodbye));
}

#[test]
fn what_is_queued_is_a_reason_to_connect_first() {
    // An attempt, a question and a wait each go on until it is sent.
    for mut rig in [
        Rig::connecting(asking(), 1),
        Rig::connecting(config(), 1),
        Rig::waiting(config(), 1),
    ] {
        rig.send(1);
        rig.close(CODE, secs(5));
        rig.passes(ms(0));
        if rig.asking.is_some() {
            rig.url_ready();
        }
        rig.forget();
        rig.opens();
        assert_eq!(rig.wire, [1]);
        assert!(rig.outputs().contains(&farewell()));
        rig.ends(CODE);
        assert_eq!(rig.end(), Some(&(close(CODE), None)));
    }
}

#[test]
fn a_wait_is_cut_short_when_something_is_owed() {
    let mut rig = Rig::waiting(config(), 1);
    rig.send(1);
    rig.close(CODE, secs(5));
    assert_eq!(rig.retry_in(), Some(Duration::ZERO));
}

#[test]
fn it_retries_within_its_time_and_no_longer() {
    let mut rig = Rig::connecting(config(), 1);
    rig.send(1);
    rig.close(CODE, secs(60));
    let end = rig.now + secs(60);
    while rig.end().is_none() {
        if rig.socket.is_some() {
            rig.refuses();
        } else {
            rig.passes(rig.timer.expect("a timer").since(rig.now));
        }
    }
    assert!(rig.attempts() > 3);
    assert_eq!((rig.now, rig.end()), (end, Some(&(close(1006), None))));
}

#[test]
fn a_connection_lost_with_something_left_to_send_comes_back_for_it() {
    let mut rig = Rig::open(config(), 1);
    rig.send(4 << 20);
    rig.send(1);
    rig.close(CODE, secs(60));
    rig.ends(1006);
    assert_eq!((rig.state(), rig.wire.as_slice()), (State::Waiting, &[1][..]));
    rig.passes_until_attempt();
    rig.opens();
    assert_eq!(rig.wire, [1, 2]);
    rig.ends(CODE);
    assert_eq!(rig.end(), Some(&(close(CODE), None)));
}

#[test]
fn a_connection_lost_with_everything_said_does_not_come_back() {
    for code in [1000, 1006, 1009, 1012, 4401] {
        let mut rig = Rig::open(config(), 1);
        rig.send(1);
        rig.close(CODE, secs(60));
        rig.ends(code);
        assert_eq!(rig.end(), Some(&(close(code), None)));
        assert_eq!(rig.timer, None);
    }
}

#[test]
fn offline_it_waits_for_the_network_within_its_time() {
    let mut rig = Rig::waiting(config(), 1);
    rig.page(Signal::Offline);
    rig.send(1);
    rig.close(CODE, secs(5));
    rig.passes(secs(2));
    assert_eq!((rig.state(), rig.attempts()), (State::Waiting, 1));
    rig.page(Signal::Online);
    rig.passes_until_attempt();
    rig.opens();
    rig.ends(CODE);
    assert_eq!((rig.wire.len(), rig.end()), (1, Some(&(close(CODE), None))));

    let mut rig = Rig::waiting(config(), 1);
    rig.page(Signal::Offline);
    rig.send(1);
    rig.close(CODE, secs(5));
    rig.passes(secs(5));
    assert_eq!((rig.attempts(), rig.end()), (1, Some(&(close(1006), None))));
}

#[test]
fn after_close_nothing_more_is_accepted_and_the_first_close_stands() {
    let mut rig = Rig::open(config(), 1);
    rig.close(CODE, secs(5));
    assert_eq!(rig.send(1), Admission::Closed);
    rig.forget();
    rig.close(1000, secs(500));
    assert_eq!(rig.outputs(), []);
    rig.ignores(&Input::Send { size: 1 });
    rig.passes(secs(5));
    assert_eq!(rig.state(), State::Closed);
    assert_eq!(rig.send(1), Admission::Closed);
}

#[test]
fn a_socket_that_already_closes_by_itself_has_its_three_seconds() {
    let mut rig = Rig::open(config(), 1);
    rig.begins_to_close();
    rig.forget();
    rig.close(CODE, secs(5));
    assert!(!rig.outputs().contains(&farewell()));
    rig.passes(ms(2_999));
    assert_eq!(rig.end(), None);
    rig.passes(ms(1));
    assert_eq!(rig.end(), Some(&(close(1006), None)));
}

#[test]
fn abort_ends_everything_at_once_and_sends_nothing() {
    let mut rigs = not_open();
    rigs.push(Rig::open(config(), 1));
    for mut rig in rigs {
        let open = rig.state() == State::Open;
        if !open {
            rig.send(1);
        }
        rig.forget();
        rig.abort();
        let goodbye = Output::Close {
            code: 1000,
            reason: String::new(),
        };
        assert_eq!(rig.outputs().contains(&goodbye), open);
        assert_eq!(rig.end(), Some(&(close(1006), Some(Failure::Aborted))));
        assert!(rig.wire.is_empty());
        rig.ignores(&Input::Abort);
        rig.close(CODE, secs(5));
        rig.passes(secs(100));
        assert_eq!(rig.send(1), Admission::Closed);
    }
}

#[test]
fn abort_cuts_a_close_short() {
    let mut rig = Rig::open(config(), 1);
    rig.close(CODE, secs(5));
    rig.forget();
    rig.abort();
    // It has already said goodbye.
    assert!(
        !rig.outputs()
            .iter()
            .any(|output| matches!(output, Output::Close { .. }))
    );
    assert_eq!(rig.end(), Some(&(close(1006), Some(Failure::Aborted))));
}
